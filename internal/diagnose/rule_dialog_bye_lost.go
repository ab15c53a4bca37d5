package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// dialogBYELost: a BYE was sent again and again and never answered (RFC 3261 §15.1.1, §17.1.2.2).
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
	return nil
}

// relaysSilence says whether the request was relayed from here: then the hop below tells more.
func (x *Case) relaysSilence(r call.TxnRef) bool {
	for range x.Legs[r.Leg].Children(r.Txn) {
		return true
	}
	return false
}
