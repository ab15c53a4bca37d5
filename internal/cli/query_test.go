package cli

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sipcause/code/playbooks"
	"sipcause/internal/capture"
	"sipcause/internal/httpapi"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/serve"
	"sipcause/internal/store"
	"sipcause/internal/store/sqlite"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// writeHistory keeps the demo in a folder as a server would have.
func writeHistory(t testing.TB, dir string) {
	t.Helper()
	src, err := capture.Open([]string{"-"}, bytes.NewReader(demoCapture))
	if err != nil {
		t.Fatal(err)
	}
	routes, err := route.NewTable([]route.Rule{{Name: "carrier-a", Addresses: nil, Domains: []string{"example.com"}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := store.Batch{Seq: 1, At: wire.Time(time.Date(2026, 1, 15, 13, 0, 0, 0, time.UTC).UnixNano())}
	var s view.Subject
	opt := pipeline.Options{Routes: routes, Record: func(seen *pipeline.Seen) {
		for i := range seen.Payloads {
			p := &seen.Payloads[i]
			b.Messages = append(b.Messages, record.Message{
				Key: seen.Keys[i], Time: p.Time, Ref: p.Ref, Flow: p.Flow, Point: "eth0", IPID: p.IPID, Data: bytes.Clone(p.Data),
			})
		}
	}}
	if _, err := pipeline.Run(context.Background(), src, opt, func(c *view.Case) error {
		rec := view.Record(c, &s)
		rec.Keys = pipeline.KeysOf(c.Call)
		b.Cases = append(b.Cases, rec)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Write(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// runHistory serves another copy of it.
func runHistory(t testing.TB, dir string) (base string) {
	t.Helper()
	writeHistory(t, dir)
	h, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := serve.New(serve.Options{Store: h, Book: playbooks.Builtin})
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(s, httpapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// TestQueryScripts searches a folder and a running server as users do.
func TestQueryScripts(t *testing.T) {
	server := runHistory(t, t.TempDir())
	testscript.Run(t, testscript.Params{
		Dir: "testdata/query",
		Setup: func(e *testscript.Env) error {
			writeHistory(t, filepath.Join(e.WorkDir, "data"))
			e.Setenv("SERVER", server)
			return nil
		},
	})
}

// run runs one command line that must succeed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := Main(args, nil, &out, &errs); status != exitOK {
		t.Fatalf("%v: status %d: %s", args, status, errs.String())
	}
	return out.String()
}

// TestServerAndFolderAgree: what a server answers, its folder answers too.
func TestServerAndFolderAgree(t *testing.T) {
	dir := t.TempDir()
	writeHistory(t, dir)
	server := runHistory(t, t.TempDir())
	for _, args := range [][]string{
		{"code >= 400"},
		{"--limit", "3"},
		{"--since", "2026-01-15 12:05", "--until", "2026-01-15T12:20:00Z"},
		{"outcome = failed", "--whole"},
		{"outcome = failed", "--format", "ndjson"},
		{"outcome = failed", "--format", "csv"},
		{"outcome = failed", "--format", "markdown"},
		{"--count-by", "cause"},
		{"--count-by", "code", "--format", "csv"},
		{"--count-by", "outcome", "--format", "json"},
		{"kind = call", "--count-by", "origin.role", "--limit", "2"},
		{"--count-by", "route"},
		{"--count-by", "method"},
		{"--count-by", "finding"},
		{"--call", "1.answered@flow.example.com"},
	} {
		args = append([]string{"query", "--tz", "UTC"}, args...)
		a, b := run(t, append(slices.Clone(args), "--data", dir)...), run(t, append(slices.Clone(args), "--server", server)...)
		if a == "" {
			t.Errorf("%v: nothing", args)
		}
		if a != b {
			t.Errorf("%v: the folder says\n%.1500s\nthe server says\n%.1500s", args, a, b)
		}
	}
}

// TestCaptures: the captures that both write of what is found are analysed as what was found was.
func TestCaptures(t *testing.T) {
	dir := t.TempDir()
	writeHistory(t, dir)
	server := runHistory(t, t.TempDir())
	for _, args := range [][]string{{"--call", "1.answered@flow.example.com"}, {"code in (486, 503)"}} {
		want := run(t, append([]string{"query", "--data", dir, "--format", "csv"}, args...)...)
		for _, from := range [][]string{{"--data", dir}, {"--server", server}} {
			name := filepath.Join(t.TempDir(), "found.pcap")
			run(t, slices.Concat([]string{"query", "--pcap", name}, args, from)...)
			got := run(t, "analyze", "--format", "csv", name)
			if a, b := decided(want), decided(got); a == "" || a != b {
				t.Errorf("%v %v: found\n%s\nof the capture\n%s", args, from, a, b)
			}
		}
	}
}

// TestPagesMakeOneReport: a report on more than a server writes at once is that on all, whatever the size of its pages.
func TestPagesMakeOneReport(t *testing.T) {
	dir := t.TempDir()
	writeHistory(t, dir)
	server := runHistory(t, t.TempDir())
	folder, err := openLocal(dir, playbooks.Builtin)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.close()
	r, err := openRemote(server)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"csv", "ndjson"} {
		for _, s := range []search{{}, {limit: 7}, {limit: 15, since: "520w"}, {filter: "outcome = failed"}, {filter: "code = 999"}} {
			s.format, s.zone = format, time.UTC
			var want bytes.Buffer
			more, err := folder.report(t.Context(), &s, &want)
			if err != nil {
				t.Fatal(err)
			}
			for _, r.page = range []int{1, 2, 3, 5, 1000} {
				var got bytes.Buffer
				if m, err := r.report(t.Context(), &s, &got); err != nil || m != more || got.String() != want.String() {
					t.Fatalf("%s %+v by %d: %v, more %v, wrote %d bytes that end with\n%.1500s\nwant more %v, %d bytes that end with\n%.1500s", format, s, r.page, err, m,
						got.Len(), lastLines(got.String()), more, want.Len(), lastLines(want.String()))
				}
			}
		}
	}
	r.page = 2
	for _, format := range formatNames() {
		s := search{format: format, zone: time.UTC, limit: 3}
		var out bytes.Buffer
		if _, err := r.report(t.Context(), &s, &out); (err == nil) != (pagers[format] != nil) || err != nil && !strings.Contains(err.Error(), "csv or ndjson") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// lastLines are the last two lines of a text.
func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-2):], "\n")
}

// TestPagesOfCSV: a line break within a field ends no record.
func TestPagesOfCSV(t *testing.T) {
	var out bytes.Buffer
	p := pagers["csv"](&out)
	for _, page := range []string{"a,b\r\n1,\"x\n\"\"y\"\r\n2,z\r\n", "a,b\r\n3,\"\"\"\n\"\r\n", "a,b\r\n"} {
		n, err := p.page(strings.NewReader(page))
		if want := strings.Count(page, "\r\n") - 1; err != nil || n != want {
			t.Errorf("%q has %d records, want %d: %v", page, n, want, err)
		}
	}
	if err := p.end(); err != nil || out.String() != "a,b\r\n1,\"x\n\"\"y\"\r\n2,z\r\n3,\"\"\"\n\"\r\n" {
		t.Errorf("%v, wrote %q", err, out.String())
	}
}

// decided are the columns of a report in CSV that say how cases ended, one a line, sorted.
func decided(report string) string {
	var lines []string
	for line := range strings.Lines(report) {
		lines = append(lines, strings.Join(strings.Split(line, ",")[:10], ","))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestIDsInPaths: whatever an ID is made of, the server is asked for that one.
func TestIDsInPaths(t *testing.T) {
	const id = "a/b?c#d%41 ü@192.0.2.1"
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.EscapedPath()
		_, _ = w.Write([]byte("report"))
	}))
	defer server.Close()
	if got := run(t, "query", "--call", id, "--server", server.URL+"/behind/proxy"); got != "report" {
		t.Errorf("wrote %q", got)
	}
	if want := "/behind/proxy/api/v1/calls/" + url.PathEscape(id); asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
}

// TestServersInTrouble: whatever answers in place of the API, the error says so and has no control characters.
func TestServersInTrouble(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no problem": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "\x1b[31mno", http.StatusBadGateway) },
		"a damaged problem": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"detail":"\u001b[31mwrong","parameter":"filter","position":70,"end":90}`))
		},
		"no rows": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>\n")) },
	} {
		server := httptest.NewServer(answer)
		var out, errs bytes.Buffer
		status := Main([]string{"query", "code = 503", "--server", server.URL}, nil, &out, &errs)
		server.Close()
		if status == exitOK || errs.Len() == 0 || strings.ContainsRune(errs.String(), '\x1b') {
			t.Errorf("%s: status %d, %q", name, status, errs.String())
		}
	}
}

func TestMoment(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"2h": now.Add(-2 * time.Hour), "90s": now.Add(-90 * time.Second), "7d": now.Add(-7 * 24 * time.Hour), "1.5w": now.Add(-252 * time.Hour),
		"09:30": time.Date(2026, 1, 15, 9, 30, 0, 0, zone), "2026-01-14": time.Date(2026, 1, 14, 0, 0, 0, 0, zone),
		"2026-01-14 08:07": time.Date(2026, 1, 14, 8, 7, 0, 0, zone), "2026-01-14T08:07:06": time.Date(2026, 1, 14, 8, 7, 6, 0, zone),
		"2026-01-14T08:07:06.5Z": time.Date(2026, 1, 14, 8, 7, 6, 5e8, time.UTC),
	} {
		if got, err := moment("since", text, now, zone); err != nil || got != wire.Time(want.UnixNano()) {
			t.Errorf("%s: %v, %v, want %v", text, got.Std(), err, want)
		}
	}
	for _, text := range []string{"yesterday", "-2h", "25:00", "2026-13-01", "2", "d", "nand", "1e9d"} {
		if got, err := moment("since", text, now, zone); err == nil {
			t.Errorf("%s is %v", text, got.Std())
		}
	}
}
