package diagnose

// authCodes are the answers that can be about credentials: the challenges, and 403 to a digest answer.
var authCodes = []int{401, 403, 407}

var authRules = []rule{
	{id: "auth.no-credentials", on: onAll, codes: []int{401, 407}, check: authNoCredentials},
	{id: "auth.wrong-credentials", on: onAll, codes: authCodes, check: authWrongCredentials},
	{id: "auth.stale-nonce", on: onAll, always: true, check: authStaleNonce},
	{id: "auth.realm-mismatch", on: onAll, codes: authCodes, check: authRealmMismatch},
	{id: "auth.nonce-mismatch", on: onAll, codes: authCodes, check: authNonceMismatch},
	{id: "auth.algorithm-unsupported", on: onAll, codes: authCodes, check: authAlgorithmUnsupported},
	{id: "auth.wrong-header", on: onAll, codes: authCodes, check: authWrongHeader},
	{id: "auth.cseq-not-incremented", on: onAll, codes: []int{0, 401, 403, 407}, check: authCSeqNotIncremented},
	{id: "auth.challenge-loop", on: onAll, codes: authCodes, check: authChallengeLoop},
	{id: "auth.partial-credentials", on: onAll, codes: authCodes, check: authPartialCredentials},
	{id: "auth.password-change-suspected", on: onAll, codes: authCodes, check: authPasswordChangeSuspected},
}

// faulted returns the digest exchanges and the refusal of the last credentials when its fault is one of faults.
func (x *Case) faulted(faults ...fault) (*digestTries, *refusal, bool) {
	d := x.digest()
	for _, f := range faults {
		if d.last.fault == f {
			return d, &d.last, true
		}
	}
	return d, &d.last, false
}

// seeRefusal adds the messages that a refusal rests on: the challenge that offered the nonce, the answer, and
// what it got.
func (r *report) seeRefusal(d *digestTries, f *refusal) *report {
	x := r.x
	if words := proofWords(x.proof(d, f)); words != "" {
		r.add(" %s", words)
	}
	if f.offer >= 0 {
		r.see(x.FinalRef(d.steps[f.offer].ref), "the challenge that issued the nonce")
	} else {
		for k := f.step - 1; k >= 0; k-- {
			if len(d.steps[k].asked) > 0 {
				r.see(x.FinalRef(d.steps[k].ref), "the challenge before")
				break
			}
		}
	}
	e := &d.steps[f.step]
	r.see(x.RequestRef(e.ref), "the request with credentials")
	return r.see(x.FinalRef(e.ref), "%d in answer to them", e.code)
}
