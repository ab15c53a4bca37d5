package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/pipeline"
	"sipcause/internal/render"
	"sipcause/internal/render/schema"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// scene is a flow seen at two points of its way: near the caller, and further on by another clock. Calls before and
// after show that both captured all the while.
type scene struct {
	name, flow string
	near, far  func(p *wire.Payload) bool        // nil: everything
	lose       func(n int, p *wire.Payload) bool // the n-th packet, on the way
	alter      func(p *wire.Payload)             // on the way
	hops       bool                              // the points are on two hops, with an element between
}

const (
	before = "alice > proxy OPTIONS callid=before\nproxy > alice 200 callid=before\n+2s "
	after  = "\n+3s alice > proxy OPTIONS callid=after\nproxy > alice 200 callid=after\n"
)

// between says whether a payload is of the hop between two hosts.
func between(a, b string) func(p *wire.Payload) bool {
	x, y := netip.MustParseAddr(a), netip.MustParseAddr(b)
	return func(p *wire.Payload) bool {
		s, d := p.Flow.Src.Addr(), p.Flow.Dst.Addr()
		return s == x && d == y || s == y && d == x
	}
}

func starts(word string) func(p *wire.Payload) bool {
	return func(p *wire.Payload) bool { return bytes.HasPrefix(p.Data, []byte(word)) }
}

var inside, outside = netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("203.0.113.10:40123")

// alg exchanges the caller's address for the outer one and back, in packets and bodies, and leaves Content-Length.
func alg(p *wire.Payload) {
	if p.Flow.Src == inside {
		p.Flow.Src = outside
		head, body, _ := bytes.Cut(p.Data, []byte("\r\n\r\n"))
		head = bytes.Replace(head, []byte("Contact: <sip:alice@192.0.2.10:5060"), []byte("Contact: <sip:alice@203.0.113.10:40123"), 1)
		body = bytes.ReplaceAll(body, []byte("192.0.2.10"), []byte("203.0.113.10"))
		p.Data = append(append(append([]byte(nil), head...), "\r\n\r\n"...), body...)
	}
	if p.Flow.Dst == inside {
		p.Flow.Dst = outside
	}
}

// bridge exchanges the address in the description and leaves the packets.
func bridge(p *wire.Payload) {
	flow := p.Flow
	alg(p)
	p.Flow = flow
}

func nat(p *wire.Payload) {
	if p.Flow.Src == inside {
		p.Flow.Src = outside
	}
	if p.Flow.Dst == inside {
		p.Flow.Dst = outside
	}
}

// scenes returns two captures of each: packets are 3 ms on the way, the far clock is offset ahead.
func (s *scene) files(t *testing.T, offset time.Duration) []string {
	t.Helper()
	fs, err := testkit.ParseFlows([]byte(s.flow))
	if err != nil {
		t.Fatal(err)
	}
	f := fs[0]
	var near, far []wire.Packet
	n := 0
	for _, it := range f.Items {
		p := it.Payload
		if p == nil {
			continue
		}
		up := p.Flow.Dst == inside
		q := *p
		frame := func(p *wire.Payload, at wire.Time) wire.Packet {
			data := testkit.Ethernet(testkit.UDP(p.Flow.Src, p.Flow.Dst, p.IPID, p.Data))
			return wire.Packet{Time: at, Link: 1, WireLen: len(data), Data: data}
		}
		first, then := &near, &far
		fits, onward := s.near, s.far
		if up {
			first, then, fits, onward = &far, &near, s.far, s.near
			if s.alter != nil {
				s.alter(&q)
			}
		}
		one, two := &q, p
		if !up {
			one, two = p, &q
			if s.alter != nil {
				s.alter(&q)
			}
		}
		clock := func(list *[]wire.Packet, at wire.Time) wire.Time {
			if list == &far {
				return at.Add(offset)
			}
			return at
		}
		if fits == nil || fits(p) {
			*first = append(*first, frame(one, clock(first, p.Time)))
		}
		n++
		if (onward == nil || onward(p)) && !(s.lose != nil && s.lose(n, p)) {
			way := 3 * time.Millisecond
			if s.hops {
				way = 0
			}
			*then = append(*then, frame(two, clock(then, p.Time.Add(way))))
		}
	}
	return write(t, near, far)
}

// report returns a report of the files in their directory's own terms.
func report(t *testing.T, format string, workers int, files ...string) string {
	t.Helper()
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(files[0])) // a report is as wide as the names in it
	defer t.Chdir(home)
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	src, err := capture.Open(names, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r, err := render.New(format, &out, render.Options{All: true, Files: src.Files(), Width: 140, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := pipeline.Run(context.Background(), src, pipeline.Options{Workers: workers, Decode: decode.Options{}}, r.Case)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(sum); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var scenes = []scene{
	{
		name: "request-lost", flow: before + "alice > proxy INVITE sdp resend=6" + strings.Replace(after, "+3s", "+40s", 1),
		lose: func(_ int, p *wire.Payload) bool { return starts("INVITE")(p) },
	},
	{
		name: "answer-lost", flow: before + "alice > proxy INVITE sdp resend=6\nproxy > alice 486\n+500ms proxy > alice 486 resend\n+1s proxy > alice 486 resend" + strings.Replace(after, "+3s", "+40s", 1),
		lose: func(_ int, p *wire.Payload) bool { return starts("SIP/2.0 486")(p) },
	},
	{
		name: "some-lost", flow: before + "alice > proxy INVITE sdp resend=2\nproxy > alice 100\nproxy > alice 180\n+2s proxy > alice 200 sdp\nalice > proxy ACK\n+5s alice > proxy BYE\nproxy > alice 200" + after,
		lose: func(n int, p *wire.Payload) bool { return n == 3 || starts("SIP/2.0 180")(p) },
	},
	{
		name: "nat", flow: before + "alice > proxy INVITE sdp\nproxy > alice 486\nalice > proxy ACK" + after, alter: nat,
	},
	{
		name: "alg", flow: before + "alice > proxy INVITE sdp\nproxy > alice 400\nalice > proxy ACK" + after, alter: alg,
	},
	{
		name: "alg-bridge", flow: before + "alice > proxy INVITE sdp\nproxy > alice 400\nalice > proxy ACK" + after, alter: bridge,
	},
	{
		name: "proxy", hops: true, near: between("192.0.2.10", "198.51.100.1"), far: between("198.51.100.1", "203.0.113.31"),
		flow: before + "alice > proxy INVITE sdp\nproxy > alice 100\nproxy > bob INVITE\nbob > proxy 486\nproxy > bob ACK\nproxy > alice 486\nalice > proxy ACK" + after,
	},
	{
		name: "b2bua", hops: true, near: between("192.0.2.10", "198.51.100.151"), far: between("198.51.100.151", "203.0.113.81"),
		flow: "alice > b2bua OPTIONS callid=p\nb2bua > alice 200 callid=p\nb2bua > carrier OPTIONS callid=q\ncarrier > b2bua 200 callid=q\n+2s alice > b2bua INVITE sdp\nb2bua > alice 100\nb2bua > carrier INVITE sdp callid=2 to=+15550123 X-Call-ID: 1.main@flow.example.com\ncarrier > b2bua 503 callid=2\nb2bua > carrier ACK callid=2\nb2bua > alice 503\nalice > b2bua ACK\n+3s alice > b2bua OPTIONS callid=r\nb2bua > alice 200 callid=r\nb2bua > carrier OPTIONS callid=s\ncarrier > b2bua 200 callid=s\n",
	},
}

// TestScenes compares the reports of two capture points with the golden files: in text, and what json says of points
// and clocks. Any number of workers gives the same.
func TestScenes(t *testing.T) {
	for i := range scenes {
		s := &scenes[i]
		t.Run(s.name, func(t *testing.T) {
			files := s.files(t, 1238*time.Millisecond)
			text := report(t, "text", 1, files...)
			json := report(t, "json", 1, files...)
			if again := report(t, "json", 8, files...); again != json {
				t.Errorf("8 workers: another report than with one: %s", firstDifference(again, json))
			}
			if err := schema.ValidateJSON([]byte(json)); err != nil {
				t.Error(err)
			}
			_, cases, _ := strings.Cut(text, "\n── ")
			_, clock, _ := strings.Cut(text, "clock of")
			clock, _, _ = strings.Cut(clock, "\n  ")
			testkit.Golden(t, "points/"+s.name+".txt", []byte("clock of"+clock+"\n── "+cases))
			testkit.Golden(t, "points/"+s.name+".json", pointsOf(t, json))
		})
	}
}

// pointsOf returns what a report says of points and clocks.
func pointsOf(t *testing.T, report string) []byte {
	t.Helper()
	var doc struct {
		Calls []struct {
			ID     string          `json:"id"`
			Points json.RawMessage `json:"points"`
		} `json:"calls"`
		Source struct {
			Clocks json.RawMessage `json:"clocks"`
		} `json:"source"`
	}
	if err := json.Unmarshal([]byte(report), &doc); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(&doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// TestPlainWire: a healthy call at both ends of a link: nothing was lost, rewritten or late, and nothing is shown
// unless all is asked for.
func TestPlainWire(t *testing.T) {
	s := scene{flow: before + "alice > proxy INVITE sdp\nproxy > alice 100\nproxy > alice 180\n+2s proxy > alice 200 sdp\nalice > proxy ACK\n+5s alice > proxy BYE\nproxy > alice 200" + after}
	out := string(pointsOf(t, report(t, "json", 2, s.files(t, time.Hour)...)))
	for _, part := range []string{`"lost": 0`, `"messages": 4`, `"rewrites": []`, `"ahead_ms": 3600000`, `"error_ms": 3`, `"messages": 11`} {
		if !strings.Contains(out, part) {
			t.Errorf("no %s in %s", part, out)
		}
	}
	for _, part := range []string{`"between": "nat"`, `"not_seen": 1`, `"lost": 1`} {
		if strings.Contains(out, part) {
			t.Errorf("%s in %s", part, out)
		}
	}
}

// TestTwiceAndOvertaken: a packet that the link doubles, and one that comes after what left later.
func TestTwiceAndOvertaken(t *testing.T) {
	s := scene{flow: before + "alice > proxy INVITE sdp\nproxy > alice 100\nproxy > alice 180\n+1s proxy > alice 200 sdp\nalice > proxy ACK\n+5s alice > proxy BYE\nproxy > alice 200" + after}
	files := s.files(t, -time.Hour)
	near, far := packetsOf(t, files[0]), packetsOf(t, files[1])
	twice := slices.IndexFunc(far, func(p wire.Packet) bool { return bytes.Contains(p.Data, []byte("BYE sip:")) })
	again := far[twice]
	again.Time = again.Time.Add(time.Millisecond)
	far = slices.Insert(far, twice+1, again)
	slow := slices.IndexFunc(near, func(p wire.Packet) bool { return bytes.Contains(p.Data, []byte("SIP/2.0 180")) })
	ok := slices.IndexFunc(near, func(p wire.Packet) bool {
		return bytes.Contains(p.Data, []byte("\r\nCSeq: 1 INVITE")) && bytes.Contains(p.Data, []byte("SIP/2.0 200"))
	})
	near[slow].Time = near[ok].Time.Add(2 * time.Millisecond)
	slices.SortStableFunc(near, func(a, b wire.Packet) int { return int(a.Time - b.Time) })
	out := string(pointsOf(t, report(t, "json", 2, write(t, near, far)...)))
	for _, part := range []string{`"duplicated": 1`, `"reordered": 1`, `"delay_max_ms": 1005`, `"ahead_ms": -3600000`} {
		if !strings.Contains(out, part) {
			t.Errorf("no %s in %s", part, out)
		}
	}
	if strings.Count(out, `"duplicated": 0`) != 1 || strings.Count(out, `"reordered": 0`) != 1 || strings.Contains(out, `"lost": 1`) {
		t.Errorf("too much in %s", out)
	}
}

// TestEndOfCapture: what comes after the far capture ended, or before it began, was not lost.
func TestEndOfCapture(t *testing.T) {
	s := scene{
		flow: before + "alice > proxy INVITE sdp resend=6" + strings.Replace(after, "+3s", "+40s", 1),
		lose: func(_ int, p *wire.Payload) bool {
			return !bytes.Contains(p.Data, []byte("before")) // the far point sees the first call alone
		},
		far: func(p *wire.Payload) bool { return bytes.Contains(p.Data, []byte("before")) },
	}
	files := s.files(t, time.Second)
	out := string(pointsOf(t, report(t, "json", 2, files...)))
	if !strings.Contains(out, `"lost": 0`) || !strings.Contains(out, `"not_seen": 7`) {
		t.Errorf("want 7 messages not seen and none lost: %s", out)
	}
	if text := report(t, "text", 2, files...); strings.Contains(text, "never reached") || !strings.Contains(text, "0.95") {
		t.Errorf("the cause rests on the end of a capture: %s", text)
	}
}
