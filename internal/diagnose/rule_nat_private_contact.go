package diagnose

import (
	"net/netip"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sdp"
	"sipcause/sip"
)

// natPrivateContact: the Contact of a request or a 2xx holds a private address while its packets come from
// another one, and in-dialog requests to it go unanswered or leave the path (RFC 3261 §8.1.1.8, §12.2.1.1).
func natPrivateContact(x *Case) *report {
	for r, t := range x.Txns() {
		if !t.InDialog || t.Method == sip.MethodCancel {
			continue
		}
		lost := t.Method == sip.MethodAck && x.unansweredAck(r)
		if !lost && !(t.Method != sip.MethodAck && t.Final == call.None && t.Resent > 0) {
			continue
		}
		if rep := x.privateContactOf(r); rep != nil {
			return rep
		}
	}
	if x.Outcome == call.Unknown || x.Outcome == call.Ongoing {
		if rep := x.loopbackContact(); rep != nil {
			return rep
		}
	}
	return x.ackNeverSeen()
}

// loopbackContact finds a Contact that means the receiver itself, in a request that came from another host and whose
// end the capture does not show.
func (x *Case) loopbackContact() *report {
	try, ok := x.LastTry()
	if !ok {
		return nil
	}
	ref := x.RequestRef(try)
	if !ref.Valid() {
		return nil
	}
	contact, source := x.contactAddr(ref), x.Legs[ref.Leg].FlowOf(x.Sighting(ref)).Src
	if !contact.Addr().IsLoopback() || source.Addr().IsLoopback() || wire.Placeholder(source.Addr()) || !source.Addr().IsValid() {
		return nil
	}
	conf := 0.45 // a scanner does not mind what it writes
	if s := x.Session(ref); s != nil && slices.ContainsFunc(s.Media, func(m sdp.Media) bool { return m.Connection.Addr.IsLoopback() }) {
		conf = 0.75
	}
	return x.report("nat.private-contact", conf, "The %s from %s names %s in its Contact: whoever sends there sends to itself, so nothing in the call reaches this device.", x.methodOf(try), source, contact).
		do("Let the device at %s write the address that it is reached at: it took the one of its loopback interface (set the local or public address, or STUN).", source).
		do("Until then let the first proxy rewrite the Contact from the packet's source.").
		see(ref, "Contact %s, packet from %s", contact, source).
		suspect(source, call.RoleUAC)
}

// unansweredAck says whether an ACK was sent and the 2xx kept coming after it: it did not arrive.
func (x *Case) unansweredAck(r call.TxnRef) bool {
	t, l := x.Txn(r), x.Legs[r.Leg]
	if t.Dialog == call.None {
		return false
	}
	inv := &l.Txns[l.Dialogs[t.Dialog].Invite]
	if inv.Final == call.None || inv.FinalResent == 0 {
		return false
	}
	last := inv.Final
	for i := range l.Messages(inv) {
		if l.Sightings[i].Of == inv.Final {
			last = i
		}
	}
	return l.Sightings[last].Time > l.Start(t)
}

// privateContactOf says whether the request of r was sent to a Contact of the far side that is private there.
func (x *Case) privateContactOf(r call.TxnRef) *report {
	l, t := x.Legs[r.Leg], x.Txn(r)
	for i := range l.Sightings {
		s := &l.Sightings[i]
		if s.Raw == nil || s.Method != sip.MethodInvite || !(s.IsRequest() || s.Status >= 200 && s.Status < 300) {
			continue
		}
		ref := call.MsgRef{Leg: r.Leg, Msg: int32(i)}
		contact := x.contactAddr(ref)
		source := l.FlowOf(s).Src
		if !foreign(contact.Addr(), source.Addr()) || t.Server.Addr() != contact.Addr() && !x.targets(r, contact) {
			continue
		}
		kind := "2xx"
		if s.IsRequest() {
			kind = "INVITE"
		}
		return x.report("nat.private-contact", 0.95, "The %s from %s names %s in its Contact, a private address that others cannot reach: the %s sent there got no answer.", kind, source, contact, x.methodOf(r)).
			do("On the device at %s: let it write its public address (STUN, 'external address', 'NAT keepalive'), or let the first proxy rewrite the Contact (Kamailio: fix_nated_contact or add_contact_alias; Asterisk: rewrite_contact).", source).
			see(ref, "Contact %s, packet from %s", contact, source).
			see(x.RequestRef(r), "sent to the Contact, never answered").
			suspect(source, call.RoleUnknown)
	}
	return nil
}

// targets says whether the request of r is addressed to the contact.
func (x *Case) targets(r call.TxnRef, contact netip.AddrPort) bool {
	m := x.Request(r)
	if m == nil {
		return false
	}
	u, ok := sip.ParseURI(m.RequestURI())
	return ok && u.Addr() == contact.Addr()
}

// ackNeverSeen is the case in which the ACK left for the private address and so was never on this wire: the 2xx
// is sent again, no ACK comes, and the Contact explains where it went.
func (x *Case) ackNeverSeen() *report {
	for k, l := range x.Legs {
		for i := range l.Dialogs {
			d := &l.Dialogs[i]
			inv := &l.Txns[d.Invite]
			if d.Confirmed == 0 || d.AckAt != 0 || inv.Final == call.None || inv.FinalResent < 2 {
				continue
			}
			ref := call.MsgRef{Leg: k, Msg: inv.Final}
			contact, source := x.contactAddr(ref), l.FlowOf(x.Sighting(ref)).Src
			if !foreign(contact.Addr(), source.Addr()) {
				continue
			}
			rep := x.report("nat.private-contact", 0.85, "The 2xx from %s names %s in its Contact, a private address that the caller cannot reach: the ACK was sent there and lost, and the 2xx was repeated %d times.", source, contact, inv.FinalResent).
				do("On the device at %s: let it write its public address (STUN, external address), or let the first proxy rewrite the Contact.", source).
				see(ref, "Contact %s, packet from %s", contact, source).
				suspect(source, call.RoleUAS)
			return rep
		}
	}
	return nil
}
