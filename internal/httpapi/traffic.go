package httpapi

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"sipcause/code"
	"sipcause/internal/record"
	"sipcause/internal/route"
)

// traffic sums cells. Cells take back what an earlier revision counted; what was shown of a counter stays until the sum
// has passed it, since a counter that falls means a restart to its readers.
type traffic struct {
	mu        sync.Mutex
	responses map[response]*monotone
	plain     map[string]*monotone // by name of the cells' counter
	came      *labels              // names of routes by direction: one does not take the room of the other
	sent      labels
	byRoute   map[routeCount]*monotone
	byCode    map[routeResponse]*monotone
}

// routeCount is a counter of routeCounters, of one route.
type routeCount struct{ counter, route, direction string }

// routeResponse are the final responses to INVITEs by one route.
type routeResponse struct{ route, direction, class, code string }

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

// routeCounters are counters of package kpi that are given of each route: of one out, what the attempts by it did.
var routeCounters = map[string]*prometheus.Desc{
	"calls.ended": prometheus.NewDesc("sipcause_route_calls_total",
		"Calls by a route whose result is known; with direction out the attempts by it.", []string{"route", "direction"}, nil),
	"calls.answered": prometheus.NewDesc("sipcause_route_answered_total", "Those of sipcause_route_calls_total that were answered.", []string{"route", "direction"}, nil),
}

var routeResponsesDesc = prometheus.NewDesc("sipcause_route_responses_total",
	"Final responses to INVITEs outside dialogs by route, class and code, challenges left out; with direction out those to the attempts by it.",
	[]string{"route", "direction", "class", "code"}, nil)

// newTraffic returns sums without any. came bounds the names of routes in.
func newTraffic(came *labels) *traffic {
	t := &traffic{
		responses: map[response]*monotone{}, plain: map[string]*monotone{}, came: came, sent: labels{limit: maxRouteLabels},
		byRoute: map[routeCount]*monotone{}, byCode: map[routeResponse]*monotone{},
	}
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
			t.addRoute(c) // of all traffic it is counted in another cell
			continue
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
		summed(t.responses, key).add(c.N)
	}
}

// addRoute counts a cell of one route. t.mu is held.
func (t *traffic) addRoute(c *record.Cell) {
	key := func() (name, direction string) {
		name, direction = route.SplitKey(c.Route)
		if direction == "out" {
			return t.sent.of(name), direction
		}
		return t.came.of(name), direction
	}
	if routeCounters[c.Counter] != nil {
		name, direction := key()
		for counter := range routeCounters { // one that is 0 is there too: a share of nothing answered is 0, not unknown
			summed(t.byRoute, routeCount{counter, name, direction})
		}
		t.byRoute[routeCount{c.Counter, name, direction}].add(c.N)
		return
	}
	if c.Counter != "codes" {
		return
	}
	if r := responseOf(c.Label); r.method == "INVITE" {
		name, direction := key()
		summed(t.byCode, routeResponse{name, direction, r.class, r.code}).add(c.N)
	}
}

// summed returns the sum of a key.
func summed[K comparable](sums map[K]*monotone, key K) *monotone {
	p := sums[key]
	if p == nil {
		p = &monotone{}
		sums[key] = p
	}
	return p
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
	to <- routeResponsesDesc
	for _, table := range []map[string]*prometheus.Desc{plainCounters, routeCounters} {
		for _, d := range table {
			to <- d
		}
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
	for k, p := range t.byRoute {
		to <- prometheus.MustNewConstMetric(routeCounters[k.counter], prometheus.CounterValue, float64(p.shown), k.route, k.direction)
	}
	for k, p := range t.byCode {
		to <- prometheus.MustNewConstMetric(routeResponsesDesc, prometheus.CounterValue, float64(p.shown), k.route, k.direction, k.class, k.code)
	}
}
