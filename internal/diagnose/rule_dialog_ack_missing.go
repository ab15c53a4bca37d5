package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// dialogACKMissing: a 2xx was repeated and no ACK reached its sender: where the ACK went, and why
// (RFC 3261 §13.3.1.4, §13.2.2.4).
func dialogACKMissing(x *Case) *report {
	a, ok := x.lostACK()
	if !ok {
		return x.saidNoACK()
	}
	t := x.Txn(a.invite)
	seconds := Seconds(x.FinalTime(a.invite), a.until)
	reached := "reached"
	if a.came {
		reached = "stopped"
	}
	r := x.report("dialog.ack-missing", x.Absent(0.95, a.invite, a.until), "%s repeated its 2xx %d times in %.1f s: no ACK %s it.", t.Server, t.FinalResent, seconds, reached)
	r.see(x.FinalRef(a.invite), "the 2xx, repeated %d times", t.FinalResent)
	x.whereACKWent(r, &a)
	if d := t.Dialog; d != call.None {
		switch dl := &x.Legs[a.invite.Leg].Dialogs[d]; {
		case dl.Bye != call.None && !dl.ByeFromCaller && dl.Terminated >= a.until && Seconds(a.until, dl.Terminated) < 10:
			bye := call.TxnRef{Leg: a.invite.Leg, Txn: dl.Bye}
			r.add(" It then ended the call with BYE, %.0f s after the answer.", Seconds(dl.Confirmed, dl.Terminated)).
				see(x.RequestRef(bye), "BYE for want of an ACK")
		case x.Failed(): // nothing shows that the call stood
		case dl.AckAt > a.until, dl.Bye != call.None && Seconds(a.until, dl.Terminated) > 30:
			r.severity(finding.Warning) // late, or the call went on all the same
		}
	}
	return r.tell("The call was answered, but its set-up was not completed and it was cut off.")
}

// saysNoACK are the words of a Reason by which an element ends a call whose 2xx was never acknowledged.
var saysNoACK = []string{"ack timeout", "ack timed out", "no ack", "ack not received", "missing ack", "waiting for ack"}

// saidNoACK reports a BYE whose Reason says that the ACK did not come, when the capture has nothing to the contrary.
func (x *Case) saidNoACK() *report {
	for r, t := range x.Txns() {
		if t.Method == sip.MethodAck && t.Request != call.None {
			return nil
		}
		if t.Method != sip.MethodBye || t.Request == call.None || t.Parent != call.None {
			continue
		}
		m := x.Request(r)
		if m == nil {
			continue
		}
		for v := range m.Reasons() {
			text := call.Clean(v.Text)
			if !slices.ContainsFunc(saysNoACK, func(w string) bool { return strings.Contains(strings.ToLower(text), w) }) {
				continue
			}
			return x.report("dialog.ack-missing", 0.85, "%s ended the call because no ACK to its 2xx came: its BYE says %q.", t.Client, text).
				see(x.RequestRef(r), "BYE with Reason: %s", text).
				do("Capture the whole call at %s: does the 2xx reach the caller, and where does the caller send the ACK (Contact and Record-Route of the 2xx say where it has to go)?", t.Client).
				do("If the ACK leaves and does not arrive: a private or wrong Contact, a proxy that did not record-route, or a firewall on that way.").
				tell("The call was answered, but its set-up was not completed and it was cut off.")
		}
	}
	return nil
}

// whereACKWent adds to r where the ACK was seen last, or had to go, and what to do about it.
func (x *Case) whereACKWent(r *report, a *lostACK) {
	t, top := x.Txn(a.invite), x.Txn(a.top)
	to, known := x.remoteOf(x.FinalRef(a.top))
	target := "to nowhere that the 2xx names"
	if known {
		target = fmt.Sprintf("to %s by its %s", to.uri, to.by)
	}
	switch {
	case a.came:
		ack := x.RequestRef(a.ack)
		r.add(" An ACK arrived there in %s, but %s did not take it for the answer.", x.Frame(ack), t.Server).
			see(ack, "the ACK that did not count").
			do("Compare To tag, From tag, Call-ID and CSeq of the ACK with the 2xx; if they are right, look in the log of %s why it drops the ACK (wrong dialog key, parse error, firewall of the host).", t.Server)
	case a.seen:
		k, ack := x.Txn(a.ack), x.RequestRef(a.ack)
		r.add(" The ACK went from %s to %s (%s) and no further; it had to go %s.", k.Client, k.Server, x.Frame(ack), target).
			see(ack, "the ACK, seen last towards %s", k.Server).
			do("Look at %s: it has to relay the ACK by its Route and Request-URI; a proxy that does not loose-route ACK, or an SBC that does not find the dialog, drops it silently.", k.Server).
			do("Check Record-Route and Contact of the 2xx as the caller received it against Route and Request-URI of the ACK.").
			suspect(k.Server, call.RoleProxy)
	case top.Final == call.None:
		r.add(" The 2xx was never seen on the way from %s to %s.", top.Server, top.Client).
			do("Look at %s: it received the 2xx and has to relay every repetition of it.", top.Server).
			do("If it does: the response is lost towards %s; capture there.", top.Client).
			suspect(top.Server, call.RoleProxy)
	default:
		r.add(" The capture shows none; %s has to send it %s.", top.Client, target).
			see(x.FinalRef(a.top), "the 2xx as %s received it", top.Client).
			do("Capture on %s: does it receive the 2xx, and to which address does it send the ACK?", top.Client)
		if known && to.next.IsValid() && to.next.Addr() != top.Server.Addr() {
			r.do("The ACK takes another way than the INVITE (%s, not %s): that address must be reachable from the caller. Else repair the %s at the element that writes it, or let the proxy record-route.", to.next, top.Server, to.by)
		} else {
			r.do("If the ACK leaves there: look for a firewall or NAT binding on the way; if not: the caller did not get the 2xx, or does not take it (Via, To tag, CSeq).")
		}
		r.suspect(top.Client, call.RoleUAC)
	}
}
