package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// dialogCancelRace: a 2xx crossed the CANCEL (RFC 3261 §9.1, §15): was BYE sent.
func dialogCancelRace(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method != sip.MethodInvite || t.Cancel == call.None || t.Parent != call.None || l.FinalStatus(t)/100 != 2 {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			cancel := call.TxnRef{Leg: k, Txn: t.Cancel}
			rep := x.report("dialog.cancel-race", 1, "%s cancelled the call, but %s had answered: 2xx and CANCEL crossed within %.0f ms.", t.Client, t.Server, 1000*abs(Seconds(x.FinalTime(r), x.Start(cancel)))).
				see(x.RequestRef(cancel), "CANCEL").
				see(x.FinalRef(r), "the 2xx that crossed it")
			if t.Dialog != call.None && l.Dialogs[t.Dialog].Bye != call.None {
				bye := call.TxnRef{Leg: k, Txn: l.Dialogs[t.Dialog].Bye}
				return rep.add(" The call was then ended with BYE after %.1f s.", Seconds(x.FinalTime(r), x.Start(bye))).
					see(x.RequestRef(bye), "BYE").
					do("Nothing is broken: that is how RFC 3261 §15 ends such a call.")
			}
			return rep.add(" No BYE was seen: the call stayed up.").
				do("Look at %s: who cancels and still gets a 2xx has to send ACK and BYE, or the callee talks to nobody and is billed for it.", t.Client)
		}
	}
	return nil
}

func abs(f float64) float64 { return max(f, -f) }
