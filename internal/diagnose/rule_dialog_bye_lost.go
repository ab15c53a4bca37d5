package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// dialogBYELost: a BYE was sent again and again and never answered (RFC 3261 §15.1.1, §17.1.2.2), or was refused and
// none was accepted after it: either way the other side was not told.
func dialogBYELost(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method != sip.MethodBye || t.Final != call.None || t.Resent < 3 || x.relaysSilence(call.TxnRef{Leg: k, Txn: int32(i)}) {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			return x.report("dialog.bye-lost", x.Absent(0.9, r, t.LastResent), "%s sent BYE to %s %d times in %.1f s and got no answer: the other side may hold the call, and bill it, until a timer ends it.", t.Client, t.Server, t.Resent+1, Seconds(x.Start(r), t.LastResent)).
				do("Check whether %s is up and whether the BYE arrives there: a NAT binding or firewall state that ran out during the call, or a Contact that cannot be reached, are the usual reasons.", t.Server).
				do("Let session timers (RFC 4028) end calls whose BYE is lost.").
				see(x.RequestRef(r), "BYE, sent %d times", t.Resent+1).
				suspect(t.Server, call.RoleUnknown)
		}
	}
	return x.byeRefused()
}

// byeRefused finds a BYE that was refused, but for want of a dialog, and that none made good later.
func (x *Case) byeRefused() *report {
	for k, l := range x.Legs {
		refused := call.TxnRef{Txn: call.None}
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method != sip.MethodBye || t.Parent != call.None || t.Request == call.None {
				continue
			}
			switch status := l.FinalStatus(t); {
			case status >= 200 && status < 300:
				refused.Txn = call.None
			case status >= 300 && status != 481 && status != 408 && t.Dialog != call.None && l.Dialogs[t.Dialog].Confirmed != 0:
				refused = call.TxnRef{Leg: k, Txn: int32(i)}
			}
		}
		if refused.Txn == call.None {
			continue
		}
		deepest := x.bottom(refused)
		t, status := x.Txn(refused), x.Status(refused)
		server := x.Txn(deepest).Server
		r := x.report("dialog.bye-lost", x.Absent(0.9, refused, x.Ended), "%s sent BYE and got %s from %s; no other BYE followed in this capture: the other side may hold the call, and bill it, until a timer ends it.", t.Client, x.statusLine(x.FinalRef(deepest)), server).
			see(x.RequestRef(refused), "BYE").
			see(x.FinalRef(deepest), "refused with %d", status).
			suspect(server, call.RoleUnknown)
		switch status {
		case 401, 407:
			r.do("Let %s answer the challenge for its BYE as it does for the INVITE; or let %s not challenge requests inside a dialog.", t.Client, server).
				suspect(t.Client, call.RoleUnknown)
		case 500:
			r.do("Compare its CSeq with the requests before it in the dialog, and look in the log of %s.", server)
		default:
			r.do("Look why %s refuses a request inside a dialog: its Route and Request-URI have to be those of the dialog (Record-Route, Contact); a proxy that does not recognise its own route takes it for a new request.", server)
		}
		return r.do("Let session timers (RFC 4028) end calls whose BYE is lost.")
	}
	return nil
}

// relaysSilence says whether the request was relayed from here: then the hop below tells more.
func (x *Case) relaysSilence(r call.TxnRef) bool {
	for range x.Legs[r.Leg].Children(r.Txn) {
		return true
	}
	return false
}
