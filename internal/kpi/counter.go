package kpi

import (
	"sipcause/internal/record"
)

// Counter is one row of the table of counters: what record.Cells are named after.
type Counter struct {
	Name  string
	Unit  string // what one of N is: "call", "attempt", "ms" …
	What  string // what is counted
	Times bool   // Cell.Bucket is set: N values of that bucket
	Label string // what Cell.Label tells apart; "" for none
	Side  Side
}

// Side says for which routes a counter counts, besides all traffic.
type Side uint8

// The sides.
const (
	Alone Side = iota // all traffic only
	Came              // what the case did, for the route that it came by
	Both              // the same, and for each route out what the attempt by it did, as if that were the case
	Every             // the case once for the route that it came by and each that it was sent by
)

var sideNames = [...]string{"all traffic", "the route that the case came by", "the route that it came by; routes out by attempt", "each of its routes"}

// String returns what is said of the side in docs.
func (s Side) String() string { return sideNames[s] }

// counter is an index into the table of counters.
type counter uint8

// The counters. Their names are stored; their numbers are not.
const (
	calls counter = iota
	callsOver
	callsEnded
	callsAnswered
	callsEffective
	callsSession
	callsReached
	callsIneffective
	callsClosed
	callsCompleted
	callsShort
	talk
	timeProvisional
	timePDD
	timeSRD
	timeSRDFailed
	timeFinal
	timeSetup
	timeDuration
	timeDisconnect
	up
	down
	codeFinal
	codeDialog
	codeChallenge
	codeMaker
	attempts
	attemptCalls
	retried
	retryInterval
	redialed
	redialInterval
	redialAnswered
	failedOver
	failoverCost
	failoverSaved
	requests
	requestsResent
	finals
	finalsResent
	registrations
	registrationsEnded
	registrationsFailed
	timeRRD
	bindingsUp
	bindingsDown
	bindingsRanOut
	cause
	findings
	streams
	packetsExpected
	packetsLost
	jitter
	mos
	streamsPoor
	remoteStreams
	remoteLoss
	remoteJitter
	remoteMOS
	ratings
	ratingsSum
	prefix
	prefixAnswered
	seen
	seenHalf
	seenOneWay
	nCounters
)

var counters = [nCounters]Counter{
	calls:            {Name: "calls", Unit: "call", What: "calls begun", Side: Both},
	callsOver:        {Name: "calls.over", Unit: "call", What: "calls that are not under way unanswered any more, however much is known of their end", Side: Both},
	callsEnded:       {Name: "calls.ended", Unit: "call", What: "calls whose result the capture shows", Side: Both},
	callsAnswered:    {Name: "calls.answered", Unit: "call", What: "of calls.ended, those answered", Side: Both},
	callsEffective:   {Name: "calls.effective", Unit: "call", What: "of calls.ended, those answered, busy, not answered by the callee, declined or given up by the caller", Side: Both},
	callsSession:     {Name: "calls.session", Unit: "call", What: "of calls.ended, those not redirected by a 3xx", Side: Both},
	callsReached:     {Name: "calls.reached", Unit: "call", What: "of calls.session, those answered or ended by 480, 486, 600 or 603", Side: Both},
	callsIneffective: {Name: "calls.ineffective", Unit: "call", What: "of calls.ended, those that failed by 408, 500, 503, 504 or without any final response", Side: Both},
	callsClosed:      {Name: "calls.closed", Unit: "call", What: "of calls.ended, those that are not up any more", Side: Both},
	callsCompleted:   {Name: "calls.completed", Unit: "call", What: "of calls.closed, those answered and hung up by a BYE that got a final response", Side: Both},
	callsShort:       {Name: "calls.short", Unit: "call", What: "of the calls with a duration, those shorter than 10 s", Side: Both},
	talk:             {Name: "calls.talk", Unit: "ms", What: "time from answer to BYE", Side: Both},
	timeProvisional:  {Name: "time.provisional", Unit: "call", What: "from the first INVITE to the first provisional response, 100 included", Times: true, Side: Both},
	timePDD:          {Name: "time.pdd", Unit: "call", What: "from the first INVITE to the first 18x", Times: true, Side: Both},
	timeSRD:          {Name: "time.srd", Unit: "call", What: "of calls.answered, from the first INVITE to the first 18x or else the 2xx", Times: true, Side: Both},
	timeSRDFailed:    {Name: "time.srd.failed", Unit: "call", What: "of calls that failed, from the first INVITE to the first 18x or else the failure", Times: true, Side: Both},
	timeFinal:        {Name: "time.final", Unit: "call", What: "from the first INVITE to the final response", Times: true, Label: "class of the response: 2xx to 6xx", Side: Both},
	timeSetup:        {Name: "time.setup", Unit: "call", What: "from the first INVITE to the 2xx", Times: true, Side: Both},
	timeDuration:     {Name: "time.duration", Unit: "call", What: "from the 2xx to the BYE", Times: true, Side: Both},
	timeDisconnect:   {Name: "time.disconnect", Unit: "call", What: "from the BYE to its 2xx", Times: true, Side: Came},
	up:               {Name: "calls.up", Unit: "call", What: "calls answered, in the minute of the answer", Side: Both},
	down:             {Name: "calls.down", Unit: "call", What: "calls of calls.up that ended, in the minute of the end, at most a day after the answer", Side: Both},

	codeFinal:     {Name: "codes", Unit: "response", What: "final responses to requests outside dialogs, in the minute of the response", Label: `method and code, "INVITE 486"`, Side: Both},
	codeDialog:    {Name: "codes.dialog", Unit: "response", What: "final responses to requests inside dialogs, in the minute of the response", Label: `method and code, "BYE 481"`, Side: Came},
	codeChallenge: {Name: "codes.challenge", Unit: "response", What: "401 and 407 that were not the last word, in the minute of the response", Label: `method and code, "INVITE 407"`, Side: Both},
	codeMaker:     {Name: "codes.maker", Unit: "case", What: "cases that failed, by what decided it, in the minute of the response", Label: `code, role and address or route of the element that made the deciding response, "503 proxy 198.51.100.1"`, Side: Came},

	attempts:       {Name: "attempts", Unit: "attempt", What: "attempts to reach a target on behalf of the call: those behind which the capture shows none", Side: Came},
	attemptCalls:   {Name: "attempts.calls", Unit: "call", What: "calls with an attempt", Side: Came},
	retried:        {Name: "retries", Unit: "call", What: "calls that their caller tried again under the same Call-ID, challenges left aside", Side: Came},
	retryInterval:  {Name: "time.retry", Unit: "interval", What: "from one try of the caller to the next", Times: true, Side: Came},
	redialed:       {Name: "redials", Unit: "call", What: "calls of a caller to a callee within two minutes of one between them that failed: see Redials", Side: Came},
	redialInterval: {Name: "time.redial", Unit: "call", What: "of redials, from the beginning of the failed call to that of the next", Times: true, Side: Came},
	redialAnswered: {Name: "redials.answered", Unit: "call", What: "of redials, those answered", Side: Came},
	failedOver:     {Name: "failovers", Unit: "call", What: "calls sent to another target after one had failed", Side: Came},
	failoverCost:   {Name: "time.failover", Unit: "call", What: "of failovers, from the first attempt to the last", Times: true, Side: Came},
	failoverSaved:  {Name: "failovers.answered", Unit: "call", What: "of failovers, those answered in the end", Side: Came},

	requests:       {Name: "requests", Unit: "request", What: "requests seen by their most upstream hop, ACK and CANCEL left out", Side: Both},
	requestsResent: {Name: "requests.resent", Unit: "request", What: "retransmissions of these", Side: Both},
	finals:         {Name: "finals", Unit: "response", What: "final responses to these", Side: Both},
	finalsResent:   {Name: "finals.resent", Unit: "response", What: "retransmissions of these", Side: Both},

	registrations:       {Name: "registrations", Unit: "registration", What: "registrations begun: REGISTERs of one Call-ID", Side: Both},
	registrationsEnded:  {Name: "registrations.ended", Unit: "registration", What: "registrations whose result the capture shows", Side: Both},
	registrationsFailed: {Name: "registrations.failed", Unit: "registration", What: "of registrations.ended, those that failed, 402 left aside", Side: Both},
	timeRRD:             {Name: "time.rrd", Unit: "registration", What: "from the first REGISTER to its 2xx, challenges included", Times: true, Side: Both},
	bindingsUp:          {Name: "bindings.up", Unit: "registration", What: "registrations that got a binding, in the minute of the first 2xx", Side: Came},
	bindingsDown:        {Name: "bindings.down", Unit: "registration", What: "registrations of bindings.up whose binding was removed or runs out, in that minute", Side: Came},
	bindingsRanOut:      {Name: "bindings.ran-out", Unit: "registration", What: "of bindings.down, those neither refreshed nor removed in time", Side: Came},

	cause:    {Name: "causes", Unit: "case", What: "cases that failed", Label: `ID of the root cause; "unknown" without one`, Side: Every},
	findings: {Name: "findings", Unit: "finding", What: "findings of cases", Label: "ID of the finding", Side: Every},

	streams:         {Name: "media.streams", Unit: "stream", What: "RTP streams of one direction with enough packets to be judged", Side: Every},
	packetsExpected: {Name: "media.expected", Unit: "packet", What: "RTP packets that these should have had", Side: Every},
	packetsLost:     {Name: "media.lost", Unit: "packet", What: "of media.expected, those that the capture point missed", Side: Every},
	jitter:          {Name: "media.jitter", Unit: "stream", What: "mean interarrival jitter at the capture point", Times: true, Side: Every},
	mos:             {Name: "media.mos", Unit: "stream", What: "estimated MOS, its bucket as if it were ms", Times: true, Side: Every},
	streamsPoor:     {Name: "media.poor", Unit: "stream", What: "of media.mos, those below 3.6", Side: Every},
	remoteStreams:   {Name: "remote.streams", Unit: "stream", What: "streams of which a receiver reported by RTCP, seen on the wire or through an agent", Side: Every},
	remoteLoss:      {Name: "remote.loss", Unit: "stream", What: "mean of the fractions lost that the receiver reported, in percent, its bucket as if it were ms", Times: true, Side: Every},
	remoteJitter:    {Name: "remote.jitter", Unit: "stream", What: "mean jitter that the receiver reported", Times: true, Side: Every},
	remoteMOS:       {Name: "remote.mos", Unit: "stream", What: "MOS that the receiver reported by RTCP XR or an agent measured, its bucket as if it were ms", Times: true, Side: Every},
	ratings:         {Name: "ratings", Unit: "rating", What: "what users said of their calls", Label: "1 (bad) to 5 (excellent)", Side: Every},

	ratingsSum: {Name: "ratings.sum", Unit: "point", What: "the sum of ratings", Side: Every},

	prefix:         {Name: "prefixes", Unit: "call", What: "calls.ended by destination", Label: `the first three digits of the number called; "none" when it has fewer`, Side: Alone},
	prefixAnswered: {Name: "prefixes.answered", Unit: "call", What: "calls.answered by destination", Label: "as prefixes", Side: Alone},

	seen:       {Name: "seen", Unit: "case", What: "calls, registrations and transactions", Side: Came},
	seenHalf:   {Name: "seen.half", Unit: "case", What: "of seen, those whose beginning, end or middle the capture misses", Side: Came},
	seenOneWay: {Name: "seen.one-way", Unit: "case", What: "of seen, those of which messages in one direction only were seen, although several were", Side: Came},
}

// Counters returns the table of counters, in its order.
func Counters() []Counter { return counters[:] }

// byName finds counters.
var byName = func() map[string]counter {
	m := make(map[string]counter, nCounters)
	for i := range counters {
		m[counters[i].Name] = counter(i)
	}
	return m
}()

// sink takes what is counted: n of a counter's unit. bucket is record.NoBucket unless the counter is of times.
type sink func(id counter, label string, bucket int16, n int64)

// one counts one.
func (s sink) one(id counter) { s(id, "", record.NoBucket, 1) }

// times counts one value of a counter of times; unknown ones are left out.
func (s sink) time(id counter, label string, ms float64) {
	if ms >= 0 {
		s(id, label, bucketOf(ms), 1)
	}
}
