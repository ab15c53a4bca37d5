package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
)

// event is one that came; name "comment" is a sign of life.
type event struct{ name, id, data string }

// followed opens the events and returns them as they come, with status and type of the answer.
func (b *bench) followed(query string, header ...string) (<-chan event, string) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/api/v1/events"+query, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{}).RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { res.Body.Close() })
	out := make(chan event, 64)
	go func() {
		defer close(out)
		var e event
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ":")
			switch value = strings.TrimSpace(value); {
			case lines.Text() == "":
				if e != (event{}) {
					out <- e
				}
				e = event{}
			case name == "":
				e.name = "comment"
			case name == "event":
				e.name = value
			case name == "id":
				e.id = value
			case name == "data":
				e.data += value
			}
		}
	}()
	return out, res.Status + " " + res.Header.Get("Content-Type")
}

// next returns the next event that is no sign of life.
func next(t *testing.T, from <-chan event) event {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e, ok := <-from:
			if !ok {
				t.Fatal("the events ended")
			}
			if e.name != "comment" {
				return e
			}
		case <-deadline:
			t.Fatal("no event in 10 s")
		}
	}
}

func TestEventsFollowTheCases(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{Heartbeat: 20 * time.Millisecond})
	events, answer := b.followed("?filter=" + url.QueryEscape("code = 503"))
	if answer != "200 OK text/event-stream" {
		t.Fatal(answer)
	}
	other := strange()
	other.Code = 404
	b.lab.follow <- other
	one := strange()
	one.Revision = 3
	b.lab.follow <- one
	if e := next(t, events); e.name != "missed" || e.data != `{"count":2}` {
		t.Errorf("first came %+v", e)
	}
	e := next(t, events)
	var r row
	if err := json.Unmarshal([]byte(e.data), &r); err != nil || e.name != "case" || r.ID != one.ID || r.Revision != 3 {
		t.Errorf("then came %+v: %v", e, err)
	}
	checkRow(t, e.data)
	if _, err := time.Parse(time.RFC3339, e.id); err != nil {
		t.Errorf("its id is %q", e.id)
	}
	select {
	case e := <-events:
		if e.name != "comment" {
			t.Errorf("came %+v, want a sign of life", e)
		}
	case <-time.After(10 * time.Second):
		t.Error("no sign of life")
	}
	again, _ := b.followed("", "Last-Event-ID", e.id)
	if m := next(t, again); m.name != "missed" || m.data != `{"since":"`+e.id+`"}` {
		t.Errorf("after a reconnection came %+v", m)
	}
	close(b.lab.follow)
	if e := next(t, again); e.name != "end" {
		t.Errorf("at the end came %+v", e)
	}
}

func TestWhatWaitsIsToldBeforeTheEnd(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	one := strange()
	one.Revision = 1
	for range cap(b.lab.follow) {
		b.lab.follow <- one
	}
	close(b.lab.follow)
	events, _ := b.followed("")
	for i := range cap(b.lab.follow) {
		if e := next(t, events); e.name != "case" {
			t.Fatalf("after %d cases came %+v", i, e)
		}
	}
	if e := next(t, events); e.name != "end" {
		t.Errorf("at the end came %+v", e)
	}
}

func checkRow(t *testing.T, data string) {
	t.Helper()
	readContract(t).check(t, pointer("components", "schemas", "Row"), []byte(data))
}

// A stream outlives the time that a request has to come in.
func TestEventsOutliveTheReadTimeout(t *testing.T) {
	l := someCalls(t)
	h, err := New(l, Options{Heartbeat: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config = Server(h)
	srv.Config.ReadTimeout = 100 * time.Millisecond
	srv.Start()
	t.Cleanup(srv.Close) // after the client has gone
	events, _ := (&bench{T: t, lab: l, url: srv.URL}).followed("")
	for range 10 { // signs of life: three times the timeout
		if e, ok := <-events; !ok {
			t.Fatalf("the events ended after %+v", e)
		}
	}
}

func TestFollowersAreBounded(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{Followers: 2})
	b.followed("")
	b.followed("")
	if r := b.ask("GET", "/api/v1/events", ""); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("one follower too many: %s", r.Status)
	}
}

// endless gives revisions as fast as they are taken, and says when it ended.
type endless struct {
	*lab
	ended chan bool
}

func (l *endless) Follow(ctx context.Context, _ *query.Expr, told func(*record.Case, uint64) error) error {
	c := strange()
	c.UAs = []string{strings.Repeat("x", 64<<10)}
	var err error
	for err == nil {
		err = told(&c, 0)
	}
	l.ended <- true
	return nil
}

// A client that stops reading is dropped, and nothing of it stays.
func TestSlowFollowersAreDropped(t *testing.T) {
	l := &endless{someCalls(t), make(chan bool, 1)}
	h, err := New(l, Options{Heartbeat: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	srv := Server(h)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("a client that reads nothing is still followed")
	}
}

// pages is a lab whose lists have another page, which does not come.
type pages struct{ *lab }

func (e pages) Cases(ctx context.Context, q store.Search) (store.Page, error) {
	if q.After != "" {
		<-ctx.Done()
		return store.Page{}, ctx.Err()
	}
	page, err := e.lab.Cases(ctx, q)
	page.Next = "more"
	return page, err
}

// A server that ends breaks off what it is writing: its reader must not take that for whole.
func TestEndBreaksOff(t *testing.T) {
	h, err := New(pages{someCalls(t)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	srv := httptest.NewUnstartedServer(h)
	srv.Config = Server(h)
	srv.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	srv.Start()
	t.Cleanup(srv.Close)
	req, err := http.NewRequest(http.MethodGet, srv.URL+"/api/v1/calls", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	end()
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("read %d bytes, and nothing says that more was to come", n)
	}
}
