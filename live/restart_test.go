//go:build linux

package live

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// talk is a call between two phones of our own, one at each end of the cable, that says a message when it is told to.
type talk struct {
	s         *stage
	near, far *net.UDPConn
	port      int
	callID    string
	seen      int
}

// newTalk opens the phones' sockets, at a port of both ends.
func (s *stage) newTalk(port int) *talk {
	s.t.Helper()
	k := &talk{s: s, port: port, callID: fmt.Sprintf("talk-%d@example.com", port)}
	for _, e := range []struct {
		at   *place
		addr string
		conn **net.UDPConn
	}{{s.near, caller, &k.near}, {s.far, proxy, &k.far}} {
		err := e.at.inside(func() (err error) {
			*e.conn, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(e.addr), Port: port})
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { (*e.conn).Close() })
	}
	return k
}

// say sends a message of the call from the caller, or back from the callee, and waits until it has come.
func (k *talk) say(back bool, start, cseq string) {
	k.s.t.Helper()
	tag := ""
	if start != "INVITE" {
		tag = ";tag=callee"
	}
	method := cseq[strings.IndexByte(cseq, ' ')+1:]
	branch := strings.ReplaceAll(cseq, " ", "")
	first := "SIP/2.0 " + start
	if start == method {
		first = fmt.Sprintf("%s sip:bob@%s:%d SIP/2.0", method, proxy, k.port)
	}
	text := strings.Join([]string{
		first, fmt.Sprintf("Via: SIP/2.0/UDP %s:%d;branch=z9hG4bK%d-%s", caller, k.port, k.port, branch), "From: <sip:alice@example.com>;tag=caller",
		"To: <sip:bob@example.com>" + tag, "Call-ID: " + k.callID, "CSeq: " + cseq, "Contact: <sip:lab@example.com>", "Content-Length: 0", "", "",
	}, "\r\n")
	from, to := k.near, k.far
	if back {
		from, to = to, from
	}
	if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
		k.s.t.Fatal(err)
	}
	if err := to.SetReadDeadline(time.Now().Add(startWait)); err != nil {
		k.s.t.Fatal(err)
	}
	if _, _, err := to.ReadFrom(make([]byte, 4096)); err != nil {
		k.s.t.Fatalf("%s never came: %v", first, err)
	}
	k.seen++
}

func (k *talk) answered() {
	k.say(false, "INVITE", "1 INVITE")
	k.say(true, "180 Ringing", "1 INVITE")
	k.say(true, "200 OK", "1 INVITE")
	k.say(false, "ACK", "1 ACK")
}

func (k *talk) hungUp() {
	k.say(false, "BYE", "2 BYE")
	k.say(true, "200 OK", "2 BYE")
}

// open says whether the server has the call as it is while it is answered.
func (v *server) open(k *talk) bool {
	v.s.t.Helper()
	c, ok := v.has(k.callID)
	return ok && !c.Final && c.Outcome == "answered" && c.Messages == k.seen
}

// TestRestart stops the server in the middle of two calls, of which it has written one down as a call and of the other the messages
// only: what was on the way is stored, the next server goes on with both, and between them is a gap.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stop := s.witness()
	args := []string{"--data", filepath.Join(s.dir, "data"), "--iface", "far", "--hep", "udp://127.0.0.1:9060"}
	v := s.serve("serve-first", args...)
	early, late := s.newTalk(5070), s.newTalk(5071)
	began := time.Now()
	early.answered()
	s.until("the server has said what it knows of the first call", startWait, func() bool { return v.open(early) })
	late.answered()
	s.until("the server has taken the second call", startWait, func() bool {
		packets, _ := v.sources()
		return packets >= uint64(early.seen+late.seen)
	})
	v.terminate()

	v = s.serve("serve-second", args...)
	s.until("the server knows both calls again", startWait, func() bool { return v.open(early) && v.open(late) })
	early.hungUp()
	late.hungUp()
	s.until("both calls are final", finalWait, func() bool {
		a, _ := v.has(early.callID)
		b, _ := v.has(late.callID)
		return a.Final && b.Final
	})
	rows, kpi := analyze(t, stop())
	for _, d := range differences("AF_PACKET", testimonyOf(rows, kpi).counted(), v.says(slices.Collect(maps.Keys(kpi)))) {
		t.Error(d)
	}
	var gaps struct {
		Items []struct{ Kind, From, Until string }
	}
	v.get("/api/v1/gaps", url.Values{"from": {began.UTC().Format(time.RFC3339Nano)}}, &gaps)
	if len(gaps.Items) != 1 || gaps.Items[0].Kind != "server-stopped" {
		t.Errorf("gaps %+v, want one while the server was stopped", gaps.Items)
	}
	v.terminate()
}

// TestReload has the server read its configuration again: what may change changes, and a file that cannot be read
// changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file := filepath.Join(s.dir, "sipcause.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("retention:\n  messages: 7d\n")
	v := s.serve("serve", "--config", file, "--data", filepath.Join(s.dir, "data"))
	hup := func(words string) {
		t.Helper()
		if err := v.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.until("the server says "+words, startWait, v.process.says(words))
	}
	write("retention:\n  messages: 3d\n")
	hup(`msg=reloaded changed=retention.messages`)
	write("retention:\n  mesages: 1d\n")
	hup(`msg="reload: the configuration stays as it is"`)
	if !strings.Contains(v.text(), "mesages") || strings.Count(v.text(), "msg=reloaded") != 1 {
		t.Errorf("the log is %s", v.text())
	}
	write("retention:\n  messages: 3d\nhep:\n  listen: [\"udp://127.0.0.1:9099\"]\n")
	hup(`"needs a restart"=hep.listen`)
	v.rows() // still answers
	v.terminate()
}

// TestNobody captures as a user without any privilege, once the sockets are open.
func TestNobody(t *testing.T) {
	if os.Geteuid() != 0 || !ownUsers() {
		missing(t, "not root: who cannot become another user cannot show it")
	}
	t.Parallel()
	s := newStage(t)
	const nobody = 65534
	data, err := os.MkdirTemp("", "sipcause-live-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	if err := os.Chown(data, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	v := s.serve("serve", "--user", strconv.Itoa(nobody), "--data", data, "--iface", "far")
	is := v.status()
	for field, want := range map[string]string{
		"Uid": "65534 65534 65534 65534", "Gid": "65534 65534 65534 65534", "Groups": "",
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1",
	} {
		if got := strings.Join(strings.Fields(is[field]), " "); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	k := s.newTalk(5070)
	k.answered()
	k.hungUp()
	s.until("the call is there", startWait, func() bool {
		c, ok := v.has(k.callID)
		return ok && c.Outcome == "answered" && c.Messages == k.seen
	})
	v.terminate()
}

// ownUsers says whether there are users of the machine here: not in a user namespace with one.
func ownUsers() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && len(strings.Fields(string(text))) == 3 && strings.Fields(string(text))[2] != "1"
}

// status reads /proc/PID/status of the server, whose process number there is another than here (pid_namespaces(7)).
func (v *server) status() map[string]string {
	v.s.t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		v.s.t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		is := map[string]string{}
		for l := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(l, ":")
			is[name] = strings.TrimSpace(value)
		}
		ids := strings.Fields(is["NSpid"])
		exe, _ := os.Readlink(filepath.Join(filepath.Dir(f), "exe"))
		if len(ids) > 0 && ids[len(ids)-1] == strconv.Itoa(v.cmd.Process.Pid) && exe == v.cmd.Path {
			return is
		}
	}
	v.s.t.Fatal("the server is not in /proc")
	return nil
}
