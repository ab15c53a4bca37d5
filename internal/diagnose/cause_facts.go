package diagnose

import (
	"fmt"
	"slices"
	"strconv"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// What a Q.850 cause is about, by what an expert does next. Gateways put them behind whatever code they like; the
// cause is what the far network said (RFC 3398 §7.2.4.1, Q.850 table 1).
const (
	causeNoUserResponding = 18
	causeAbsent           = 20
	causeRejected         = 21
	causeFormat           = 28 // invalid number format, address incomplete
)

// bearerCauses are about what the call carries: bearer capability not available (58), not implemented (65), only
// restricted digital (70), incompatible destination (88).
var bearerCauses = []int{58, 65, 70, 88}

// saysLittle says whether a Q.850 cause names none: normal clearing, normal unspecified, interworking, or the 0 of
// gateways that have nothing to say.
func saysLittle(cause int) bool {
	switch cause {
	case -1, 0, 16, 31, 127:
		return true
	}
	return false
}

// unansweredCause says whether a Q.850 cause goes well with a call that nobody picked up.
func unansweredCause(cause int) bool {
	switch cause {
	case causeNoUserResponding, 19, 102:
		return true
	}
	return saysLittle(cause)
}

// elsewhereCause says whether the cause puts the failure down to the callee, the number or what the call carries, and not
// to the element that sent the code.
func elsewhereCause(cause int) bool {
	switch cause {
	case 1, 2, 3, 17, causeNoUserResponding, 19, causeAbsent, 22, causeFormat:
		return true
	}
	return slices.Contains(bearerCauses, cause) || slices.Contains(barringCauses, cause)
}

// mappable says whether the code is a failure that a gateway may have put in place of what the cause says: not one
// that is about this client's request (401, 407, 42x, 48x of the transaction).
func mappable(status int) bool {
	switch status {
	case 401, 407, 420, 421, 422, 423, 481, 482, 483, 487, 491:
		return false
	}
	return status >= 400
}

// causeClause is the network's cause as a sentence that goes on with a summary, "" when there is none or it says
// little.
func (x *Case) causeClause() string {
	if cause, _ := x.Q850(); !saysLittle(cause) {
		if name := causeName(cause); name != "" {
			return " The telephone network's cause is " + strconv.Itoa(cause) + " (" + name + "): trust it before the code."
		}
	}
	return ""
}

// ownWords are the texts that the deciding response carries beside its phrase, as a sentence that goes on with a
// summary: Warning, and Reason but for the name of a Q.850 cause. "" when there are none.
func (x *Case) ownWords() string {
	m := x.Deciding()
	if m == nil {
		return ""
	}
	for w := range m.Warnings() {
		if len(w.Text) > 0 {
			return fmt.Sprintf(" Its Warning says %d %q.", w.Code, call.Clean(w.Text))
		}
	}
	for v := range m.Reasons() {
		if len(v.Text) > 0 && !namesCause(v) {
			return fmt.Sprintf(" Its Reason says %s %d %q.", call.Clean(v.Protocol), v.Cause, call.Clean(v.Text))
		}
	}
	return ""
}

// seeCause adds the message with the Q.850 cause where it is not the deciding one.
func (r *report) seeCause() *report {
	if cause, in := r.x.Q850(); in.Valid() && in != r.x.DecidingRef() {
		r.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return r
}

// refusedAfter returns how long the deciding server took for its answer, in seconds.
func (x *Case) refusedAfter(r call.TxnRef) float64 { return Seconds(x.Start(r), x.FinalTime(r)) }

// announceable are the causes that a network tells the caller by an announcement before it is hung up on.
var announceable = []int{causeUnallocated, 2, 3, causeChanged, 34, 42, 44, 47}

// announcement finds what the network said of the call before the caller ended it: the Q.850 cause of the last
// provisional response that carries one, as networks send it with an announcement in early media (RFC 6432, 3GPP TS
// 24.628). ok is false when the cause is none of those asked for.
func (x *Case) announcement(causes ...int) (cause int, in call.MsgRef, ok bool) {
	_, at, gaveUp := x.givenUp()
	if !gaveUp {
		return 0, call.NoMsg, false
	}
	var first, last wire.Time
	for k, l := range x.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			if !s.Reasoned || s.Method != sip.MethodInvite || s.Status <= 100 || s.Status >= 200 || s.Time > at {
				continue
			}
			r := call.MsgRef{Leg: k, Msg: int32(i)}
			switch c := telephoneCause(x.Msg(r)); {
			case saysLittle(c):
			case c != cause && s.Time >= last: // the last word counts
				cause, in, first, last = c, r, s.Time, s.Time
			case c == cause && s.Time < first: // where it was seen first it came from
				in, first = r, s.Time
			case c == cause:
				last = max(last, s.Time)
			}
		}
	}
	return cause, in, slices.Contains(causes, cause)
}

// telephoneCause returns the Q.850 cause of a message's Reason, -1 when it has none.
func telephoneCause(m *sip.Message) int {
	if m != nil {
		for v := range m.Reasons() {
			if v.Q850() {
				return v.Cause
			}
		}
	}
	return -1
}

// announced reports what an announcement said; what is the cause as a sentence.
func (x *Case) announced(id finding.ID, cause int, in call.MsgRef, what string) *report {
	end, at, _ := x.givenUp()
	s := x.Sighting(in)
	from := x.Legs[in.Leg].FlowOf(s).Src
	return x.report(id, 0.85, "%s: %s said so with cause %d (%s) in its %s, before any final response; the caller heard an announcement or silence, and hung up %.1f s later.", what, from, cause, causeName(cause), x.statusLine(in), Seconds(s.Time, at)).
		see(in, "Reason: Q.850;cause=%d", cause).
		see(x.RequestRef(end), "the caller's %s", x.methodOf(end)).
		suspect(from, call.RoleUnknown)
}
