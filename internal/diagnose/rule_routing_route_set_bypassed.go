package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// routingRouteSetBypassed: a request within a dialog that its sender did not send to the first Route of the
// dialog's route set (RFC 3261 §12.2.1.1), and that failed. One that worked all the same is nobody's trouble.
func routingRouteSetBypassed(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if !t.InDialog || t.Parent != call.None || t.Request == call.None || t.Method == sip.MethodCancel {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if !x.lostInDialog(r) {
				continue
			}
			if rep := x.bypass(r); rep != nil {
				return rep
			}
		}
	}
	return nil
}

// lostInDialog says, without parsing, whether a request within a dialog failed in a way that a wrong route explains:
// no final response, 481 or another refusal of its address, or an ACK whose 2xx was sent again after it.
func (x *Case) lostInDialog(r call.TxnRef) bool {
	l := x.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	if t.Method == sip.MethodAck {
		inv, ok := acknowledged(l, t)
		return ok && x.resentAfter(r.Leg, inv, t)
	}
	switch l.FinalStatus(t) {
	case 0:
		return t.Resent > 0
	case 403, 404, 405, 408, 410, 416, 481, 482, 483, 500, 503:
		return true
	}
	return false
}

// acknowledged finds the INVITE whose 2xx an ACK of its own transaction answers, of those whose 2xx was sent again.
func acknowledged(l *call.Leg, ack *call.Txn) (*call.Txn, bool) {
	for i := range l.Txns {
		o := &l.Txns[i]
		if o.Method == sip.MethodInvite && o.CSeq == ack.CSeq && o.FinalResent > 0 && o.Final != call.None && l.Sightings[o.Final].Status < 300 {
			return o, true
		}
	}
	return nil, false
}

// resentAfter says whether the final response of an INVITE was sent again after the ACK had been.
func (x *Case) resentAfter(leg int, invite, ack *call.Txn) bool {
	l := x.Legs[leg]
	for i := range l.Messages(invite) {
		if s := &l.Sightings[i]; s.Of == invite.Final && s.Repeat == call.Retransmission && s.Time > l.Start(ack) {
			return true
		}
	}
	return false
}

// bypass compares where an in-dialog request went with the route set of its dialog.
func (x *Case) bypass(r call.TxnRef) *report {
	l := x.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	m := x.Request(r)
	if m == nil {
		return nil
	}
	routes, from, ok := x.routeSet(r, m)
	if !ok || len(routes) == 0 {
		return nil
	}
	first := routes[0]
	if rep := x.unrouted(r, m, routes, from); rep != nil {
		return rep
	}
	if !first.Addr().IsValid() || first.Addr() == t.Server.Addr() || x.wentThere(r.Leg, t) {
		return nil
	}
	// An edge of two networks records itself twice; going to its other address is no bypass.
	at := slices.IndexFunc(routes, func(a netip.AddrPort) bool { return a.Addr() == t.Server.Addr() })
	if at == 1 && x.doubleRecord(from) {
		return nil
	}
	target, targetOK := sip.ParseURI(m.RequestURI())
	confidence, how := 0.0, ""
	switch {
	case at > 0:
		confidence, how = 0.9, "past the first hop, to a later one of the route set"
	case targetOK && target.Addr() == t.Server.Addr():
		confidence, how = 0.95, "straight to the other side's Contact"
	default:
		return nil // another address of the first hop, for all that is known
	}
	carried := 0
	for range m.Routes() {
		carried++
	}
	var set []string
	for _, a := range routes {
		set = append(set, a.String())
	}
	rep := x.report("routing.route-set-bypassed", confidence, "%s sent the %s to %s, %s, although %s is the first hop of the dialog's route set (%s).", t.Client, t.Method, t.Server, how, first, strings.Join(set, ", ")).
		do("%s", routeCheck(t, len(routes), carried)).
		do("Look for an outbound proxy, NAT or 'ignore record-route' setting of %s that overrides the route set.", t.Client)
	rep.see(from, "Record-Route names %s", first).
		see(x.RequestRef(r), "%s sent to %s", t.Method, t.Server)
	if f := x.FinalRef(r); f.Valid() {
		rep.see(f, "%d", x.Sighting(f).Status)
	}
	return rep.suspect(t.Client, call.RoleUnknown)
}

// unrouted is bypass of a request that went to the first hop all the same, but without the Route that tells that hop
// what to do with it (RFC 3261 §12.2.1.1), and was refused there.
func (x *Case) unrouted(r call.TxnRef, m *sip.Message, routes []netip.AddrPort, from call.MsgRef) *report {
	t := x.Txn(r)
	if m.Count(sip.HeaderRoute) > 0 || routes[0].Addr() != t.Server.Addr() || x.Status(r) < 400 || len(x.Downstream(r)) > 0 {
		return nil
	}
	u, ok := sip.ParseURI(m.RequestURI())
	if !ok || u.Addr() == t.Server.Addr() {
		return nil // for this element itself: a strict router, or the far end
	}
	return x.report("routing.route-set-bypassed", 0.85, "%s sent the %s to %s without the Route of the dialog's route set: it does not know the request as one of a dialog that it is to relay, and answered %d.", t.Client, t.Method, t.Server, x.Status(r)).
		do("%s", routeCheck(t, len(routes), 0)).
		do("Look for an outbound proxy setting of %s that takes the place of the route set.", t.Client).
		see(from, "Record-Route names %s", routes[0]).
		see(x.RequestRef(r), "%s without Route", t.Method).
		see(x.FinalRef(r), "%d", x.Status(r)).
		suspect(t.Client, call.RoleUnknown)
}

// routeCheck is the first thing to look at, by how many Route header fields the request carries of those it owes.
func routeCheck(t *call.Txn, owed, carried int) string {
	if carried == owed {
		return fmt.Sprintf("The %s carries the route set (%d Route), yet %s did not send it there: the next hop is the first Route, not the Request-URI (RFC 3261 §12.2.1.1).", t.Method, carried, t.Client)
	}
	return fmt.Sprintf("The dialog's route set has %d hop(s), the %s carries %d Route: %s has to keep those of the Record-Route (RFC 3261 §12.1.1, §12.1.2).", owed, t.Method, carried, t.Client)
}

// wentThere says whether the sender of t had sent the dialog's INVITE to the same place: its first hop, whatever
// address that writes into Record-Route.
func (x *Case) wentThere(leg int, t *call.Txn) bool {
	for i := range x.Legs[leg].Txns {
		o := &x.Legs[leg].Txns[i]
		if o.Method != sip.MethodInvite || o.InDialog {
			continue
		}
		if o.Client.Addr() == t.Client.Addr() && o.Server.Addr() == t.Server.Addr() || o.Server.Addr() == t.Client.Addr() && o.Client.Addr() == t.Server.Addr() {
			return true
		}
	}
	return false
}

// routeSet returns the addresses of the dialog's route set as the sender of an in-dialog request knows it, and the
// message that it stands in (RFC 3261 §12.1.1, §12.1.2). A hop that is a name has no valid address.
func (x *Case) routeSet(r call.TxnRef, m *sip.Message) (routes []netip.AddrPort, from call.MsgRef, ok bool) {
	l := x.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	dialog := t.Dialog
	if inv, acked := acknowledged(l, t); t.Method == sip.MethodAck && acked {
		dialog = inv.Dialog
	}
	if dialog == call.None || l.Dialogs[dialog].Invite == call.None {
		return nil, call.NoMsg, false
	}
	d := &l.Dialogs[dialog]
	inv := &l.Txns[d.Invite] // where the first response with the tag was seen: the hop next to the callee
	for n := 0; inv.Parent != call.None && n < maxChain; n++ {
		inv = &l.Txns[inv.Parent]
	}
	if inv.Final == call.None {
		inv = &l.Txns[d.Invite]
	}
	fromCaller := string(m.FromTag()) == string(d.CallerTag)
	msg := inv.Final
	if !fromCaller {
		msg = call.None
		for i := range l.Txns {
			o := &l.Txns[i]
			if o.Method == sip.MethodInvite && !o.InDialog && o.CSeq == inv.CSeq && o.Server.Addr() == t.Client.Addr() {
				msg = o.Request
			}
		}
	}
	if msg == call.None {
		return nil, call.NoMsg, false
	}
	from = call.MsgRef{Leg: r.Leg, Msg: msg}
	rr := x.Msg(from)
	if rr == nil || fromCaller && rr.Status >= 300 {
		return nil, from, false
	}
	for a := range rr.RecordRoutes() {
		u, good := sip.ParseURI(a.URI)
		if !good {
			return nil, from, false
		}
		port := u.Port
		if port == 0 {
			port = 5060
		}
		routes = append(routes, netip.AddrPortFrom(u.Addr(), port))
	}
	if fromCaller {
		slices.Reverse(routes)
	}
	return routes, from, true
}

// doubleRecord says whether one proxy wrote two Record-Route entries, as Kamailio and OpenSIPS mark them (r2=on).
func (x *Case) doubleRecord(from call.MsgRef) bool {
	for a := range x.Msg(from).RecordRoutes() {
		if u, ok := sip.ParseURI(a.URI); ok {
			if _, two := u.Param("r2"); two {
				return true
			}
		}
	}
	return false
}
