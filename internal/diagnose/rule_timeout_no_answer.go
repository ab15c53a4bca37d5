package diagnose

import (
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
)

// timeoutNoAnswer: the callee was alerted for ten seconds or more and nobody picked up, or the network says
// so with Q.850 19.
func timeoutNoAnswer(x *Case) *report {
	cause, in := x.Q850()
	ringing, ns, alerting := x.ringing()
	gaveUp := x.Code == 0 || x.Code == 487 || x.Code == 408 || x.Code == 480
	if alerting && x.Code == 0 && x.Outcome == call.Failed {
		return x.ringsForEver(ringing)
	}
	if r, waited, ok := x.proxyGaveUp(); ok && cause < 0 {
		if rep := x.ringTimer(r, waited); rep != nil {
			return rep
		}
	}
	if !alerting {
		ringing, ns, _ = x.progressing()
	}
	if !(ringing.Valid() && ns >= int64(call.LongRing) && gaveUp) && cause != 19 {
		return nil
	}
	if !alerting && !unansweredCause(cause) {
		return nil // early media, and the network says why it ended
	}
	if rejectedAfterRing(x, cause) {
		return nil
	}
	if _, _, said := x.announcement(announceable...); said {
		return nil // the network had said why before the caller hung up
	}
	d := x.DecidingRef()
	var r *report
	switch {
	case alerting:
		r = x.report("timeout.no-answer", 1, "%s rang for %.0f s and nobody picked up; %s.", x.callee(), float64(ns)/1e9, x.whoGaveUp()).
			see(ringing, "the callee was alerted")
	case ringing.Valid() && ns >= int64(call.LongRing):
		meanwhile := "whatever rang or spoke then did so in early media, as networks do that send no 180"
		if s := x.Sighting(ringing).Status; s == 181 || s == 182 {
			meanwhile = "it was forwarded or waited in a queue, and no 180 followed"
		}
		r = x.report("timeout.no-answer", 0.8, "%s did not answer within %.0f s after %s: %s; %s.", x.callee(), float64(ns)/1e9, x.statusLine(ringing), meanwhile, x.whoGaveUp()).
			see(ringing, "the call got on; no 180 says that it rang").
			do("Listen to the early media before the end if there is any: an announcement in it tells of another cause.")
	default:
		r = x.report("timeout.no-answer", 0.9, "Nobody picked up at %s: the network says so with cause 19; %s.", x.callee(), x.whoGaveUp())
	}
	if end, _, ok := x.givenUp(); ok {
		r.see(x.RequestRef(end), "%s: the caller's side gave up", x.methodOf(end))
	}
	if d.Valid() {
		r.see(d, "%d ended it", x.Sighting(d).Status)
	}
	if in.Valid() && in != d {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r.do("Nothing is broken: call again later.").
		do("If the callee never heard it ring: check the device's sound and do-not-disturb, and whether this is the device the callee uses.").
		tell("Nobody answered the call.")
}

// ringTimer: an element on the way ended the ringing by a CANCEL of its own, sooner than people need to pick up.
func (x *Case) ringTimer(r call.TxnRef, waited time.Duration) *report {
	at, ns, rang := x.lasted(r, 183)
	if !rang || ns >= int64(call.LongRing) {
		return nil
	}
	t := x.Txn(r)
	return x.report("timeout.no-answer", 0.85, "%s rang for %.1f s only (%s): then %s cancelled the attempt by itself, %.1f s after its INVITE, and answered %d %s.", x.callee(), float64(ns)/1e9, x.statusLine(at), t.Client, waited.Seconds(), x.Code, x.Reason).
		do("Raise the no-answer timer of %s: people need ten seconds and more (Kamailio fr_inv_timer, Asterisk Dial() timeout, FreeSWITCH call_timeout).", t.Client).
		see(at, "the callee was alerted").
		see(x.RequestRef(call.TxnRef{Leg: r.Leg, Txn: t.Cancel}), "cancelled by %s", t.Client).
		see(x.Final, "%d made by %s", x.Code, t.Client).
		suspect(t.Client, call.RoleProxy).acts(finding.ActsProxy)
}

// ringsForEver: the callee was alerted, and for longer than any timer nothing came: no answer, no end.
func (x *Case) ringsForEver(ringing call.MsgRef) *report {
	return x.report("timeout.no-answer", 0.6, "%s was alerted, and in more than %.0f min after it came neither an answer nor an end: the caller's side is gone without a CANCEL, or the end passed by this capture.", x.callee(), call.TimerC.Minutes()).
		do("Look at %s, which sent the INVITE: is it still there? A device that lost its network, or a sender that never meant to talk (a spoofed INVITE, a ghost call), leaves a phone ringing so.", x.Txn(x.lastTryOrFirst()).Client).
		do("Capture at both ends: the CANCEL, BYE or final response is there or not.").
		see(ringing, "the last that came")
}

func (x *Case) lastTryOrFirst() call.TxnRef {
	r, _ := x.LastTry()
	return r
}

// rejectedAfterRing says whether the response that ended a long ring tells of a person's no.
func rejectedAfterRing(x *Case, cause int) bool {
	return x.Code == 480 && (cause == 21 || x.Says(rejected...))
}

// whoGaveUp says for people how the ringing ended.
func (x *Case) whoGaveUp() string {
	if _, _, ok := x.givenUp(); ok {
		return "the caller hung up"
	}
	if x.Code == 0 {
		return "the capture shows no end of it"
	}
	role := call.RoleUnknown
	if x.Origin != nil {
		role = x.Origin.Role
	}
	if role == call.RoleProxy || role == call.RoleTimer {
		return x.originName() + " ended the attempt"
	}
	return "the called side ended the attempt with " + x.answer()
}
