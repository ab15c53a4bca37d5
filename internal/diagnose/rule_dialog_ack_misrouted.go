package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/sip"
)

// dialogACKMisrouted: the ACK was seen leaving for another address than the remote target through the route set
// (RFC 3261 §13.2.2.4, §12.2.1.1), and the 2xx was repeated.
func dialogACKMisrouted(x *Case) *report {
	a, ok := x.lostACK()
	if !ok || !a.seen || a.came {
		return nil
	}
	to, known := x.remoteOf(x.FinalRef(a.top))
	first, ack := x.Txn(a.first), x.RequestRef(a.first)
	m := x.Msg(ack)
	if !known || m == nil || first.Client.Addr() != x.Txn(a.top).Client.Addr() {
		return nil
	}
	went := call.Clean(m.RequestURI())
	u, _ := sip.ParseURI(m.RequestURI())
	var r *report
	switch {
	case to.next.IsValid() && first.Server.Addr() != to.next.Addr():
		r = x.report("dialog.ack-misrouted", 0.9, "%s sent its ACK to %s; by the %s of the 2xx it had to go to %s. The 2xx was repeated %d times.", first.Client, first.Server, to.by, to.uri, a.again)
	case to.contact.IsValid() && u.Addr().IsValid() && u.Addr() != to.contact.Addr():
		r = x.report("dialog.ack-misrouted", 0.85, "%s addressed its ACK to %s, although the Contact of the 2xx is %s: it was not delivered, and the 2xx was repeated %d times.", first.Client, went, to.contact, a.again)
	case to.target != "" && !u.Addr().IsValid() && !sameHost(to.target, &u):
		r = x.report("dialog.ack-misrouted", 0.85, "%s addressed its ACK to %s, although the Contact of the 2xx is %s: it was not delivered, and the 2xx was repeated %d times.", first.Client, went, to.target, a.again)
	default:
		return nil
	}
	return r.see(x.FinalRef(a.top), "%s: %s", to.by, to.uri).
		see(ack, "the ACK, to %s with Request-URI %s", first.Server, went).
		do("Look at %s: the ACK for a 2xx is a request of its own; its Route is the Record-Route of the 2xx in reverse, its Request-URI the Contact of the 2xx. An outbound-proxy setting or a NAT helper that overrides them does this.", first.Client).
		do("Check that no hop rewrote Record-Route or Contact in the 2xx.").
		suspect(first.Client, call.RoleUAC)
}

// sameHost says whether a request's URI has the host of a Contact.
func sameHost(contact string, u *sip.URI) bool {
	c, ok := sip.ParseURI([]byte(contact))
	return !ok || bytes.EqualFold(c.Host, u.Host)
}
