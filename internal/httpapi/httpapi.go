// Package httpapi is the server's face for programs: REST under /api/v1, its events, health, and metrics for Prometheus
// and OTLP. Its one rule: openapi.yaml says what there is; every route, parameter and answer is held against it.
package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"sipcause/internal/view"
)

// Options of the API. Zero numbers stand for the defaults beside them.
type Options struct {
	Metrics   *Metrics      // nil: no /metrics
	Hosts     []string      // names, beside those of the loopback interface, that a Host header may have
	Body      int64         // bytes of an uploaded capture; 256 MiB
	Analyses  int           // of uploaded captures, at a time, and reports on lists; 2 each
	Followers int           // clients of /api/v1/events; 64
	Timeout   time.Duration // of a search, and of what else is not a stream; 10 s
	Heartbeat time.Duration // between signs of life of /api/v1/events; 15 s
	Log       *slog.Logger  // of failures of our own; nil: none
}

const (
	defaultBody      = 256 << 20
	defaultAnalyses  = 2
	defaultFollowers = 64
	defaultTimeout   = 10 * time.Second
	defaultHeartbeat = 15 * time.Second

	writeTimeout  = 30 * time.Second // for a piece of an answer to be taken
	uploadTimeout = 10 * time.Minute // for a whole body to come
)

// api is what the handlers share.
type api struct {
	obs      view.Observer
	opt      Options
	analyses chan struct{}
	reports  chan struct{}
	follows  chan struct{}
	document []byte // OpenAPI, as JSON
	now      func() time.Time
}

// endpoint is a row of the table of routes.
type endpoint struct {
	method, path string
	params       []string // of the query; others are errors
	body         []string // media types that are taken; nil: no body
	limit        int64    // bytes of the body; 0: Options.Body
	long         bool     // it bounds its time itself
	do           func(*api, http.ResponseWriter, *request) error
}

const maxJSONBody = 64 << 10

// textTrace is the type of a text trace.
const textTrace = "text/plain"

var (
	times    = []string{"from", "since", "until", "to"}
	selects  = slices.Concat([]string{"filter", "kind", "tz"}, times)
	jsonBody = []string{"application/json"}
	captures = []string{
		"application/octet-stream", "application/vnd.tcpdump.pcap", "application/x-pcapng", "application/gzip", "application/zstd", textTrace,
	}
)

var endpoints = []endpoint{
	{method: "GET", path: "/api/v1/calls", params: slices.Concat(selects, []string{"limit", "cursor", "open", "format"}), long: true, do: (*api).calls},
	{method: "GET", path: "/api/v1/calls/{id}", params: []string{"format", "tz"}, do: (*api).call},
	{method: "GET", path: "/api/v1/calls/{id}/messages", do: (*api).messages},
	{method: "GET", path: "/api/v1/calls/{id}/pcap", do: (*api).pcap},
	{method: "POST", path: "/api/v1/calls/{id}/rating", body: jsonBody, limit: maxJSONBody, do: (*api).rate},
	{method: "GET", path: "/api/v1/causes", params: slices.Concat(selects, []string{"limit"}), do: (*api).causes},
	{method: "GET", path: "/api/v1/codes", params: slices.Concat(selects, []string{"limit"}), do: (*api).codes},
	{method: "GET", path: "/api/v1/kpi", params: slices.Concat(times, []string{"measure", "by", "step", "route"}), do: (*api).series},
	{method: "GET", path: "/api/v1/kpi/measures", do: (*api).measures},
	{method: "GET", path: "/api/v1/routes", params: times, do: (*api).routes},
	{method: "GET", path: "/api/v1/registrations", params: []string{"limit"}, do: (*api).registrations},
	{method: "GET", path: "/api/v1/gaps", params: slices.Concat(times, []string{"limit"}), do: (*api).gaps},
	{method: "GET", path: "/api/v1/annotations", params: times, do: (*api).annotations},
	{method: "POST", path: "/api/v1/annotations", body: jsonBody, limit: maxJSONBody, do: (*api).annotate},
	{method: "POST", path: "/api/v1/analyze", params: []string{"name", "format"}, body: captures, long: true, do: (*api).analyze},
	{method: "GET", path: "/api/v1/events", params: []string{"filter"}, long: true, do: (*api).events},
	{method: "GET", path: "/api/v1/findings", params: []string{"limit"}, do: (*api).findings},
	{method: "GET", path: "/api/v1/status", do: (*api).status},
	{method: "GET", path: "/api/v1/openapi.json", do: (*api).openapi},
	{method: "GET", path: "/healthz", do: (*api).healthz},
	{method: "GET", path: "/readyz", do: (*api).readyz},
}

// New returns the API over what obs sees. It is to be served by Server.
func New(obs view.Observer, opt Options) (http.Handler, error) {
	opt.defaults()
	document, err := openapiJSON()
	if err != nil {
		return nil, err
	}
	a := &api{
		obs: obs, opt: opt, document: document, now: time.Now,
		analyses: make(chan struct{}, opt.Analyses), follows: make(chan struct{}, opt.Followers),
		reports: make(chan struct{}, opt.Analyses),
	}
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for i := range endpoints {
		e := &endpoints[i]
		mux.Handle(e.method+" "+e.path, a.serve(e))
		allowed[e.path] = append(allowed[e.path], e.method)
	}
	if opt.Metrics != nil {
		metrics := &endpoint{path: "/metrics", do: func(_ *api, w http.ResponseWriter, r *request) error {
			opt.Metrics.Handler().ServeHTTP(w, r.Request)
			return nil
		}}
		mux.Handle("GET /metrics", a.serve(metrics))
		allowed["/metrics"] = []string{"GET"}
	}
	for path, methods := range allowed {
		mux.Handle(path, a.refuse(methods))
	}
	mux.Handle("/", a.serve(&endpoint{path: "none", do: func(_ *api, _ http.ResponseWriter, r *request) error {
		return notFound("no such resource: " + r.URL.Path + "; see /api/v1/openapi.json")
	}}))
	return a.guard(mux), nil
}

func (o *Options) defaults() {
	o.Body = cmp.Or(o.Body, defaultBody)
	o.Analyses = cmp.Or(o.Analyses, defaultAnalyses)
	o.Followers = cmp.Or(o.Followers, defaultFollowers)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.Heartbeat = cmp.Or(o.Heartbeat, defaultHeartbeat)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Server returns the server to listen with: with bounds on headers and on idle connections. Answers that stream set
// their own deadlines.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
	}
}

const maxHeader = 64 << 10

// serve makes a handler of a row.
func (a *api) serve(e *endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := a.now()
		out := &answer{ResponseWriter: w}
		if m := a.opt.Metrics; m != nil {
			defer func() { m.served(e.path, r.Method, out.status, a.now().Sub(began)) }()
		}
		if !e.long {
			ctx, cancel := context.WithTimeout(r.Context(), a.opt.Timeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		req, err := a.open(e, out, r)
		if err == nil {
			err = e.do(a, out, req)
		}
		if err != nil {
			a.fail(out, r, err)
		}
	})
}

// open checks a request against its row.
func (a *api) open(e *endpoint, w http.ResponseWriter, r *http.Request) (*request, error) {
	query, err := parameters(r.URL.RawQuery, e.params)
	if err != nil {
		return nil, err
	}
	if e.body != nil {
		if err := takes(e.body, r.Header.Get("Content-Type")); err != nil {
			return nil, err
		}
		limit := e.limit
		if limit == 0 {
			limit = a.opt.Body
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTimeout))
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
	}
	return &request{Request: r, query: query, now: a.now()}, nil
}

func (a *api) refuse(methods []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allow := strings.Join(methods, ", ")
		w.Header().Set("Allow", allow)
		a.fail(&answer{ResponseWriter: w}, r, &problem{Status: http.StatusMethodNotAllowed, Detail: r.Method + " is not for this resource; allowed are " + allow})
	})
}

// fail answers with a problem, or breaks an answer off that has begun: the client must not take it for whole.
func (a *api) fail(w *answer, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody is there any more, or the server ends: returning would say that this was all
	}
	p := problemOf(err)
	if p.Status >= 500 {
		a.opt.Log.Error("answer request", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	p.write(w)
}

// answer knows whether an answer has begun, and with which status.
type answer struct {
	http.ResponseWriter
	status int
}

func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
