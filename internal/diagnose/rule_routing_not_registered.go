package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/internal/peer"
)

// routingNotRegistered: 404 or 480 for a user whose registration, in this capture, had run out, had been
// removed, or had failed (RFC 3261 §10.3). Who was reached and answered himself was not missing.
func routingNotRegistered(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 404 && status != 480 {
		return nil
	}
	if _, _, rang := x.ringing(); rang {
		return nil
	}
	if cause, _ := x.Q850(); cause > 0 && cause != 18 && cause != 20 && cause != 31 {
		return nil
	}
	if x.Says(disturbWords...) {
		return nil
	}
	b := x.calleeBinding(r)
	if b.unseen {
		return nil
	}
	at := x.Start(r)
	since := Seconds(b.last.Time, at)
	var why, check string
	confidence := 0.95
	switch b.state {
	case peer.Lapsed:
		since = Seconds(b.last.Until, at)
		why = fmt.Sprintf("its registration ran out at %s, %.0f s before, and was not refreshed (%d s granted)", clock(b.last.Until), since, b.last.Expires)
		confidence = 0.9 * (1 - x.Ledger.Missed(b.last.Time, at, b.last.Source.Addr(), b.last.Server.Addr()))
		check = "Was it switched off, or offline? Did its refreshes leave and not arrive (NAT, firewall, changed address)? A capture at the device shows which."
	case peer.Removed:
		why = fmt.Sprintf("it unregistered at %s, %.0f s before", clock(b.last.Time), since)
		check = "The device unregistered by itself (Expires: 0): it was shut down, restarted or reconfigured; start it again and watch its REGISTER."
	case peer.Refused:
		why = fmt.Sprintf("its REGISTER at %s, %.0f s before, got %d", clock(b.last.Time), since, b.last.Code)
		check = "Cure that refusal first: see the diagnosis of that registration."
		confidence = 0.9
	default:
		return nil
	}
	if b.doubt && !x.Says(offlineWords...) {
		confidence = min(confidence, guess)
	}
	rep := x.report("routing.not-registered", confidence, "%s is not registered: %s. %s answered %d.", b.last.AOR, why, x.originName(), status).
		do("Look at the device that registered from %s. %s", b.last.Source, check)
	if b.state == peer.Lapsed {
		rep.do("If it goes on to lapse: shorten the expiry that %s grants, so that a device behind NAT refreshes in time.", b.last.Server)
	}
	return rep.do("Give the callee a fallback (voicemail, forward when not registered).").
		seeRef(b.last.Ref, "the last answer to its REGISTER: %s", bindingWords(&b.last)).
		see(x.RequestRef(r), "the request, %.0f s later", since).
		see(x.DecidingRef(), "%d", status).
		suspect(b.last.Source, call.RoleUAS).
		tell("The person you are calling is not connected at the moment.")
}

// bindingWords words a registrar's answer: "200, 60 s granted".
func bindingWords(b *peer.Binding) string {
	switch {
	case b.Code >= 300:
		return fmt.Sprintf("%d", b.Code)
	case b.Removed:
		return fmt.Sprintf("%d, removed", b.Code)
	case b.Expires < 0:
		return fmt.Sprintf("%d", b.Code)
	}
	return fmt.Sprintf("%d, %d s granted", b.Code, b.Expires)
}
