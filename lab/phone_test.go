//go:build linux

package lab

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// phoneConfig is baresip's: no sound card, no tty, its microphone a file, and no network beyond SIP and RTP.
const phoneConfig = `poll_method epoll
sip_listen %[1]s
call_local_timeout 120
audio_buffer 20-160
audio_player aubridge,x
audio_source aufile,%[5]s/tone.wav
audio_alert aubridge,alert
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
rtp_ports %[2]d-%[3]d
rtcp_mux no
net_interface %[4]s
module_path /usr/lib/baresip/modules
module stdio.so
module aubridge.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
`

// phone starts one baresip, which is told what to do on its standard input.
func (st *stage) phone(i int, p phone) (*process, error) {
	name := fmt.Sprint("phone", i)
	dir := filepath.Join(st.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	at := netip.MustParseAddrPort(p.at)
	ports := 10000 + 100*i
	config := fmt.Sprintf(phoneConfig, p.at, ports, ports+98, at.Addr(), dir)
	codecs := p.codecs
	if codecs == nil {
		codecs = []string{"g711"}
	}
	for _, m := range append(codecs, p.modules...) {
		config += "module " + m + ".so\n"
	}
	for _, l := range p.config {
		config += l + "\n"
	}
	host := at.Addr().String()
	if at.Addr().Is6() {
		host = "[" + host + "]"
	}
	account := fmt.Sprintf("<sip:%s@%s>;regint=0", p.user, host)
	if p.secret != "" {
		account = fmt.Sprintf("<sip:%s@example.com>;regint=60;auth_user=%[1]s;auth_pass=%[2]s", p.user, p.secret)
	}
	for _, f := range []struct{ name, text string }{
		{"config", config}, {"accounts", account + p.account + "\n"}, {"contacts", ""}, {"tone.wav", tone()},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o644); err != nil {
			return nil, err
		}
	}
	family := "-4"
	if at.Addr().Is6() {
		family = "-6"
	}
	run, err := st.start(name, "baresip", family, "-f", dir, "-v")
	if err != nil {
		return nil, err
	}
	return run, run.waitUntil("it is ready", run.says("baresip is ready"))
}

// tone is half a minute of 400 Hz, PCM of 16 bits at 8 kHz, as a WAV file.
func tone() string {
	const rate, seconds = 8000, 30
	b := []byte("RIFF    WAVEfmt ")
	binary.LittleEndian.PutUint32(b[4:], 36+2*rate*seconds)
	for _, v := range []uint32{16, 1 | 1<<16, rate, 2 * rate, 2 | 16<<16} { // length; PCM, mono; rates; bytes a frame, bits a sample
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), 2*rate*seconds)
	for i := range rate * seconds {
		b = binary.LittleEndian.AppendUint16(b, uint16(4000*(i/10%2)))
	}
	return string(b)
}

// phones starts the scene's phones.
func (st *stage) phones(s *scene) ([]*process, error) {
	var list []*process
	for i, p := range s.phones {
		run, err := st.phone(i, p)
		if err != nil {
			return nil, err
		}
		list = append(list, run)
	}
	return list, nil
}

// act has the phones do what the scene says.
func act(phones []*process, acts []deed) error {
	for _, a := range acts {
		time.Sleep(a.after)
		if a.does == "" {
			continue
		}
		if _, err := phones[a.phone].stdin.Write([]byte(strings.TrimSpace(a.does) + "\n")); err != nil {
			return fmt.Errorf("tell %s to %s: %w", phones[a.phone].name, a.does, err)
		}
	}
	return nil
}

// cut ends the phones without a farewell: one that ends by itself unregisters first.
func cut(phones []*process) {
	for _, p := range phones {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
		<-p.done
	}
}

// find learns the Call-ID of what the label is about, when baresip chose it: the last that by began.
func (s *scene) find(t *testing.T, capture string) {
	t.Helper()
	if s.by == "" {
		return
	}
	at := netip.MustParseAddrPort(s.by).Addr()
	source := "ip.src"
	if at.Is6() {
		source = "ipv6.src"
	}
	method := map[string]string{calls: "INVITE", registers: "REGISTER"}[s.truth.kind]
	filter := fmt.Sprintf("%s == %s && sip.Method == %s && !sip.to.tag", source, at, cmp.Or(method, "INVITE"))
	out, err := exec.Command("tshark", "-n", "-r", capture, "-Y", filter, "-T", "fields", "-e", "sip.Call-ID").Output()
	if err != nil {
		t.Fatalf("tshark -r %s: %v", capture, err)
	}
	ids := strings.Fields(string(out))
	if len(ids) == 0 {
		t.Fatalf("%s: no %s of %s", capture, method, s.by)
	}
	s.found = ids[len(ids)-1]
}
