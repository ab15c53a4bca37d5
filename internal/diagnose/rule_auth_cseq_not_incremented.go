package diagnose

import (
	"bytes"

	"sipcause/internal/call"
)

// authCSeqNotIncremented: the request with credentials kept the CSeq number of the challenged one, and was
// answered as a retransmission is, or not at all (RFC 3261 §22.2, §22.3; §8.2.2.2 for why).
func authCSeqNotIncremented(x *Case) *report {
	d := x.digest()
	for i := len(d.steps) - 1; i >= d.start; i-- {
		e := &d.steps[i]
		if again := x.repeatedWithCredentials(e.ref); again.Valid() && (challenged(e.code) || e.code == 0) {
			return x.sameBranch(e, again)
		}
		if len(e.sent) == 0 {
			continue
		}
		if i == d.start || e.code != 0 && !challenged(e.code) && e.code != 403 {
			return nil
		}
		p := &d.steps[i-1]
		t, before := x.Txn(e.ref), x.Txn(p.ref)
		if !challenged(p.code) || t.CSeq != before.CSeq || t.Server != before.Server {
			return nil
		}
		conf, how := 0.4, "was not accepted"
		switch {
		case e.code == 0:
			conf, how = x.Absent(0.6, e.ref, x.Ended), "was never answered"
		case len(p.sent) == 0 && sameNonce(p, e) && x.sameToTag(p, e):
			conf, how = 0.75, "got the same challenge again, nonce and To tag included, as a retransmission would"
		}
		r := x.report("auth.cseq-not-incremented", conf,
			"%s repeated the %s with credentials under the CSeq number %d of the challenged request; it %s at %s, which may take it for a retransmission.", t.Client.Addr(), t.Method, t.CSeq, how, t.Server)
		if role := x.clientRole(e.ref); role == call.RoleProxy {
			r.do("%s answers the challenge itself while relaying and cannot raise the caller's CSeq: put a B2BUA there, or let %s trust it by address.", t.Client.Addr(), t.Server.Addr())
		} else {
			r.do("Update %s: a request with credentials is a new one, with CSeq + 1.", t.Client.Addr())
		}
		return r.see(x.FinalRef(p.ref), "the challenge to CSeq %d", t.CSeq).
			see(x.RequestRef(e.ref), "with credentials, CSeq %d again", t.CSeq).
			see(x.FinalRef(e.ref), "%d in answer to it", e.code).
			suspect(t.Client, x.clientRole(e.ref))
	}
	return nil
}

// sameBranch reports an answer that kept even the branch: by RFC 3261 §17.2.3 it is a retransmission.
func (x *Case) sameBranch(e *exchange, again call.MsgRef) *report {
	t := x.Txn(e.ref)
	return x.report("auth.cseq-not-incremented", 0.95,
		"%s sent the credentials with the branch and CSeq %d of the challenged %s: to %s that is a retransmission, and its credentials are never read.", t.Client.Addr(), t.CSeq, t.Method, t.Server).
		do("Update %s: a request with credentials needs CSeq + 1 and a branch of its own.", t.Client.Addr()).
		see(x.RequestRef(e.ref), "the request without credentials").
		see(x.FinalRef(e.ref), "the challenge").
		see(again, "the credentials, same branch, CSeq %d", t.CSeq).
		suspect(t.Client, x.clientRole(e.ref))
}

// sameToTag says whether two responses have the same To tag: servers that answer by transaction give each its own.
func (x *Case) sameToTag(a, b *exchange) bool {
	m, n := x.Msg(x.FinalRef(a.ref)), x.Msg(x.FinalRef(b.ref))
	return m != nil && n != nil && bytes.Equal(m.ToTag(), n.ToTag())
}

func sameNonce(a, b *exchange) bool {
	for _, m := range a.asked {
		for _, n := range b.asked {
			if bytes.Equal(m.Nonce, n.Nonce) && bytes.Equal(m.Realm, n.Realm) {
				return true
			}
		}
	}
	return false
}
