package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// dialogUnknown: 481 to a request of a dialog (RFC 3261 §12.2.2, §15.1.2): which side lost it, and how.
func dialogUnknown(x *Case) *report {
	r, ok := x.unknownDialog()
	if !ok {
		return nil
	}
	t, l := x.Txn(r), x.Legs[r.Leg]
	method := x.methodOf(r)
	deciding, _ := x.DecidingTxn()
	rep := x.report("dialog.unknown", 0.9, "%s answered 481 to the %s of %s: it does not know the dialog.", t.Server, method, t.Client).
		see(x.RequestRef(r), "%s", method).
		see(x.FinalRef(r), "481")
	switch {
	case x.Failed() && x.bottom(deciding) == r:
	case t.Method == sip.MethodBye && !t.InDialog: // the call it was to end goes on at the other side
	case x.Failed(), t.Method == sip.MethodBye, x.Kind == call.KindTransaction:
		rep.severity(finding.Warning) // not what failed, or the end of it anyway
	}
	switch end, frame := x.endedBefore(r); {
	case !t.InDialog && t.Method == sip.MethodBye:
		rep.f.Confidence = 1
		rep.add(" The BYE has no To tag, so it names no dialog (RFC 3261 §12.2.1.1): the call is not ended on that side.").
			do("Repair %s: in a request within a dialog it has to write the To tag that the 2xx gave.", t.Client).
			suspect(t.Client, call.RoleUnknown)
	case !t.InDialog:
		rep.add(" The request is outside a dialog: it names one in Replaces, Join or Target-Dialog that is not there, or another server has it.").
			do("Compare the Call-ID and tags of that header with the dialog it means: is it still up, and on this server?")
	case end.Valid():
		rep.add(" The dialog had been ended before, in %s.", frame).
			see(end, "the dialog ended here").
			do("Nothing to repair where the two crossed on the way; if %s sends requests long after the end, it missed the BYE: look why.", t.Client).
			severity(finding.Info)
	case t.Dialog == call.None && len(l.Dialogs) > 0:
		rep.add(" The tags of the request are those of no dialog of this call.").
			do("Compare From and To tag of the request with those of the 2xx: %s writes others (a B2BUA that mixes its two sides, a reboot in the call).", t.Client).
			suspect(t.Client, call.RoleUnknown)
	case len(l.Dialogs) == 0:
		rep.f.Confidence = 0.8
		rep.add(" The capture does not show how the dialog began.").
			do("Search older captures and the log of %s for this Call-ID: had the call ended there before (session timer, missing ACK, restart)?", t.Server).
			do("If it never was there: the request went to the wrong server; look at its Route and at the load balancer in front.")
	case !x.tookPart(r):
		rep.add(" The dialog was set up with other servers: %s took no part in it.", t.Server).
			do("Look at the Route and Request-URI of the request: they have to be those of the 2xx. A load balancer must send the requests of a dialog to the server that has it.").
			suspect(t.Client, call.RoleUnknown)
	default:
		rep.f.Confidence = 0.85
		rep.add(" It had taken part in it%s: it ended or lost it since then.", x.age(r)).
			do("Look in the log of %s for this Call-ID: ended on its side (session timer, missing ACK, media timeout), or restarted without its dialogs?", t.Server).
			do("Did other calls of %s get 481 at the same time? Then it was restarted.", t.Server)
	}
	return rep
}

// unknownDialog returns the last hop of a request that was answered 481; CANCEL aside, whose race is no fault.
func (x *Case) unknownDialog() (call.TxnRef, bool) {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if l.FinalStatus(t) != 481 || t.Method == sip.MethodCancel || t.Request == call.None {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if !t.InDialog && t.Method != sip.MethodBye && (!x.Failed() || x.Code != 481) {
				continue
			}
			return x.bottom(r), true
		}
	}
	return call.TxnRef{}, false
}

// crossedEnd says whether the 481 to a request is no more than that it crossed the end of its dialog on the way.
func (x *Case) crossedEnd(r call.TxnRef) bool {
	if x.Status(r) != 481 {
		return false
	}
	end, _ := x.endedBefore(r)
	return end.Valid()
}

// endedBefore returns the message that had ended the dialog of r before its request was sent.
func (x *Case) endedBefore(r call.TxnRef) (call.MsgRef, string) {
	t, l := x.Txn(r), x.Legs[r.Leg]
	if t.Dialog != call.None {
		d := &l.Dialogs[t.Dialog]
		if inv := &l.Txns[d.Invite]; d.Confirmed == 0 && inv.Final != call.None && l.Sightings[inv.Final].Time <= l.Sightings[t.Final].Time {
			ref := call.MsgRef{Leg: r.Leg, Msg: inv.Final}
			return ref, x.Frame(ref)
		}
	}
	mine := x.top(r)
	for i := range l.Txns {
		o := call.TxnRef{Leg: r.Leg, Txn: int32(i)}
		b := x.Txn(o)
		if b.Method != sip.MethodBye || b.Request == call.None || b.Dialog != t.Dialog || x.top(o) == mine || x.Start(o) > x.FinalTime(r) {
			continue
		}
		return x.RequestRef(o), x.Frame(x.RequestRef(o))
	}
	return call.NoMsg, ""
}

// tookPart says whether the server of r was seen in the set-up of this call.
func (x *Case) tookPart(r call.TxnRef) bool {
	host := x.Txn(r).Server.Addr()
	for _, l := range x.Legs {
		for i := range l.Txns {
			if t := &l.Txns[i]; t.Method == sip.MethodInvite && !t.InDialog && (t.Client.Addr() == host || t.Server.Addr() == host) {
				return true
			}
		}
	}
	return false
}

// age says for people how long the dialog of r had been up.
func (x *Case) age(r call.TxnRef) string {
	l, t := x.Legs[r.Leg], x.Txn(r)
	if t.Dialog == call.None || l.Dialogs[t.Dialog].Confirmed == 0 {
		return ""
	}
	after := Seconds(l.Dialogs[t.Dialog].Confirmed, x.Start(r))
	if after < 0 {
		return "" // it was still early
	}
	return fmt.Sprintf(", %.0f s after the answer", after)
}
