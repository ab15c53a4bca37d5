package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sipcause/code"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/record"
	"sipcause/internal/view"
)

// Bounds of labels that traffic can make grow. What is beyond is counted as otherLabel.
const (
	maxRouteLabels  = 100
	maxSourceLabels = 100
	otherLabel      = "other"
)

// methods that have a label of their own (the IANA registry); others are otherLabel.
var methods = []string{
	"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
}

// Metrics are what the server counts for Prometheus and OTLP. Its methods may be called from several goroutines.
type Metrics struct {
	registry *prometheus.Registry
	routes   labels

	cases     *prometheus.CounterVec
	causes    *prometheus.CounterVec
	delay     prometheus.Histogram
	final     *prometheus.HistogramVec
	duration  prometheus.Histogram
	gaps      *prometheus.CounterVec
	lost      *prometheus.CounterVec
	traffic   *traffic
	followers prometheus.Gauge
	requests  *prometheus.CounterVec
	latency   *prometheus.HistogramVec
}

// seconds are the buckets of times between a request and what answers it: to T1·64 and the longest ringing.
var seconds = []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 32, 60, 180}

// talks are the buckets of calls' durations, in seconds.
var talks = []float64{1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200}

// NewMetrics returns metrics with a registry of their own. obs is asked for its status at each scrape.
func NewMetrics(obs view.Observer) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), routes: labels{limit: maxRouteLabels}, traffic: newTraffic()}
	counter := func(name, help string, names ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, names)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, names ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, names)
		m.registry.MustRegister(h)
		return h
	}
	m.cases = counter("sipcause_cases_total", "Calls, registrations and transactions that ended, by outcome and by the route that they came by.", "kind", "outcome", "route")
	m.causes = counter("sipcause_causes_total", "Cases that ended with a root cause, by its finding.", "cause", "severity", "kind")
	delay := histogram("sipcause_post_dial_delay_seconds", "Time from the INVITE to the first 18x of calls that ended.", seconds)
	m.delay = delay.WithLabelValues().(prometheus.Histogram)
	m.final = histogram("sipcause_time_to_final_seconds", "Time from the first request to the deciding response of cases that ended.", seconds, "kind", "class")
	duration := histogram("sipcause_call_duration_seconds", "Time from the answer to the BYE of calls that ended.", talks)
	m.duration = duration.WithLabelValues().(prometheus.Histogram)
	m.gaps = counter("sipcause_gaps_total", "Gaps: places where something is known to be missing.", "kind")
	m.lost = counter("sipcause_gap_lost_packets_total", "Packets known to be missing in gaps.", "kind")
	m.requests = counter("sipcause_http_requests_total", "Requests to the HTTP API.", "path", "method", "status")
	m.latency = histogram("sipcause_http_request_duration_seconds", "Time to answer requests to the HTTP API.", prometheus.DefBuckets, "path")
	m.followers = prometheus.NewGauge(prometheus.GaugeOpts{Name: "sipcause_event_clients", Help: "Clients that follow the events."})
	m.registry.MustRegister(
		m.traffic, m.followers, newStatusCollector(obs),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler serves the metrics, as OpenMetrics with exemplars where that is asked for. What cannot be read is left out.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Registry: m.registry,
	})
}

// Case counts a case when its revision is final: each case once.
func (m *Metrics) Case(c *record.Case) {
	if !c.Final {
		return
	}
	kind := c.Kind.String()
	m.cases.WithLabelValues(kind, c.Outcome.String(), m.routes.of(c.RouteIn)).Inc()
	if c.Cause != "" {
		cause, severity := otherLabel, otherLabel
		if d, ok := finding.Lookup(finding.ID(c.Cause)); ok {
			cause, severity = c.Cause, d.Severity.String()
		}
		m.causes.WithLabelValues(cause, severity, kind).Inc()
	}
	if c.Kind == call.KindCall {
		observe(m.delay, c.PDD, c.ID)
		observe(m.duration, c.Duration, c.ID)
	}
	if c.Decided > c.Began && !c.Began.Ordinal() {
		d := c.Decided.Sub(c.Began)
		observe(m.final.WithLabelValues(kind, classLabel(c.Code)), &d, c.ID)
	}
}

// maxExemplar is how many characters the labels of an exemplar may have (OpenMetrics 1.0).
const maxExemplar = 128

// observe takes a time, and the case as an example of it where its id is short enough to be given whole.
func observe(h prometheus.Observer, d *time.Duration, id string) {
	if d == nil || *d < 0 {
		return
	}
	if utf8.ValidString(id) && utf8.RuneCountInString(id)+len("call_id") <= maxExemplar {
		h.(prometheus.ExemplarObserver).ObserveWithExemplar(d.Seconds(), prometheus.Labels{"call_id": id})
		return
	}
	h.Observe(d.Seconds())
}

// Gap counts a gap.
func (m *Metrics) Gap(g *record.Gap) {
	m.gaps.WithLabelValues(g.Kind.String()).Inc()
	m.lost.WithLabelValues(g.Kind.String()).Add(float64(g.Lost))
}

// Cells counts what of the roll-ups is told by code: responses, requests, retransmissions, failovers. The cells are
// those that are written to the store.
func (m *Metrics) Cells(list []record.Cell) { m.traffic.add(list) }

// served counts a request to the API. path is the pattern of its route.
func (m *Metrics) served(path, method string, status int, took time.Duration) {
	if !slices.Contains([]string{"GET", "HEAD", "POST"}, method) {
		method = otherLabel
	}
	if status == 0 {
		status = 499 // the client was gone before there was one
	}
	m.requests.WithLabelValues(path, method, strconv.Itoa(status)).Inc()
	if path != "/api/v1/events" { // lasts as long as its client stays
		m.latency.WithLabelValues(path).Observe(took.Seconds())
	}
}

// labels bounds the values of a label: the first ones stay, later ones are otherLabel.
type labels struct {
	limit int
	mu    sync.Mutex
	known map[string]bool
}

func (l *labels) of(value string) string {
	value = strings.ToValidUTF8(value, "\uFFFD")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[value] {
		return value
	}
	if len(l.known) >= l.limit {
		return otherLabel
	}
	if l.known == nil {
		l.known = map[string]bool{}
	}
	l.known[value] = true
	return value
}

// traffic sums cells. Cells take back what an earlier revision counted; what was shown of a counter stays until the sum
// has passed it, since a counter that falls means a restart to its readers.
type traffic struct {
	mu        sync.Mutex
	responses map[response]*monotone
	plain     map[string]*monotone // by name of the cells' counter
}

type response struct{ in, class, code, method string }

type monotone struct{ sum, shown int64 }

func (c *monotone) add(n int64) {
	c.sum += n
	c.shown = max(c.shown, c.sum)
}

// codeCounters are the counters of package kpi whose label is a method and a code.
var codeCounters = map[string]string{"codes": "outside-dialog", "codes.dialog": "inside-dialog", "codes.challenge": "challenge"}

// plainCounters are counters of package kpi without a label.
var plainCounters = map[string]*prometheus.Desc{
	"requests":        prometheus.NewDesc("sipcause_requests_total", "Requests as their first hop sent them, without ACK.", nil, nil),
	"requests.resent": prometheus.NewDesc("sipcause_requests_retransmitted_total", "Retransmissions of these requests.", nil, nil),
	"attempts":        prometheus.NewDesc("sipcause_attempts_total", "Attempts to reach a target on behalf of a call.", nil, nil),
	"retries":         prometheus.NewDesc("sipcause_retried_calls_total", "Calls that their caller tried again.", nil, nil),
	"failovers":       prometheus.NewDesc("sipcause_failovers_total", "Calls sent to another target after one had failed.", nil, nil),
}

var responsesDesc = prometheus.NewDesc("sipcause_responses_total",
	"Final responses by class, code and method: to requests outside dialogs, inside dialogs, and challenges that were not the last word.",
	[]string{"in", "class", "code", "method"}, nil)

func newTraffic() *traffic {
	t := &traffic{responses: map[response]*monotone{}, plain: map[string]*monotone{}}
	for name := range plainCounters {
		t.plain[name] = &monotone{}
	}
	return t
}

func (t *traffic) add(list []record.Cell) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range list {
		c := &list[i]
		if c.Route != "" {
			continue // counted in all traffic
		}
		if p := t.plain[c.Counter]; p != nil {
			p.add(c.N)
			continue
		}
		in, ok := codeCounters[c.Counter]
		if !ok {
			continue
		}
		key := responseOf(c.Label)
		key.in = in
		p := t.responses[key]
		if p == nil {
			p = &monotone{}
			t.responses[key] = p
		}
		p.add(c.N)
	}
}

// responseOf reads "INVITE 486". Codes and methods that nobody has defined share labels, so that the keys are bounded.
func responseOf(label string) response {
	method, text, _ := strings.Cut(label, " ")
	if !slices.Contains(methods, method) {
		method = otherLabel
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		n = 0
	}
	r := response{class: classLabel(n), code: otherLabel, method: method}
	if _, ok := code.Lookup(n); ok {
		r.code = strconv.Itoa(n)
	}
	return r
}

// Describe implements prometheus.Collector.
func (t *traffic) Describe(to chan<- *prometheus.Desc) {
	to <- responsesDesc
	for _, d := range plainCounters {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (t *traffic) Collect(to chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, p := range t.responses {
		to <- prometheus.MustNewConstMetric(responsesDesc, prometheus.CounterValue, float64(p.shown), k.in, k.class, k.code, k.method)
	}
	for name, p := range t.plain {
		to <- prometheus.MustNewConstMetric(plainCounters[name], prometheus.CounterValue, float64(p.shown))
	}
}
