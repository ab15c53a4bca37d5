package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// dialogTransferFailed: REFER was accepted, and a NOTIFY told that the new call failed (RFC 3515 §2.4.5).
func dialogTransferFailed(x *Case) *report {
	r, ok := x.refer(func(status int) bool { return status/100 == 2 })
	if !ok {
		return nil
	}
	l := x.Legs[r.Leg]
	looked := 0
	for i := range l.Txns {
		o := call.TxnRef{Leg: r.Leg, Txn: int32(i)}
		if x.Txn(o).Method != sip.MethodNotify || x.Txn(o).Parent != call.None {
			continue
		}
		if looked++; looked > maxLooked {
			break
		}
		m := x.Request(o)
		if m == nil {
			continue
		}
		status, words := sipfrag(m.Body)
		if status < 300 || status == 401 || status == 407 {
			continue
		}
		target := ""
		if q := x.Request(r); q != nil {
			target = call.Clean(q.Header(sip.HeaderReferTo))
		}
		return x.report("dialog.transfer-failed", 1, "%s accepted the transfer to %s, but its call there failed with %d %s.", x.Txn(r).Server, target, status, words).
			see(x.RequestRef(r), "REFER").
			see(x.RequestRef(o), "NOTIFY: SIP/2.0 %d", status).
			do("Look at the call from %s to the target: %d there has a cause of its own.", x.Txn(r).Server, status).
			do("Check that the target of Refer-To is one that %s can dial (number form, domain, Replaces of a call that is still up).", x.Txn(r).Server)
	}
	return nil
}
