package correlate

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// transaction returns the index of the transaction that sighting i belongs to, making one if need be
// (RFC 3261 §17.1.3 for responses, §17.2.3 for requests; RFC 6026 keeps an INVITE's open after its 2xx).
func (ol *openLeg) transaction(i int32, p *wire.Payload, m *sip.Message) int32 {
	cseq, _ := m.CSeq()
	h, _ := hashAt(m, 0)
	method := m.Method
	if m.IsRequest() {
		if method == sip.MethodAck {
			if ti := ol.ackOf(h, cseq, p.Flow); ti != call.None {
				return ti
			}
		}
		if ti := ol.requestTxn(h, method, cseq, p.Flow); ti != call.None {
			return ti
		}
		return ol.newTxn(h, i, p, m, p.Flow.Src, p.Flow.Dst)
	}
	if ti := ol.responseTxn(h, method, cseq, p.Flow); ti != call.None {
		return ti
	}
	return ol.newTxn(h, i, p, m, p.Flow.Dst, p.Flow.Src)
}

// ackOf finds the INVITE whose non-2xx final the ACK answers: same branch, same hop (RFC 3261 §17.1.1.3).
func (ol *openLeg) ackOf(h uint64, cseq uint32, f wire.Flow) int32 {
	l := ol.leg
	for k := len(l.Txns) - 1; k >= 0; k-- {
		t := &l.Txns[k]
		if ol.hashes[k] == h && t.Method == sip.MethodInvite && t.CSeq == cseq && t.Client.Addr() == f.Src.Addr() && t.Server.Addr() == f.Dst.Addr() {
			return int32(k)
		}
	}
	return call.None
}

// requestTxn finds the transaction that a request repeats, or whose response was seen before it.
func (ol *openLeg) requestTxn(h uint64, method sip.Method, cseq uint32, f wire.Flow) int32 {
	l := ol.leg
	for k := len(l.Txns) - 1; k >= 0; k-- {
		t := &l.Txns[k]
		if ol.hashes[k] == h && t.Method == method && t.CSeq == cseq && t.Client == f.Src && t.Server == f.Dst {
			return int32(k)
		}
	}
	return call.None
}

// responseTxn finds the transaction that a response answers. The branch decides; of several hops with the
// same branch (a device that adds no Via), the one with the same sockets, then the same hosts.
func (ol *openLeg) responseTxn(h uint64, method sip.Method, cseq uint32, f wire.Flow) int32 {
	l := ol.leg
	best, rank := call.None, 0
	for k := len(l.Txns) - 1; k >= 0; k-- {
		t := &l.Txns[k]
		same := ol.hashes[k] == h && t.Method == method && t.CSeq == cseq
		if !same && !(method == sip.MethodUnknown && t.Final == call.None) {
			continue
		}
		r := 0
		switch {
		case t.Client == f.Dst && t.Server == f.Src:
			r = 4
		case t.Client.Addr() == f.Dst.Addr() && t.Server.Addr() == f.Src.Addr():
			r = 3
		case !same:
		case t.Client.Addr() == f.Dst.Addr() || t.Server.Addr() == f.Src.Addr():
			r = 2
		default:
			r = 1
		}
		if r > rank {
			best, rank = int32(k), r
			if r == 4 {
				break
			}
		}
	}
	return best
}

// newTxn adds a transaction made by sighting i.
func (ol *openLeg) newTxn(h uint64, i int32, p *wire.Payload, m *sip.Message, client, server netip.AddrPort) int32 {
	l := ol.leg
	cseq, _ := m.CSeq()
	parent, merged := ol.parent(h, m, client, server)
	l.Shared = l.Shared || m.Method != sip.MethodCancel && slices.Contains(ol.hashes, h)
	ti := int32(len(l.Txns))
	l.Txns = append(l.Txns, call.Txn{})
	t := &l.Txns[ti] // filled in place: see add
	t.Method, t.CSeq, t.Transport = m.Method, cseq, p.Flow.Transport
	t.Client, t.Server = client, server
	t.First, t.Last, t.Request, t.Trying, t.Progress, t.Final = call.None, call.None, call.None, call.None, call.None, call.None
	t.Ack, t.AltFinal, t.Cancel, t.Dialog = call.None, call.None, call.None, call.None
	t.Parent, t.Merged = parent, merged
	if b := m.Branch(); len(b) > 0 {
		t.Branch = ol.stock.keep(l, b)
	}
	if m.IsRequest() {
		t.InDialog = len(m.ToTag()) > 0
		t.HasAuth = l.Sightings[i].HasAuth
	}
	ol.hashes = append(ol.hashes, h)
	switch {
	case m.Method == sip.MethodCancel:
		for k := ti - 1; k >= 0; k-- {
			inv := &l.Txns[k]
			if ol.hashes[k] == h && inv.Method == sip.MethodInvite && inv.Client.Addr() == client.Addr() && inv.Server.Addr() == server.Addr() {
				inv.Cancel = ti
				break
			}
		}
		ol.pending++
	case m.Method == sip.MethodInvite && !m.IsRequest(): // the capture began after the INVITE, perhaps with its CANCEL
		for k := ti - 1; k >= 0; k-- {
			if c := &l.Txns[k]; ol.hashes[k] == h && c.Method == sip.MethodCancel && c.CSeq == cseq && c.Client.Addr() == client.Addr() && c.Server.Addr() == server.Addr() {
				t.Cancel = k
				break
			}
		}
		ol.pending++
	case m.Method == sip.MethodAck:
	default:
		ol.pending++
	}
	return ti
}

// maxViaDepth bounds how far down a Via stack a parent is looked for.
const maxViaDepth = 8

// parent finds the transaction that this one relays: the nearest lower Via names its branch (RFC 3261 §16.6
// step 8). Failing that, the same branch on another hop (a device that adds no Via), or a request with the same CSeq
// that had reached the element which now sends (a B2BUA that keeps the Call-ID).
func (ol *openLeg) parent(h uint64, m *sip.Message, client, server netip.AddrPort) (parent int32, merged bool) {
	l := ol.leg
	cseq, _ := m.CSeq()
	for d := 1; d < maxViaDepth; d++ {
		vh, ok := hashAt(m, d)
		if !ok {
			break
		}
		if k := ol.lastWith(vh, m.Method, cseq, client.Addr()); k != call.None {
			return k, false
		}
	}
	byHost := call.None
	for k := len(l.Txns) - 1; k >= 0; k-- {
		t := &l.Txns[k]
		if t.Method != m.Method || t.CSeq != cseq {
			continue
		}
		if ol.hashes[k] == h && (t.Client != client || t.Server != server) {
			return int32(k), false
		}
		if t.Server == server && t.Client != client && m.Method == sip.MethodInvite {
			merged = true
		}
		if t.Server.Addr() == client.Addr() && t.Client.Addr() != server.Addr() && t.Client.Addr() != client.Addr() && t.Final == call.None {
			byHost = int32(k)
		}
	}
	return byHost, merged
}

// lastWith returns the newest transaction with branch hash h; of several, one whose server now sends.
func (ol *openLeg) lastWith(h uint64, method sip.Method, cseq uint32, from netip.Addr) int32 {
	found := call.None
	for k := len(ol.hashes) - 1; k >= 0; k-- {
		if t := &ol.leg.Txns[k]; ol.hashes[k] == h && t.Method == method && t.CSeq == cseq {
			if t.Server.Addr() == from {
				return int32(k)
			}
			if found == call.None {
				found = int32(k)
			}
		}
	}
	return found
}

// Bounds that tell a datagram captured twice from one sent twice.
const (
	sameIPIDWindow = 2 * time.Second      // the IP identification wraps later than this
	noIPIDWindow   = 5 * time.Millisecond // without one: a mirror port is that quick, a sender that repeats is not
)

// repeatOf says whether sighting i repeats an earlier one of transaction t, and which.
// Requests with one branch, method, CSeq and hop are one request (RFC 3261 §17.2.3). Responses repeat if they are the
// same bytes, or the same final status from the same To tag.
func repeatOf(l *call.Leg, t *call.Txn, i int32, p *wire.Payload) (call.Repeat, int32) {
	s := &l.Sightings[i]
	if firstOfKind(t, s) {
		return call.First, call.None
	}
	for k := t.First; k != call.None; k = l.Sightings[k].Next {
		e := &l.Sightings[k]
		if e.Repeat != call.First || e.Status != s.Status || e.Method != s.Method || e.Flow != s.Flow {
			continue
		}
		if !s.IsRequest() && !bytes.Equal(e.Raw, p.Data) && !((s.Status >= 200 || s.Point != e.Point) && sameToTag(e.Raw, p.Data)) {
			continue
		}
		if l.Points && seenElsewhere(l, k, s) {
			return call.Duplicate, k
		}
		dup := false
		last := lastSame(l, k)
		gap := s.Time.Sub(last.Time)
		if gap < 0 {
			gap = -gap
		}
		if !p.Flow.Transport.Reliable() && s.Point == last.Point && bytes.Equal(e.Raw, p.Data) {
			if p.IPID != 0 && last.IPID != 0 {
				dup = p.IPID == last.IPID && gap < sameIPIDWindow
			} else {
				dup = gap < noIPIDWindow
			}
		}
		if dup {
			return call.Duplicate, k
		}
		return call.Retransmission, k
	}
	return call.First, call.None
}

// seenElsewhere says whether another capture point has seen already what of the message whose first sighting is k comes
// as s: the same packet by its IP identification, else a sighting more than the point of s has.
func seenElsewhere(l *call.Leg, k int32, s *call.Sighting) bool {
	type count struct {
		point uint16
		n     int
	}
	var room [4]count
	counts, own := room[:0], 0
	for j := k; j != call.None; j = l.Sightings[j].Next {
		e := &l.Sightings[j]
		if j != k && e.Of != k {
			continue
		}
		if e.Point == s.Point {
			own++
			continue
		}
		if s.IPID != 0 && e.IPID == s.IPID {
			return true
		}
		at := slices.IndexFunc(counts, func(c count) bool { return c.point == e.Point })
		if at < 0 {
			at = len(counts)
			counts = append(counts, count{point: e.Point})
		}
		counts[at].n++
	}
	return slices.ContainsFunc(counts, func(c count) bool { return c.n > own })
}

// firstOfKind says that t has no message yet that s could repeat: most have not, and need no look at the others.
func firstOfKind(t *call.Txn, s *call.Sighting) bool {
	switch {
	case s.Status >= 200:
		return t.Final == call.None
	case s.Status == 100:
		return t.Trying == call.None
	case s.Status > 0:
		return t.Progress == call.None
	case s.Method == sip.MethodAck && t.Method == sip.MethodInvite:
		return t.Ack == call.None
	}
	return t.Request == call.None
}

// lastSame returns the newest sighting of the message whose first sighting is k.
func lastSame(l *call.Leg, k int32) *call.Sighting {
	last := &l.Sightings[k]
	for j := l.Sightings[k].Next; j != call.None; j = l.Sightings[j].Next {
		if l.Sightings[j].Of == k {
			last = &l.Sightings[j]
		}
	}
	return last
}

// sameToTag compares the To tags of two responses without a full parse of the older one.
func sameToTag(a, b []byte) bool {
	return bytes.Equal(toTag(a), toTag(b))
}

func toTag(b []byte) []byte {
	var m sip.Message
	if m.Parse(b) != nil {
		return nil
	}
	return m.ToTag()
}
