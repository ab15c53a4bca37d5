package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/call"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// logger writes one message as a log does. own is the address of the element that writes it; invalid for one
// that sees the wire.
type logger struct {
	name  string
	own   bool // of one element: it does not say its own address
	write func(p *wire.Payload, sent bool) string
}

func stamp(p *wire.Payload, layout string) string { return p.Time.Std().Format(layout) }

func way(sent bool, yes, no string) string {
	if sent {
		return yes
	}
	return no
}

// peerOf returns the other end's socket.
func peerOf(p *wire.Payload, sent bool) netip.AddrPort {
	if sent {
		return p.Flow.Dst
	}
	return p.Flow.Src
}

func upper(t wire.Transport) string { return strings.ToUpper(t.String()) }

// dotted writes a socket as tcpdump does.
func dotted(a netip.AddrPort) string { return fmt.Sprintf("%s.%d", a.Addr(), a.Port()) }

// bracketed writes a socket as Sofia does.
func bracketed(a netip.AddrPort) string { return fmt.Sprintf("[%s]:%d", a.Addr(), a.Port()) }

// loggers write messages in each dialect of text traces.
var loggers = []logger{
	{"ngrep", false, func(p *wire.Payload, _ bool) string {
		return fmt.Sprintf("%c %s %s -> %s\n%s\n", upper(p.Flow.Transport)[0], stamp(p, "2006/01/02 15:04:05.000000"), p.Flow.Src, p.Flow.Dst,
			strings.ReplaceAll(string(p.Data), "\r\n", ".\n"))
	}},
	{"sngrep", false, func(p *wire.Payload, _ bool) string {
		return fmt.Sprintf("%s %s -> %s\n%s\n\n", stamp(p, "2006/01/02 15:04:05.000000"), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"tcpdump", false, func(p *wire.Payload, _ bool) string {
		ip := "IP"
		if p.Flow.Src.Addr().Is6() {
			ip = "IP6"
		}
		return fmt.Sprintf("%s %s %s > %s: %s, length %d\nE..(..@.@.....\n..3d.....x..%s\n", stamp(p, "2006-01-02 15:04:05.000000"), ip, dotted(p.Flow.Src), dotted(p.Flow.Dst),
			way(p.Flow.Transport == wire.UDP, "UDP", "Flags [P.]"), len(p.Data), p.Data)
	}},
	{"sipdump", false, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("====================\ntag: rcv\npid: 1\nprocess: 1\ntime: %d.%06d\ndate: Wed Mar  4 10:00:00 2026\nproto: %s ipv4\nsrcip: %s\nsrcport: %d\ndstip: %s\ndstport: %d\n~~~~~~~~~~~~~~~~~~~~\n%s||||||||||||||||||||\n",
			p.Time/1e9, p.Time%1e9/1e3, p.Flow.Transport, p.Flow.Src.Addr(), p.Flow.Src.Port(), p.Flow.Dst.Addr(), p.Flow.Dst.Port(), p.Data)
	}},
	{"baresip", false, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("\x1b[36;1m%s#\n%s %s -> %s\n%s\x1b[;m\n", stamp(p, "15:04:05.000"), upper(p.Flow.Transport), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"oracle", false, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s On [1:0]%s sent to %s\n%s\n----------------------------------------\n", stamp(p, "Jan _2 15:04:05.000"), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"chan_sip", true, func(p *wire.Payload, sent bool) string {
		if sent {
			return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: Reliably Transmitting (NAT) to %s:\n%s\n---\n", stamp(p, "2006-01-02 15:04:05,000"), p.Flow.Dst, p.Data)
		}
		return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: \n<--- SIP read from %s:%s --->\n%s\n<------------->\n", stamp(p, "2006-01-02 15:04:05,000"), upper(p.Flow.Transport), p.Flow.Src, p.Data)
	}},
	{"pjsip-logger", true, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("[%s] VERBOSE[1] res_pjsip_logger.c: <--- %s:%s --->\n%s\n", stamp(p, "2006-01-02 15:04:05.000"),
			fmt.Sprintf(way(sent, "Transmitting SIP request (%d bytes) to %s", "Received SIP request (%d bytes) from %s"), len(p.Data), upper(p.Flow.Transport)), peerOf(p, sent), p.Data)
	}},
	{"freeswitch", true, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s %d bytes %s %s/%s at %s:\n   ---------------------------\n   %s\n   ---------------------------\n", way(sent, "send", "recv"), len(p.Data), way(sent, "to", "from"),
			p.Flow.Transport, bracketed(peerOf(p, sent)), stamp(p, "15:04:05.000000"), strings.ReplaceAll(string(p.Data), "\r\n", "\n   "))
	}},
	{"pjsua", true, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s        pjsua_core.c  .%s %d bytes Request msg X/cseq=1 (tdta0x1) %s %s %s:\n%s\n--end msg--\n", stamp(p, "15:04:05.000"), way(sent, "TX", "RX"), len(p.Data), way(sent, "to", "from"),
			upper(p.Flow.Transport), peerOf(p, sent), p.Data)
	}},
	{"linphone", true, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s [belle-sip] MESSAGE channel [0x1]: "+way(sent, "message sent to [%s://%s], size: [%d] bytes", "received [%[4]d] new bytes from [%[2]s://%[3]s]:")+"\n%[5]s\n",
			strings.Replace(stamp(p, "2006-01-02 15:04:05.000"), ".", ":", 1), upper(p.Flow.Transport), peerOf(p, sent), len(p.Data), p.Data)
	}},
	{"cisco", true, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("*%s: //-1/xxxxxxxxxxxx/SIP/Msg/ccsipDisplayMsg:\n%s:\n%s\n", stamp(p, "Jan _2 15:04:05.000"), way(sent, "Sent", "Received"), p.Data)
	}},
	{"audiocodes", true, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s  192.0.2.99  local0.notice  [S=1] [SID=1:1:1]  (N 1)  ---- %s SIP Message %s %s %s SIPInterface #0 (LAN) %s TO(#1) SocketID(1) ----\n%s [Time:%s]\n", stamp(p, "15:04:05.000"),
			way(sent, "Outgoing", "Incoming"), way(sent, "to", "from"), peerOf(p, sent), way(sent, "from", "to"), upper(p.Flow.Transport), p.Data, stamp(p, "02-01@15:04:05.000"))
	}},
	{"sipp", true, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("----------------------------------------------- %s\n%s message %s:\n\n%s\n", stamp(p, "2006-01-02 15:04:05.000000"), upper(p.Flow.Transport),
			way(sent, fmt.Sprintf("sent (%d bytes)", len(p.Data)), fmt.Sprintf("received [%d] bytes ", len(p.Data))), p.Data)
	}},
	{"plain", true, func(p *wire.Payload, _ bool) string { return string(p.Data) + "\n" }},
}

// verdicts runs payloads or a text through the pipeline and returns what is said of each case.
func verdicts(t *testing.T, payloads []wire.Payload, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	emit := func(c *view.Case) error {
		var ids []string
		for i := range c.Verdict.Findings {
			ids = append(ids, string(c.Verdict.Findings[i].ID))
		}
		slices.Sort(ids)
		out[fmt.Sprint(c.Call.Kind, " ", c.Call.Legs[0].CallID)] += fmt.Sprintf("%s %v;", c.Call.Outcome, ids)
		return nil
	}
	if payloads != nil {
		e := pipeline.NewEngine(pipeline.Options{}, emit)
		for i := range payloads {
			e.Reached(payloads[i].Time)
			e.Payload(&payloads[i])
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	src, err := capture.Open([]string{"-"}, strings.NewReader(text))
	if err != nil {
		t.Error(err)
		return out
	}
	if _, err := pipeline.Run(context.Background(), src, pipeline.Options{}, emit); err != nil {
		t.Fatal(err)
	}
	return out
}

var _ = call.None
var _ = bytes.Equal
var _ = os.Stat
var _ = filepath.Join

func TestTextDbg(t *testing.T) {
	byFile := testkit.ReadFlows(t, "../diagnose/testdata/flows/*.txtar")
	same, total := map[string]int{}, map[string]int{}
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		for _, f := range byFile[file] {
			hosts := map[netip.Addr]int{}
			var whole []wire.Payload
			ok := true
			for _, it := range f.Items {
				if it.Payload == nil {
					continue
				}
				p := *it.Payload
				p.IPID, p.Fragments = 0, 0
				if p.Truncated { ok = false }
				whole = append(whole, p)
				hosts[p.Flow.Src.Addr()]++
				hosts[p.Flow.Dst.Addr()]++
			}
			if !ok || len(whole) == 0 { continue }
			list := slices.SortedFunc(maps.Keys(hosts), netip.Addr.Compare)
			for _, l := range loggers {
				if !l.own {
					sameSaid(t, l, f.Name, netip.Addr{}, whole, same, total)
					continue
				}
				for _, own := range list {
					var part []wire.Payload
					for _, p := range whole {
						if p.Flow.Src.Addr() == own || p.Flow.Dst.Addr() == own { part = append(part, p) }
					}
					sameSaid(t, l, f.Name, own, part, same, total)
				}
			}
		}
	}
	for _, l := range loggers { t.Logf("%s %d of %d", l.name, same[l.name], total[l.name]) }
}

func sameSaid(t *testing.T, l logger, name string, own netip.Addr, part []wire.Payload, same, total map[string]int) {
	var text strings.Builder
	for i := range part { text.WriteString(l.write(&part[i], part[i].Flow.Src.Addr() == own)) }
	want := verdicts(t, part, "")
	have := verdicts(t, nil, text.String())
	for k, v := range want {
		total[l.name]++
		if have[k] == v { same[l.name]++ } else { t.Logf("%s %s own %s: %s: %s, want %s", l.name, name, own, k, have[k], v) }
	}
}
