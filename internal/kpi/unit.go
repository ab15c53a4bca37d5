package kpi

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/histogram"
	"sipcause/internal/record"
)

func bucketOf(v float64) int16 { return histogram.Bucket(v) }

// none stands for a time that is not known.
const none = -1

// shortCall is below which duration a call is short, in ms.
const shortCall = 10_000

// unit is what the ratios and delays are counted of: a call or registration as its originator saw it, or an attempt as
// if it were one. Times are in ms, or none.
type unit struct {
	kind                                          call.Kind
	outcome                                       call.Outcome
	code                                          int
	provisional, pdd, final, setup, duration, sdd float64
	closed, completed                             bool
}

// ended says whether the capture shows how an attempt ended.
func (u *unit) ended() bool { return u.outcome != call.Ongoing && u.outcome != call.Unknown }

func (u *unit) answered() bool { return u.outcome == call.Answered }

// userCodes are the failures that count as effective (RFC 6076 §4.7).
var userCodes = []int{480, 486, 600, 603}

// networkCodes are the failures that make an attempt ineffective (RFC 6076 §4.8); 0 is no response at all.
var networkCodes = []int{0, 408, 500, 503, 504}

func known(ms *float64) float64 {
	if ms == nil {
		return none
	}
	return max(*ms, 0) // two points may see an answer a little before its question
}

// unitOf returns the unit of a case. over says that no further message of it will come.
func unitOf(c *call.Call, over bool) unit {
	t := &c.Timings
	u := unit{
		kind: c.Kind, outcome: c.Outcome, code: c.Code,
		provisional: known(t.Trying), pdd: known(t.PDD), final: known(t.Final), setup: known(t.Setup), duration: known(t.Duration), sdd: none,
	}
	if u.provisional < 0 || u.pdd >= 0 && u.pdd < u.provisional {
		u.provisional = u.pdd
	}
	if len(c.Legs) == 0 {
		return u
	}
	l := c.Legs[0]
	bye := byeOf(l)
	u.closed = u.ended() && (!u.answered() || bye != call.None || over && !l.AtEnd)
	if bye == call.None {
		return u
	}
	b := &l.Txns[bye]
	u.completed = u.closed && u.answered() && b.Final != call.None
	if b.Final != call.None && b.Request != call.None && l.FinalStatus(b)/100 == 2 && !l.Sightings[b.Request].Time.Ordinal() {
		u.sdd = float64(l.Sightings[b.Final].Time-l.Sightings[b.Request].Time) / 1e6
	}
	return u
}

// byeOf returns the BYE transaction that ended the leg's first confirmed dialog, None when there is none.
func byeOf(l *call.Leg) int32 {
	for i := range l.Dialogs {
		if d := &l.Dialogs[i]; d.Confirmed != 0 && d.Bye != call.None {
			return d.Bye
		}
	}
	return call.None
}

// count counts a unit.
func (u *unit) count(s sink) {
	switch u.kind {
	case call.KindCall:
		u.countCall(s)
	case call.KindRegistration:
		s.one(registrations)
		if !u.ended() {
			return
		}
		s.one(registrationsEnded)
		if u.outcome == call.Failed && u.code != 402 { // RFC 6076 §4.2
			s.one(registrationsFailed)
		}
		if u.answered() {
			s.time(timeRRD, "", u.final)
		}
	}
}

func (u *unit) countCall(s sink) {
	s.one(calls)
	s.time(timeProvisional, "", u.provisional)
	s.time(timePDD, "", u.pdd)
	s.time(timeSetup, "", u.setup)
	if u.code >= 200 && u.code < 700 {
		s.time(timeFinal, classes[u.code/100], u.final)
	}
	if u.duration >= 0 {
		s.time(timeDuration, "", u.duration)
		s(talk, "", record.NoBucket, int64(u.duration+0.5))
		if u.duration < shortCall {
			s.one(callsShort)
		}
	}
	s.time(timeDisconnect, "", u.sdd)
	if u.outcome != call.Ongoing {
		s.one(callsOver)
	}
	if !u.ended() {
		return
	}
	s.one(callsEnded)
	u.srd(s)
	if u.answered() {
		s.one(callsAnswered)
	}
	switch {
	case u.answered(), u.outcome == call.Busy, u.outcome == call.NoAnswer, u.outcome == call.Declined, u.outcome == call.Cancelled:
		s.one(callsEffective)
	}
	if u.outcome != call.Redirected { // RFC 6076 §4.6
		s.one(callsSession)
		if u.answered() || slices.Contains(userCodes, u.code) {
			s.one(callsReached)
		}
	}
	if u.outcome == call.Failed && slices.Contains(networkCodes, u.code) {
		s.one(callsIneffective)
	}
	if u.closed {
		s.one(callsClosed)
		if u.completed {
			s.one(callsCompleted)
		}
	}
}

// classes are the labels of status codes by their first digit.
var classes = [...]string{"", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx"}

// srd counts the session request delay (RFC 6076 §4.3): to the first 18x, else to the 2xx of a session that was set up,
// or the failure. Redirections and challenges are neither.
func (u *unit) srd(s sink) {
	ms := u.pdd
	if ms < 0 {
		ms = u.final
	}
	switch {
	case u.answered():
		s.time(timeSRD, "", ms)
	case u.outcome == call.Failed || u.outcome == call.Busy || u.outcome == call.Declined || u.outcome == call.NoAnswer:
		if u.code != 402 && u.code >= 400 {
			s.time(timeSRDFailed, "", ms)
		}
	}
}
