package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/sip"
)

// authAlgorithmUnsupported: the answer uses a scheme, algorithm or qop that the challenge does not offer, or
// there is no answer and nothing is offered that every client has (RFC 8760 §2, RFC 3261 §22.4).
func authAlgorithmUnsupported(x *Case) *report {
	d, f, ok := x.faulted(faultAlgorithm)
	if !ok {
		return x.nothingUsable(d)
	}
	e := &d.steps[f.step]
	t := x.Txn(e.ref)
	offered := f.asked
	list := offers(e.asked, f.cred.Realm)
	if f.offer >= 0 {
		list = offers(d.steps[f.offer].asked, f.cred.Realm)
	}
	user, realm := account(&f.cred)
	used := call.Clean(algorithm(f.cred.Algorithm))
	if len(f.cred.QOP) > 0 {
		used += " qop=" + call.Clean(f.cred.QOP)
	} else if len(offered.QOP) > 0 {
		used += " without qop"
	}
	if !bytes.EqualFold(f.cred.Scheme, []byte("Digest")) {
		used = "scheme " + call.Clean(f.cred.Scheme)
	}
	return x.report("auth.algorithm-unsupported", 0.9,
		"%s offers %s for realm %q; %s answered (user %q) with %s, which is not among them, and got %d.", e.maker, list, realm, t.Client.Addr(), user, used, e.code).
		do("Check whether the software of %s can do one of: %s.", t.Client.Addr(), list).
		do("Update %s, or let %s offer MD5 with qop=auth in a challenge of its own, below the stronger ones (RFC 8760 §2.3).", t.Client.Addr(), e.maker.Addr()).
		seeRefusal(d, f).suspect(t.Client, x.clientRole(e.ref))
}

// nothingUsable reports a challenge without an answer that offers neither MD5 with qop=auth nor MD5 without qop.
func (x *Case) nothingUsable(d *digestTries) *report {
	if len(d.steps) == 0 {
		return nil
	}
	e := &d.steps[len(d.steps)-1]
	if !challenged(e.code) || len(e.asked) == 0 || x.Txn(e.ref).HasAuth || authNoCredentials(x) == nil {
		return nil // a SIM announces itself with empty credentials: it can do AKA
	}
	for _, n := range e.asked {
		c := sip.Credentials{Scheme: []byte("Digest"), Realm: n.Realm}
		if fits([]sip.Challenge{n}, c) {
			return nil
		}
	}
	t := x.Txn(e.ref)
	list := offers(e.asked, e.asked[0].Realm)
	return x.report("auth.algorithm-unsupported", x.Absent(0.7, e.ref, x.FinalTime(e.ref).Add(answerWithin)),
		"%s offers only %s for realm %q, and %s did not answer: a client that can do none of it has to leave the challenge unanswered.", e.maker, list, call.Clean(e.asked[0].Realm), t.Client.Addr()).
		do("See whether the software of %s can do %s; if it can, it has no account for that realm.", t.Client.Addr(), list).
		do("Update %s, or let %s offer MD5 with qop=auth as well (RFC 8760 §2.3).", t.Client.Addr(), e.maker.Addr()).
		see(x.FinalRef(e.ref), "the challenge offers %s", list).
		suspect(t.Client, x.clientRole(e.ref))
}
