package diagnose

import (
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// answerWithin is the time in which a client answers a challenge, if it does: what the capture lost in it may
// have been the answer.
const answerWithin = 5 * time.Second

// authNoCredentials: challenged, and the request never came again with credentials (RFC 3261 §22.2, §22.3).
func authNoCredentials(x *Case) *report {
	if r := x.unansweredChallenge(); r != nil {
		return r
	}
	return x.challengeHidden()
}

// unansweredChallenge is authNoCredentials of the originator, and of an element that called on in its place.
func (x *Case) unansweredChallenge() *report {
	d := x.digest()
	if len(d.steps) == 0 {
		return nil
	}
	if d.last.fault == faultStripped {
		return x.credentialsStripped(d)
	}
	if u, ok := x.unheard(); ok && u.to != x.Txn(u.txn).Client {
		return nil // the challenge went elsewhere
	}
	for i := d.start; i < len(d.steps); i++ {
		if len(d.steps[i].sent) > 0 || d.steps[i].blind || x.repeatedWithCredentials(d.steps[i].ref).Valid() {
			return nil
		}
	}
	e := &d.steps[len(d.steps)-1]
	if !challenged(e.code) {
		return nil
	}
	t := x.Txn(e.ref)
	l := x.Legs[e.ref.Leg]
	if len(e.asked) == 0 {
		return x.challengeWithoutHeader(e)
	}
	conf := x.Absent(0.95, e.ref, x.FinalTime(e.ref).Add(answerWithin))
	if t.Ack == call.None && len(d.steps)-d.start == 1 {
		conf = min(conf, onceAsked) // nothing but the silence speaks for it
	}
	if wait := max(x.Ledger.End, x.Ended).Sub(x.FinalTime(e.ref)); l.AtEnd && wait < answerWithin {
		conf = min(conf, cutShort) // the answer may have come after the capture's end
	}
	realm := call.Clean(e.asked[0].Realm)
	how := "never sent it again with credentials"
	if n := len(d.steps) - d.start; n > 1 {
		how = "sent it again without credentials each time"
	} else if t.Ack != call.None {
		how = "acknowledged the challenge and gave up"
	}
	_, answer := headerNames(e.asked[0].Proxy)
	r := x.report("auth.no-credentials", conf,
		"%s asked for credentials (%d, realm %q, %s) for the %s of %s, which %s.",
		e.maker, e.code, realm, offers(e.asked, e.asked[0].Realm), t.Method, t.Client.Addr(), how)
	r.do("Look whether an account (user name and password) for realm %q is configured in %s: a client without one cannot answer; one bound to another realm does not.", realm, t.Client.Addr())
	if t.Method == sip.MethodOptions {
		r.do("As a keepalive it served its purpose: any final response shows that %s is up. Let %s answer OPTIONS without authentication, or give the pinging side an account.", e.maker, e.maker.Addr())
	} else {
		r.do("If %s is meant to be trusted by its address (a trunk), %s did not recognise it: check the address and port it arrives from against the list of trusted peers there.", t.Client, e.maker.Addr())
		r.do("Otherwise enter the account, so that the %s is sent again with %s, the same Call-ID and CSeq + 1.", t.Method, answer)
	}
	return r.see(x.FinalRef(e.ref), "the challenge, realm %q", realm).
		see(call.MsgRef{Leg: e.ref.Leg, Msg: t.Ack}, "acknowledged, and nothing followed").
		suspect(t.Client, x.clientRole(e.ref)).
		tell("Your phone or app did not log in to the telephone service. Check that its account is set up.")
}

// challengeHidden: an element on the way was challenged by the next one, did not answer, and made another failure of
// it, so that the caller never saw the challenge.
func (x *Case) challengeHidden() *report {
	status, r, ok := x.deciding()
	if !ok || !challenged(status) || challenged(x.Code) || x.repeatedWithCredentials(r).Valid() {
		return nil
	}
	t, q := x.Txn(r), x.Request(r)
	if q == nil || x.Deciding() == nil {
		return nil
	}
	realm := ""
	for c := range x.Deciding().Challenges() {
		realm = call.Clean(c.Realm)
		break
	}
	for c := range q.Credentials() {
		if call.Clean(c.Realm) == realm {
			return nil // it had answered
		}
	}
	return x.report("auth.no-credentials", x.Absent(0.9, r, x.FinalTime(r).Add(answerWithin)), "%s asked %s for credentials (%d, realm %q). It did not send the %s again with any, and told the caller %d %s: the caller cannot answer a challenge that it never sees.", t.Server, t.Client, status, realm, t.Method, x.Code, x.Reason).
		do("If %s is to log in at %s (a trunk with an account): configure user name and password for realm %q there.", t.Client.Addr(), t.Server.Addr(), realm).
		do("If %s is to be trusted by its address: it is not in the list of trusted peers of %s, or arrives from another address or port.", t.Client, t.Server.Addr()).
		do("If the caller is meant to log in there: let %s pass the challenge on.", t.Client.Addr()).
		see(x.RequestRef(r), "the %s without credentials for %q", t.Method, realm).
		see(x.DecidingRef(), "the challenge, realm %q", realm).
		see(x.Final, "what the caller was told").
		suspect(t.Client, x.clientRole(r)).acts(finding.ActsProxy)
}

// credentialsStripped: the client answered, but the one who had asked never got the answer.
func (x *Case) credentialsStripped(d *digestTries) *report {
	f := &d.last
	e := &d.steps[f.step]
	user, realm := account(&f.cred)
	t, last := x.Txn(e.ref), x.Txn(e.made)
	_, answer := headerNames(f.cred.Proxy)
	return x.report("auth.no-credentials", 0.95,
		"%s asks for credentials (realm %q). %s sends them (user %q), but the request that %s hands on to it no longer has them: %s was removed on the way.", e.maker, realm, t.Client.Addr(), user, last.Client, answer).
		do("Look in the configuration of %s for what removes %s: a proxy takes off the credentials for its own realm only (RFC 3261 §22.3).", last.Client.Addr(), answer).
		do("Let it pass those for %q on, or let it authenticate at %s itself.", realm, e.maker.Addr()).
		see(x.RequestRef(e.ref), "with credentials for %q", realm).
		see(x.RequestRef(e.made), "without them").
		see(x.FinalRef(e.made), "%d in answer", e.code).
		suspect(last.Client, call.RoleProxy).acts(finding.ActsProxy)
}

// challengeWithoutHeader is a 401 or 407 that no client can answer: the challenge itself is missing.
func (x *Case) challengeWithoutHeader(e *exchange) *report {
	challenge, _ := headerNames(e.code == 407)
	return x.report("auth.no-credentials", 1,
		"%s answered %d without a %s header: no client can answer that, since realm and nonce are missing.", e.maker, e.code, challenge).
		do("Look in the configuration of %s at what makes this %d: a bare status sent by a script, or a challenge whose header a device on the way removed.", e.maker.Addr(), e.code).
		do("Let it send %s with realm, nonce, algorithm and qop (RFC 3261 §22.2, §22.3).", challenge).
		see(x.FinalRef(e.ref), "no %s in it", challenge).
		suspect(e.maker, call.RoleUnknown).acts(finding.ActsProxy)
}

// repeatedWithCredentials returns a sighting that carries credentials in a transaction whose request had none:
// the client sent the answer with the branch and CSeq of the challenged request.
func (x *Case) repeatedWithCredentials(r call.TxnRef) call.MsgRef {
	t := x.Txn(r)
	l := x.Legs[r.Leg]
	if t.HasAuth {
		return call.NoMsg
	}
	for i := range l.Messages(t) {
		if s := &l.Sightings[i]; s.IsRequest() && s.HasAuth && s.Method == t.Method {
			return call.MsgRef{Leg: r.Leg, Msg: i}
		}
	}
	return call.NoMsg
}
