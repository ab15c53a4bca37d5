package diagnose

import (
	"bytes"
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// maxVerified bounds the responses of one call that are recomputed, and the challenges that they may be of.
const maxVerified = 32

// recomputed computes anew the responses of all credentials in the call with the passwords that were given. Those that hops
// pass on are looked at where they are seen first.
func (x *Case) recomputed(list []finding.Digest) []finding.Digest {
	if x.secrets.Len() == 0 {
		return list
	}
	seen := map[string]bool{}
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			ref := call.MsgRef{Leg: k, Msg: t.Request}
			if !t.HasAuth || !ref.Valid() || len(list) == maxVerified {
				continue
			}
			m := x.Msg(ref)
			if m == nil {
				continue
			}
			for c := range m.Credentials() {
				if seen[string(c.Response)] {
					continue
				}
				seen[string(c.Response)] = true
				if v := x.verify(ref, &c); v.Result != digest.Unknown {
					list = append(list, finding.Digest{Sent: ref, Realm: call.Clean(c.Realm), Proxy: c.Proxy, Check: v})
				}
			}
		}
	}
	return list
}

// verify recomputes the response of credentials in a request. The texts of what it returns are clean.
func (x *Case) verify(ref call.MsgRef, c *sip.Credentials) digest.Check {
	if x.secrets.Len() == 0 {
		return digest.Check{}
	}
	m := x.Msg(ref)
	if m == nil {
		return digest.Check{}
	}
	around := digest.Around{
		Method: string(m.MethodName()), RequestURI: string(m.RequestURI()), Body: m.Body, Challenges: x.challengesBefore(ref),
	}
	if n, ok := m.ContentLength(); ok && n > len(m.Body) || x.Sighting(ref).Truncated {
		around.BodyCut = true
	}
	user := func(a sip.NameAddr) {
		if u, ok := sip.ParseURI(a.URI); ok && len(u.User) > 0 {
			around.Users = append(around.Users, string(u.User))
		}
	}
	if a, ok := m.From(); ok {
		user(a)
	}
	if a, ok := m.To(); ok {
		user(a)
	}
	for a := range m.Contacts() {
		user(a)
		break
	}
	v := x.secrets.Verify(c, &around)
	v.Sent, v.Used = call.Clean([]byte(v.Sent)), call.Clean([]byte(v.Used))
	return v
}

// challengesBefore returns the challenges of the leg that came before a request.
func (x *Case) challengesBefore(ref call.MsgRef) (list []sip.Challenge) {
	l := x.Legs[ref.Leg]
	for i := range l.Txns {
		r := call.TxnRef{Leg: ref.Leg, Txn: int32(i)}
		if f := x.FinalRef(r); challenged(x.Status(r)) && f.Valid() && f.Msg < ref.Msg && len(list) < maxVerified {
			if m := x.Msg(f); m != nil {
				for c := range m.Challenges() {
					list = append(list, c)
				}
			}
		}
	}
	return list
}

// proofWords says what recomputing a response showed; "" is nothing.
func proofWords(v digest.Check) string {
	switch v.Result {
	case digest.Matches:
		return "Computed anew with the given password, the response is the same: the client has that password, and used it right."
	case digest.NoMatch:
		return "Computed anew with the given password, the response is another, whichever field is changed: the client has another password."
	case digest.NotComputed:
		return "The response was not computed anew: its algorithm is not known here, or the capture lacks the body."
	case digest.FieldDiffers:
		if v.Field == digest.FieldPassword {
			return fmt.Sprintf("Computed anew, the response fits a password that is not the given one, but %s.", v.Used)
		}
		return fmt.Sprintf("Computed anew with the given password, the response fits only with %s %s instead of %s: the password is right, that field is wrong.",
			v.Field, orLeftOut(v.Used), orLeftOut(v.Sent))
	}
	return ""
}

// wrongLogin is for the caller.
const wrongLogin = "The telephone service did not accept the user name or password stored in your phone or app."

func orLeftOut(s string) string {
	if s == "" {
		return "left out"
	}
	return fmt.Sprintf("%q", s)
}

// proof recomputes the response of the credentials that were refused.
func (x *Case) proof(d *digestTries, f *refusal) digest.Check {
	return x.verify(x.RequestRef(d.steps[f.step].ref), &f.cred)
}

// prove settles a report of wrong credentials by what recomputing them showed; false when it settles nothing.
func (r *report) prove(d *digestTries, f *refusal) bool {
	x, e := r.x, &d.steps[f.step]
	t := x.Txn(e.ref)
	user, realm := account(&f.cred)
	v := x.proof(d, f)
	switch v.Result {
	case digest.Matches:
		r.f.Confidence = 0.75
		r.do("Look on %s at what it has stored for %q in realm %q: another password, an HA1 made for another realm or user name, or no such account. The client's response is right for the password that was given.", e.maker, user, realm)
		if m := x.Request(e.ref); m != nil && !bytes.Equal(f.cred.URI, m.RequestURI()) {
			r.do("The digest covers uri=%q while the Request-URI is %q: see whether %s takes the latter, which RFC 7616 §3.4.6 lets it refuse.", call.Clean(f.cred.URI), call.Clean(m.RequestURI()), e.maker.Addr())
		}
		r.do("If the account is right there, %s refuses for another reason: its log at that second names it.", e.maker.Addr())
		r.suspect(e.maker, call.RoleUnknown).acts(finding.ActsProxy).
			tell("The telephone service refused the login of your phone or app, although its password is right; the operator of the service has to see why.")
		return true
	case digest.FieldDiffers:
		r.f.Confidence = 0.99
		if v.Field == digest.FieldPassword {
			r.do("Enter the password of %q anew in %s: it has %s.", user, t.Client.Addr(), strings.Replace(v.Used, "the given one", "the right one", 1))
		} else {
			r.do("Correct the %s in %s: it computes the response with %s, and sends %s.", v.Field, t.Client.Addr(), orLeftOut(v.Used), orLeftOut(v.Sent))
		}
	case digest.NoMatch:
		r.f.Confidence = 0.99
		r.do("Enter the given password for %q in realm %q in %s: it has another one.", user, realm, t.Client.Addr())
	default:
		return false
	}
	r.suspect(t.Client, x.clientRole(e.ref)).tell(wrongLogin)
	return true
}
