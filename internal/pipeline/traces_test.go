package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

const tracesDir = "../../testdata/traces"

// trace is a text in testdata/traces: one case of a capture, as a program or people write it down.
type trace struct {
	name    string // logger-cause
	capture string
	callID  string
	own     string // address, or socket, of the element whose log it is; "" for what was printed of the wire
	mess    func(string) string
}

func (r *trace) file() string { return filepath.Join(tracesDir, r.name+".txt") }

// logger is the one whose name the trace begins with; the longest counts.
func (r *trace) logger(t *testing.T) (best logger) {
	for _, l := range loggers {
		if strings.HasPrefix(r.name, l.name+"-") && len(l.name) > len(best.name) {
			best = l
		}
	}
	if best.write == nil || best.own != (r.own != "") && best.name != "kamailio-sipdump" {
		t.Fatalf("%s: no logger writes it", r.name)
	}
	return best
}

// What people and their programs do to a trace.
var (
	noCR     = func(s string) string { return strings.ReplaceAll(s, "\r", "") }
	quoted   = eachLine(func(_ int, line string) string { return strings.TrimRight("> "+line, " ") })
	indent   = eachLine(func(_ int, line string) string { return strings.TrimRight("    "+line, " ") })
	numbered = eachLine(func(n int, line string) string { return fmt.Sprintf("%6d\t%s", n, line) })
	grepped  = eachLine(func(n int, line string) string { return fmt.Sprintf("%d:%s", n, line) })
	wrapped  = eachLine(func(_ int, line string) string { return wrapAt(line, 72) })
	mailed   = func(s string) string { return quoted(wrapped(s)) }
	fenced   = func(s string) string {
		return "Calls fail since the update, this is what I see:\n\n```\n" + noCR(s) + "```\n\nAny idea?\n"
	}
)

// messes are what TestTracesMessed does.
var messes = map[string]func(string) string{
	"without CR": noCR, "quoted": quoted, "indented": indent, "numbered": numbered, "grep -n": grepped, "wrapped": wrapped,
	"wrapped and quoted": mailed, "in a fence": fenced,
	"quoted twice": func(s string) string { return quoted(quoted(s)) },
	"blank lines":  eachLine(func(_ int, line string) string { return line + "\n" }),
	"cut at 80":    eachLine(func(_ int, line string) string { return hardAt(line, 80) }),
	"cut at 100":   eachLine(func(_ int, line string) string { return hardAt(line, 100) }),
	"cut at 132":   eachLine(func(_ int, line string) string { return hardAt(line, 132) }),
	"list":         eachLine(func(n int, line string) string { return fmt.Sprintf("%d. %s", n, line) }),
	"html":         func(s string) string { return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(noCR(s)) },
	"tabs":         eachLine(func(_ int, line string) string { return "\t" + line }),
	"of a journal": eachLine(func(n int, line string) string {
		return fmt.Sprintf("Mar 04 10:%02d:%02d pbx asterisk[4711]: %s", n/60%60, n%60, line)
	}),
	"of a container": eachLine(func(_ int, line string) string { return "kamailio_1  | " + line }),
	"of a phone":     eachLine(func(n int, line string) string { return fmt.Sprintf("0304100%03d.%03d|sip  |4|00|    %s", n, n, line) }),
	"bullets":        eachLine(func(_ int, line string) string { return "* " + line }),
	"blanks behind":  eachLine(func(_ int, line string) string { return line + "   " }),
	"broken by \\":   eachLine(func(_ int, line string) string { return line + "\\" }),
	"broken by <br>": eachLine(func(_ int, line string) string { return line + "<br>" }),
	"cat -A":         eachLine(func(_ int, line string) string { return line + "^M$" }),
	"no blank lines": func(s string) string { return blankLines.ReplaceAllString(noCR(s), "\n") },
}

var blankLines = regexp.MustCompile(`\n(?:\s*\n)+`)

func eachLine(change func(n int, line string) string) func(string) string {
	return func(s string) string {
		var out strings.Builder
		n := 0
		for line := range strings.Lines(noCR(s)) {
			n++
			out.WriteString(change(n, strings.TrimSuffix(line, "\n")) + "\n")
		}
		return out.String()
	}
}

// wrapAt breaks a line as programs for mail do: at the last blank before the margin.
func wrapAt(line string, margin int) string {
	var out strings.Builder
	for len(line) > margin {
		at := strings.LastIndexByte(line[:margin], ' ')
		if at <= 0 {
			break
		}
		out.WriteString(line[:at] + "\n")
		line = line[at+1:]
	}
	return out.String() + line
}

const (
	uac, uas = "127.0.0.1:6061", "127.0.0.1:6060" // of the captures made with SIPp
	proxy    = "198.51.100.1"
)

// traces are the texts; those of one format have different causes.
var traces = []trace{
	{name: "kamailio-xlog-busy", capture: "generated-udp", callID: "fb865216-294db0c5a665aa08@192.0.2.15"},
	{name: "kamailio-xlog-redirect", capture: "sipp-302-redirect", callID: "1-12842@127.0.0.1", mess: indent},
	{name: "kamailio-sipdump-capacity", capture: "generated-udp", callID: "d2d11da0-bed59dc956de3eb9@192.0.2.14", own: proxy},
	{name: "kamailio-sipdump-codec", capture: "sipp-488-warning305", callID: "1-12913@127.0.0.1", own: uas, mess: noCR},
	{name: "kamailio-siptrace-declined", capture: "generated-udp", callID: "edb89a21-8b09531c7877f6d3@192.0.2.12", mess: noCR},
	{name: "kamailio-siptrace-hops", capture: "sipp-483-hops", callID: "1-12901@127.0.0.1", mess: quoted},
	{name: "opensips-xlog-declined", capture: "generated-udp", callID: "edb89a21-8b09531c7877f6d3@192.0.2.12"},
	{name: "opensips-xlog-unallocated", capture: "generated-tcp", callID: "78a4d848-f6040974472d7f34@192.0.2.11", mess: quoted},
	{name: "asterisk-chan_sip-interval", capture: "sipp-422-min-se", callID: "1-12952@127.0.0.1", own: uac, mess: noCR},
	{name: "asterisk-chan_sip-no-ack", capture: "sipp-no-ack-32s-private-contact", callID: "1-12402@127.0.0.1", own: uas, mess: noCR},
	{name: "asterisk-pjsip-extension", capture: "sipp-420-bad-extension", callID: "1-12863@127.0.0.1", own: uac, mess: fenced},
	{name: "asterisk-pjsip-password", capture: "scanner", callID: "1744316116", own: "198.51.100.139:5060", mess: noCR},
	{name: "freeswitch-internal-error", capture: "sipp-500-error", callID: "1-12919@127.0.0.1", own: uac},
	{name: "freeswitch-abandoned", capture: "generated-udp", callID: "322e6898-def8172eaac91fad@192.0.2.13", own: proxy, mess: quoted},
	{name: "pjsip-timeout-downstream", capture: "sipp-504-timeout", callID: "1-12928@127.0.0.1", own: uac, mess: noCR},
	{name: "pjsip-malformed", capture: "sipp-400-bad", callID: "1-12848@127.0.0.1", own: uac, mess: numbered},
	{name: "baresip-no-response", capture: "sipp-timeout-only-no-response", callID: "1-12362@127.0.0.1"},
	{name: "baresip-no-credentials", capture: "tcp-out-of-order", callID: "342f1522-46077d5b2216d8e2@192.0.2.13", mess: noCR},
	{name: "linphone-unwanted", capture: "sipp-607-unwanted", callID: "1-12943@127.0.0.1", own: uac, mess: noCR},
	{name: "linphone-declined", capture: "sipp-603-declined", callID: "1-12937@127.0.0.1", own: uac, mess: indent},
	{name: "cisco-unallocated", capture: "sipp-404-unallocated", callID: "1-12857@127.0.0.1", own: uac, mess: noCR},
	{name: "cisco-no-answer", capture: "generated-udp", callID: "2e28bfd0-d97e0b34b20af7f5@192.0.2.17", own: proxy, mess: noCR},
	{name: "cucm-unavailable", capture: "tcp-out-of-order", callID: "38b3b5db-a47985f08cb40da5@192.0.2.18", own: proxy, mess: noCR},
	{name: "cucm-declined", capture: "sipp-603-declined", callID: "1-12937@127.0.0.1", own: uac, mess: grepped},
	{name: "audiocodes-hops", capture: "sipp-483-hops", callID: "1-12901@127.0.0.1", own: uac, mess: noCR},
	{name: "audiocodes-capacity", capture: "generated-udp", callID: "d2d11da0-bed59dc956de3eb9@192.0.2.14", own: proxy, mess: grepped},
	{name: "oracle-busy", capture: "generated-udp", callID: "fb865216-294db0c5a665aa08@192.0.2.15", own: proxy, mess: noCR},
	{name: "oracle-no-credentials", capture: "scanner", callID: "530393398394681570978072", own: "198.51.100.139:5060", mess: noCR},
	{name: "sipp-codec", capture: "sipp-488-warning305", callID: "1-12913@127.0.0.1", own: uac},
	{name: "sipp-no-response", capture: "sipp-timeout-only-no-response", callID: "1-12362@127.0.0.1", own: uac, mess: fenced},
	{name: "sngrep-unavailable", capture: "tcp-out-of-order", callID: "38b3b5db-a47985f08cb40da5@192.0.2.18"},
	{name: "sngrep-no-answer", capture: "generated-udp", callID: "3bd70584-c73b22e8927fea11@192.0.2.11", mess: mailed},
	{name: "ngrep-event-package", capture: "echo-call", callID: "62558553-b29e-db11-82ee-020000000001@japi"},
	{name: "ngrep-redirect", capture: "sipp-302-redirect", callID: "1-12842@127.0.0.1", mess: quoted},
	{name: "tcpdump-busy", capture: "sipp-486-busy", callID: "1-12910@127.0.0.1"},
	{name: "tcpdump-capacity", capture: "generated-tcp", callID: "d2d11da0-bed59dc956de3eb9@192.0.2.14", mess: indent},
	{name: "plain-interval", capture: "sipp-422-min-se", callID: "1-12952@127.0.0.1", own: uac, mess: noCR},
	{name: "plain-extension", capture: "sipp-420-bad-extension", callID: "1-12863@127.0.0.1", own: uac, mess: mailed},
}

// verdict is what is compared of a case.
type verdict struct {
	outcome string
	code    int
	root    string
	origin  netip.AddrPort
}

// judge runs a capture or text and returns what is said of the case with the Call-ID, and its messages.
func judge(t *testing.T, src *capture.Source, callID string) (v verdict, messages []wire.Payload) {
	t.Helper()
	found := 0
	_, err := pipeline.Run(context.Background(), src, pipeline.Options{}, func(c *view.Case) error {
		for _, l := range c.Call.Legs {
			if l.CallID != callID {
				continue
			}
			found++
			v = verdict{outcome: c.Call.Outcome.String(), code: c.Call.Code}
			if r := c.Verdict.Root; r != nil {
				v.root = string(r.ID)
			}
			if o := c.Call.Origin; o != nil {
				v.origin = o.Address
			}
			for i := range l.Sightings {
				s := &l.Sightings[i]
				messages = append(messages, wire.Payload{Ref: s.Ref, Time: s.Time, Flow: l.FlowOf(s), Data: bytes.Clone(l.Raw(int32(i)))})
			}
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Fatalf("%v, %d cases with Call-ID %s, want 1", err, found, callID)
	}
	return v, messages
}

// is says whether a socket is the element's own.
func (r *trace) is(a netip.AddrPort) bool { return r.own == a.String() || r.own == a.Addr().String() }

// text writes the messages down.
func (r *trace) text(t *testing.T, messages []wire.Payload) string {
	slices.SortStableFunc(messages, func(a, b wire.Payload) int { return int(a.Ref.Number) - int(b.Ref.Number) })
	l := r.logger(t)
	var out strings.Builder
	for i := range messages {
		p := &messages[i]
		sent := r.is(p.Flow.Src)
		if l.own && !sent && !r.is(p.Flow.Dst) {
			continue
		}
		again := slices.ContainsFunc(messages[:i], func(o wire.Payload) bool { return o.Flow == p.Flow && bytes.Equal(o.Data, p.Data) })
		out.WriteString(l.write(p, sent, again))
	}
	if r.mess == nil {
		return out.String()
	}
	return r.mess(out.String())
}

// TestTraces holds that each text in testdata/traces is diagnosed as the capture that it was made from: read as a
// file and from a pipe. With -update the texts are written anew.
func TestTraces(t *testing.T) {
	named := map[string]bool{}
	formats := map[string]int{}
	for i := range traces {
		r := &traces[i]
		named[r.file()] = true
		formats[r.logger(t).name]++
		t.Run(r.name, func(t *testing.T) {
			in, err := filepath.Glob(filepath.Join(capturesDir, r.capture, "capture.pcap*"))
			if err != nil || len(in) != 1 {
				t.Fatalf("%v: %v", in, err)
			}
			want, messages := judge(t, open(t, in[0]), r.callID)
			text := r.text(t, messages)
			if testkit.Updating() {
				if err := os.WriteFile(r.file(), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			b, err := os.ReadFile(r.file())
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if string(b) != text {
				t.Errorf("%s is not what its capture becomes (go test -update writes it)", r.file())
			}
			if want.root == "" {
				t.Error("the capture shows no cause")
			}
			piped, err := capture.Open([]string{"-"}, bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			for _, src := range []*capture.Source{open(t, r.file()), piped} {
				have, _ := judge(t, src, r.callID)
				if have != want {
					t.Errorf("%+v, want %+v as of %s", have, want, r.capture)
				}
			}
		})
	}
	files, err := filepath.Glob(tracesDir + "/*.txt")
	if err != nil || len(files) < 30 {
		t.Errorf("%v, %d texts, want 30", err, len(files))
	}
	for _, f := range files {
		if !named[f] {
			t.Errorf("nothing reads %s", f)
		}
	}
	for _, l := range loggers {
		if formats[l.name] < 2 {
			t.Errorf("%d texts of %s, want 2", formats[l.name], l.name)
		}
	}
}

func open(t *testing.T, path string) *capture.Source {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestTracesMessed does to every text what people do to texts: the diagnosis stays.
func TestTracesMessed(t *testing.T) {
	for i := range traces {
		r := traces[i]
		in, _ := filepath.Glob(filepath.Join(capturesDir, r.capture, "capture.pcap*"))
		want, messages := judge(t, open(t, in[0]), r.callID)
		r.mess = nil
		text := r.text(t, messages)
		for name, mess := range messes {
			t.Run(r.name+"/"+name, func(t *testing.T) {
				src, err := capture.Open([]string{"-"}, strings.NewReader(mess(text)))
				if err != nil {
					t.Fatal(err)
				}
				if have, _ := judge(t, src, r.callID); have != want {
					t.Errorf("%+v, want %+v", have, want)
				}
			})
		}
	}
}

// hardAt breaks a line as a terminal does.
func hardAt(line string, width int) string {
	var out strings.Builder
	for len(line) > width {
		out.WriteString(line[:width] + "\n")
		line = line[width:]
	}
	return out.String() + line
}
