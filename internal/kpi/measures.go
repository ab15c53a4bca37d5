// Package kpi measures calls: what a case adds to the counters of the roll-ups, what measures are made of their sums,
// what is normal, and which part of the traffic carries a change. Its one rule: an empty population has no value, and
// the reason is said.
package kpi

import "strings"

// form says how a value is made of sums.
type form uint8

const (
	ratio    form = iota // scale · hits / in
	quantile             // of the times of in
	total                // hits; it has no population to be empty
	rate                 // hits per second
	level                // hits minus in up to the end of a minute; of several minutes the greatest
)

// Measure is one row of the table of measures.
type Measure struct {
	Name, Title string
	Unit        string // "%", "ms", "s", "calls", …; "" a pure number
	Ref         string // the paragraph that defines it; "" ours
	Of          string // the unit that is counted: one of it counts once, however often it was seen
	Population  string // what the value is computed over
	Exclusions  string // what is left out
	Page        string // of docs/kpi: quantiles of one distribution share one

	LabelOf func(label string) string // the label of the measure made of a counter's; nil: it has none
	Always  bool                      // apart by label always: a share of all labels

	form  form
	hits  []counter
	in    []counter
	all   []counter // what the population is a part of; the rest of it is excluded
	q     float64
	scale float64
	empty string // why there is no value
}

// Texts that several rows share.
const (
	ofCall      = "call (on a route out: attempt)"
	ofReg       = "registration (on a route out: attempt)"
	endedCalls  = "calls whose result the capture shows"
	noEnd       = "calls under way, and those whose end the capture misses"
	notEnded    = "no call in the capture came to an end"
	notShown    = "no call in the capture shows it"
	withoutTime = "calls that do not show it"
)

var (
	code   = func(l string) string { return l[strings.LastIndexByte(l, ' ')+1:] }
	class  = func(l string) string { return code(l)[:min(1, len(code(l)))] + "xx" }
	method = func(l string) string { name, _, _ := strings.Cut(l, " "); return name }
	same   = func(l string) string { return l }
)

// measures is the table, but for the quantiles, which spread makes of delays.
var measures = [...]Measure{
	// The first ones are those of a capture's summary: see Meter.
	{
		Name: "asr", Title: "Answer-seizure ratio", Unit: "%", Ref: "ITU-T E.411", Of: ofCall, Population: endedCalls, Exclusions: noEnd,
		hits: []counter{callsAnswered}, in: []counter{callsEnded}, all: []counter{calls}, scale: 100, empty: notEnded,
	},
	{
		Name: "ner", Title: "Network effectiveness ratio", Unit: "%", Ref: "ITU-T E.425", Of: ofCall, Population: endedCalls, Exclusions: noEnd,
		hits: []counter{callsEffective}, in: []counter{callsEnded}, all: []counter{calls}, scale: 100, empty: notEnded,
	},
	{
		Name: "ser", Title: "Session establishment ratio", Unit: "%", Ref: "RFC 6076 §4.6", Of: ofCall, Population: endedCalls + ", redirected ones left out", Exclusions: "calls redirected by 3xx, " + noEnd,
		hits: []counter{callsAnswered}, in: []counter{callsSession}, all: []counter{calls}, scale: 100, empty: notEnded,
	},
	{
		Name: "seer", Title: "Session establishment effectiveness ratio", Unit: "%", Ref: "RFC 6076 §4.7", Of: ofCall, Population: endedCalls + ", redirected ones left out", Exclusions: "calls redirected by 3xx, " + noEnd,
		hits: []counter{callsReached}, in: []counter{callsSession}, all: []counter{calls}, scale: 100, empty: notEnded,
	},
	{
		Name: "isa", Title: "Ineffective session attempts", Unit: "%", Ref: "RFC 6076 §4.8", Of: ofCall, Population: endedCalls, Exclusions: noEnd,
		hits: []counter{callsIneffective}, in: []counter{callsEnded}, all: []counter{calls}, scale: 100, empty: notEnded,
	},
	{
		Name: "ira", Title: "Ineffective registration attempts", Unit: "%", Ref: "RFC 6076 §4.2", Of: ofReg, Population: "registrations whose result the capture shows", Exclusions: "registrations under way, and those whose end the capture misses",
		hits: []counter{registrationsFailed}, in: []counter{registrationsEnded}, all: []counter{registrations}, scale: 100, empty: "no registration in the capture came to an end",
	},

	{
		Name: "ccr", Title: "Call completion ratio", Unit: "%", Ref: "ITU-T E.600", Of: ofCall, Population: "calls that are over, however much is known of their end", Exclusions: "calls under way",
		hits: []counter{callsAnswered}, in: []counter{callsOver}, all: []counter{calls}, scale: 100, empty: "no call is over",
	},
	{
		Name: "scr", Title: "Session completion ratio", Unit: "%", Ref: "RFC 6076 §4.9", Of: ofCall, Population: endedCalls + ", and that are not up any more", Exclusions: "calls that are up, " + noEnd,
		hits: []counter{callsCompleted}, in: []counter{callsClosed}, all: []counter{calls}, scale: 100, empty: notEnded,
	},
	{
		Name: "acd", Title: "Average call duration", Unit: "s", Ref: "ITU-T E.437", Of: ofCall, Population: "calls of which answer and BYE were seen", Exclusions: withoutTime,
		hits: []counter{talk}, in: []counter{timeDuration}, all: []counter{calls}, scale: 0.001, empty: notShown,
	},
	{
		Name: "short_calls", Title: "Short calls", Unit: "%", Ref: "RFC 6076 §4.5", Of: ofCall, Population: "calls of which answer and BYE were seen", Exclusions: withoutTime,
		hits: []counter{callsShort}, in: []counter{timeDuration}, all: []counter{calls}, scale: 100, empty: notShown,
	},
	{Name: "calls", Title: "Calls", Unit: "calls", Of: ofCall, Population: "calls begun", Exclusions: "none", form: total, hits: []counter{calls}},
	{Name: "call_rate", Title: "Call attempts per second", Unit: "1/s", Of: ofCall, Population: "calls begun", Exclusions: "none", form: rate, hits: []counter{calls}},
	{
		Name: "concurrent", Title: "Concurrent calls", Unit: "calls", Of: ofCall, Population: "calls up at the end of a minute; of a longer step the greatest number", Exclusions: "calls answered more than 24 h before, calls of which the answer was not seen",
		form: level, hits: []counter{up}, in: []counter{down},
	},

	{Name: "codes", Title: "Final responses by code", Unit: "responses", Ref: "RFC 3261 §21", Of: "transaction", Population: "final responses to requests outside dialogs", Exclusions: "challenges, retransmissions, relayed copies", LabelOf: code, form: total, hits: []counter{codeFinal}},
	{Name: "code_classes", Title: "Final responses by class", Unit: "responses", Ref: "RFC 3261 §7.2", Of: "transaction", Population: "final responses to requests outside dialogs", Exclusions: "challenges, retransmissions, relayed copies", LabelOf: class, form: total, hits: []counter{codeFinal}},
	{Name: "code_methods", Title: "Final responses by method", Unit: "responses", Ref: "RFC 3261 §7.1", Of: "transaction", Population: "final responses to requests outside dialogs", Exclusions: "challenges, retransmissions, relayed copies", LabelOf: method, form: total, hits: []counter{codeFinal}},
	{Name: "responses", Title: "Final responses by method and code", Unit: "responses", Ref: "RFC 3261 §21", Of: "transaction", Population: "final responses to requests outside dialogs", Exclusions: "challenges, retransmissions, relayed copies", LabelOf: same, form: total, hits: []counter{codeFinal}},
	{
		Name: "code_share", Title: "Share of a code in the final responses", Unit: "%", Ref: "RFC 3261 §21", Of: "transaction", Population: "final responses to requests outside dialogs", Exclusions: "challenges, retransmissions, relayed copies", LabelOf: code, Always: true,
		hits: []counter{codeFinal}, in: []counter{codeFinal}, scale: 100, empty: "no final response was seen",
	},
	{
		Name: "class_share", Title: "Share of a class in the final responses", Unit: "%", Ref: "RFC 3261 §7.2", Of: "transaction", Population: "final responses to requests outside dialogs", Exclusions: "challenges, retransmissions, relayed copies", LabelOf: class, Always: true,
		hits: []counter{codeFinal}, in: []counter{codeFinal}, scale: 100, empty: "no final response was seen",
	},
	{Name: "dialog_codes", Title: "Final responses inside dialogs", Unit: "responses", Ref: "RFC 3261 §12.2", Of: "transaction", Population: "final responses to requests inside dialogs", Exclusions: "challenges, retransmissions, relayed copies", LabelOf: same, form: total, hits: []counter{codeDialog}},
	{Name: "challenges", Title: "Challenges", Unit: "responses", Ref: "RFC 3261 §22", Of: "transaction", Population: "401 and 407 that were not the last word", Exclusions: "retransmissions, relayed copies", LabelOf: same, form: total, hits: []counter{codeChallenge}},
	{Name: "makers", Title: "Failures by the element that made the response", Unit: "cases", Of: "case", Population: "cases that failed by a response", Exclusions: "cases without a final response", LabelOf: same, form: total, hits: []counter{codeMaker}},

	{Name: "retry_rate", Title: "Calls tried again by their caller", Unit: "%", Of: "call", Population: "calls with an attempt", Exclusions: "answers to challenges; tries under another Call-ID", hits: []counter{retried}, in: []counter{attemptCalls}, all: []counter{calls}, scale: 100, empty: notShown},
	{Name: "redial_rate", Title: "Calls tried again under another Call-ID", Unit: "%", Of: "call", Population: "calls that are over", Exclusions: "calls under way", hits: []counter{redialed}, in: []counter{callsOver}, all: []counter{calls}, scale: 100, empty: "no call is over"},
	{Name: "redial_success", Title: "Redials that were answered", Unit: "%", Of: "call", Population: "calls tried again under another Call-ID", Exclusions: "first tries", hits: []counter{redialAnswered}, in: []counter{redialed}, all: []counter{callsOver}, scale: 100, empty: "no call was tried again"},
	{Name: "amplification", Title: "Attempts for each call", Unit: "", Of: "call", Population: "calls with an attempt", Exclusions: "attempts that only led to others", hits: []counter{attempts}, in: []counter{attemptCalls}, all: []counter{calls}, scale: 1, empty: notShown},
	{Name: "failover_rate", Title: "Calls sent to another target after a failure", Unit: "%", Of: "call", Population: "calls with an attempt", Exclusions: "parallel branches", hits: []counter{failedOver}, in: []counter{attemptCalls}, all: []counter{calls}, scale: 100, empty: notShown},
	{Name: "failover_success", Title: "Failovers that led to an answer", Unit: "%", Of: "call", Population: "calls sent to another target after a failure", Exclusions: "calls with one target", hits: []counter{failoverSaved}, in: []counter{failedOver}, all: []counter{attemptCalls}, scale: 100, empty: "no call was sent to another target"},
	{Name: "retransmission_rate", Title: "Requests sent again", Unit: "%", Ref: "RFC 3261 §17.1", Of: "request sent", Population: "requests and their retransmissions at the most upstream hop", Exclusions: "ACK and CANCEL; copies by other capture points", hits: []counter{requestsResent}, in: []counter{requests, requestsResent}, scale: 100, empty: "no request was seen"},
	{Name: "response_retransmission_rate", Title: "Final responses sent again", Unit: "%", Ref: "RFC 3261 §17.2", Of: "response sent", Population: "final responses and their retransmissions at the most upstream hop", Exclusions: "copies by other capture points", hits: []counter{finalsResent}, in: []counter{finals, finalsResent}, scale: 100, empty: "no final response was seen"},

	{Name: "registrations", Title: "Registrations", Unit: "registrations", Ref: "RFC 3261 §10", Of: ofReg, Population: "registrations begun", Exclusions: "refreshes", form: total, hits: []counter{registrations}},
	{Name: "registrations_failing", Title: "Registrations that failed", Unit: "registrations", Ref: "RFC 6076 §4.2", Of: ofReg, Population: "registrations whose result the capture shows", Exclusions: "402", form: total, hits: []counter{registrationsFailed}},
	{Name: "registrations_alive", Title: "Bindings alive", Unit: "registrations", Ref: "RFC 3261 §10.2", Of: "registration", Population: "registrations whose binding holds at the end of a minute; of a longer step the greatest number", Exclusions: "bindings made more than 7 days before under the same Call-ID", form: level, hits: []counter{bindingsUp}, in: []counter{bindingsDown}},
	{Name: "registrations_expiring", Title: "Bindings that ran out", Unit: "registrations", Ref: "RFC 3261 §10.2.1.1", Of: "registration", Population: "bindings that were neither refreshed nor removed in time", Exclusions: "none", form: total, hits: []counter{bindingsRanOut}},

	{Name: "causes", Title: "Failures by cause", Unit: "cases", Of: "case", Population: "cases that failed", Exclusions: "none", LabelOf: same, form: total, hits: []counter{cause}},
	{Name: "cause_share", Title: "Share of a cause in the failures", Unit: "%", Of: "case", Population: "cases that failed", Exclusions: "none", LabelOf: same, Always: true, hits: []counter{cause}, in: []counter{cause}, scale: 100, empty: "no case failed"},
	{Name: "findings", Title: "Findings", Unit: "findings", Of: "case and finding", Population: "findings of cases", Exclusions: "findings of the capture as a whole", LabelOf: same, form: total, hits: []counter{findings}},

	{Name: "loss", Title: "RTP packets lost", Unit: "%", Ref: "RFC 3550 §6.4.1", Of: "packet", Population: "packets that the streams should have had", Exclusions: "streams of fewer than 100 packets; RTP that no session description announced", hits: []counter{packetsLost}, in: []counter{packetsExpected}, scale: 100, empty: "no RTP was seen"},
	{Name: "poor_streams", Title: "Streams of poor quality", Unit: "%", Ref: "ITU-T G.107", Of: "stream", Population: "streams with an estimate of their MOS", Exclusions: "streams of fewer than 100 packets, of unknown codecs", hits: []counter{streamsPoor}, in: []counter{mos}, all: []counter{streams}, scale: 100, empty: "no stream has an estimate"},
	{Name: "rating", Title: "User satisfaction", Unit: "", Ref: "ITU-T P.800", Of: "rating", Population: "ratings given", Exclusions: "calls without one", hits: []counter{ratingsSum}, in: []counter{ratings}, scale: 1, empty: "no user gave a rating"},
	{Name: "ratings", Title: "User ratings", Unit: "ratings", Ref: "ITU-T P.800", Of: "rating", Population: "ratings given", Exclusions: "calls without one", LabelOf: same, form: total, hits: []counter{ratings}},

	{Name: "prefix_calls", Title: "Calls by destination", Unit: "calls", Of: "call", Population: endedCalls, Exclusions: noEnd, LabelOf: same, form: total, hits: []counter{prefix}},
	{Name: "prefix_asr", Title: "Answer-seizure ratio by destination", Unit: "%", Ref: "ITU-T E.411", Of: "call", Population: endedCalls, Exclusions: noEnd, LabelOf: same, hits: []counter{prefixAnswered}, in: []counter{prefix}, scale: 100, empty: notEnded},

	{Name: "half_seen", Title: "Cases seen in part", Unit: "%", Of: "case", Population: "calls, registrations and transactions", Exclusions: "none", hits: []counter{seenHalf}, in: []counter{seen}, scale: 100, empty: "nothing was seen"},
	{Name: "one_way_seen", Title: "Cases seen in one direction", Unit: "%", Of: "case", Population: "calls, registrations and transactions", Exclusions: "none", hits: []counter{seenOneWay}, in: []counter{seen}, scale: 100, empty: "nothing was seen"},
}

// meterRatios is how many of measures a capture's summary has.
const meterRatios = 6

// delays are distributions, of which quantiles are measures. The first meterDelays are in a capture's summary.
var delays = [...]Measure{
	{Name: "pdd", Title: "Post-dial delay", Ref: "RFC 6076 §4.3", Of: ofCall, Population: "calls with an 18x", Exclusions: withoutTime, in: []counter{timePDD}, all: []counter{calls}, empty: notShown},
	{Name: "setup", Title: "Time to the answer", Ref: "RFC 3261 §13.1", Of: ofCall, Population: "calls with a 2xx", Exclusions: withoutTime, in: []counter{timeSetup}, all: []counter{calls}, empty: notShown},
	{Name: "duration", Title: "Session duration time", Ref: "RFC 6076 §4.5", Of: ofCall, Population: "calls of which answer and BYE were seen", Exclusions: withoutTime, in: []counter{timeDuration}, all: []counter{calls}, empty: notShown},
	{Name: "rrd", Title: "Registration request delay", Ref: "RFC 6076 §4.1", Of: ofReg, Population: "registrations that were accepted", Exclusions: "registrations that were not, or that do not show it", in: []counter{timeRRD}, all: []counter{registrations}, empty: "no registration in the capture shows it"},

	{Name: "srd", Title: "Session request delay", Ref: "RFC 6076 §4.3", Of: ofCall, Population: "calls answered", Exclusions: "calls that were not, or that do not show it", in: []counter{timeSRD}, all: []counter{calls}, empty: notShown},
	{Name: "srd_failed", Title: "Session request delay of failed calls", Ref: "RFC 6076 §4.3", Of: ofCall, Population: "calls that failed by a response of 400 and above", Exclusions: "calls answered, given up, redirected, challenged", in: []counter{timeSRDFailed}, all: []counter{calls}, empty: notShown},
	{Name: "sdd", Title: "Session disconnect delay", Ref: "RFC 6076 §4.4", Of: "call", Population: "calls whose BYE got a 2xx", Exclusions: withoutTime, in: []counter{timeDisconnect}, all: []counter{calls}, empty: notShown},
	{Name: "provisional", Title: "Time to the first provisional response", Ref: "RFC 3261 §21.1", Of: ofCall, Population: "calls with a provisional response", Exclusions: withoutTime, in: []counter{timeProvisional}, all: []counter{calls}, empty: notShown},
	{Name: "final", Title: "Time to the final response", Ref: "RFC 3261 §13.1", Of: ofCall, Population: "calls with a final response", Exclusions: withoutTime, LabelOf: same, in: []counter{timeFinal}, all: []counter{calls}, empty: notShown},
	{Name: "retry_interval", Title: "Time between tries of a caller", Of: "interval", Population: "tries of the caller after the first", Exclusions: "answers to challenges; tries under another Call-ID", in: []counter{retryInterval}, empty: "no call was tried again"},
	{Name: "redial_interval", Title: "Time between calls of one wish", Of: "call", Population: "calls tried again under another Call-ID", Exclusions: "first tries", in: []counter{redialInterval}, all: []counter{callsOver}, empty: "no call was tried again"},
	{Name: "failover_cost", Title: "Time that failover took", Of: "call", Population: "calls sent to another target after a failure", Exclusions: "parallel branches", in: []counter{failoverCost}, all: []counter{attemptCalls}, empty: "no call was sent to another target"},
	{Name: "jitter", Title: "Interarrival jitter", Ref: "RFC 3550 §6.4.1", Of: "stream", Population: "streams of 100 packets and more with a known clock", Exclusions: "streams of fewer packets, of unknown clocks", in: []counter{jitter}, all: []counter{streams}, empty: "no RTP was seen"},
	{Name: "remote_jitter", Title: "Jitter that receivers reported", Ref: "RFC 3550 §6.4.1", Of: "stream", Population: "streams of which a receiver reported its jitter", Exclusions: "reports without it", in: []counter{remoteJitter}, all: []counter{remoteStreams}, empty: "no receiver reported"},
}

const meterDelays = 4

// scores are distributions of what is no time.
var scores = [...]Measure{
	{Name: "mos", Title: "Estimated MOS", Unit: "", Ref: "ITU-T G.107", Of: "stream", Population: "streams of 100 packets and more with an estimate", Exclusions: "streams of fewer packets, of unknown codecs", in: []counter{mos}, all: []counter{streams}, empty: "no stream has an estimate"},
	{Name: "remote_mos", Title: "MOS that receivers and agents reported", Unit: "", Ref: "RFC 3611 §4.7", Of: "stream", Population: "streams with a reported MOS", Exclusions: "reports without one", in: []counter{remoteMOS}, all: []counter{remoteStreams}, empty: "no receiver reported"},
	{Name: "remote_loss", Title: "Loss that receivers reported", Unit: "%", Ref: "RFC 3550 §6.4.1", Of: "stream", Population: "streams of which a receiver reported its loss", Exclusions: "reports without it", in: []counter{remoteLoss}, all: []counter{remoteStreams}, empty: "no receiver reported"},
}

// aQuantile is one that is made of each distribution.
type aQuantile struct {
	suffix, title string
	q             float64
}

var (
	high = []aQuantile{{"_p50", ", median", 0.50}, {"_p95", ", 95th percentile", 0.95}, {"_p99", ", 99th percentile", 0.99}}
	low  = []aQuantile{{"_p50", ", median", 0.50}, {"_p05", ", 5th percentile", 0.05}}
)

// table is every measure; a capture's summary has the first summaryMeasures of it.
var table, summaryMeasures = func() (list []Measure, n int) {
	spread := func(d Measure, quantiles []aQuantile) {
		for _, q := range quantiles {
			m := d
			m.Name, m.Title, m.Page, m.form, m.q = d.Name+q.suffix, d.Title+q.title, d.Name, quantile, q.q
			list = append(list, m)
		}
	}
	add := func(ms []Measure) {
		for _, m := range ms {
			m.Page = m.Name
			list = append(list, m)
		}
	}
	timed := func(ms []Measure) {
		for _, m := range ms {
			m.Unit = "ms"
			spread(m, high)
		}
	}
	add(measures[:meterRatios])
	timed(delays[:meterDelays])
	n = len(list)
	add(measures[meterRatios:])
	timed(delays[meterDelays:])
	spread(scores[0], low)
	spread(scores[1], low)
	spread(scores[2], high)
	return list, n
}()

// Measures returns the table of measures, in its order.
func Measures() []Measure { return table }

// MeasureOf finds a measure by its name.
func MeasureOf(name string) (*Measure, bool) {
	for i := range table {
		if table[i].Name == name {
			return &table[i], true
		}
	}
	return nil, false
}
