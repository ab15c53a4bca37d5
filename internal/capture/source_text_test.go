package capture

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// describe writes what was found in a text trace down, one message after another.
func describe(g got) []byte {
	var out bytes.Buffer
	for i := range g.payloads {
		p := &g.payloads[i]
		fmt.Fprintf(&out, "%d %s %s %s -> %s", p.Ref.Number, p.Time.Std().Format("2006-01-02T15:04:05.000000Z"), p.Flow.Transport, p.Flow.Src, p.Flow.Dst)
		if p.Truncated {
			out.WriteString(" cut")
		}
		out.WriteString("\n")
		for line := range bytes.Lines(p.Data) {
			fmt.Fprintf(&out, "\t%q\n", line)
		}
	}
	for _, x := range g.gaps {
		fmt.Fprintf(&out, "gap %s at %d: %d in %s\n", x.Kind, x.Ref.Number, x.Lost, filepath.Base(x.Where))
	}
	return out.Bytes()
}

// TestTextDialects reads a trace of each dialect and compares every message, with its time and sockets.
func TestTextDialects(t *testing.T) {
	logs, err := filepath.Glob("testdata/text/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no traces", err)
	}
	for _, path := range logs {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".log"), func(t *testing.T) {
			g, s := readAll(t, path)
			if s.Read() != s.Size() {
				t.Errorf("read %d of %d bytes", s.Read(), s.Size())
			}
			have, golden := describe(g), strings.TrimSuffix(path, ".log")+".want"
			if *update {
				if err := os.WriteFile(golden, have, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(have, want) {
				t.Errorf("found:\n%s\nwant:\n%s", have, want)
			}
		})
	}
}

// textOf reads a text from a pipe, a few bytes at a time.
func textOf(t testing.TB, text string) got {
	t.Helper()
	s, err := Open([]string{"-"}, slowReader{strings.NewReader(text), 7})
	if err != nil {
		t.Fatal(err)
	}
	var g got
	if err := s.Run(context.Background(), g.packet, g.payload, g.gap); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestTextPipe reads each trace from a pipe, and compressed: the same messages.
func TestTextPipe(t *testing.T) {
	logs, _ := filepath.Glob("testdata/text/*.log")
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := readAll(t, path)
		packed, _ := readAll(t, write(t, t.TempDir(), "trace.gz", gz(b)))
		for _, g := range []got{textOf(t, string(b)), packed} {
			if len(g.payloads) != len(want.payloads) || !slices.EqualFunc(g.payloads, want.payloads, samePayload) {
				t.Errorf("%s: %d messages, want %d", path, len(g.payloads), len(want.payloads))
			}
		}
	}
}

func samePayload(a, b wire.Payload) bool {
	return a.Time == b.Time && a.Flow == b.Flow && a.Ref == b.Ref && a.Truncated == b.Truncated && bytes.Equal(a.Data, b.Data)
}

// options returns a message with a Call-ID of its own.
func options(n int) string {
	return fmt.Sprintf("OPTIONS sip:192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\nCall-ID: %d\nCSeq: 1 OPTIONS\n\n", n, n)
}

// TestTextMerge puts the messages of a text between the packets of a capture.
func TestTextMerge(t *testing.T) {
	dir := t.TempDir()
	at := func(d wire.Time) string { return (start + d).Std().Format("2006/01/02 15:04:05.000000") }
	var log strings.Builder
	for i := range 3 {
		fmt.Fprintf(&log, "%s 192.0.2.1:5060 -> 192.0.2.2:5060\n%s", at(wire.Time(i)*2e6+1e6), options(i))
	}
	a := write(t, dir, "a.pcap", capture("a", 4, start, 2e6)) // 0 2 4 6
	b := write(t, dir, "b.log", []byte(log.String()))         // 1 3 5
	s, err := Open([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	err = s.Run(context.Background(), func(p *wire.Packet) error {
		order = append(order, fmt.Sprintf("a %d", p.Ref.Number))
		return nil
	}, func(p *wire.Payload) error {
		order = append(order, fmt.Sprintf("b %d", p.Ref.Number))
		return nil
	}, func(g wire.Gap) { t.Errorf("gap %+v", g) })
	want := []string{"a 1", "b 1", "a 2", "b 2", "a 3", "b 3", "a 4"}
	if err != nil || !slices.Equal(order, want) || !slices.Equal(s.Files(), []string{a, b}) {
		t.Errorf("%v, order %v of %v, want %v", err, order, s.Files(), want)
	}
}

// TestTextFlood holds that what a hostile text makes grow is bounded: lines and messages without end, requests
// that nothing answers, names, blank lines, and starts that are none.
func TestTextFlood(t *testing.T) {
	header := "OPTIONS sip:192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\nCall-ID: x\nCSeq: 1 OPTIONS\n"
	for _, tc := range []struct {
		name, unit string
		n          int
		want       int
	}{
		{"line", strings.Repeat("x", 1000), 5000, 1},
		{"header", "X-Filler: " + strings.Repeat("y", 500) + "\n", 10000, 1},
		{"wrapped", strings.Repeat("z", 500) + "\n", 10000, 1},
		{"elided", "[...]\n", 100000, 1},
		{"blank", "\n", 1000000, 1},
		{"starts", "OPTIONS sip:192.0.2.2 SIP/2.0\n", 100000, 1},
		{"names", "", 3 * maxTextTxns, 3*maxTextTxns + 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var flood strings.Builder
			flood.WriteString(header)
			for i := range tc.n {
				if flood.WriteString(tc.unit); tc.unit == "" {
					fmt.Fprintf(&flood, "UDP host%d.example.com:5060 -> host.example.net:5060\n%s", i, options(i))
				}
			}
			s, err := Open([]string{"-"}, strings.NewReader(flood.String()))
			if err != nil {
				t.Fatal(err)
			}
			n, in := 0, s.inputs[0].records.(*text)
			err = s.Run(context.Background(), nil, func(p *wire.Payload) error {
				if n++; len(p.Data) > maxTextMessage {
					t.Errorf("message of %d bytes", len(p.Data))
				}
				if len(in.waiting) > maxWaiting || in.held > maxWaitingBytes+maxTextMessage ||
					len(in.ends.txns[0]) > maxTextTxns || len(in.ends.names) > maxTextNames || len(in.buf) > 2*maxTextLine {
					t.Errorf("%d messages wait with %d bytes, %d requests, %d names, block of %d", len(in.waiting), in.held,
						len(in.ends.txns[0]), len(in.ends.names), len(in.buf))
				}
				return nil
			}, func(wire.Gap) {})
			if err != nil || n != tc.want {
				t.Errorf("%v, %d messages, want %d", err, n, tc.want)
			}
		})
	}
}

// TestTextTimes holds what becomes of times that are not whole.
func TestTextTimes(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string // before each message
		want  []string
	}{
		{"none", []string{"", "", ""}, []string{"1970-01-01 00:00:01.000", "1970-01-01 00:00:01.010", "1970-01-01 00:00:01.020"}},
		{"later known", []string{"", "[2026-03-04 10:00:00] x", "[2026-03-04 10:00:01] x"}, []string{"2026-03-04 09:59:59.990", "2026-03-04 10:00:00.000", "2026-03-04 10:00:01.000"}},
		{"mostly unknown", []string{"", "[2026-03-04 10:00:00] x", ""}, []string{"1970-01-01 00:00:01.000", "1970-01-01 00:00:01.010", "1970-01-01 00:00:01.020"}},
		{"midnight", []string{"23:59:59.5 x", "00:00:01.5 x", "00:00:02 x"}, []string{"1971-01-02 23:59:59.500", "1971-01-03 00:00:01.500", "1971-01-03 00:00:02.000"}},
		{"new year", []string{"Dec 31 23:59:59 host x", "Jan  1 00:00:01 host x", "Jan  1 00:00:02.25 x"}, []string{"1972-12-31 23:59:59.000", "1973-01-01 00:00:01.000", "1973-01-01 00:00:02.250"}},
		{"zone", []string{"2026-03-04T10:00:00.5+02:00 x", "2026-03-04T08:00:01Z x", "Mar  4 2026 08:00:02.123 UTC: x"}, []string{"2026-03-04 08:00:00.500", "2026-03-04 08:00:01.000", "2026-03-04 08:00:02.123"}},
		{"day first", []string{"04.03.2026 10:00:00 x", "03/14/2026 10:00:00 x", "no time 10:00:01 here"}, []string{"2026-03-04 10:00:00.000", "2026-03-14 10:00:00.000", "2026-03-14 10:00:00.010"}},
		{"back a little", []string{"10:00:00.5 x", "10:00:00.4 x", ""}, []string{"1971-01-02 10:00:00.500", "1971-01-02 10:00:00.400", "1971-01-02 10:00:00.410"}},
	} {
		var text strings.Builder
		for i, line := range tc.lines {
			text.WriteString(line + "\n" + options(i))
		}
		var have []string
		for _, p := range textOf(t, text.String()).payloads {
			have = append(have, p.Time.Std().Format("2006-01-02 15:04:05.000"))
		}
		if !slices.Equal(have, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, have, tc.want)
		}
	}
}

// TestTextWrapped puts lines together that were broken at a margin, and leaves those alone that only follow.
func TestTextWrapped(t *testing.T) {
	const head = "INVITE sip:bob@example.net SIP/2.0\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n"
	const via = "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---b7be33da5936abda\n"
	const sdp = "Content-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 96\n"
	for _, tc := range []struct{ name, text, want string }{
		{"word", head + "Via: SIP/2.0/UDP\n192.0.2.10:5060;branch=z9hG4bK-524287-1---b7be33da5936abda\nMax-Forwards: 70\n\n", head + via + "Max-Forwards: 70\n\n"},
		{"quoted word", "> " + strings.ReplaceAll(head+"Via: SIP/2.0/UDP\n192.0.2.10:5060;branch=z9hG4bK-524287-1---b7be33da5936abda\nMax-Forwards: 70\n\n", "\n", "\n> "), head + via + "Max-Forwards: 70\n\n"},
		{
			"body", head + sdp + "a=fmtp:96 profile-level-id=42e01f; max-br=1000; max-mbps=245000;\npacketization-mode=1;sprop-parameter-sets=Z0LgH9oBQBbsBEAAAAMAQA\na=sendrecv\n",
			head + sdp + "a=fmtp:96 profile-level-id=42e01f; max-br=1000; max-mbps=245000; packetization-mode=1;sprop-parameter-sets=Z0LgH9oBQBbsBEAAAAMAQA\na=sendrecv\n",
		},
		{"method", "INVITE\nsip:someone.with.a.rather.long.name@gateway.of.the.provider.example.net SIP/2.0\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n", "INVITE sip:someone.with.a.rather.long.name@gateway.of.the.provider.example.net SIP/2.0\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n"},
		{"cut within the URI", "INVITE sip:someone.with.a.rather.long.name@gateway.of.the.pro\nvider.example.net SIP/2.0\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n", "INVITE sip:someone.with.a.rather.long.name@gateway.of.the.provider.example.net SIP/2.0\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n"},
		{"phrase", "SIP/2.0 503 No gateway of this provider takes any calls to that\ncountry at the moment\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n", "SIP/2.0 503 No gateway of this provider takes any calls to that country at the moment\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n"},
		{"long phrase", "SIP/2.0 503 No gateway of this provider takes calls to that country\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n", "SIP/2.0 503 No gateway of this provider takes calls to that country\nCall-ID: w1@example.com\nCSeq: 1 INVITE\n\n"},
		{
			"syslog", "Mar  4 10:00:00 proxy /usr/sbin/kamailio[4711]: INFO: <script>:\nudp:192.0.2.10:5060 -> udp:198.51.100.1:5060#012INVITE\nsip:bob@example.net SIP/2.0#015#012Call-ID: w1@example.com#015#012CSeq: 1\nINVITE#015#012#015#012\nMar  4 10:00:01 proxy /usr/sbin/kamailio[4711]: INFO: <script>: done\n",
			head + "\n",
		},
		{
			"syslog of a terminal", "Mar  4 10:00:00 proxy /usr/sbin/kamailio[4711]: INFO: <script>: udp:192.0.2.10:5\n060 -> udp:198.51.100.1:5060#012INVITE sip:bob@example.net SIP/2.0#015#012Call-I\nD: w1@example.com#015#012CSeq: 1 INVITE#015#012#015#012\n",
			head + "\n",
		},
		{"quoted column", ">         msg: " + strings.ReplaceAll(head, "\n", "\n> ") + "\n", head + "\n"},
		{"numbered column", "  7         msg: INVITE sip:bob@example.net SIP/2.0\n  8 Call-ID: w1@example.com\n  9 CSeq: 1 INVITE\n 10 \n", head + "\n"},
		{"blank lines left out", head + strings.Replace(sdp, "\n\n", "\n", 1) + "a=sendrecv\n", head + sdp + "a=sendrecv\n"},
		{"blanks behind", head + "Content-Length: 69\n" + strings.ReplaceAll(sdp, "\n", "  \n"), head + "Content-Length: 69\nContent-Type: application/sdp  \n" + sdp[strings.Index(sdp, "\n\n")+1:]},
		{"HTML and Markdown", strings.ReplaceAll(head, "\n", "<br>\n") + strings.Replace(via, "\n", "\\\n", 1), head + via + "\n"},
		{"list", "* got: " + strings.ReplaceAll(head+via, "\n", "\n* "), head + via + "\n"},
		{"container", "app_1  | 2026 got INVITE sip:bob@example.net SIP/2.0\napp_1  | Call-ID: w1@example.com\napp_1  | CSeq: 1 INVITE\n", head + "\n"},
		{"room was left", head + via + "Max-Forwards: 70\nthat is all\n", head + via + "Max-Forwards: 70\n\n"},
		{"stamped", head + "Max-Forwards: 70\n2026-03-04T10:00:00.123456Z-a-word-of-a-log-that-is-far-too-long-for-the-line\n", head + "Max-Forwards: 70\n\n"},
		{"after the body", head + sdp + "a=sendrecv\nNothing else came, and the phone rang on and on until I took the battery out\n", head + sdp + "a=sendrecv\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := textOf(t, tc.text)
			if len(g.payloads) != 1 {
				t.Fatalf("%d messages", len(g.payloads))
			}
			if have := strings.ReplaceAll(string(g.payloads[0].Data), "\r\n", "\n"); have != tc.want {
				t.Errorf("%q, want %q", have, tc.want)
			}
		})
	}
}

// TestTextBrokenHeader reads what a log says of a message from a line that a terminal broke.
func TestTextBrokenHeader(t *testing.T) {
	g := textOf(t, "10:00:00.100  192.0.2.99  local0.notice  [S=1] [SID=1:1:1]  (N 1)  ---- Incoming SIP Message from 192.0.2.\n10:5070 to SIPInterface #0 (LAN) UDP TO(#1) SocketID(1) ----\n"+options(1))
	if have := g.payloads[0].Flow.Src.String(); have != "192.0.2.10:5070" {
		t.Errorf("from %s", have)
	}
}

// TestTextCutOff tells that a text ends where the next message of a call would begin, and only then.
func TestTextCutOff(t *testing.T) {
	const line = "<--- Received SIP request (300 bytes) from UDP:192.0.2.1:5060 --->\n"
	for tail, want := range map[string]bool{
		line: true, line + "INVITE si[...]\n": true, "": false,
		strings.ReplaceAll(line, "2.1:", "2.7:"):               false, // of another peer
		line + "1\n2\n3\n4\n":                                  false, // a line of the log that only looks so
		"Sending to 192.0.2.1:5060 (no NAT)\n":                 false,
		"10:00:00.5 received 20 bytes from 192.0.2.1:5060\n\n": false,
	} {
		hole := false
		for _, x := range textOf(t, line+options(1)+tail).gaps {
			hole = hole || x.Kind == wire.GapTruncated && x.Lost == 1 && x.Flow.Src.String() == "192.0.2.1:5060"
		}
		if hole != want {
			t.Errorf("%q: gap %v, want %v", tail, hole, want)
		}
	}
}

// TestTextSeconds keeps messages apart that a log puts into one second: what is sent again is no copy of the capture's.
func TestTextSeconds(t *testing.T) {
	var log strings.Builder
	for i := range 150 {
		fmt.Fprintf(&log, "Mar  4 10:00:0%d proxy x\n%s", i/120, options(i))
	}
	times := []string{}
	for _, p := range textOf(t, log.String()).payloads {
		times = append(times, p.Time.Std().Format("05.000"))
	}
	for i, want := range map[int]string{0: "00.000", 1: "00.010", 99: "00.990", 100: "00.999", 119: "00.999", 120: "01.000", 121: "01.010"} {
		if times[i] != want {
			t.Errorf("message %d at %s, want %s", i, times[i], want)
		}
	}
}

// TestTextZone takes day and zone from the Date header of a message, and leaves the message's own error.
func TestTextZone(t *testing.T) {
	const date = "CSeq: 1 OPTIONS\nDate: Wed, 04 Mar 2026 09:00:03 GMT\n"
	for _, tc := range []struct{ line, want string }{
		{"[2026-03-04 10:00:00.5] x", "2026-03-04 09:00:00.500"},
		{"[2026-03-04 09:00:00.5] x", "2026-03-04 09:00:00.500"},
		{"2026-03-04 14:45:00.5 x", "2026-03-04 09:00:00.500"},
		{"2026-03-04T10:00:00.5+00:00 x", "2026-03-04 10:00:00.500"}, // the log names its zone: the device is an hour off
		{"[2026-03-01 10:00:00.5] x", "2026-03-01 10:00:00.500"},     // no zone is that far away
		{"Mar  4 11:00:00.5 host x", "2026-03-04 09:00:00.500"},
		{"Mar  4 00:30:00.5 host x", "2026-03-04 09:00:00.500"},
		{"Jul 10 11:00:00.5 host x", "1972-07-10 11:00:00.500"}, // of another day
		{"01:00:00.5 x", "2026-03-04 09:00:00.500"},
		{"23:00:00.5 x", "2026-03-04 09:00:00.500"},
		{"00:30:00.5+02:00 x", "1971-01-01 22:30:00.500"},
	} {
		g := textOf(t, tc.line+"\n"+strings.Replace(options(1), "CSeq: 1 OPTIONS\n", date, 1))
		if have := g.payloads[0].Time.Std().Format("2006-01-02 15:04:05.000"); have != tc.want {
			t.Errorf("%s: %s, want %s", tc.line, have, tc.want)
		}
	}
}

// TestTextRefused holds what is no trace.
func TestTextRefused(t *testing.T) {
	for _, text := range []string{
		"all is well\n", "the peer sent SIP/2.0 200 OK\nand then: nothing\n", "INVITE sip:bob@example.com SIP/2.0\n",
		"    Request-Line: INVITE sip:bob@example.com SIP/2.0\n        Method: INVITE\n    Via: SIP/2.0/UDP 192.0.2.1\n",
		"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n", "\x00" + options(1), "\xff\xfe" + options(1),
	} {
		_, err := Open([]string{write(t, t.TempDir(), "x", []byte(text))}, nil)
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), "a text trace with SIP messages") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzText(f *testing.F) {
	logs, _ := filepath.Glob("testdata/text/*.log")
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Open([]string{"-"}, bytes.NewReader(b))
		if err != nil {
			return
		}
		n, size := uint64(0), 0
		err = s.Run(context.Background(), func(*wire.Packet) error { return nil }, func(p *wire.Payload) error {
			if n++; p.Ref.Number != n || p.Time <= 0 || len(p.Data) == 0 || !p.Flow.Src.IsValid() || !p.Flow.Dst.IsValid() {
				t.Errorf("%+v", p)
			}
			size += len(p.Data)
			return nil
		}, func(wire.Gap) {})
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		if size > 8*len(b)+64 { // each byte belongs to one message; line ends and blanks may be added
			t.Errorf("%d bytes of messages in %d of text", size, len(b))
		}
	})
}
