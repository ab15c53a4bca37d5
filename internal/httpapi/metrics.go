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
	m := &Metrics{registry: prometheus.NewRegistry(), routes: labels{limit: maxRouteLabels}}
	m.traffic = newTraffic(&m.routes)
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

// Cells counts what of the roll-ups is told by code or route: responses, requests, retransmissions, failovers, calls by
// route. The cells are those that are written to the store.
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
