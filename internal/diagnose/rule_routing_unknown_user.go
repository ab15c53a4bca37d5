package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/sip"
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
	if b.missing() || b.state == peer.Bound && b.last.Server == t.Server {
		return x.noResource(r, &b) // the user exists there: it is not registered now, or a route is missing
	}
	if cause, _ := x.Q850(); !saysLittle(cause) {
		return nil // the telephone network names another cause
	}
	user := call.Clean(u.User)
	switch {
	case x.Reg != nil:
		user, uri = number(x.Reg.AOR), x.Reg.AOR
	case user == "":
		user = uri
	}
	phone := x.Reg == nil && telephone(user)
	rep := x.report("routing.unknown-user", x.unknownSure(status, &u), "%s does not know %q (%s): %d %s.", x.originName(), user, uri, status, x.reasonOf(r))
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
	case peer.Lapsed, peer.Removed, peer.Unsure:
		if b.unseen {
			rep.add(" The call was sent to an address of the user all the same: what answers there serves another user, or has this one under another name.").
				do("Compare %q with the user in the Contact that the device registers, and see whether another device has its address now.", user)
			break
		}
		rep.add(" %s had registered, last at %s: it was removed there since, or registers where the capture does not see it.", b.last.AOR, b.last.Time.Std().Format("2006-01-02 15:04:05")).
			seeRef(b.last.Ref, "REGISTER of %s: %s", b.last.AOR, bindingWords(&b.last))
	default:
		if phone {
			rep.add(" It is a telephone number: nobody has it there, no route leads to it, or it is not in the form that %s takes; no Q.850 cause says which.", t.Server.Addr())
			break
		}
		rep.add(" The capture shows no registration of it: it was never set up there, or it is not registered now.")
	}
	if t.Method == sip.MethodOptions {
		rep.do("As a keepalive this answer is as good as any: %s is up. To have 200, send the OPTIONS to an address without a user, or to one that exists there.", t.Server)
	}
	if phone {
		return rep.do("Look up %s at %s: is there a route for it, and in which form does it expect numbers (+, 00, country code, prefix)? Compare with a call that it takes.", user, t.Server).
			do("If the number is one of its own users: see whether the extension exists and is registered.").
			do("If the number is wrong: correct what was dialled, or the translation before %s.", t.Server).
			see(x.RequestRef(r), "the request for %s", uri).
			see(x.FinalRef(r), "%d %s", status, x.reasonOf(r))
	}
	return rep.do("Look up %q at %s: is there such a user, extension or number, with exactly this spelling and domain? If there is, look at its registration.", user, t.Server).
		do("If it is a number that should leave by a trunk: the server took it for one of its own users; look at the dial plan's order.").
		do("If it is unknown there: correct what was dialled, the caller's phone book, or the alias table.").
		see(x.RequestRef(r), "the request for %s", uri).
		see(x.FinalRef(r), "%d %s", status, x.reasonOf(r))
}

// unknownSure is the confidence that status is about the user.
func (x *Case) unknownSure(status int, u *sip.URI) float64 {
	switch {
	case status == 604:
		return 0.9
	case x.Says(unknownWords...):
		return 0.85
	case x.foreignAOR(u) != "":
		return 0.5 // as likely the registrar is not that of its domain
	case x.Origin != nil && x.Origin.Role == call.RoleUAS:
		return 0.65
	}
	return 0.75
}

// noResource is routingUnknownUser of a user who is registered at the server that answers 404 to a subscription for
// it: what it has not is the state subscribed to, a mailbox above all.
func (x *Case) noResource(r call.TxnRef, b *binding) *report {
	t := x.Txn(r)
	m := x.Request(r)
	if b.state != peer.Bound || b.last.Server != t.Server || t.Method != sip.MethodSubscribe && t.Method != sip.MethodPublish || m == nil {
		return nil
	}
	event := call.Clean(m.Header(sip.HeaderEvent))
	rep := x.report("routing.unknown-user", 0.8, "%s is registered at %s, which has nothing for it to subscribe to: it answers the %s (Event: %s) with %s.", b.last.AOR, t.Server, t.Method, event, x.statusLine(x.FinalRef(r)))
	if strings.HasPrefix(event, "message-summary") {
		rep.do("Give the user a mailbox on %s (Asterisk: mailboxes of the endpoint, mailbox= of the peer), or switch the voice-mail lamp (MWI subscription) off in the device.", t.Server)
	} else {
		rep.do("Set the state up on %s for this user (Asterisk: a hint in the subscription's context; Kamailio: presence of that event), or switch the subscription off in the device.", t.Server)
	}
	return rep.seeRef(b.last.Ref, "%s is registered", b.last.AOR).
		see(x.RequestRef(r), "%s", t.Method).
		see(x.FinalRef(r), "404")
}

// telephone says whether a user part is a telephone number rather than a name or an extension.
func telephone(user string) bool {
	n := 0
	for i := range len(user) {
		switch c := user[i]; {
		case c >= '0' && c <= '9':
			n++
		case c == '+' && i == 0, c == '-', c == '.', c == '*', c == '#':
		default:
			return false
		}
	}
	return n >= 7
}

// reasonOf returns the reason phrase of a transaction's final response.
func (x *Case) reasonOf(r call.TxnRef) string {
	if m := x.Msg(x.FinalRef(r)); m != nil {
		return call.Clean(m.ReasonPhrase())
	}
	return ""
}
