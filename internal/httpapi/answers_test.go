package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/render/schema"
	"sipcause/internal/store"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// busyCall is the id of a call of the lab.
func busyCall(b *bench) string {
	b.Helper()
	var p callPage
	b.get("/api/v1/calls?limit=1&filter="+url.QueryEscape("cause = callee.busy and kind = call")).read(b.T, &p)
	if len(p.Items) != 1 {
		b.Fatal("the lab has no busy call")
	}
	return p.Items[0].ID
}

// Every operation of the document answers, and as the document says: checkAnswer holds each answer against it.
func TestEveryOperationAnswersAsDocumented(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	call := "/api/v1/calls/" + url.PathEscape(busyCall(b))
	for _, f := range render.Formats() {
		b.get(call + "?format=" + f.Name)
		b.get("/api/v1/calls?limit=3&format=" + f.Name)
		if r := b.ask("POST", "/api/v1/analyze?name=x.pcap&format="+f.Name, string(flowsOf(t, "busy.txtar")[0].Pcap()), "Content-Type", "application/octet-stream"); r.StatusCode != http.StatusOK {
			t.Errorf("analyze as %s: %s %s", f.Name, r.Status, r.body)
		}
	}
	for _, path := range []string{
		"/api/v1/calls", call, call + "/messages", call + "/pcap", "/api/v1/causes", "/api/v1/codes",
		"/api/v1/kpi?measure=asr,ner,pdd_p95&from=2020-01-01T00:00:00Z&until=2030-01-01T00:00:00Z", "/api/v1/kpi/measures", "/api/v1/routes",
		"/api/v1/registrations", "/api/v1/gaps", "/api/v1/annotations", "/api/v1/findings", "/api/v1/status", "/api/v1/openapi.json", "/healthz", "/readyz", "/metrics",
	} {
		b.get(path)
	}
	b.ask("POST", call+"/rating", `{"rating":4}`, "Content-Type", "application/json")
	b.ask("POST", "/api/v1/annotations", `{"from":"2026-11-23T10:00:00Z","kind":"note","text":"x"}`, "Content-Type", "application/json")
	close(b.lab.follow)
	b.get("/api/v1/events")

	c := readContract(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, ops := range c.paths {
		for method := range ops {
			if key := strings.ToUpper(method) + " " + path; c.checked[key] == 0 {
				t.Errorf("no answer of %s was held against the document", key)
			}
		}
	}
}

func TestCaseIsWhole(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	id := busyCall(b)
	r := b.get("/api/v1/calls/" + url.PathEscape(id))
	if err := schema.ValidateNDJSON(r.body); err != nil {
		t.Errorf("%v in\n%s", err, r.body)
	}
	var c struct {
		Type, ID, Outcome string
		Code              int
		RootCause         struct{ ID string } `json:"root_cause"`
		Messages          []json.RawMessage
	}
	r.read(t, &c)
	if c.Type != "call" || c.ID != id || c.Code != 486 || c.RootCause.ID != "callee.busy" || len(c.Messages) < 6 {
		t.Errorf("the case reads %+v", c)
	}
	if r := b.get("/api/v1/calls/" + url.PathEscape(id) + "?format=text&tz=Europe/Berlin"); !bytes.Contains(r.body, []byte("486 Busy Here")) {
		t.Errorf("the report does not show the code:\n%s", r.body)
	}
	var m struct{ Items []messageJSON }
	b.get("/api/v1/calls/"+url.PathEscape(id)+"/messages").read(t, &m)
	if len(m.Items) != len(c.Messages) || m.Items[0].Text == nil || !strings.HasPrefix(*m.Items[0].Text, "INVITE sip:") {
		t.Errorf("%d messages, the case has %d; the first is %+v", len(m.Items), len(c.Messages), m.Items[0])
	}
}

// Events and notes are told in words, whatever is no text in base64.
func TestMessagesAreTold(t *testing.T) {
	f := wire.Flow{Transport: wire.UDP, Src: netip.MustParseAddrPort("192.0.2.1:5060"), Dst: netip.MustParseAddrPort("[2001:db8::2]:5060")}
	icmp := wire.Event{Kind: wire.EventICMP, Flow: f, From: f.Dst.Addr(), Detail: "port unreachable"}
	note := wire.Note{Kind: wire.NoteLog, Flow: f, CallID: []byte("1"), Text: []byte("ACL: refused")}
	for want, m := range map[string]record.Message{
		`"what":"event","frame":null,"kind":"icmp","reported_by":"2001:db8::2","text":"port unreachable"`: {What: record.Event, Data: record.EncodeEvent(nil, &icmp)},
		`"what":"note","frame":null,"kind":"log","text":"ACL: refused"`:                                   {What: record.Note, Data: record.EncodeNote(nil, &note)},
		`"what":"sip","frame":9,"truncated":true,"text":"BYE"`:                                            {Data: []byte("BYE"), Truncated: true, Ref: wire.PacketRef{Number: 9}},
		`"what":"sip","frame":null,"base64":"/w=="`:                                                       {Data: []byte{0xff}},
		`"what":"event","frame":null,"base64":"/w=="`:                                                     {What: record.Event, Data: []byte{0xff}},
	} {
		m.Time, m.Flow, m.Point = day, f, "hep:2001"
		got, err := encode(messageOf(&m))
		if err != nil || !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s\nwant %s: %v", got, want, err)
		}
		readContract(t).check(t, pointer("components", "schemas", "Message"), got)
	}
}

// A Call-ID may hold whatever RFC 3261 §25.1 lets a word be made of, and strangers send more than that.
func TestStrangeCallIDsAreFound(t *testing.T) {
	l := someCalls(t)
	odd := strange()
	if err := l.Write(t.Context(), &store.Batch{Seq: 2, At: day, Cases: []record.Case{odd}}); err != nil {
		t.Fatal(err)
	}
	b := serveLab(t, l, Options{})
	for _, id := range []string{odd.ID} {
		r := b.ask("POST", "/api/v1/calls/"+url.PathEscape(id)+"/rating", `{"rating":1}`, "Content-Type", "application/json")
		if r.StatusCode != http.StatusNoContent || l.ratings[id] != 1 {
			t.Errorf("rate %q: %s %s", id, r.Status, r.body)
		}
		r = b.get("/api/v1/calls/" + url.PathEscape(id) + "/pcap")
		if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="a_b_c_d_e_f_2F___2001_db8__1__script_.pcap"` {
			t.Errorf("file name of %q: %s", id, got)
		}
	}
	for _, dots := range []string{"%2E%2E", "%2e", "..%2f..%2fetc"} {
		if r := b.ask("GET", "/api/v1/calls/"+dots, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET calls/%s: %s %s", dots, r.Status, r.body)
		}
	}
	// What a terminal would obey is escaped.
	r := b.get("/api/v1/calls?limit=1")
	if bytes.ContainsRune(r.body, 0x202e) || bytes.Contains(r.body, []byte("\u0085")) || !bytes.Contains(r.body, []byte(`sip:\u202eevil\u0085@example.com`)) {
		t.Errorf("the row is %s", r.body)
	}
}

func TestCountsAreOfTheStore(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	var causes struct{ Items []causeCount }
	b.get("/api/v1/causes").read(t, &causes)
	var codes struct{ Items []codeCount }
	b.get("/api/v1/codes?kind=call").read(t, &codes)
	count := func(filter string) (n uint64) {
		return uint64(bytes.Count(b.get("/api/v1/calls?filter="+url.QueryEscape(filter), "Accept", "application/x-ndjson").body, []byte("\n")))
	}
	if len(causes.Items) < 2 || len(codes.Items) < 2 {
		t.Fatalf("causes %v, codes %v", causes, codes)
	}
	for _, c := range causes.Items {
		if want := count("cause = " + c.ID); c.Count != want || c.Title == nil {
			t.Errorf("%+v, want %d and a title", c, want)
		}
	}
	for _, c := range codes.Items {
		if want := count(fmt.Sprintf("kind = call and code = %d", c.Code)); c.Count != want || c.Phrase == nil {
			t.Errorf("%+v, want %d and a phrase", c, want)
		}
	}
}

func TestMeasuresAreEvaluated(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	var first callPage
	b.get("/api/v1/calls?limit=1").read(t, &first)
	day := (*first.Items[0].Started)[:len("2026-11-23")]
	var s struct{ Items []seriesJSON }
	b.get("/api/v1/kpi?measure=asr&measure=ner&from="+day+"T00:00:00Z&until="+day+"T23:59:00Z").read(t, &s)
	if len(s.Items) != 2 || s.Items[0].Measure != "asr" || len(s.Items[0].Points) != 1 {
		t.Fatalf("series %+v", s)
	}
	p := s.Items[0].Points[0]
	if p.Value == nil || p.Population == 0 {
		t.Errorf("asr is %+v", p)
	}
	b.get("/api/v1/kpi?measure=asr&from=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z&step=1h").read(t, &s)
	if p := s.Items[0].Points[0]; len(s.Items[0].Points) != 24 || p.Value != nil || p.Refused == nil {
		t.Errorf("asr of a day without calls is %d points, the first %+v", len(s.Items[0].Points), p)
	}
}

func TestAnnotationsAreKept(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	send := func(body string) reply {
		return b.ask("POST", "/api/v1/annotations", body, "Content-Type", "application/json; charset=utf-8")
	}
	r := send(`{"from":"2026-11-23T10:00:00+01:00","until":"2026-11-23T10:00:00Z","kind":"maintenance","route":"carrier-a","text":"new trunk"}`)
	if r.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", r.Status, r.body)
	}
	var made annotationJSON
	r.read(t, &made)
	made.Text = "newer trunk"
	changed, _ := json.Marshal(made)
	if r := send(string(changed)); r.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", r.Status, r.body)
	}
	var list struct{ Items []annotationJSON }
	b.get("/api/v1/annotations?from=2026-11-23T09:30:00Z&to=2026-11-23T09:31:00Z").read(t, &list)
	if len(list.Items) != 1 || list.Items[0] != made || made.From != "2026-11-23T09:00:00.000000000Z" {
		t.Errorf("kept is %+v, made was %+v", list.Items, made)
	}
	// What the server notes itself has a finding for its kind; nobody else may say so.
	if _, err := b.lab.Annotate(t.Context(), record.Annotation{From: day, Until: day + 900e9, Kind: "kpi.route-degraded", Route: "carrier-b", Text: "fails far more often"}); err != nil {
		t.Fatal(err)
	}
	b.get("/api/v1/annotations?from=2026-11-23T10:31:00Z").read(t, &list)
	if len(list.Items) != 1 || list.Items[0].Kind != "kpi.route-degraded" {
		t.Errorf("the server's own note is %+v", list.Items)
	}
	for body, want := range map[string]string{
		`{"from":"2026-11-23T10:00:00Z","kind":"kpi.route-degraded","text":"x"}`: "kind must be maintenance or note",
		`{"kind":"note","text":"x"}`: "from must be a time",
		`{"from":"2026-11-23T10:00:00Z","until":"2026-11-23T09:00:00Z","kind":"note","text":"x"}`:              "until must not be before",
		`{"from":"2026-11-23T10:00:00Z","kind":"holiday","text":"x"}`:                                          "kind must be",
		`{"from":"2026-11-23T10:00:00Z","kind":"note","text":""}`:                                              "text must be",
		`{"from":"2026-11-23T10:00:00Z","kind":"note","text":"a\u0007b"}`:                                      "text must be",
		`{"from":"2026-11-23T10:00:00Z","kind":"note","text":"` + strings.Repeat("x", record.MaxNote+1) + `"}`: "text must be",
		`{"from":"2026-11-23T10:00:00Z","kind":"note","text":"x","id":"x"}`:                                    "id must be",
		`{"form":"2026-11-23T10:00:00Z"}`:                                                                      "unknown field",
		`{} {}`:                                                                                                "something follows",
		`[`:                                                                                                    "read body",
	} {
		if r := send(body); r.StatusCode < 400 || r.StatusCode > 422 || !bytes.Contains(r.body, []byte(want)) {
			t.Errorf("%.80s: %s %s, want %q", body, r.Status, r.body, want)
		}
	}
	if r := send(`{"text":"` + strings.Repeat("x", maxJSONBody) + `"}`); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body beyond the bound: %s %s", r.Status, r.body)
	}
}

func TestUploadsAreBounded(t *testing.T) {
	l := someCalls(t)
	b := serveLab(t, l, Options{Body: 10_000, Analyses: 1})
	upload := func(body string) reply {
		return b.ask("POST", "/api/v1/analyze", body, "Content-Type", "application/octet-stream")
	}
	if r := upload(strings.Repeat("x", 10_001)); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too long: %s %s", r.Status, r.body)
	}
	if r := upload("no capture at all"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("no capture: %s %s", r.Status, r.body)
	}
	for body, want := range map[string]string{
		"no capture at all":    "read upload: expected a capture",
		"\x1f\x8b\x08\x00\x00": "read upload: open gzip",
	} {
		if r := upload(body); r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(r.body), want) {
			t.Errorf("%q: %s %s, want %q", body, r.Status, r.body, want)
		}
	}
	entered, leave := make(chan bool), make(chan bool)
	l.analyze = func(context.Context, string, io.Reader, string, io.Writer) error {
		entered <- true
		<-leave
		return errors.New("read capture: it is empty")
	}
	done := make(chan int)
	go func() { done <- upload("x").StatusCode }()
	<-entered
	if r := upload("x"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("one analysis too many: %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
	leave <- true
	if status := <-done; status != http.StatusUnprocessableEntity {
		t.Errorf("a capture that cannot be read: %d", status)
	}
}

// What of an upload is missing is said in its report; a text trace is taken as one.
func TestUploadsThatEndEarlySaySo(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(flowsOf(t, "busy.txtar")[0].Pcap())
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	empty := 0
	for n := 20; n < packed.Len(); n += 7 {
		cut := packed.String()[:n]
		r := b.ask("POST", "/api/v1/analyze?name=half.pcap.gz", cut, "Content-Type", "application/gzip")
		if r.StatusCode == http.StatusUnprocessableEntity && strings.Contains(string(r.body), "half.pcap.gz") {
			continue
		}
		var doc struct {
			Source struct {
				Packets int
				Gaps    []struct{ Kind, Where string }
			}
		}
		r.read(t, &doc)
		if r.StatusCode != http.StatusOK || len(doc.Source.Gaps) != 1 || doc.Source.Gaps[0].Kind != "file-truncated" || !strings.HasPrefix(doc.Source.Gaps[0].Where, "half.pcap.gz") {
			t.Fatalf("%d of %d bytes: %s %s", n, packed.Len(), r.Status, r.body)
		}
		if doc.Source.Packets > 0 {
			continue
		}
		empty++
		for _, format := range []string{"text", "html", "markdown"} {
			if r := b.ask("POST", "/api/v1/analyze?format="+format, cut, "Content-Type", "application/gzip"); !bytes.Contains(r.body, []byte("ends inside a record")) {
				t.Errorf("%d bytes as %s do not say what is missing:\n%s", n, format, r.body)
			}
		}
	}
	if empty == 0 {
		t.Error("no cut left a report without a packet")
	}
}

func TestTextTracesAreTaken(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	trace := readFile(t, "../capture/testdata/text/asterisk-chan_sip.log")
	r := b.ask("POST", "/api/v1/analyze?format=csv", string(trace), "Content-Type", "text/plain; charset=utf-8")
	if r.StatusCode != http.StatusOK || bytes.Count(r.body, []byte("\n")) < 2 {
		t.Errorf("%s %s", r.Status, r.body)
	}
	if r := b.ask("POST", "/api/v1/analyze", string(trace), "Content-Type", "text/plain", "Sec-Fetch-Site", "cross-site"); r.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %s", r.Status)
	}
}

// The findings of all traffic, the worst first, with calls to look at.
func TestFindingsAreTold(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	var list struct{ Items []findingJSON }
	b.get("/api/v1/findings").read(t, &list)
	var s statusJSON
	b.get("/api/v1/status").read(t, &s)
	if len(list.Items) != 2 || !reflect.DeepEqual(s.Findings, list.Items) {
		t.Fatalf("findings %+v, of the status %+v", list.Items, s.Findings)
	}
	f := list.Items[0]
	if f.ID != "kpi.asr-drop" || f.Severity != "error" || *f.Subject != "out:carrier-a" || !strings.Contains(f.Summary, "to carrier-a fell below") || len(f.Examples) != 2 {
		t.Errorf("the worst is %+v", f)
	}
	for _, id := range f.Examples {
		b.get("/api/v1/calls/" + url.PathEscape(id))
	}
	b.get("/api/v1/findings?limit=1").read(t, &list)
	if len(list.Items) != 1 || list.Items[0].ID != "kpi.asr-drop" {
		t.Errorf("the worst alone: %+v", list.Items)
	}
	b.lab.mu.Lock()
	b.lab.status.Findings = make([]finding.Finding, 1500)
	b.lab.mu.Unlock()
	b.get("/api/v1/status").read(t, &s)
	if len(s.Findings) != maxStatusFindings {
		t.Errorf("the status has %d findings", len(s.Findings))
	}
}

// An answer that has begun cannot become an error: it breaks off, and its reader notices.
func TestBrokenReportsBreakOff(t *testing.T) {
	l := someCalls(t)
	l.analyze = func(_ context.Context, _ string, _ io.Reader, _ string, w io.Writer) error {
		_, _ = w.Write(make([]byte, held+1))
		return errors.New("disk full")
	}
	b := serveLab(t, l, Options{})
	req, _ := http.NewRequest(http.MethodPost, b.url+"/api/v1/analyze", strings.NewReader("x"))
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("read %d bytes, and nothing says that more was to come", n)
	}
}

func TestOwnFailuresAreNotTold(t *testing.T) {
	l := someCalls(t)
	b := serveLab(t, l, Options{})
	for _, c := range []struct {
		err    error
		status int
	}{
		{errors.New("open /var/lib/secret: denied"), 500},
		{fmt.Errorf("search: %w", context.DeadlineExceeded), 503},
		{store.ErrClosed, 503},
		{store.ErrFull, 507},
	} {
		l.fail(c.err)
		for _, path := range []string{"/api/v1/calls", "/api/v1/causes", "/api/v1/status", "/readyz"} {
			if r := b.ask("GET", path, ""); r.StatusCode != c.status || bytes.Contains(r.body, []byte("secret")) {
				t.Errorf("%v: GET %s: %s %s, want %d", c.err, path, r.Status, r.body, c.status)
			}
		}
		if r := b.ask("GET", "/healthz", ""); r.StatusCode != http.StatusOK {
			t.Errorf("%v: not alive: %s", c.err, r.Status)
		}
	}
}

func TestQueriesOfTooMuchAreTheAskersFault(t *testing.T) {
	_, err := kpi.Series(view.SeriesQuery{Measures: []string{"asr"}, From: day, Until: day + 3600e9, Step: 90 * time.Second}, nil, nil)
	if p := problemOf(fmt.Errorf("series: %w", err)); p.Status != http.StatusBadRequest || !strings.Contains(p.Detail, "whole minutes") {
		t.Errorf("%v is %+v", err, p)
	}
}

// stuck is a lab that answers nothing.
type stuck struct{ *lab }

func (stuck) Status(ctx context.Context) (view.Status, error) {
	<-ctx.Done()
	return view.Status{}, ctx.Err()
}

func (stuck) Cases(ctx context.Context, _ store.Search) (store.Page, error) {
	<-ctx.Done()
	return store.Page{}, ctx.Err()
}

func TestWaitingIsBounded(t *testing.T) {
	h, err := New(stuck{someCalls(t)}, Options{Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	b := &bench{T: t, url: srv.URL}
	for _, path := range []string{"/api/v1/calls", "/api/v1/status", "/readyz"} {
		if r := b.ask("GET", path, ""); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("GET %s: %s", path, r.Status)
		}
	}
}

func TestReadyFollowsTheStatus(t *testing.T) {
	l := someCalls(t)
	b := serveLab(t, l, Options{})
	b.get("/readyz")
	l.mu.Lock()
	l.status.Ready, l.status.Alarms = false, []string{"disk full"}
	l.mu.Unlock()
	if r := b.ask("GET", "/readyz", ""); r.StatusCode != http.StatusServiceUnavailable || !bytes.Contains(r.body, []byte("disk full")) {
		t.Errorf("%s %s", r.Status, r.body)
	}
}

func TestReportsNameTheNextPage(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	r := b.get("/api/v1/calls?limit=2&format=csv&kind=call")
	next, ok := strings.CutSuffix(r.Header.Get("Link"), `>; rel="next"`)
	if !ok || bytes.Count(r.body, []byte("\r\n")) != 3 {
		t.Fatalf("Link %q of\n%s", r.Header.Get("Link"), r.body)
	}
	second := b.get(strings.TrimPrefix(next, "<"))
	if rows := bytes.Split(second.body, []byte("\r\n")); bytes.Contains(r.body, rows[1]) || !slices.ContainsFunc(rows, func(l []byte) bool { return len(l) > 50 }) {
		t.Errorf("the next page is\n%s", second.body)
	}
}
