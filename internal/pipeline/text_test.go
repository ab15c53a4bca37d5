package pipeline_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// logger writes one message as a log does; sent is for the log of one element.
type logger struct {
	name     string
	own      bool // of one element: it does not say its own address
	permille int  // of the cases must be diagnosed as from the capture
	write    func(p *wire.Payload, sent bool) string
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
	{"ngrep", false, 1000, func(p *wire.Payload, _ bool) string {
		return fmt.Sprintf("%c %s %s -> %s\n%s\n", upper(p.Flow.Transport)[0], stamp(p, "2006/01/02 15:04:05.000000"), p.Flow.Src, p.Flow.Dst,
			strings.ReplaceAll(string(p.Data), "\r\n", ".\n"))
	}},
	{"sngrep", false, 1000, func(p *wire.Payload, _ bool) string {
		return fmt.Sprintf("%s %s -> %s\n%s\n\n", stamp(p, "2006/01/02 15:04:05.000000"), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"tcpdump", false, 1000, func(p *wire.Payload, _ bool) string {
		ip := "IP"
		if p.Flow.Src.Addr().Is6() {
			ip = "IP6"
		}
		return fmt.Sprintf("%s %s %s > %s: %s, length %d\nE..(..@.@.....\n..3d.....x..%s\n", stamp(p, "2006-01-02 15:04:05.000000"), ip, dotted(p.Flow.Src), dotted(p.Flow.Dst),
			way(p.Flow.Transport == wire.UDP, "UDP", "Flags [P.]"), len(p.Data), p.Data)
	}},
	{"sipdump", false, 1000, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("====================\ntag: rcv\npid: 1\nprocess: 1\ntime: %d.%06d\ndate: Wed Mar  4 10:00:00 2026\nproto: %s ipv4\nsrcip: %s\nsrcport: %d\ndstip: %s\ndstport: %d\n~~~~~~~~~~~~~~~~~~~~\n%s||||||||||||||||||||\n",
			p.Time/1e9, p.Time%1e9/1e3, p.Flow.Transport, p.Flow.Src.Addr(), p.Flow.Src.Port(), p.Flow.Dst.Addr(), p.Flow.Dst.Port(), p.Data)
	}},
	{"baresip", false, 990, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("\x1b[36;1m%s#\n%s %s -> %s\n%s\x1b[;m\n", stamp(p, "15:04:05.000"), upper(p.Flow.Transport), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"oracle", false, 990, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s On [1:0]%s sent to %s\n%s\n----------------------------------------\n", stamp(p, "Jan _2 15:04:05.000"), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"chan_sip", true, 990, func(p *wire.Payload, sent bool) string {
		if sent {
			return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: Reliably Transmitting (NAT) to %s:\n%s\n---\n", stamp(p, "2006-01-02 15:04:05,000"), p.Flow.Dst, p.Data)
		}
		return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: \n<--- SIP read from %s:%s --->\n%s\n<------------->\n", stamp(p, "2006-01-02 15:04:05,000"), upper(p.Flow.Transport), p.Flow.Src, p.Data)
	}},
	{"pjsip-logger", true, 990, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("[%s] VERBOSE[1] res_pjsip_logger.c: <--- %s:%s --->\n%s\n", stamp(p, "2006-01-02 15:04:05.000"),
			fmt.Sprintf(way(sent, "Transmitting SIP request (%d bytes) to %s", "Received SIP request (%d bytes) from %s"), len(p.Data), upper(p.Flow.Transport)), peerOf(p, sent), p.Data)
	}},
	{"freeswitch", true, 985, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s %d bytes %s %s/%s at %s:\n   ---------------------------\n   %s\n   ---------------------------\n", way(sent, "send", "recv"), len(p.Data), way(sent, "to", "from"),
			p.Flow.Transport, bracketed(peerOf(p, sent)), stamp(p, "15:04:05.000000"), strings.ReplaceAll(string(p.Data), "\r\n", "\n   "))
	}},
	{"pjsua", true, 985, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s        pjsua_core.c  .%s %d bytes Request msg X/cseq=1 (tdta0x1) %s %s %s:\n%s\n--end msg--\n", stamp(p, "15:04:05.000"), way(sent, "TX", "RX"), len(p.Data), way(sent, "to", "from"),
			upper(p.Flow.Transport), peerOf(p, sent), p.Data)
	}},
	{"linphone", true, 990, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s [belle-sip] MESSAGE channel [0x1]: "+way(sent, "message sent to [%s://%s], size: [%d] bytes", "received [%[4]d] new bytes from [%[2]s://%[3]s]:")+"\n%[5]s\n",
			strings.Replace(stamp(p, "2006-01-02 15:04:05.000"), ".", ":", 1), upper(p.Flow.Transport), peerOf(p, sent), len(p.Data), p.Data)
	}},
	{"cisco", true, 975, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("*%s: //-1/xxxxxxxxxxxx/SIP/Msg/ccsipDisplayMsg:\n%s:\n%s\n", stamp(p, "Jan _2 15:04:05.000"), way(sent, "Sent", "Received"), p.Data)
	}},
	{"audiocodes", true, 985, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("%s  192.0.2.99  local0.notice  [S=1] [SID=1:1:1]  (N 1)  ---- %s SIP Message %s %s %s SIPInterface #0 (LAN) %s TO(#1) SocketID(1) ----\n%s [Time:%s]\n", stamp(p, "15:04:05.000"),
			way(sent, "Outgoing", "Incoming"), way(sent, "to", "from"), peerOf(p, sent), way(sent, "from", "to"), upper(p.Flow.Transport), p.Data, stamp(p, "02-01@15:04:05.000"))
	}},
	{"sipp", true, 980, func(p *wire.Payload, sent bool) string {
		return fmt.Sprintf("----------------------------------------------- %s\n%s message %s:\n\n%s\n", stamp(p, "2006-01-02 15:04:05.000000"), upper(p.Flow.Transport),
			way(sent, fmt.Sprintf("sent (%d bytes)", len(p.Data)), fmt.Sprintf("received [%d] bytes ", len(p.Data))), p.Data)
	}},
	{"plain", true, 820, func(p *wire.Payload, _ bool) string { return string(p.Data) + "\n" }},
}

// said is what is said of a case.
type said struct {
	all    string // outcome and findings
	alarms []string
}

// verdicts runs payloads, or a text when there are none, through the pipeline.
func verdicts(t *testing.T, payloads []wire.Payload, text string) map[string]said {
	t.Helper()
	out := map[string]said{}
	emit := func(c *view.Case) error {
		key := fmt.Sprint(c.Call.Kind, " ", c.Call.Legs[0].CallID)
		s := out[key]
		var ids []string
		for i := range c.Verdict.Findings {
			f := &c.Verdict.Findings[i]
			if ids = append(ids, string(f.ID)); f.Severity > finding.Info && !strings.HasPrefix(string(f.ID), "code.") { // that names no cause
				s.alarms = append(s.alarms, string(f.ID))
			}
		}
		slices.Sort(ids)
		s.all += fmt.Sprintf("%s %v;", c.Call.Outcome, ids)
		out[key] = s
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
		t.Fatal(err)
	}
	if _, err := pipeline.Run(context.Background(), src, pipeline.Options{}, emit); err != nil {
		t.Fatal(err)
	}
	return out
}

// textLoses are flows of which a text cannot show what the wire did: a body that does not fit its
// Content-Length looks like one that was shortened, one that is no session description like a log's line,
// two branches of a fork whose targets a log does not say like one, and a response to a wrong port as one to the right
// one where the log of an element does not say its own port.
var textLoses = []string{
	"content-length", "no-sdp-at-all", "forked",
	"cut-on-the-way", "cut-unanswered", "length-too-great", "rewritten-both-sides", "rewritten-outside", "odd-length",
	"misrouted-port", "misrouted-answer", "misrouted-gap", "misrouted-asked", "untranslated-port", "untranslated-gap",
}

// textScore counts the cases of a logger.
type textScore struct{ cases, same, alarms int }

// TestTextEqualsCapture writes the flows that the rules are tested with in every dialect, and diagnoses the
// messages and the text. A log of the wire with dates gives the same; one without a date differs only where a
// rule compares times with those in messages; the log of one element that does not say its own address, or no
// address at all, in few; a log without times in those that rest on time. None raises an alarm about a case
// that has none.
func TestTextEqualsCapture(t *testing.T) {
	score := map[string]*textScore{}
	for _, l := range loggers {
		score[l.name] = &textScore{}
	}
	for file, flows := range testkit.ReadFlows(t, "../diagnose/testdata/flows/*.txtar") {
		for i := range flows {
			if whole, hosts := written(&flows[i]); len(whole) > 0 && !slices.Contains(textLoses, flows[i].Name) {
				logAll(t, file+" "+flows[i].Name, whole, hosts, score)
			}
		}
	}
	for _, l := range loggers {
		s := score[l.name]
		t.Logf("%s: %d of %d cases the same, %d false alarms", l.name, s.same, s.cases, s.alarms)
		if s.cases < 500 || s.same*1000 < s.cases*l.permille || s.alarms > 0 {
			t.Errorf("%s: %d of %d cases the same, %d false alarms; want %d in a thousand, and none", l.name, s.same, s.cases, s.alarms, l.permille)
		}
	}
}

// written returns the messages of a flow as a log has them, none if some were cut, and the hosts in order.
func written(f *testkit.Flow) (whole []wire.Payload, hosts []netip.Addr) {
	for _, it := range f.Items {
		if it.Payload == nil {
			continue
		}
		p := *it.Payload
		if p.Truncated {
			return nil, nil
		}
		p.IPID, p.Fragments = 0, 0
		whole = append(whole, p)
		hosts = append(hosts, p.Flow.Src.Addr(), p.Flow.Dst.Addr())
	}
	slices.SortFunc(hosts, netip.Addr.Compare)
	return whole, slices.Compact(hosts)
}

// logAll writes the messages in every dialect: those on the wire once, those of elements by each host.
func logAll(t *testing.T, name string, whole []wire.Payload, hosts []netip.Addr, score map[string]*textScore) {
	all := verdicts(t, whole, "")
	for _, l := range loggers {
		if !l.own {
			logOne(t, l, name, netip.Addr{}, whole, all, score[l.name])
		}
	}
	for _, own := range hosts {
		var part []wire.Payload
		for _, p := range whole {
			if p.Flow.Src.Addr() == own || p.Flow.Dst.Addr() == own {
				part = append(part, p)
			}
		}
		seen := verdicts(t, part, "")
		for _, l := range loggers {
			if l.own {
				logOne(t, l, name, own, part, seen, score[l.name])
			}
		}
	}
}

func logOne(t *testing.T, l logger, name string, own netip.Addr, part []wire.Payload, want map[string]said, score *textScore) {
	var text strings.Builder
	for i := range part {
		text.WriteString(l.write(&part[i], part[i].Flow.Src.Addr() == own))
	}
	have := verdicts(t, nil, text.String())
	for k, w := range want {
		h := have[k]
		if score.cases++; h.all == w.all {
			score.same++
			continue
		}
		if testing.Verbose() {
			t.Logf("%s, %s, log of %s: %s: %s, want %s", l.name, name, own, k, h.all, w.all)
		}
		if len(w.alarms) == 0 && len(h.alarms) > 0 {
			score.alarms++
			t.Logf("false alarm: %s, %s, log of %s: %s: %s, want %s", l.name, name, own, k, h.all, w.all)
		}
	}
}
