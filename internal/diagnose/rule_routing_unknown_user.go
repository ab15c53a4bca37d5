package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/peer"
)

// unknownWords are what servers write when the user part is what they do not know.
var unknownWords = []string{"user not found", "unknown user", "no such user", "user unknown", "does not exist", "not exist", "unknown extension", "extension not found", "invalid extension", "unknown subscriber", "unknown number", "number not found"}

// routingUnknownUser: 404 or 604 from whoever serves the domain, of a user who is not known to have registered
// there (RFC 3261 §21.4.5, §21.6.3).
func routingUnknownUser(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 404 && status != 604 {
		return nil
	}
	uri, u, ok := x.requestURI(r)
	if !ok {
		return nil
	}
	t := x.Txn(r)
	b := x.calleeBinding(r)
	if b.state == peer.Lapsed || b.state == peer.Removed || b.state == peer.Bound && b.last.Server == t.Server {
		return nil // the user exists there: it is not registered now, or a route is missing
	}
	if cause, _ := x.Q850(); cause > 0 {
		return nil // the telephone network names another cause
	}
	confidence := 0.75
	switch {
	case status == 604:
		confidence = 0.9
	case x.Says(unknownWords...):
		confidence = 0.85
	case x.Origin != nil && x.Origin.Role == call.RoleUAS:
		confidence = 0.65
	}
	user := call.Clean(u.User)
	switch {
	case x.Reg != nil:
		user, uri = number(x.Reg.AOR), x.Reg.AOR
	case user == "":
		user = uri
	}
	rep := x.report("routing.unknown-user", confidence, "%s does not know %q (%s): %d %s.", x.originName(), user, uri, status, x.reasonOf(r))
	if status == 604 {
		rep.add(" It says that this user exists nowhere.")
	}
	switch b.state {
	case peer.Bound:
		rep.add(" The user had registered, but at another server: %s.", b.last.Server).
			do("Send the request to %s, or let %s ask it: the user is known there.", b.last.Server, t.Server.Addr()).
			seeRef(b.last.Ref, "%s registered here", b.last.AOR)
	case peer.Refused:
		rep.add(" The only REGISTER of this user in the capture was refused with %d.", b.last.Code).
			seeRef(b.last.Ref, "REGISTER of %s: %d", b.last.AOR, b.last.Code)
	default:
		rep.add(" The capture shows no registration of it: it was never set up there, or it is not registered now.")
	}
	return rep.do("Look up %q at %s: is there such a user, extension or number, with exactly this spelling and domain? If there is, look at its registration.", user, t.Server).
		do("If it is a number that should leave by a trunk: the server took it for one of its own users; look at the dial plan's order.").
		do("If it is unknown there: correct what was dialled, the caller's phone book, or the alias table.").
		see(x.RequestRef(r), "the request for %s", uri).
		see(x.FinalRef(r), "%d %s", status, x.reasonOf(r))
}

// reasonOf returns the reason phrase of a transaction's final response.
func (x *Case) reasonOf(r call.TxnRef) string {
	if m := x.Msg(x.FinalRef(r)); m != nil {
		return call.Clean(m.ReasonPhrase())
	}
	return ""
}
