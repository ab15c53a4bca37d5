package correlate

import (
	"bytes"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// How long after its last message a leg is closed, by what it waits for.
const (
	idleDone     = 8 * time.Second   // ended cleanly: stragglers and second capture points
	idleFailed   = 33 * time.Second  // failed: the caller may try again under the same Call-ID; 64·T1 = 32 s
	idleSilent   = 40 * time.Second  // no response at all: Timer B or F (64·T1) and a margin
	idleProgress = 240 * time.Second // ringing: Timer C is more than 180 s (RFC 3261 §16.6)
	idleTalking  = 6 * time.Hour     // an answered call without BYE
	maxBinding   = 120 * time.Second // a registration waits so long for its next refresh
)

// schedule sets when the leg is to be closed if nothing more comes. A leg that already waits in the wheel keeps
// its place: the wheel comes by within wheelSize seconds.
func (s *Shard) schedule(ol *openLeg) {
	wait := ol.idle()
	// What comes late, as of an agent whose clock is slow, has as long to be followed as what is new.
	ol.deadline, ol.over = max(ol.leg.Ended, s.now, s.reached).Add(wait), wait <= idleFailed
	if ol.due == 0 {
		s.wheel.insert(ol, int64(ol.deadline)/second+1, int64(s.now)/second)
	}
}

// idle says how long the leg may stay silent before it is closed.
func (ol *openLeg) idle() time.Duration {
	l := ol.leg
	switch {
	case ol.provision > 0:
		return idleProgress
	case ol.pending > 0:
		return idleSilent
	}
	confirmed, terminated := false, false
	for i := range l.Dialogs {
		confirmed = confirmed || l.Dialogs[i].Confirmed != 0
		terminated = terminated || l.Dialogs[i].State == call.DialogTerminated
	}
	switch {
	case confirmed && terminated:
		return idleDone
	case confirmed:
		return idleTalking
	case l.Kind == call.KindRegistration:
		return maxBinding
	case l.Kind == call.KindTransaction:
		return idleDone
	}
	return idleFailed
}

// add puts the message into its leg: a sighting, its transaction, its dialog.
func (s *Shard) add(ol *openLeg, p *wire.Payload, m *sip.Message) {
	l := ol.leg
	if l.Began == 0 {
		l.Began = p.Time
	}
	late := p.Time < s.now.Add(-2*time.Second)
	if late {
		s.stats.Late++
	}
	l.Ended = max(l.Ended, p.Time)
	if len(l.Sightings) >= s.opt.MaxSightings {
		l.Dropped++
		s.stats.Dropped++
		return
	}
	if len(m.Defects) > 0 {
		l.Defective++
		s.stats.Defective++
	}
	i := int32(len(l.Sightings))
	l.Sightings = append(l.Sightings, call.Sighting{})
	sg := &l.Sightings[i]
	// One by one: a composite would be put together in pieces elsewhere and waited for when copied here.
	sg.Time, sg.Ref, sg.Method, sg.Status = p.Time, p.Ref, m.Method, uint16(m.Status)
	sg.CSeq, _ = m.CSeq()
	sg.Txn, sg.Next, sg.Of = call.None, call.None, call.None
	sg.Flow = s.flowIndex(l, p)
	sg.Truncated, sg.Late = p.Truncated, late
	sg.HasSDP, sg.HasToTag = hasSDP(m), len(m.ToTag()) > 0
	sg.Fragments, sg.IPID, sg.Point = uint8(min(p.Fragments, 255)), p.IPID, p.Point
	l.Points = l.Points || sg.Point != l.Sightings[0].Point
	if m.IsRequest() {
		sg.HasAuth = m.Count(sip.HeaderAuthorization)+m.Count(sip.HeaderProxyAuthorization) > 0
	}
	if p.Truncated && (len(m.CallID()) == 0 || m.Count(sip.HeaderVia) == 0) && (m.Method == sip.MethodUnknown || !p.Time.Ordinal()) {
		// Nothing says whose it is. A paste without times is of one call.
		sg.Raw = s.stock.keep(l, p.Data)
		s.head(ol, m)
		return
	}
	ti := ol.transaction(i, p, m)
	sg.Txn = ti
	t := &l.Txns[ti]
	sg.Repeat, sg.Of = repeatOf(l, t, i, p)
	switch sg.Repeat {
	case call.Retransmission:
		l.Repeats++
		s.stats.Repeats++
	case call.Duplicate:
		l.Dups++
		s.stats.Duplicates++
		if l.Points && sg.Point != l.Sightings[sg.Of].Point && !bytes.Equal(l.Sightings[sg.Of].Raw, p.Data) {
			sg.Raw = s.stock.keep(l, p.Data) // something between the points rewrote it
		}
	default:
		sg.Raw = s.stock.keep(l, p.Data)
		if sg.HasSDP {
			sg.Private, sg.Rejected, sg.Events = glance(m.Body)
		}
		sg.Timed, sg.Reasoned = m.Count(sip.HeaderSessionExpires) > 0, m.Count(sip.HeaderReason) > 0
		s.head(ol, m)
	}
	link(l, t, i)
	ol.progress(ti, i, m)
	if sg.Repeat == call.First {
		s.announce(ol, ti, i, m)
		s.facts(ol, ti, i, m)
	}
}

// flowIndex returns the index of p's flow in the leg's table; a new one is added, and its sender noted.
func (s *Shard) flowIndex(l *call.Leg, p *wire.Payload) uint16 {
	for i := range l.Flows {
		if l.Flows[i] == p.Flow {
			return uint16(i)
		}
	}
	l.Flows = append(l.Flows, p.Flow)
	s.out.Seen = append(s.out.Seen, Seen{})
	seen := &s.out.Seen[len(s.out.Seen)-1]
	seen.From, seen.At = p.Flow.Src, p.Time
	return uint16(len(l.Flows) - 1)
}

// link appends sighting i to the transaction's chain.
func link(l *call.Leg, t *call.Txn, i int32) {
	if t.First == call.None {
		t.First = i
	} else {
		l.Sightings[t.Last].Next = i
	}
	t.Last = i
}

var applicationSDP = []byte("application/sdp")

// hasSDP says whether the body is, or by its type may contain, a session description.
func hasSDP(m *sip.Message) bool {
	if len(m.Body) == 0 {
		return false
	}
	ct := m.Header(sip.HeaderContentType)
	return hasPrefixFold(ct, applicationSDP) || hasPrefixFold(ct, []byte("multipart/"))
}

func hasPrefixFold(b, lower []byte) bool {
	if len(b) < len(lower) {
		return false
	}
	for i, c := range lower {
		d := b[i]
		if 'A' <= d && d <= 'Z' {
			d += 'a' - 'A'
		}
		if d != c {
			return false
		}
	}
	return true
}
