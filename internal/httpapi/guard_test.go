package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A page elsewhere that makes its name resolve to this machine is not answered.
func TestForeignHostsAreRefused(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{Hosts: []string{"noc.example.com"}})
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:8060": 200, "127.0.0.1": 200, "127.0.0.1:8060": 200, "127.1.2.3:1": 200, "[::1]": 200, "[::1]:8060": 200,
		"example.com": 421, "localhost.example.com": 421, "127.0.0.1.example.com": 421, "192.0.2.1": 421, "[2001:db8::1]:80": 421,
		"noc.example.com": 200, "NOC.example.com:443": 200, "xnoc.example.com": 421, "0.0.0.0:8060": 421,
	} {
		for _, path := range []string{"/healthz", "/metrics"} {
			if r := b.ask("GET", path, "", "Host", host); r.StatusCode != status {
				t.Errorf("Host %s: GET %s: %s, want %d", host, path, r.Status, status)
			}
		}
	}
	if r := b.ask("GET", "/healthz", "", "Host", "example.com"); !strings.Contains(string(r.body), "hosts, or serve --host") {
		t.Errorf("what to do is not said: %s", r.body)
	}
	r := httptest.NewRequest(http.MethodGet, "/debug/pprof/cmdline", nil)
	r.Host = "example.com"
	w := httptest.NewRecorder()
	Pprof().ServeHTTP(w, r)
	if w.Code != 421 {
		t.Errorf("the profiler answers a foreign host: %d", w.Code)
	}
	r.Host = "localhost:6060"
	w = httptest.NewRecorder()
	Pprof().ServeHTTP(w, r)
	if w.Code != 200 || w.Body.Len() == 0 {
		t.Errorf("the profiler does not answer: %d", w.Code)
	}
}

// A form or script of another site changes nothing here.
func TestForeignPagesChangeNothing(t *testing.T) {
	l := someCalls(t)
	b := serveLab(t, l, Options{})
	note := `{"from":"2026-11-23T10:00:00Z","kind":"note","text":"x"}`
	for _, c := range []struct {
		header []string
		status int
	}{
		{[]string{"Content-Type", "text/plain"}, 415},
		{[]string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{[]string{"Content-Type", "multipart/form-data; boundary=x"}, 415},
		{nil, 415},
		{[]string{"Content-Type", "application/json", "Origin", "https://example.com"}, 403},
		{[]string{"Content-Type", "application/json", "Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Content-Type", "application/json", "Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"}, 201},
		{[]string{"Content-Type", "application/json", "Origin", b.url}, 201},
	} {
		r := b.ask("POST", "/api/v1/annotations", note, c.header...)
		if r.StatusCode != c.status {
			t.Errorf("%q: %s %s, want %d", c.header, r.Status, r.body, c.status)
		}
		if got := r.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%q: allowed is %q", c.header, got)
		}
	}
	if list, _ := l.Annotations(t.Context(), 0, 0); len(list) != 2 {
		t.Errorf("%d annotations, want 2", len(list))
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	for _, path := range []string{"/", "/api/v1/calls", "/api/v1/calls?x", "/api/v1/openapi.json", "/metrics", "/api/v1/calls?format=html&limit=1"} {
		r := b.ask("GET", path, "")
		for _, h := range security {
			if r.Header.Get(h[0]) == "" {
				t.Errorf("GET %s: no %s", path, h[0])
			}
		}
		csp := r.Header.Get("Content-Security-Policy")
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "allow-same-origin") || !strings.Contains(csp, "sandbox") {
			t.Errorf("GET %s: policy %s", path, csp)
		}
	}
}

// Documents that are the same for all are asked for again by their tag; what is said of calls is kept nowhere.
func TestOnlyFixedDocumentsAreCached(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	for _, path := range []string{"/api/v1/openapi.json", "/api/v1/kpi/measures"} {
		r := b.get(path)
		if r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("ETag") == "" {
			t.Fatalf("GET %s: Cache-Control %q, ETag %q", path, r.Header.Get("Cache-Control"), r.Header.Get("ETag"))
		}
		if r = b.ask("GET", path, "", "If-None-Match", r.Header.Get("ETag")); r.StatusCode != http.StatusNotModified {
			t.Errorf("GET %s again: %s", path, r.Status)
		}
	}
	for _, path := range []string{"/api/v1/calls", "/api/v1/status", "/api/v1/causes", "/metrics"} {
		if r := b.get(path); r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s: Cache-Control %q", path, r.Header.Get("Cache-Control"))
		}
	}
}

func TestServerIsBounded(t *testing.T) {
	s := Server(http.NotFoundHandler())
	if s.ReadHeaderTimeout <= 0 || s.ReadHeaderTimeout > time.Minute || s.IdleTimeout <= 0 || s.ReadTimeout <= 0 || s.MaxHeaderBytes != maxHeader {
		t.Errorf("%+v", s)
	}
	b := serveLab(t, someCalls(t), Options{})
	req, _ := http.NewRequest(http.MethodGet, b.url+"/healthz", nil)
	req.Header.Set("X", strings.Repeat("x", 2*maxHeader))
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		defer res.Body.Close()
		if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("headers beyond the bound: %s", res.Status)
		}
	}
}
