package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// registerExpired: a REGISTER that came only after the last binding of its user had run out (RFC 3261 §10.2.4:
// bindings are refreshed before they expire). That a refresh never came is captureExpired's.
func registerExpired(x *Case) *report {
	if x.Reg == nil || x.Reg.AOR == "" || x.Reg.Removed {
		return nil
	}
	l := x.Lead()
	for i := range l.Txns {
		t := &l.Txns[i]
		if t.Method != sip.MethodRegister || t.Parent != call.None || t.Request == call.None {
			continue
		}
		ref := call.TxnRef{Leg: 0, Txn: int32(i)}
		at := x.Start(ref)
		gap, ok := lapsed(x.Ledger.Bindings(x.Reg.AOR, at), at)
		if !ok {
			continue
		}
		b := gap.last
		away := at.Sub(gap.since)
		// The refresh may have been sent and lost by the capture.
		conf := 0.9 * (1 - x.Ledger.Loss(b.Time, at, t.Client.Addr(), t.Server.Addr()))
		return x.report("register.expired", conf,
			"The binding of %s ran out at %s and the next REGISTER came %s later: meanwhile calls to the user failed. %d s had been granted in frame %d.", x.Reg.AOR, clock(gap.since), ageWords(away), b.Expires, b.Ref.Number).
			do("See whether the device was off or without network then; if it was not, its refresh timer runs longer than the %d s that %s grants.", b.Expires, b.Server.Addr()).
			do("Let the device refresh at half to nine tenths of the granted expiry, whatever it asked for.").
			see(x.RequestRef(ref), "the late REGISTER").
			suspect(t.Client, call.RoleUAC)
	}
	return nil
}
