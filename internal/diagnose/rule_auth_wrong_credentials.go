package diagnose

import (
	"bytes"
	"fmt"

	"sipcause/internal/call"
	"sipcause/sip"
)

// Words by which a 403 says that it is about the credentials, that it is about the nonce, and that it is about
// something else.
var (
	saysCredentials = []string{"password", "passwd", "credential", "auth fail", "authentication fail", "authentification", "authorization fail", "authentication error", "bad auth", "wrong auth", "invalid auth", "not authenticated", "login fail", "digest", "username", "user name", "wrong user", "invalid user", "auth id", "unauthorized user"}
	saysNonce       = []string{"nonce"}
)

// authWrongCredentials: credentials for the challenged realm and a fresh nonce, in the right header field, were
// refused (RFC 3261 §22.3, RFC 7616 §3.4). A 403 counts when nothing speaks for a refusal by policy.
func authWrongCredentials(x *Case) *report {
	d, f, ok := x.refused(faultRefused, faultOld)
	if !ok {
		return nil
	}
	e := &d.steps[f.step]
	if f.fault == faultOld && challenged(e.code) {
		return nil
	}
	user, realm := account(&f.cred)
	t := x.Txn(e.ref)
	before, worked := x.worked(user, realm, x.Start(e.ref))
	conf := 0.95
	if !challenged(e.code) {
		if conf = x.refusalByCode(e, worked); conf == 0 {
			return nil
		}
	} else if worked {
		conf = 0.8
	}
	how := fmt.Sprintf("%s answered the challenge with the nonce just issued (%s later), and got %d %s%s", t.Client.Addr(), ageWords(f.age), e.code, x.reasonOf(e), timesWords(d.refusals(faultRefused, x)))
	if f.fault == faultOld {
		conf = min(conf, 0.75)
		how = fmt.Sprintf("%s sent them unasked, and got %d %s", t.Client.Addr(), e.code, x.reasonOf(e))
	}
	r := x.report("auth.wrong-credentials", conf, "%s did not accept the credentials of user %q for realm %q: %s.", e.maker, user, realm, how)
	r.do("Compare user name and password for realm %q in %s with those of the account on %s: the log there tells \"no such user\" from \"wrong password\", the wire does not.", realm, t.Client.Addr(), e.maker.Addr())
	r.do("Check that %q is the authentication user that %s expects, and not the extension or the number of the account.", user, e.maker.Addr())
	if m := x.Request(e.ref); m != nil && len(f.cred.URI) > 0 && !bytes.Equal(f.cred.URI, m.RequestURI()) {
		r.do("The digest covers uri=%q while the Request-URI is %q: a device on the way that rewrites the Request-URI breaks a correct password as well.", call.Clean(f.cred.URI), call.Clean(m.RequestURI()))
	}
	if len(f.asked.QOP) > 0 && len(f.cred.QOP) == 0 {
		r.do("The challenge offers qop=%q and the answer has none, which RFC 3261 §22.4 forbids: rule out that %s refuses it for that.", call.Clean(f.asked.QOP), e.maker.Addr())
	}
	if !challenged(e.code) && conf < 0.8 {
		r.do("Not excluded: the credentials are right and %s forbids this %s for another reason (403 says no more); its log settles it.", e.maker.Addr(), t.Method)
	}
	if worked {
		r.do("The account had been accepted before (frame %d): see whether its password was changed since, or another device uses it with an old one.", before.Ref.Number)
	}
	return r.seeRefusal(d, f).
		suspect(t.Client, x.clientRole(e.ref)).
		tell("The telephone service did not accept the user name or password stored in your phone or app.")
}

// refusalByCode says how likely a 403 to credentials, fresh and well addressed, is about the credentials;
// 0 when something speaks against it.
func (x *Case) refusalByCode(e *exchange, worked bool) float64 {
	switch {
	case x.Says(saysNonce...):
		return 0
	case x.Says(saysCredentials...):
		return 0.9
	case worked, x.saysPolicy():
		return 0
	case x.Txn(e.ref).Method == sip.MethodRegister:
		return 0.85
	}
	return 0.55
}

// refusals counts the tries since the last success that were refused with one fault.
func (d *digest) refusals(f fault, x *Case) int {
	n := 0
	for i := d.start; i < len(d.steps); i++ {
		e := &d.steps[i]
		if len(e.sent) == 0 || !challenged(e.code) && e.code != 403 {
			continue
		}
		if r := x.refusalOf(d, i); r.fault == f {
			n++
		}
	}
	return n
}

// reasonOf returns the reason phrase of a try's final response.
func (x *Case) reasonOf(e *exchange) string {
	if m := x.Msg(x.FinalRef(e.ref)); m != nil {
		return call.Clean(m.ReasonPhrase())
	}
	return ""
}

func timesWords(n int) string {
	switch {
	case n < 2:
		return ""
	case n == 2:
		return ", twice"
	}
	return ", again and again"
}
