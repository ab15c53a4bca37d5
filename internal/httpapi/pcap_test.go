package httpapi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// said is what a report says of a case, in a line.
func said(c *record.Case) string {
	return fmt.Sprintf("%s %s %s %d %s origin %v/%s suspect %v, %d messages, %d attempts", c.Kind, c.ID, c.Outcome, c.Code, c.Cause, c.Origin, c.OriginRole, c.Suspect, c.Messages, c.Attempts)
}

// keptOf returns the messages of a case, as a store does, and the events of all flows.
func keptOf(messages []record.Message, c *record.Case) []record.Message {
	var out []record.Message
	for _, m := range messages {
		if m.What == record.Event || slices.Contains(c.Keys, m.Key) {
			out = append(out, m)
		}
	}
	return out
}

// beyond are the flows that say something else of a case when only its own messages are there, and why.
var beyond = map[string]string{
	"auth_wrong_credentials accepted-before":       "an earlier registration",
	"auth_nonce_mismatch registered-elsewhere":     "an earlier registration",
	"auth_no_credentials snapped":                  "messages without a Call-ID belong to no case",
	"callee_forwarded redirect-followed-elsewhere": "a call of another Call-ID",
	"capture_holes answer-not-seen":                "what came later shows that it ended",
	"nat_binding_expired idle":                     "an earlier registration",
	"policy_destination_barred by-prefix":          "other calls",
	"policy_source_not_allowed always":             "other calls",
	"retry_storm":                                  "other calls",
	"review_ends rings-for-ever":                   "time that goes on after its last message",
	"routing_flow_failed plain":                    "an earlier registration",
	"routing_no_route dialplan":                    "other calls",
	"routing_not_registered":                       "registrations",
	"routing_number_format":                        "other calls",
	"routing_redirect_not_followed other-call-id":  "a call of another Call-ID",
	"routing_unknown_domain compared":              "other calls",
	"transport_fragment_lost":                      "fragments are not kept",
	"transport_connection_lost closed-and-silent":  "time that goes on after its last message",
	"transport_no_response once-over-udp":          "time that goes on after its last message",
}

// A capture that is written of the messages of a call says the same of it as the capture that they came from.
func TestPcapIsDiagnosedAsItsOrigin(t *testing.T) {
	same, differ := 0, 0
	for file, flows := range testkit.ReadFlows(t, flowsOfRules+"*.txtar") {
		file = strings.TrimSuffix(filepath.Base(file), ".txtar")
		for i := range flows {
			before := filepath.Join(t.TempDir(), "before.pcap")
			if err := os.WriteFile(before, flows[i].Pcap(), 0o600); err != nil {
				t.Fatal(err)
			}
			batch, _, err := recorded([]string{before})
			if err != nil {
				t.Fatalf("%s %s: %v", file, flows[i].Name, err)
			}
			for j := range batch.Cases {
				c := &batch.Cases[j]
				want, got := said(c), saidOf(t, keptOf(batch.Messages, c), c.ID)
				name := file + " " + flows[i].Name
				switch {
				case got == want:
					same++
				case beyond[file] != "" || beyond[name] != "":
					differ++
				default:
					t.Errorf("%s:\nwas %s\nis  %s", name, want, got)
				}
			}
		}
	}
	if same < 20*differ || same < 900 {
		t.Errorf("%d cases are the same, %d differ", same, differ)
	}
}

// saidOf writes messages as a capture, and reads what is said of the case in it.
func saidOf(t *testing.T, messages []record.Message, id string) string {
	t.Helper()
	var out bytes.Buffer
	if err := render.Pcap(&out, messages); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "after.pcap")
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	batch, _, err := recorded([]string{name})
	if err != nil {
		return err.Error()
	}
	for i := range batch.Cases {
		if batch.Cases[i].ID == id {
			return said(&batch.Cases[i])
		}
	}
	return "no such case"
}

// Each packet is one that testkit would build, and Wireshark finds nothing wrong with it.
func TestPcapIsSound(t *testing.T) {
	v4 := wire.Flow{Transport: wire.UDP, Src: netip.MustParseAddrPort("192.0.2.1:5060"), Dst: netip.MustParseAddrPort("198.51.100.2:5061")}
	v6 := wire.Flow{Transport: wire.TCP, Src: netip.MustParseAddrPort("[2001:db8::1]:5060"), Dst: netip.MustParseAddrPort("[2001:db8::2]:49152")}
	sip := []byte("OPTIONS sip:x@example.com SIP/2.0\r\nCall-ID: 1\r\n\r\n")
	icmp := wire.Event{Kind: wire.EventICMP, Flow: v4, From: v4.Dst.Addr(), ICMPType: 3, ICMPCode: 3, Quote: sip[:20]}
	none := v4
	none.Dst = netip.AddrPort{}
	messages := []record.Message{
		{Time: day, Flow: v4, Data: sip, IPID: 7},
		{Time: day + 1, Flow: v6, Data: sip},
		{Time: day + 2, Flow: v6.Reverse(), Data: sip[:9]},
		{Time: day + 3, Flow: v6, Data: sip[9:]},
		{Time: day + 4, Flow: v4, What: record.Event, Data: record.EncodeEvent(nil, &icmp)},
		{Time: day + 5, Flow: none, Data: sip},
		{Time: day + 6, Flow: v4, What: record.Note, Data: sip},
		{Time: day + 7, Flow: v4, Data: sip, Truncated: true},
	}
	const flags = testkit.PSH | testkit.ACK
	want := [][]byte{
		testkit.UDP(v4.Src, v4.Dst, 7, sip),
		testkit.TCP(v6.Src, v6.Dst, 1, 1, flags, sip),
		testkit.TCP(v6.Dst, v6.Src, 1, 1+uint32(len(sip)), flags, sip[:9]),
		testkit.TCP(v6.Src, v6.Dst, 1+uint32(len(sip)), 10, flags, sip[9:]),
		testkit.ICMP(v4.Dst.Addr(), v4.Src.Addr(), 3, 3, 0, testkit.UDP(v4.Src, v4.Dst, 0, sip[:20])),
		testkit.UDP(v4.Src, v4.Dst, 0, append(sip[:len(sip):len(sip)], 0)),
	}
	var out bytes.Buffer
	if err := render.Pcap(&out, messages); err != nil {
		t.Fatal(err)
	}
	rest := out.Bytes()[24:]
	for i, w := range want {
		there, wireLen := int(binary.LittleEndian.Uint32(rest[8:])), int(binary.LittleEndian.Uint32(rest[12:]))
		missing := 0
		if i == len(want)-1 {
			missing = 1
		}
		if got := rest[16 : 16+there]; wireLen != len(w) || there != len(w)-missing || !bytes.Equal(got, w[:there]) {
			t.Errorf("packet %d is %d of %d bytes\n%x, want %d\n%x", i+1, there, wireLen, got, len(w), w)
		}
		rest = rest[16+there:]
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes follow", len(rest))
	}
	tsharkFindsNothing(t, out.Bytes())
}

// tsharkFindsNothing has every checksum checked and every layer read by somebody else.
func tsharkFindsNothing(t *testing.T, file []byte) {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Fatal("tshark is missing: scripts/deps.sh installs it")
	}
	name := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-r", name, "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-T", "fields", "-e", "frame.number", "-e", "ip.checksum.status", "-e", "udp.checksum.status", "-e", "tcp.checksum.status", "-e", "icmp.checksum.status", "-e", "_ws.malformed", "-e", "sip.Method")
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i, l := range lines {
		f := strings.Split(l, "\t")
		for _, status := range f[1:5] {
			if strings.HasPrefix(status, "0") && i != len(lines)-1 {
				t.Errorf("a checksum of frame %s is wrong: %q", f[0], l)
			}
		}
		if f[5] != "" {
			t.Errorf("frame %s is malformed: %q", f[0], l)
		}
	}
	if !strings.Contains(lines[0], "OPTIONS") || !strings.Contains(lines[1], "OPTIONS") {
		t.Errorf("SIP is not seen in\n%s", text)
	}
}
