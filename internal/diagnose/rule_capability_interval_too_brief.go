package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/sip"
)

// capabilityIntervalTooBrief: 423, Expires of the request against Min-Expires of the response (RFC 3261 §21.4.17).
func capabilityIntervalTooBrief(x *Case) *report {
	r := x.lacking("capability.interval-too-brief", 0.95, []int{423}, "the expiry asked for is too short")
	if r == nil {
		return nil
	}
	t, _ := x.DecidingTxn()
	asked, known := -1, false
	if q := x.Request(t); q != nil {
		if asked, known = q.Expires(); !known && x.Reg != nil && x.Reg.Requested >= 0 {
			asked, known = x.Reg.Requested, true
		}
	}
	least, says := x.Deciding().MinExpires()
	x.interval(r, t, "Expires", asked, known, "Min-Expires", least, says)
	return r.do("Let %s repeat the request with an expiry of at least the value of the response (RFC 3261 §10.2.8), or set it there.", x.requester(t)).
		do("Or lower the minimum at %s (Kamailio: registrar min_expires; Asterisk: minimum_expiration), if short intervals are wanted to keep NAT bindings open; CRLF keepalives do that cheaper.", x.Txn(t).Server).
		suspect(x.requester(t), call.RoleUnknown)
}

// interval adds what was asked for, what is the least, and whether the client tried again.
func (x *Case) interval(r *report, t call.TxnRef, asks string, asked int, known bool, wants string, least int, says bool) {
	has := "no " + asks
	if known {
		has = fmt.Sprintf("%s: %d", asks, asked)
	}
	need := "no " + wants + ", against the RFC"
	if says {
		need = fmt.Sprintf("%s: %d", wants, least)
	}
	r.add(" The request has %s, the response %s.", has, need)
	before := 0
	for _, ti := range x.Lead().Tries() {
		if st := x.Lead().FinalStatus(&x.Lead().Txns[ti]); st == 422 || st == 423 {
			before++
		}
	}
	switch {
	case before > 1:
		r.add(" The client tried %d times and was refused each time.", before)
	case x.Txn(t).Method != sip.MethodUnknown:
		r.add(" The client did not try again.")
	}
}
