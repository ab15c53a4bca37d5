package diagnose

import (
	"sipcause/internal/passport"
	"sipcause/sip"
)

// identityStaleDate: the verifier finds the signature too old or from the future: 403 Stale Date (RFC 8224
// §6.2.2), or a refusal of a signature that is off by more than a minute.
func identityStaleDate(x *Case) *report {
	r, ok := x.verified()
	if !ok {
		return nil
	}
	m := x.Request(r.ref)
	text := x.Says("stale date", "stale-date", "stale identity", "iat ")
	if m == nil || m.Count(sip.HeaderIdentity) == 0 && !text {
		return nil
	}
	seen := x.Sighting(x.FinalRef(r.ref)).Time
	clock, clockName := seen.Std(), "the capture's clock"
	if resp := x.Msg(x.FinalRef(r.ref)); resp != nil {
		if d, ok := resp.Date(); ok {
			clock, clockName = d, "the verifier's clock"
		}
	}
	date, _ := m.Date()
	off, which, known := r.offTime(date, clock)
	late := known && seen.Absolute() && off.Abs() > passport.Freshness
	code, words := x.said()
	conf := 0.7
	switch {
	case text:
		conf = 1
	case !late, x.saysPolicy() && !x.Says("expired"), code == 438 && r.faulty(438):
		return nil
	}
	out := x.report("identity.stale-date", conf, "%s refuses the signature of the call for its time (%d %s).", r.txn.Server, code, words)
	if late {
		way := "older than"
		if off < 0 {
			way, off = "ahead of", -off
		}
		out = x.report("identity.stale-date", conf, "%s refuses the signature of the call for its time (%d %s): its %s is %s %s %s; %s is allowed.", r.txn.Server, code, words, which, passport.Words(off), way, clockName, passport.Words(passport.Freshness))
	}
	return out.do("Compare the clocks of the signer and of %s with a time server (NTP) first.", r.txn.Server.Addr()).
		do("If both are right, the request was held on the way (retries, queues) or a signature was used again: sign each call when it leaves.").
		see(x.RequestRef(r.ref), "signed: %s", signedAs(r.ids)).
		see(x.FinalRef(r.ref), "%d %s", code, words).
		blame(x.presenter(r.ref))
}
