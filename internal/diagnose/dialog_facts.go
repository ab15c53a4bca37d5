package diagnose

import (
	"bytes"
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// top returns the transaction of the most upstream hop that r relays.
func (x *Case) top(r call.TxnRef) call.TxnRef {
	for range maxRelays {
		p := x.Txn(r).Parent
		if p == call.None {
			break
		}
		r.Txn = p
	}
	return r
}

// bottom follows final status down from r: the hop on which the response was made.
func (x *Case) bottom(r call.TxnRef) call.TxnRef {
	status := x.Status(r)
	for range maxRelays {
		next, found := r, false
		for k := range x.Legs[r.Leg].Children(r.Txn) {
			if o := (call.TxnRef{Leg: r.Leg, Txn: k}); x.Txn(o).Method == x.Txn(r).Method && x.Status(o) == status {
				next, found = o, true
			}
		}
		if !found {
			break
		}
		r = next
	}
	return r
}

// lastOf returns when message first of transaction t was seen last, and how often it was sent again after a time.
func lastOf(l *call.Leg, t *call.Txn, first int32, after wire.Time) (last wire.Time, again int) {
	last = l.Sightings[first].Time
	for i := range l.Messages(t) {
		if s := &l.Sightings[i]; s.Of == first && s.Repeat == call.Retransmission {
			last = max(last, s.Time)
			if s.Time > after {
				again++
			}
		}
	}
	return last, again
}

// lostACK is a 2xx that its sender kept repeating because no ACK came (RFC 3261 §13.3.1.4).
type lostACK struct {
	invite call.TxnRef // on the last hop: the one of the element that repeats
	top    call.TxnRef // on the first hop seen
	ack    call.TxnRef // the ACK nearest to that element; valid with seen
	first  call.TxnRef // the ACK as it left the caller; valid with seen
	seen   bool
	came   bool      // the ACK did reach it, and it went on
	until  wire.Time // the last repetition
	again  int       // repetitions
}

// lostACK looks for one; nothing is parsed while no 2xx is repeated.
func (x *Case) lostACK() (a lostACK, ok bool) {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method != sip.MethodInvite || t.FinalResent < 2 || l.FinalStatus(t)/100 != 2 || t.Ack != call.None || l.PassedOver(int32(i)) {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if b := x.bottom(r); x.Txn(b).FinalResent >= 2 && b != r {
				continue // the hop below tells more
			}
			if a = x.ackOf(r); a.again >= 2 || a.again > 0 && x.Failed() {
				return a, true
			}
		}
	}
	return a, false
}

// ackOf finds what became of the ACK of the INVITE r, whose 2xx was repeated.
func (x *Case) ackOf(r call.TxnRef) lostACK {
	l, t := x.Legs[r.Leg], x.Txn(r)
	a := lostACK{invite: r, top: x.top(r)}
	a.until, a.again = lastOf(l, t, t.Final, 0)
	answer := x.Msg(x.FinalRef(r))
	if answer == nil {
		return a
	}
	looked := 0
	for i := range l.Txns {
		o := &l.Txns[i]
		if o.Method != sip.MethodAck || o.CSeq != t.CSeq {
			continue
		}
		if looked++; looked > maxLooked {
			break
		}
		ref := call.TxnRef{Leg: r.Leg, Txn: int32(i)}
		m := x.Request(ref)
		if m == nil || !bytes.Equal(m.ToTag(), answer.ToTag()) {
			continue
		}
		if !a.seen {
			a.first = x.top(ref)
		}
		a.ack, a.seen = ref, true
		if o.Server.Addr() == t.Server.Addr() {
			a.came = true
			_, a.again = lastOf(l, t, t.Final, l.Start(o))
			break
		}
	}
	return a
}

// remote is where requests of the dialog that a 2xx made have to go first, as its receiver reads it
// (RFC 3261 §12.1.2, §12.2.1.1): the last Record-Route, else the Contact.
type remote struct {
	by      string // the header that says so
	uri     string
	next    netip.AddrPort // not valid for a name
	contact netip.AddrPort // not valid for a name
	target  string         // URI of the Contact
}

// remoteOf reads the 2xx that ref names; ok is false when it says nothing.
func (x *Case) remoteOf(ref call.MsgRef) (to remote, ok bool) {
	m := x.Msg(ref)
	if m == nil {
		return to, false
	}
	for c := range m.Contacts() {
		to.by, to.uri = "Contact", call.Clean(c.URI)
		to.target = to.uri
		break
	}
	to.contact = x.contactAddr(ref)
	to.next = to.contact
	for rr := range m.RecordRoutes() {
		to.by, to.uri, to.next = "Record-Route", call.Clean(rr.URI), netip.AddrPort{}
		if u, ok := sip.ParseURI(rr.URI); ok {
			to.next = netip.AddrPortFrom(u.Addr(), u.Port)
		}
	}
	return to, to.by != ""
}

// refer returns the first REFER, as its sender sent it, whose final status passes.
func (x *Case) refer(passes func(int) bool) (call.TxnRef, bool) {
	for k, l := range x.Legs {
		for i := range l.Txns {
			if t := &l.Txns[i]; t.Method == sip.MethodRefer && t.Parent == call.None && t.Final != call.None && passes(l.FinalStatus(t)) {
				return call.TxnRef{Leg: k, Txn: int32(i)}, true
			}
		}
	}
	return call.TxnRef{}, false
}

// sipfrag returns status and phrase of a message/sipfrag body that is a status line (RFC 3420), 0 for others.
func sipfrag(body []byte) (status int, phrase string) {
	line, _, _ := bytes.Cut(body, []byte("\n"))
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("SIP/2.0 "))
	if !ok || len(rest) < 3 {
		return 0, ""
	}
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return 0, ""
		}
		status = status*10 + int(c-'0')
	}
	return status, call.Clean(bytes.TrimSpace(rest[3:]))
}
