package diagnose

import "sipcause/sip"

// authPasswordChangeSuspected: an account that the capture shows accepted is refused now, with a fresh nonce.
// A refusal for the nonce is none of the password.
func authPasswordChangeSuspected(x *Case) *report {
	d, f, ok := x.faulted(faultRefused)
	if !ok || x.Says(saysNonce...) {
		return nil
	}
	e := &d.steps[f.step]
	user, realm := account(&f.cred)
	before, worked := x.worked(user, realm, x.Start(e.ref))
	t := x.Txn(e.ref)
	register := t.Method == sip.MethodRegister && !x.saysPolicy()
	if !worked || !challenged(e.code) && !x.Says(saysCredentials...) && !register {
		return nil
	}
	conf := 0.6
	if before.From.Addr() == t.Client.Addr() || d.refusals(faultRefused, x) > 1 {
		conf = 0.8
	}
	r := x.report("auth.password-change-suspected", conf,
		"User %q of realm %q was accepted in frame %d, %s before, from %s; now %s is refused with the same account.",
		user, realm, before.Ref.Number, ageWords(x.Start(e.ref).Sub(before.Time)), before.From.Addr(), t.Client.Addr())
	if before.From.Addr() != t.Client.Addr() {
		r.do("The two come from different addresses: see whether %s is the account's owner, or somebody guesses its password.", t.Client.Addr())
	}
	return r.do("See on %s whether the password of %q was changed or the account locked between the two, and enter the new one in every device that uses the account.", e.maker.Addr(), user).
		seeRefusal(d, f).suspect(t.Client, x.clientRole(e.ref))
}
