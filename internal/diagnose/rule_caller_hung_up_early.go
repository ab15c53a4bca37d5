package diagnose

import "sipcause/internal/call"

// earlyHangUp is how soon after the answer a caller's BYE is worth a note, in milliseconds.
const earlyHangUp = 5000

// callerHungUpEarly: answered, then BYE from the caller within five seconds.
func callerHungUpEarly(x *Case) *report {
	d := x.Timings.Duration
	if d == nil || *d >= earlyHangUp || x.HungUpBy != "caller" {
		return nil
	}
	for k, l := range x.Legs {
		for i := range l.Dialogs {
			dl := &l.Dialogs[i]
			if dl.Confirmed == 0 || dl.Bye < 0 {
				continue
			}
			bye := call.MsgRef{Leg: k, Msg: l.Txns[dl.Bye].First}
			return x.report("caller.hung-up-early", 1, "The caller hung up %.1f s after the answer.", *d/1000).
				do("One such call is normal (voicemail, wrong number). Many on one route: listen to what callers hear, one-way audio or false answers are likely.").
				see(bye, "BYE from the caller")
		}
	}
	return nil
}
