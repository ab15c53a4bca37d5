package diagnose

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// policyForbidden: 403 that is not about credentials (RFC 3261 §21.4.4: authorization will not help).
func policyForbidden(x *Case) *report {
	if code, _ := x.said(); code != 403 && x.Code != 403 {
		return x.refusedByRule()
	}
	if status, _, ok := x.deciding(); ok && challenged(status) {
		return nil // the caller's 403 hides a challenge
	}
	conf, why := x.forbidden()
	if conf == 0 {
		return nil
	}
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	code, words := x.said()
	if r.txn.Progress != call.None {
		if _, _, rang := x.ringing(); rang {
			if cause, _ := x.Q850(); cause == causeRejected {
				return nil // RFC 3398 §7.2.4.1 gives it 403: somebody declined
			}
		}
		return x.report("policy.forbidden", conf, "%s alerted and then refused the %s of %s (%d %s).", r.txn.Server, r.txn.Method, r.txn.Client.Addr(), code, words).
			do("Look in the called device for what refuses after it rang: a key that rejects calls, a list of callers, an application behind it.").
			do("If the callee only declined: a device that answers 403 for that misuses the code; 603 or 486 is meant (RFC 3261 §21.6.2).").
			see(call.MsgRef{Leg: r.ref.Leg, Msg: r.txn.Progress}, "alerting").
			see(x.FinalRef(r.ref), "%d %s", code, words).
			acts(finding.ActsCallee)
	}
	out := x.report("policy.forbidden", conf, "%s understood the %s of %s and refuses it (%d %s) %s.", r.txn.Server, r.txn.Method, r.txn.Client.Addr(), code, words, why).add("%s", x.ownWords())
	out.do("Ask for the reason in the log of %s at that time: 403 itself does not tell, and neither another try nor other credentials help.", r.txn.Server.Addr())
	if r.served {
		out.do("%s serves other requests of %s: compare destination, calling number and account of this one with theirs.", r.txn.Server.Addr(), r.txn.Client.Addr())
	} else {
		out.do("No request of %s was served by %s in this capture: check that its address is allowed there, and its account active.", r.txn.Client.Addr(), r.txn.Server.Addr())
	}
	return out.do("Then check the rights of the account for this destination and its calling number there.").
		see(x.RequestRef(r.ref), "the refused request").
		see(x.FinalRef(r.ref), "%d %s", code, words)
}

// forbidden says how likely a 403 is no word about the credentials, and why; 0 when it is one.
func (x *Case) forbidden() (float64, string) {
	d := x.digest()
	f := &d.last
	about := x.Says(saysNonce...) || x.Says(saysCredentials...)
	switch f.fault {
	case faultElsewhere:
		return 0.85, "although the credentials had been let through by the element that asked for them"
	case faultNone:
		blind := slices.ContainsFunc(d.steps, func(e exchange) bool { return e.blind })
		switch {
		case blind && about:
			return 0, ""
		case blind:
			return 0.5, "(the capture does not show whether credentials were sent)"
		case about:
			return 0.6, "before any credentials were sent, although its words are about credentials"
		}
		return 0.8, "before any credentials were sent"
	case faultRefused, faultOld:
	default:
		return 0, "" // the credentials could not be accepted: auth.* says why
	}
	user, realm := account(&f.cred)
	e := &d.steps[f.step]
	_, worked := x.worked(user, realm, x.Start(e.ref))
	switch {
	case x.proof(d, f).Result == digest.Matches:
		return 0.9, "although the credentials are right: computed anew with the given password, the response is the same"
	case about:
		return 0, ""
	case worked && x.Txn(e.ref).Method == sip.MethodRegister && !x.saysPolicy():
		return 0.5, "to an account that it had accepted before"
	case worked:
		return 0.8, "to an account that it had accepted before"
	case x.saysPolicy():
		return 0.75, "in words that are not about credentials"
	case x.Txn(e.ref).Method == sip.MethodRegister:
		return 0, ""
	}
	return 0.5, "after credentials, which it may or may not have accepted"
}

// barringCauses are the Q.850 causes to which RFC 3398 §7.2.4.1 gives 403: call rejected, incoming calls barred within
// the closed user group, bearer capability not authorized, not a member of the closed user group.
var barringCauses = []int{causeRejected, 55, 57, 87}

// hidingCodes say nothing of a call that was rejected; a 480, 486 or 600 beside cause 21 does.
var hidingCodes = []int{404, 408, 500, 501, 502, 503, 504, 603}

// refusedByRule is policyForbidden of other codes: a 603 that came sooner than a person can refuse, with nothing
// rung before it, and a Q.850 cause of a bar behind a code that says less.
func (x *Case) refusedByRule() *report {
	status, r, ok := x.deciding()
	if !ok || x.Kind != call.KindCall {
		return nil
	}
	cause, _ := x.Q850()
	if _, _, rang := x.progressing(); rang {
		return nil
	}
	after := x.refusedAfter(r)
	var out *report
	switch {
	case status == 603 && after*1e9 < float64(leastThought) && !x.Began.Ordinal() && (saysLittle(cause) || cause == causeRejected):
		out = x.report("policy.forbidden", 0.6, "%s declined the call with %s %.0f ms after the INVITE and without ringing: too fast for a person, so a rule refused it.", x.originName(), x.answer(), 1000*after).
			do("Look on %s for what refuses without ringing: do-not-disturb, a block list, a screening service, a call rule, a bar of this caller or number.", x.Txn(r).Server)
	case slices.Contains(barringCauses, cause) && mappable(status) && (cause != causeRejected || slices.Contains(hidingCodes, status)):
		out = x.report("policy.forbidden", 0.6, "The network behind %s rejected the call with cause %d (%s), which its %s hides: nothing rang before it.", x.originName(), cause, causeName(cause), x.answer()).
			do("Ask the operator of %s which rule rejects: the calling number, the account, the destination, or a setting of the callee.", x.Txn(r).Server)
	default:
		return nil
	}
	return out.do("Compare with a call that it takes: the calling number as presented, the number called, the source address.").
		see(x.RequestRef(r), "the refused request").
		see(x.DecidingRef(), "%d", status).
		seeCause()
}
