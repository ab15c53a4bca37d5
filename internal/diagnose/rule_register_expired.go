package diagnose

import (
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// lateWithin is how long after its expiry a REGISTER is a late refresh: later than that nothing tells it from the first one
// of a device that was switched off, or that had registered elsewhere for months.
const lateWithin = 24 * time.Hour

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
		if at.Sub(gap.since) > lateWithin {
			return nil // it was away, or registered unseen meanwhile
		}
		if x.triedBetween(b.Time, gap.since) {
			return nil // it was not late but failed
		}
		if x.Ledger.Stopped(b.Time, at) {
			return nil // the refresh came while nobody listened
		}
		away := at.Sub(gap.since)
		// The refresh may have been sent and lost by the capture.
		conf := 0.9 * (1 - x.Ledger.Loss(b.Time, at, t.Client.Addr(), t.Server.Addr()))
		return x.report("register.expired", conf,
			"The binding of %s ran out at %s and the next REGISTER came %s later: meanwhile calls could not reach the user. %d s had been granted in frame %d.", x.Reg.AOR, clock(gap.since), ageWords(away), b.Expires, b.Ref.Number).
			do("See whether the device was off or without network then; if it was not, its refresh timer runs longer than the %d s that %s grants.", b.Expires, b.Server.Addr()).
			do("Let the device refresh at half to nine tenths of the granted expiry, whatever it asked for.").
			see(x.RequestRef(ref), "the late REGISTER").
			suspect(t.Client, call.RoleUAC)
	}
	return nil
}

// triedBetween says whether the user's REGISTER was tried, in this leg or refused in another, between two times.
func (x *Case) triedBetween(from, until wire.Time) bool {
	l := x.Lead()
	for i := range l.Txns {
		if t := &l.Txns[i]; t.Method == sip.MethodRegister && l.Start(t) > from && l.Start(t) <= until {
			return true
		}
	}
	for _, b := range x.Ledger.Bindings(x.Reg.AOR, until) {
		if b.Time > from && b.Code >= 300 {
			return true
		}
	}
	return false
}
