//go:build linux

package live

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/wire"
)

// mirrored is the configuration of a proxy that sends whatever it receives and sends to a HEP server. It relays
// everything to the callee.
const mirrored = `debug=1
log_stderror=yes
fork=yes
children=2
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
listen=udp:%[1]s:5060
listen=tcp:%[1]s:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "siptrace.so"
modparam("siptrace", "duplicate_uri", "%[3]s")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", %[4]d)
modparam("siptrace", "hep_capture_id", 2001)
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_mode", 1)
modparam("siptrace", "auth_key", "secret")
request_route {
	if (!mf_process_maxfwd_header("10")) {
		exit;
	}
	if (has_totag()) {
		if (!loose_route()) {
			$du = "sip:%[2]s:5060";
		}
		t_relay();
		exit;
	}
	record_route();
	$du = "sip:%[2]s:5060";
	t_relay();
}
`

// message is what of a payload both an agent and a capture say.
type message struct {
	flow wire.Flow
	data string
}

// tally counts messages. It is a sink.
type tally struct {
	mu    sync.Mutex
	all   map[message]int
	times []wire.Time
	via   int // by HEP
}

func (m *tally) Payload(p *wire.Payload) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[message{p.Flow, string(p.Data)}]++
	m.times = append(m.times, p.Time)
	if p.ViaHEP {
		m.via++
	}
}
func (m *tally) Event(*wire.Event) {}
func (m *tally) Gap(wire.Gap)      {}
func (m *tally) Media(*wire.Media) {}

func (m *tally) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.times)
}

// receiver is a HEP source and its decoder, without a server behind.
type receiver struct {
	tally
	source  capture.Live
	decoder *decode.Decoder
	points  []string
	stop    func()
}

// receive listens at the far end.
func (s *stage) receive(spec string, opt capture.HEPOptions) *receiver {
	s.t.Helper()
	r := &receiver{}
	r.all = map[message]int{}
	if err := s.far.inside(func() (err error) {
		r.source, err = capture.OpenHEP(spec, opt)
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	r.decoder = decode.New(r, decode.Options{Points: func(name string) uint16 {
		r.points = append(r.points, name)
		return uint16(len(r.points))
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.source.Run(ctx, r.decoder.Packet, func(g wire.Gap) { s.t.Errorf("gap %+v", g) }) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(r.stop)
	return r
}

// captured decodes a capture.
func captured(t *testing.T, file string) *tally {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &tally{all: map[message]int{}}
	d := decode.New(m, decode.Options{})
	if err := src.Run(t.Context(), func(p *wire.Packet) error {
		d.Packet(p)
		return nil
	}, func(*wire.Payload) error { return nil }, func(wire.Gap) {}); err != nil {
		t.Fatal(err)
	}
	return m
}

// sippCalls makes calls from the near end through the proxy to the near end.
func (s *stage) sippCalls(to string, n int) {
	s.t.Helper()
	uas := s.start(s.near, "uas", "sipp", "-sn", "uas", "-i", callee, "-p", "5060", "-m", fmt.Sprint(n), "-nostdin")
	s.ready(uas, "listens", s.near.listens("udp", callee+":5060"))
	uac := s.start(s.near, "uac", "sipp", "-sn", "uac", "-i", caller, "-p", "5060", "-m", fmt.Sprint(n), "-r", "20", "-d", "100", "-nostdin", to)
	if err := s.ends(uac, startWait); err != nil {
		s.t.Fatalf("uac: %v: see %s", err, uac.log)
	}
	if err := s.ends(uas, startWait); err != nil {
		s.t.Fatalf("uas: %v: see %s", err, uas.log)
	}
}

// same compares what came by HEP with what tcpdump saw, message by message.
func (r *receiver) same(s *stage, want *tally, agent string) {
	s.t.Helper()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("%d messages came by HEP, %d are on the wire; %+v", r.count(), len(want.times), r.source.State())
		}
	})
	s.until("as many messages came by HEP as are on the wire", startWait, func() bool { return r.count() >= len(want.times) })
	r.stop()
	if len(want.times) < 50 || r.via != len(r.times) {
		s.t.Errorf("tcpdump saw %d messages; %d of %d came by HEP", len(want.times), r.via, len(r.times))
	}
	for m, n := range want.all {
		if r.all[m] != n {
			s.t.Errorf("%d times by HEP, %d on the wire: %v %.40q", r.all[m], n, m.flow, m.data)
		}
	}
	for m := range r.all {
		if want.all[m] == 0 {
			s.t.Errorf("never on the wire: %v %.40q", m.flow, m.data)
		}
	}
	for _, at := range r.times {
		if at < want.times[0].Add(-1e9) || at > want.times[len(want.times)-1].Add(1e9) {
			s.t.Errorf("a message at %v", at.Std())
		}
	}
	st := r.decoder.Stats()
	if len(st.Undecoded) > 0 || st.Agents.Steps > 0 || st.Agents.Corrected > 0 {
		s.t.Errorf("undecoded %v, agents %+v", st.Undecoded, st.Agents)
	}
	for _, d := range r.source.State().Dropped {
		if d.Count > 0 {
			s.t.Errorf("%d dropped: %s", d.Count, d.Reason)
		}
	}
	if agent != "" && (len(r.points) != 1 || r.points[0] != agent) {
		s.t.Errorf("capture points %q, want %s", r.points, agent)
	}
}

// TestKamailioHEP: what Kamailio mirrors is what tcpdump sees on the wire, each message once.
func TestKamailioHEP(t *testing.T) {
	t.Parallel()
	need(t, "kamailio", "sipp")
	for _, tc := range []struct {
		name, listen, uri, agent string
		version                  int
		key                      string
	}{
		{"v3-udp", "udp://127.0.0.1:9060", "sip:127.0.0.1:9060", "hep:2001", 3, "secret"},
		{"v3-tcp", "tcp://127.0.0.1:9060", "sip:127.0.0.1:9060;transport=tcp", "hep:2001", 3, "secret"},
		{"v2-udp", "udp://127.0.0.1:9060", "sip:127.0.0.1:9060", "hep:2001", 2, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			r := s.receive(tc.listen, capture.HEPOptions{Key: tc.key})
			cfg := filepath.Join(s.dir, "mirror.cfg")
			if err := os.WriteFile(cfg, fmt.Appendf(nil, mirrored, proxy, callee, tc.uri, tc.version), 0o644); err != nil {
				t.Fatal(err)
			}
			k := s.start(s.far, "kamailio", "kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-f", cfg, "-Y", s.dir, "-w", s.dir, "-P", filepath.Join(s.dir, "pid"))
			s.ready(k, "listens", s.far.listens("udp", proxy+":5060"))
			stop := s.witness()
			s.sippCalls(proxy+":5060", 10)
			r.same(s, captured(t, stop()), tc.agent)
			if bytes.Contains([]byte(k.text()), []byte("ERROR")) {
				t.Errorf("see %s", k.log)
			}
		})
	}
}

// TestSngrepHEP: what sngrep sends is what tcpdump sees.
func TestSngrepHEP(t *testing.T) {
	t.Parallel()
	need(t, "sngrep", "sipp")
	s := newStage(t)
	r := s.receive("udp://127.0.0.1:9060", capture.HEPOptions{})
	uas := s.start(s.far, "uas", "sipp", "-sn", "uas", "-i", proxy, "-p", "5060", "-m", "10", "-nostdin")
	s.ready(uas, "listens", s.far.listens("udp", proxy+":5060"))
	stop := s.witness()
	s.start(s.far, "sngrep", "sngrep", "-N", "-q", "-F", "-d", "far", "-H", "udp:127.0.0.1:9060", "port", "5060")
	s.until("sngrep captures", startWait, func() bool { return s.far.sniffers() >= 2 })
	uac := s.start(s.near, "uac", "sipp", "-sn", "uac", "-i", caller, "-p", "5060", "-m", "10", "-r", "20", "-d", "100", "-nostdin", proxy+":5060")
	if err := s.ends(uac, startWait); err != nil {
		t.Fatalf("uac: %v: see %s", err, uac.log)
	}
	r.same(s, captured(t, stop()), "")
}

// sniffers returns how many packet sockets there are.
func (p *place) sniffers() (n int) {
	_ = p.inside(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/packet")
		n = bytes.Count(text, []byte("\n")) - 1 // less the heading
		return err
	})
	return n
}

// TestSendInterface: sipcause itself as agent on an interface that its own HEP goes over, too: each message is sent
// once, and what is its own is not sent again.
func TestSendInterface(t *testing.T) {
	t.Parallel()
	need(t, "sipp")
	s := newStage(t)
	r := s.receive("tcp://127.0.0.1:9060", capture.HEPOptions{Key: "secret"})
	send := s.start(s.far, "send", build(t), "send", "lo", "--to", "tcp://127.0.0.1:9060", "--key", "secret", "--node", "agent", "--buffer", filepath.Join(s.dir, "buffer"))
	s.until("sipcause captures", startWait, func() bool { return s.far.sniffers() >= 1 })
	uas := s.start(s.far, "uas", "sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", "5070", "-m", "10", "-nostdin")
	s.ready(uas, "listens", s.far.listens("udp", "127.0.0.1:5070"))
	uac := s.start(s.far, "uac", "sipp", "-sn", "uac", "-i", "127.0.0.1", "-p", "5060", "-m", "10", "-r", "20", "-d", "100", "-nostdin", "127.0.0.1:5070")
	if err := s.ends(uac, startWait); err != nil {
		t.Fatalf("uac: %v: see %s", err, uac.log)
	}
	const messages = 10 * 6 // INVITE, 180, 200, ACK, BYE, 200
	s.until("all messages came by HEP", startWait, func() bool { return r.count() >= messages })
	time.Sleep(time.Second) // for more of them, of which there must be none
	if err := send.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.ends(send, startWait); err != nil || !send.says(fmt.Sprintf("%d messages sent to tcp://127.0.0.1:9060\n", messages))() {
		t.Errorf("%v: %s", err, send.text())
	}
	if r.stop(); len(r.times) != messages || len(r.all) != messages || len(r.points) != 1 || r.points[0] != "agent" {
		t.Errorf("%d messages, %d different, points %q", len(r.times), len(r.all), r.points)
	}
}
