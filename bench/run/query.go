package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// requests is how many of each kind are made.
const requests = 200

// latency is how long answers took, in ms, shortest first.
type latency struct {
	what  string
	limit float64 // of p95, as the target has it
	took  []float64
	bytes int // of the answers, on the mean
}

// at returns the quantile q: the smallest time within which that share of the requests was answered.
func (l *latency) at(q float64) float64 {
	return l.took[max(int(math.Ceil(q*float64(len(l.took)))), 1)-1]
}

// history fills a store and asks the server for what is in it.
func (b *bench) history() (list []latency, err error) {
	data := filepath.Join(b.dir, "stored")
	if err := os.RemoveAll(data); err != nil {
		return nil, fmt.Errorf("remove: %w", err)
	}
	defer os.RemoveAll(data)
	until := time.Now().UTC().Truncate(time.Minute)
	if err := b.fill(data, until.Add(-day)); err != nil {
		return nil, err
	}
	s, err := b.serve(data, "udp")
	if err != nil {
		return nil, err
	}
	list, err = s.ask(until)
	if u, uerr := s.usage(); uerr == nil {
		fmt.Printf("  server: %.1f s of CPU, %.0f MB resident at most\n", u.cpu, u.peak)
	}
	_, stopped := s.stop()
	return list, errors.Join(err, stopped)
}

const day = 24 * time.Hour

// fill stores a day of generated traffic: what the generator writes goes through the engine into the store.
func (b *bench) fill(data string, from time.Time) error {
	truth, err := readTruth(b.capture(b.small, false).truth)
	if err != nil {
		return err
	}
	begun := truth["calls"] + truth["registrations"] + truth["transactions"]
	rate := float64(b.stored) * float64(begun) / float64(truth["messages"]) / day.Seconds()
	fmt.Printf("\nqueries over a store of %d messages of one day, filled through engine and store by bench/fill, not by HEP\n", b.stored)
	fill := exec.Command(b.filler, "-data", data, "-")
	gen := exec.Command(b.gen, "-messages", fmt.Sprint(b.stored), "-seed", "2", "-from", from.Format(time.RFC3339), "-rate", fmt.Sprint(rate))
	var out, errs bytes.Buffer
	fill.Stdout, fill.Stderr, gen.Stderr = &out, &errs, &errs
	if fill.Stdin, err = gen.StdoutPipe(); err != nil {
		return fmt.Errorf("pipe the generator: %w", err)
	}
	if err := gen.Start(); err != nil {
		return fmt.Errorf("start the generator: %w", err)
	}
	if err = fill.Run(); err != nil {
		_ = gen.Process.Kill()
	}
	if err := errors.Join(err, gen.Wait()); err != nil {
		return fmt.Errorf("fill the store: %w\n%s", err, errs.Bytes())
	}
	d, err := diskOf(data)
	if err != nil {
		return err
	}
	fmt.Printf("  %s  bytes per message on disk: %s\n", out.Bytes(), d.per(uint64(b.stored)))
	return nil
}

// stored is what is read of a row of the API.
type stored struct {
	ID, To, Cause string
	Code          int
	RoutesOut     []string `json:"routes_out"`
	Flows         []struct{ Src string }
}

// sample takes calls from all over the day.
func (s *server) sample(until time.Time) (all []stored, err error) {
	const places = 20
	for i := range places {
		v := url.Values{"kind": {"call"}, "limit": {fmt.Sprint(requests / places)}, "until": {until.Add(-time.Duration(i) * day / places).Format(time.RFC3339)}}
		var body bytes.Buffer
		if err := s.get("/api/v1/calls?"+v.Encode(), &body); err != nil {
			return nil, err
		}
		var page struct{ Items []stored }
		if err := json.Unmarshal(body.Bytes(), &page); err != nil {
			return nil, fmt.Errorf("read calls: %w", err)
		}
		all = append(all, page.Items...)
	}
	return all, nil
}

// number is what stands before the @ of a SIP URI.
func (c *stored) number() string {
	user, _, _ := strings.Cut(strings.TrimPrefix(c.To, "sip:"), "@")
	return user
}

// searches is the table of what is searched for: of a sampled call, "" when it has none.
var searches = []struct {
	what   string
	filter func(c *stored) string
}{
	{"cause", func(c *stored) string { return is("cause", c.Cause) }},
	{"number, prefix", func(c *stored) string { return is("number", firstOf(c.number(), 6)+"*") }},
	{"number, suffix", func(c *stored) string { return is("number", "*"+lastOf(c.number(), 4)) }},
	{"ip", func(c *stored) string {
		if len(c.Flows) == 0 {
			return ""
		}
		host, _, err := net.SplitHostPort(c.Flows[0].Src)
		if err != nil {
			return ""
		}
		return "ip = " + host
	}},
	{"route", func(c *stored) string {
		if len(c.RoutesOut) == 0 {
			return ""
		}
		return is("route", c.RoutesOut[0])
	}},
	{"code", func(c *stored) string {
		if c.Code == 0 {
			return ""
		}
		return fmt.Sprintf("code = %d", c.Code)
	}},
}

func is(field, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf("%s = %q", field, value)
}

func firstOf(s string, n int) string { return s[:min(n, len(s))] }
func lastOf(s string, n int) string  { return s[max(len(s)-n, 0):] }

// Targets of the issue, in ms.
const (
	maxAnswer = 20
	maxSeries = 150
)

// ask measures every kind of request, one request at a time.
func (s *server) ask(until time.Time) (list []latency, err error) {
	calls, err := s.sample(until)
	if err != nil {
		return nil, err
	}
	if len(calls) == 0 {
		return nil, errors.New("the store that was filled has no calls")
	}
	add := func(what string, limit float64, paths []string) error {
		l := latency{what: what, limit: limit}
		if len(paths) == 0 {
			return fmt.Errorf("ask for %s: no sampled call has one", what)
		}
		for i := range requests {
			var n counted
			began := time.Now()
			if err := s.get(paths[i%len(paths)], &n); err != nil {
				return err
			}
			l.took = append(l.took, float64(time.Since(began))/1e6)
			l.bytes += int(n) / requests
		}
		slices.Sort(l.took)
		fmt.Printf("  %-36s p50 %8.2f ms, p95 %8.2f ms, longest %8.2f ms; %d bytes\n", what, l.at(0.5), l.at(0.95), l.at(1), l.bytes)
		list = append(list, l)
		return nil
	}
	var whole []string
	for i := range calls {
		whole = append(whole, "/api/v1/calls/"+url.PathEscape(calls[i].ID))
	}
	if err := add("a call by Call-ID, whole", maxAnswer, whole); err != nil {
		return nil, err
	}
	for _, search := range searches {
		var paths []string
		for i := range calls {
			if filter := search.filter(&calls[i]); filter != "" {
				paths = append(paths, "/api/v1/calls?"+url.Values{"filter": {filter}, "limit": {"100"}}.Encode())
			}
		}
		if err := add("the newest 100 by "+search.what, maxAnswer, paths); err != nil {
			return nil, err
		}
	}
	for _, measure := range []string{"asr", "pdd_p95"} { // a ratio of sums, and a quantile of merged histograms
		if err := add("a day's "+measure+" by minute and route", maxSeries, series(measure, until)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// series asks for a day that ends at until, or up to so many minutes earlier as there are requests.
func series(measure string, until time.Time) (paths []string) {
	for i := range requests {
		at := until.Add(-time.Duration(i) * time.Minute)
		v := url.Values{"measure": {measure}, "by": {"route"}, "step": {"1m"}, "from": {at.Add(-day).Format(time.RFC3339)}, "until": {at.Format(time.RFC3339)}}
		paths = append(paths, "/api/v1/kpi?"+v.Encode())
	}
	return paths
}

// counted counts what is written to it.
type counted int

func (c *counted) Write(b []byte) (int, error) {
	*c += counted(len(b))
	return len(b), nil
}
