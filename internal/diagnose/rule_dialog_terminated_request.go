package diagnose

import (
	"time"

	"sipcause/internal/call"
	"sipcause/sip"
)

// dialogTerminatedRequest: 487 with no CANCEL, no BYE (RFC 3261 §15.1.2), no Expires passed and no Timer C behind it
// (RFC 3261 §21.4.25).
func dialogTerminatedRequest(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 487 || x.Txn(r).Method != sip.MethodInvite {
		return nil
	}
	waited := x.FinalTime(r).Sub(x.Start(r))
	if waited >= call.TimerC {
		return nil
	}
	for _, t := range x.Txns() {
		if t.Cancel != call.None || t.Method == sip.MethodCancel || t.Method == sip.MethodBye {
			return nil
		}
	}
	if q := x.Request(r); q != nil {
		if s, has := q.Expires(); has && waited >= time.Duration(s)*time.Second {
			return nil
		}
	}
	t := x.Txn(r)
	return x.report("dialog.terminated-request", x.Absent(0.85, r, x.FinalTime(r)), "%s answered 487 after %.1f s although nobody was seen to end the request: no CANCEL, no BYE, no Expires that ran out, no Timer C.", x.originName(), waited.Seconds()).
		do("Capture on both sides of %s: the CANCEL or BYE that it answers to stands on the other side, and who sent it ended the call.", t.Server).
		do("If there is none: %s ends calls by itself (ring timeout, dialplan, media timeout) and names it 487; look in its log at that second.", t.Server).
		see(x.RequestRef(r), "INVITE").
		see(x.DecidingRef(), "487 with nothing before it")
}
