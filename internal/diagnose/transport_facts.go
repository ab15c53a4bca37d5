package diagnose

import (
	"bytes"
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// unheard is a request that its client kept repeating although its server had answered it: the client did not get
// what was sent.
type unheard struct {
	txn   call.TxnRef
	reply call.MsgRef    // the first response that should have ended the repetitions
	after int            // requests repeated later than that
	to    netip.AddrPort // where the responses went
	due   netip.AddrPort // where the top Via wants them (RFC 3261 §18.2.2, RFC 3581 §4)
	rport bool           // the request asked for the port it came from
	moved bool           // its sent-by is another address than the one it came from
	sent  netip.AddrPort // its sent-by; the port alone when the host is a name
}

// leastUnheard is how many repetitions tell a client that hears nothing from one whose repetition crossed the response.
const leastUnheard = 2

// unheard looks for one; nothing is parsed while no client repeats a request that has a response.
func (x *Case) unheard() (u unheard, ok bool) {
	for r, t := range x.Txns() {
		if t.Resent < leastUnheard || t.Request == call.None || t.Transport.Reliable() || t.Method == sip.MethodAck || t.Ack != call.None {
			continue
		}
		if u, ok = x.unheardOn(r); ok {
			return u, true
		}
	}
	return u, false
}

func (x *Case) unheardOn(r call.TxnRef) (u unheard, ok bool) {
	t, l := x.Txn(r), x.Legs[r.Leg]
	u = unheard{txn: r, reply: call.NoMsg}
	for i := range l.Messages(t) {
		s := &l.Sightings[i]
		switch {
		case s.IsRequest() || s.Repeat == call.Duplicate:
			continue
		case !u.reply.Valid():
			// A provisional response ends Timer A, but not Timer E (RFC 3261 §17.1.2.2).
			if s.Status < 200 && t.Method != sip.MethodInvite {
				continue
			}
			u.reply, u.to = call.MsgRef{Leg: r.Leg, Msg: i}, l.FlowOf(s).Dst
		case l.FlowOf(s).Dst != u.to:
			return u, false // sent to several places: one of them may be right
		}
	}
	if !u.reply.Valid() || wire.Placeholder(t.Client.Addr()) || x.wentOn(r, u.reply) {
		return u, false
	}
	if _, u.after = lastOf(l, t, t.Request, x.Sighting(u.reply).Time.Add(timerSlack)); u.after < leastUnheard {
		return u, false
	}
	m := x.Request(r)
	if m == nil {
		return u, false
	}
	u.address(m.TopVia(), t.Client)
	return u, true
}

// wentOn says whether the client of r, after the reply, sent what it can only send when it had got it: an ACK, a request
// in the dialog, credentials.
func (x *Case) wentOn(r call.TxnRef, reply call.MsgRef) bool {
	t, l := x.Txn(r), x.Legs[r.Leg]
	for i := range l.Txns {
		o := &l.Txns[i]
		if o.Client.Addr() == t.Client.Addr() && o.Server.Addr() == t.Server.Addr() && l.Start(o) > x.Sighting(reply).Time &&
			(o.Method == sip.MethodAck || o.InDialog && !t.InDialog || o.HasAuth && !t.HasAuth) {
			return true
		}
	}
	return false
}

// address reads from the request's top Via where its responses are due.
func (u *unheard) address(via sip.Via, source netip.AddrPort) {
	host, _ := netip.ParseAddr(string(bytes.Trim(via.Host, "[]")))
	port := via.Port
	if port == 0 {
		port = 5060
	}
	u.sent, u.rport = netip.AddrPortFrom(host.Unmap(), port), via.HasRPort
	u.moved = host.IsValid() && host.Unmap() != source.Addr()
	u.due = netip.AddrPortFrom(source.Addr(), port)
	if u.rport {
		u.due = source
	}
	if maddr, has := via.Param("maddr"); has {
		if a, err := netip.ParseAddr(string(maddr)); err == nil {
			u.due = netip.AddrPortFrom(a, port)
		}
	}
}
