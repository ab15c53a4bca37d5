package main

import (
	"bytes"
	"encoding/binary"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"
)

// record is one frame of a capture.
type record struct {
	at    int64
	frame []byte
}

func records(t *testing.T, b []byte) (rs []record) {
	t.Helper()
	le := binary.LittleEndian
	if le.Uint32(b) != 0xa1b2c3d4 {
		t.Fatalf("not a capture: % x", b[:4])
	}
	for b = b[24:]; len(b) > 0; {
		n := int(le.Uint32(b[8:]))
		rs = append(rs, record{int64(le.Uint32(b))*1e6 + int64(le.Uint32(b[4:])), b[16 : 16+n]})
		b = b[16+n:]
	}
	return rs
}

// start is when the captures of the tests begin.
var start = time.Date(2026, time.January, 15, 10, 0, 0, 0, time.UTC)

func capture(t *testing.T, n int, seed uint64, tcp bool) ([]record, *Truth) {
	t.Helper()
	var b bytes.Buffer
	truth, err := generate(&b, plan{n, seed, tcp, start, arrivalRate})
	if err != nil {
		t.Fatal(err)
	}
	rs := records(t, b.Bytes())
	for i := 1; i < len(rs); i++ {
		if rs[i].at < rs[i-1].at {
			t.Fatalf("record %d is before record %d", i, i-1)
		}
	}
	return rs, truth
}

// count checks every message's own length and adds it to the counts by method and code.
func count(t *testing.T, msg []byte, requests, responses map[string]int) {
	t.Helper()
	head, body, ok := bytes.Cut(msg, []byte("\r\n\r\n"))
	length := strings.TrimSpace(header1(head, "Content-Length:"))
	if n, err := strconv.Atoi(length); !ok || err != nil || n != len(body) {
		t.Fatalf("Content-Length %q, body of %d bytes:\n%s", length, len(body), msg)
	}
	if bytes.ContainsAny(head, "{}") {
		t.Fatalf("a field was not filled in:\n%s", msg)
	}
	first, rest, _ := strings.Cut(string(head), " ")
	if first == "SIP/2.0" {
		responses[rest[:3]]++
	} else {
		requests[first]++
	}
}

func header1(head []byte, name string) string {
	_, rest, _ := strings.Cut(string(head), "\r\n"+name)
	v, _, _ := strings.Cut(rest, "\r\n")
	return v
}

func TestUDP(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5, 17, 1000, 20001} {
		rs, truth := capture(t, n, 7, false)
		if len(rs) != n || truth.Messages != n {
			t.Errorf("%d records, truth says %d messages, want %d", len(rs), truth.Messages, n)
		}
		requests, responses := map[string]int{}, map[string]int{}
		for _, r := range rs {
			count(t, r.frame[lenEther+lenIP+lenUDP:], requests, responses)
			if len(r.frame) > 1514 {
				t.Fatalf("a frame of %d bytes", len(r.frame))
			}
		}
		if !maps.Equal(requests, truth.Requests) || !maps.Equal(responses, truth.Responses) {
			t.Errorf("%d messages: requests %v, responses %v; truth %v, %v", n, requests, responses, truth.Requests, truth.Responses)
		}
	}
}

// TestTCP puts the streams together again: they carry the messages of the UDP variant.
func TestTCP(t *testing.T) {
	const n = 20000
	datagrams, want := capture(t, n, 3, false)
	segments, truth := capture(t, n, 3, true)
	truth.Transport = want.Transport
	if !maps.Equal(truth.CallsByCause, want.CallsByCause) || truth.Retransmissions != want.Retransmissions || truth.Messages != want.Messages {
		t.Errorf("truth differs: %v and %v", truth, want)
	}
	type pair [8]byte // source and destination address
	sent := map[pair][]byte{}
	for _, r := range datagrams {
		k := pair(r.frame[lenEther+12 : lenEther+20])
		msg := strings.NewReplacer("SIP/2.0/UDP", "SIP/2.0/TCP", "transport=udp", "transport=tcp").Replace(string(r.frame[lenEther+lenIP+lenUDP:]))
		sent[k] = append(sent[k], msg...)
	}
	next, got := map[pair]uint32{}, map[pair][]byte{}
	several, cut := 0, 0
	for _, r := range segments {
		tcp := r.frame[lenEther+lenIP:]
		k := pair(r.frame[lenEther+12 : lenEther+20])
		seq, data := binary.BigEndian.Uint32(tcp[4:]), tcp[int(tcp[12]>>4)*4:]
		if tcp[13]&flagSYN != 0 {
			next[k] = seq + 1
			continue
		}
		if seq != next[k] {
			t.Fatalf("sequence number %d, want %d", seq, next[k])
		}
		if back := pair(append(append([]byte{}, k[4:]...), k[:4]...)); binary.BigEndian.Uint32(tcp[8:]) != next[back] {
			t.Fatal("acknowledges something else than what was sent")
		}
		next[k] += uint32(len(data))
		if len(data) > 0 {
			got[k] = append(got[k], data...)
		}
		if bytes.Count(data, []byte("\r\nVia: ")) > 0 && bytes.Count(data, []byte("\r\nCSeq: ")) > 1 {
			several++
		}
		if tcp[13]&flagPSH == 0 && len(data) > 0 {
			cut++
		}
	}
	if len(got) != len(sent) {
		t.Errorf("%d streams, want %d", len(got), len(sent))
	}
	for k, s := range sent {
		g := withoutRport(string(got[k]))
		if withoutRport(string(s)) != g {
			t.Errorf("stream %v: %d bytes differ from the %d sent", k, len(g), len(s))
		}
	}
	if several < 100 || cut < 100 {
		t.Errorf("%d segments with several messages, %d messages cut: too few to be of use", several, cut)
	}
}

// withoutRport takes out the ports of rport, which differ by transport.
func withoutRport(s string) string {
	parts := strings.Split(s, ";rport=")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.TrimLeft(parts[i], "0123456789")
	}
	return strings.Join(parts, ";rport=")
}

func TestSeed(t *testing.T) {
	var a, b, c bytes.Buffer
	for _, x := range []struct {
		w    *bytes.Buffer
		seed uint64
	}{{&a, 1}, {&b, 1}, {&c, 2}} {
		if _, err := generate(x.w, plan{3000, x.seed, false, start, arrivalRate}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same seed gave other bytes")
	}
	if bytes.Equal(a.Bytes(), c.Bytes()) {
		t.Error("another seed gave the same bytes")
	}
}

// TestShares holds the traffic to what the benchmark is meant to show.
func TestShares(t *testing.T) {
	const n = 200_000
	rs, truth := capture(t, n, 1, false)
	bytes := 0
	for _, r := range rs {
		bytes += lenRecord + len(r.frame)
	}
	if mean := float64(bytes) / n; mean < 774 || mean > 794 {
		t.Errorf("a message takes %.1f bytes, want 784", mean)
	}
	if share := float64(truth.Retransmissions) / n; share < 0.007 || share > 0.014 {
		t.Errorf("%.4f of the messages are retransmissions, want about 0.01", share)
	}
	if share := float64(truth.CallsByOutcome["answered"]) / float64(truth.Calls); share < 0.5 || share > 0.7 {
		t.Errorf("%.2f of the calls are answered", share)
	}
	if len(truth.CallsByCause) < 16 {
		t.Errorf("only %d causes", len(truth.CallsByCause))
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-messages", "1"}, {"extra"}, {"-messages", "4", "-o", t.TempDir()}} {
		if err := run(args, new(bytes.Buffer)); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
