package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// dialogReinviteFailed: a re-INVITE or UPDATE was refused, or never answered, in a call (RFC 3261 §14.1, RFC 3311 §5.3): was the session
// kept as it was, or lost.
func dialogReinviteFailed(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method != sip.MethodInvite && t.Method != sip.MethodUpdate || !t.InDialog || t.Parent != call.None || t.Dialog == call.None {
				continue
			}
			switch st := l.FinalStatus(t); {
			case st < 300, st == 487, st == 491:
				continue
			case challenged(st) && (t.HasAuth || x.repeatedLater(call.TxnRef{Leg: k, Txn: int32(i)}) != 0):
				continue // answered; how that went is told of the last try
			}
			if l.Dialogs[t.Dialog].Confirmed == 0 {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if x.crossedEnd(x.bottom(r)) {
				continue // dialog.unknown tells it
			}
			return x.reinviteFailed(r)
		}
	}
	return x.reinviteUnanswered()
}

// reinviteUnanswered finds a re-INVITE or UPDATE that was repeated and never answered at all.
func (x *Case) reinviteUnanswered() *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method != sip.MethodInvite && t.Method != sip.MethodUpdate || !t.InDialog || t.Dialog == call.None || t.Resent < 3 {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			d := &l.Dialogs[t.Dialog]
			if t.Final != call.None || t.Trying != call.None || t.Progress != call.None || d.Confirmed == 0 || x.relaysSilence(r) {
				continue
			}
			rep := x.report("dialog.reinvite-failed", x.Absent(0.9, r, t.LastResent), "%s wanted to change or refresh the session with %s, sent it to %s %d times in %.1f s and got no answer.", t.Client, x.methodOf(r), t.Server, t.Resent+1, Seconds(x.Start(r), t.LastResent)).
				do("Capture at %s: does the %s arrive? A NAT binding or firewall state that ran out during the call, a Contact that cannot be reached, or a device that is gone are the usual reasons.", t.Server, x.methodOf(r)).
				see(x.RequestRef(r), "%s, sent %d times", x.methodOf(r), t.Resent+1).
				suspect(t.Server, call.RoleUnknown)
			if d.Bye != call.None && d.Terminated >= x.Start(r) {
				rep.add(" The call was ended %.0f s after it.", Seconds(x.Start(r), d.Terminated)).
					see(call.MsgRef{Leg: k, Msg: l.Txns[d.Bye].Request}, "BYE")
			} else {
				rep.severity(finding.Warning)
			}
			return rep
		}
	}
	return nil
}

func (x *Case) reinviteFailed(r call.TxnRef) *report {
	t, l := x.Txn(r), x.Legs[r.Leg]
	deepest := x.bottom(r)
	made, status := x.Txn(deepest).Server, x.Status(r)
	m := x.Msg(x.FinalRef(r))
	words := ""
	if m != nil {
		words = call.Clean(m.ReasonPhrase())
	}
	rep := x.report("dialog.reinvite-failed", 1, "%s wanted to change the session with %s; %s refused it with %d %s.", t.Client, x.methodOf(r), made, status, words).
		see(x.RequestRef(r), "%s in the call", x.methodOf(r)).
		see(x.FinalRef(deepest), "refused with %d", status)
	if s := x.Session(x.RequestRef(r)); s != nil {
		rep.add(" It offered %s.", streams(s))
	}
	if m != nil {
		for w := range m.Warnings() {
			rep.add(" Warning: %d %q.", w.Code, call.Clean(w.Text))
		}
	}
	bye := &l.Dialogs[t.Dialog]
	after := Seconds(x.FinalTime(r), bye.Terminated)
	switch again := x.repeatedLater(r); {
	case again >= 200 && again < 300:
		rep.add(" A later one was accepted.").severity(finding.Info)
	case status == 481, status == 408:
		rep.add(" With %d the dialog is over for %s.", status, t.Client)
	case bye.Bye != call.None && after >= 0 && after < 3:
		rep.add(" The call was ended %.1f s later.", after)
	default:
		rep.add(" The session went on as it was.").severity(finding.Warning)
	}
	switch status {
	case 488, 606, 415:
		rep.do("Compare the streams that it offered with what %s accepted at the beginning of the call: T.38, video, SRTP or another codec is what it refuses.", made)
	case 481, 408:
		rep.do("Look why %s no longer has the call (dialog.unknown, transport findings beside this).", made)
	case 401, 407:
		rep.do("Let %s answer the challenge, or let %s not challenge requests inside a dialog.", t.Client, made)
	case 500, 501, 503, 400, 405:
		rep.do("Look in the log of %s: many elements refuse a re-INVITE that comes while another is pending, or without SDP.", made)
	}
	return rep.do("If the change is not needed (direct media, session refresh by re-INVITE, hold with another codec), switch it off at %s.", t.Client)
}

// repeatedLater returns the status of the last later try of the same change by the same side, 0 when there is none.
func (x *Case) repeatedLater(r call.TxnRef) int {
	l, t := x.Legs[r.Leg], x.Txn(r)
	status := 0
	for i := int(r.Txn) + 1; i < len(l.Txns); i++ {
		if o := &l.Txns[i]; o.Method == t.Method && o.InDialog && o.Client == t.Client && o.Parent == call.None {
			status = l.FinalStatus(o)
		}
	}
	return status
}
