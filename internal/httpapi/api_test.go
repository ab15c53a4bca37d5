package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sipcause/internal/store"
	"sipcause/internal/testkit"
)

const flowsOfRules = "../diagnose/testdata/flows/"

// flowsOf returns the flows of a file of the rules' tests.
func flowsOf(t testing.TB, file string) []testkit.Flow {
	t.Helper()
	for _, list := range testkit.ReadFlows(t, flowsOfRules+file) {
		return list
	}
	return nil
}

// bench is the API over a lab, served as the server would.
type bench struct {
	*testing.T
	lab     *lab
	metrics *Metrics
	url     string
}

func serveLab(t *testing.T, l *lab, opt Options) *bench {
	t.Helper()
	m := NewMetrics(l)
	opt.Metrics = m
	h, err := New(l, opt)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config = Server(h)
	srv.Start()
	t.Cleanup(srv.Close)
	return &bench{t, l, m, srv.URL}
}

// someCalls is a lab with an answered, a busy, an unauthorised call and more.
func someCalls(t *testing.T) *lab {
	return newLab(t, append(flowsOf(t, "callee_busy.txtar"), flowsOf(t, "auth_wrong_credentials.txtar")...)...)
}

// reply is an answer, read.
type reply struct {
	*http.Response
	body []byte
}

// ask sends a request; header are name, value, name, value.
func (b *bench) ask(method, path, body string, header ...string) reply {
	b.Helper()
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{}).RoundTrip(req)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	checkAnswer(b.T, req, body, res, got)
	return reply{res, got}
}

// get asks for what must be there.
func (b *bench) get(path string, header ...string) reply {
	b.Helper()
	r := b.ask("GET", path, "", header...)
	if r.StatusCode != http.StatusOK {
		b.Fatalf("GET %s: %s\n%s", path, r.Status, r.body)
	}
	return r
}

func (r reply) read(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		t.Fatalf("%v in\n%s", err, r.body)
	}
}

type callPage struct {
	Items   []row
	Next    string
	Partial bool
}

func ids(list []row) string {
	var out []string
	for _, r := range list {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

func TestCallsArePagedAsTheStoreHasThem(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	want, err := b.lab.Search(t.Context(), store.Search{Limit: maxLimit})
	if err != nil || len(want.Cases) < 4 {
		t.Fatalf("%d cases in the lab: %v", len(want.Cases), err)
	}
	var got []row
	path := "/api/v1/calls?limit=2"
	for range len(want.Cases) {
		var p callPage
		b.get(path).read(t, &p)
		got = append(got, p.Items...)
		if p.Next == "" {
			break
		}
		if len(p.Items) != 2 {
			t.Fatalf("a page of %d items with a next one", len(p.Items))
		}
		path = "/api/v1/calls?limit=2&cursor=" + url.QueryEscape(p.Next)
	}
	if ids(got) != ids(rowsOf(want.Cases)) {
		t.Errorf("pages hold %s\nwant %s", ids(got), ids(rowsOf(want.Cases)))
	}
	lines := strings.Split(strings.TrimSpace(string(b.get("/api/v1/calls", "Accept", "application/x-ndjson").body)), "\n")
	if len(lines) != len(want.Cases) {
		t.Errorf("ndjson has %d lines, want %d", len(lines), len(want.Cases))
	}
	lines = strings.Split(strings.TrimSpace(string(b.get("/api/v1/calls?limit=3", "Accept", "application/x-ndjson").body)), "\n")
	if len(lines) != 3 {
		t.Errorf("ndjson of at most 3 has %d lines", len(lines))
	}
}

// A cursor holds for the times that were meant when the first page was asked for, however they were told.
func TestCursorsKeepTimes(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	for _, times := range []string{"since=1000w", "from=2000-01-01T00:00:00Z&to=0s", "from=2000-01-01T00:00:00Z"} {
		var want, got callPage
		b.get("/api/v1/calls?"+times).read(t, &want)
		path := "/api/v1/calls?limit=3&" + times
		var all []row
		for got.Next = "first"; got.Next != ""; {
			got = callPage{}
			b.get(path).read(t, &got)
			all = append(all, got.Items...)
			path = "/api/v1/calls?limit=3&" + times + "&cursor=" + url.QueryEscape(got.Next)
		}
		if len(all) < 4 || ids(all) != ids(want.Items) {
			t.Errorf("%s: pages hold %s\nwant %s", times, ids(all), ids(want.Items))
		}
		r := b.get("/api/v1/calls?limit=3&format=csv&" + times)
		next, _ := strings.CutSuffix(r.Header.Get("Link"), `>; rel="next"`)
		if second := b.get(strings.TrimPrefix(next, "<")); bytes.Count(second.body, []byte("\n")) < 2 {
			t.Errorf("%s: the page after is\n%s", times, second.body)
		}
	}
	for _, cursor := range []string{"nonsense", "1.2", "1.x.y", "..", "9.9.nonsense"} {
		if r := b.ask("GET", "/api/v1/calls?since=1h&cursor="+cursor, ""); r.StatusCode != http.StatusBadRequest || !strings.Contains(string(r.body), `"parameter":"cursor"`) {
			t.Errorf("cursor %s: %s %s", cursor, r.Status, r.body)
		}
	}
}

func TestCallsAreFiltered(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	list := func(q url.Values) []row {
		var p callPage
		b.get("/api/v1/calls?"+q.Encode()).read(t, &p)
		return p.Items
	}
	for _, c := range []struct {
		q  url.Values
		is func(row) bool
	}{
		{url.Values{"filter": {"cause = callee.busy"}}, func(r row) bool { return r.Cause != nil && *r.Cause == "callee.busy" }},
		{url.Values{"kind": {"registration"}}, func(r row) bool { return r.Kind == "registration" }},
		{url.Values{"kind": {"call"}, "filter": {"code = 486 and outcome = busy"}}, func(r row) bool { return r.Kind == "call" && r.Code != nil && *r.Code == 486 }},
		{url.Values{"kind": {"call"}, "filter": {"code = 486 or code = 403"}}, func(r row) bool { return r.Kind == "call" && r.Code != nil && (*r.Code == 486 || *r.Code == 403) }},
	} {
		all := list(url.Values{"limit": {"1000"}})
		want := 0
		for _, r := range all {
			if c.is(r) {
				want++
			}
		}
		got := list(c.q)
		for _, r := range got {
			if !c.is(r) {
				t.Errorf("%v found %s", c.q, r.ID)
			}
		}
		if len(got) != want || want == 0 || want == len(all) {
			t.Errorf("%v found %d, want %d of %d", c.q, len(got), want, len(all))
		}
	}
	if n := len(list(url.Values{"since": {"1h"}})); n != 0 {
		t.Errorf("%d cases in the last hour: the lab has none", n)
	}
	if n := len(list(url.Values{"from": {"2020-01-01T00:00:00Z"}, "to": {"2020-01-02T00:00:00+01:00"}})); n != 0 {
		t.Errorf("%d cases in 2020", n)
	}
	if n := len(list(url.Values{"open": {"true"}})); n != 0 {
		t.Errorf("%d cases are open: all are final", n)
	}
}

func TestWhatCannotBeAskedIsAProblem(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	for _, c := range []struct {
		path   string
		status int
		want   string // of the body
	}{
		{"/api/v1/calls?filter=" + url.QueryEscape("code >= 500 and cuase = x"), 400, `"parameter":"filter","position":16,"end":21`},
		{"/api/v1/calls?filter=" + url.QueryEscape("code >= 500 and cuase = x"), 400, `"suggestion":"cause"`},
		{"/api/v1/calls?fliter=x", 400, `did you mean filter?`},
		{"/api/v1/calls?limit=0", 400, "from 1 to 1000"},
		{"/api/v1/calls?limit=1001", 400, "from 1 to 1000"},
		{"/api/v1/calls?limit=1&limit=2", 400, "stands 2 times"},
		{"/api/v1/calls?kind=cal", 400, `"suggestion":"call"`},
		{"/api/v1/calls?format=htlm", 400, `"suggestion":"html"`},
		{"/api/v1/calls?from=yesterday", 400, "expected a time such as"},
		{"/api/v1/calls?from=-2h", 400, "expected a time such as"},
		{"/api/v1/calls?from=1h&since=1h", 400, "another name for from"},
		{"/api/v1/calls?from=1h&until=2h", 400, "until must be after from"},
		{"/api/v1/calls?tz=Mars", 400, "unknown time zone"},
		{"/api/v1/calls?cursor=nonsense", 400, `"parameter":"cursor"`},
		{"/api/v1/calls?a=%zz", 400, "read query"},
		{"/api/v1/calls/nobody", 404, "not found"},
		{"/api/v1/calls/nobody/messages", 404, "not found"},
		{"/api/v1/calls/nobody/pcap", 404, "not found"},
		{"/api/v1/call", 404, "no such resource"},
		{"/api/v1/kpi", 400, "measure is missing"},
		{"/api/v1/kpi?measure=ars", 400, `"suggestion":"asr"`},
		{"/api/v1/kpi?measure=jitter", 400, "did you mean jitter_p50, jitter_p95"},
		{"/api/v1/kpi?measure=jitter", 400, `"suggestion":"jitter_p50"`},
		{"/api/v1/findings?limit=0", 400, "from 1 to 1000"},
		{"/api/v1/kpi?measure=asr&step=90s", 400, "whole minutes"},
		{"/api/v1/kpi?measure=asr&step=1m&since=52w", 400, "more than 5000 steps"},
		{"/api/v1/kpi?measure=asr&by=hop", 400, "accepted are route, label"},
		{"/api/v1/status?verbose=1", 400, "unknown parameter"},
		{"/api/v1/events?filter=(", 400, `"parameter":"filter"`},
	} {
		r := b.ask("GET", c.path, "")
		if r.StatusCode != c.status || !strings.Contains(string(r.body), c.want) || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET %s: %s %s, want %d with %q", c.path, r.Status, r.body, c.status, c.want)
		}
	}
	r := b.ask("DELETE", "/api/v1/annotations", "")
	if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, POST" {
		t.Errorf("DELETE: %s, Allow %q", r.Status, r.Header.Get("Allow"))
	}
}
