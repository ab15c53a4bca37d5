package diagnose

import (
	"fmt"

	"sipcause/internal/call"
)

// Words of a 480 by which the callee is there and does not want to be called, and by which no device of it is.
var (
	disturbWords = []string{"do not disturb", "dnd"}
	offlineWords = []string{"not registered", "no contact", "offline", "no device"}
)

// unavailableWords tell what 480 means here: more than its phrase does.
var unavailableWords = []struct {
	words []string
	means string
	check string
}{
	{disturbWords, "do-not-disturb is on", "Switch do-not-disturb off on the device, or accept it."},
	{offlineWords, "no device is registered", "Check the device's registration: is it on, online, and does its last REGISTER have a 200?"},
	{[]string{"not available", "no one available"}, "the server calls the callee not available", "Ask the server's operator which state it has for this user: registration, presence, do-not-disturb."},
}

// calleeUnavailable: 480 that did not follow a long ring (RFC 3261 §21.4.18), or Q.850 18 or 20 behind another code.
func calleeUnavailable(x *Case) *report {
	d := x.DecidingRef()
	if !d.Valid() {
		return nil
	}
	if _, _, gaveUp := x.proxyGaveUp(); gaveUp {
		return nil // the callee was not asked for long enough
	}
	cause, in := x.Q850()
	byCause := (cause == causeNoUserResponding || cause == causeAbsent) && mappable(int(x.Sighting(d).Status))
	if status := x.Sighting(d).Status; status != 480 && (x.Code != 480 || status >= 500) && !byCause {
		return nil // a server's trouble that an element on the way calls 480 is not the callee's
	}
	if cause > 0 && cause != 18 && cause != 20 && cause != 21 && cause != 31 && cause != 16 && cause != 127 {
		return nil // the network names another cause
	}
	if _, ns, ok := x.progressing(); ok && ns >= int64(call.LongRing) && cause != 20 {
		return nil
	}
	rang, ns, alerting := x.ringing()
	means := "the response does not say whether no device is online, do-not-disturb is on, or a gateway gave up"
	switch cause {
	case 0, 16, 31, 127, -1:
		if alerting {
			means = fmt.Sprintf("the device had rung for %s, so it is there: the callee or the device refused, or it went away while it rang", shortTime(float64(ns)/1e9))
		}
	case 18:
		means = "the far network says with cause 18 that the device did not respond to it"
	case 20:
		means = "the far network says with cause 20 that the subscriber is absent"
	case 21:
		means = "the far network says with cause 21 that the call was rejected, and nothing says that it rang: by a setting of the callee (do-not-disturb, a block list), by the device, or by a rule of the network"
	}
	r := x.report("callee.unavailable", 0.7, "%s cannot be reached now (%s); %s.", x.callee(), x.answer(), means)
	found := false
	for _, w := range unavailableWords {
		if x.Says(w.words...) {
			r.f.Confidence, found = 0.85, true
			r.f.Summary = x.callee() + " cannot be reached now: " + w.means + " (" + x.answer() + ")."
			r.do("%s", w.check)
			break
		}
	}
	switch {
	case cause == 20:
		r.f.Confidence, found = 0.95, true
		r.do("Cause 20, subscriber absent: the mobile or the line is off or out of coverage; call later.")
	case cause == 21:
		r.f.Confidence, found = 0.6, true
		r.do("Ask the callee for do-not-disturb, blocked numbers and call screening; if there is none, ask the operator of %s which rule gave cause 21.", x.originName())
	case cause == 18:
		r.f.Confidence, found = 0.9, true
		r.do("Cause 18, no user responding: the far network got no answer from the device; call later.")
	}
	switch {
	case found:
	case alerting:
		r.see(rang, "the device was alerted").
			do("Ask the callee: rejected by hand (some phones say 480 for it), do-not-disturb, or a device that lost its connection. Its own log tells.")
	default:
		r.do("Look at the callee's registration at %s: a binding that is there and alive means do-not-disturb or a gateway behind; none means the device is offline.", x.originName())
	}
	r.do("If it lasts, capture between %s and the callee's device: an INVITE there that goes unanswered or gets 480 shows which.", x.originName())
	r.see(d, "%d: not reachable", x.Sighting(d).Status)
	if in.Valid() && in != d {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r
}

// originName names the element that decided, for people.
func (x *Case) originName() string {
	if x.Origin == nil {
		return "the last element seen"
	}
	name := x.Origin.Address.String()
	switch a := x.Origin.Address; {
	case a.Addr().IsUnspecified() && a.Port() == 0: // of pasted text without addresses
		name = "whoever answered"
	case x.Origin.Role == call.RoleUnknown:
	case x.Origin.Role == call.RoleTimer:
		name = "the timer of " + name
	default:
		name = string(x.Origin.Role) + " " + name
	}
	if x.Origin.Server != "" {
		name += " (" + x.Origin.Server + ")"
	}
	return name
}
