package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// dialogReferRefused: REFER answered with a final failure (RFC 3515 §2.4.2).
func dialogReferRefused(x *Case) *report {
	r, ok := x.refer(func(status int) bool { return status >= 300 && status < 700 && status != 401 && status != 407 })
	if !ok {
		return nil
	}
	b := x.bottom(r)
	if x.crossedEnd(b) {
		return nil // dialog.unknown tells it
	}
	t := x.Txn(b)
	words, target := "", ""
	if m := x.Msg(x.FinalRef(b)); m != nil {
		words = call.Clean(m.ReasonPhrase())
	}
	if q := x.Request(r); q != nil {
		target = call.Clean(q.Header(sip.HeaderReferTo))
	}
	rep := x.report("dialog.refer-refused", 1, "%s refused the transfer to %s with %d %s.", t.Server, target, x.Status(b), words).
		see(x.RequestRef(r), "REFER").
		see(x.FinalRef(b), "%d", x.Status(b)).
		do("Look at %s: does it take REFER at all (Allow), from this peer, and to such a target? Many trunks refuse it; then let the PBX transfer by re-INVITE.", t.Server)
	if deciding, ok := x.DecidingTxn(); x.Failed() && !(ok && x.bottom(deciding) == b) {
		rep.severity(finding.Warning) // the failure has another cause
	}
	return rep
}
