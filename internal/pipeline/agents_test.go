package pipeline_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/hep"
	"sipcause/internal/render/schema"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

const notedFlow = `
alice > proxy INVITE sdp
proxy > alice 100
proxy > bob INVITE
bob > proxy 180
proxy > alice 180
+1s bob > proxy 200 sdp
proxy > alice 200
alice > proxy ACK
proxy > bob ACK
rtp alice > bob 110 PCMU ssrc=7
+12s alice > proxy BYE
proxy > bob BYE
bob > proxy 503
proxy > alice 503
`

// notedCapture is what reached a HEP server: the messages of a call, and what agents say of it.
func notedCapture(t *testing.T) []wire.Packet {
	t.Helper()
	fs, err := testkit.ParseFlows([]byte(notedFlow))
	if err != nil {
		t.Fatal(err)
	}
	f := fs[0]
	agent, server := netip.MustParseAddrPort("192.0.2.250:40000"), netip.MustParseAddrPort("192.0.2.251:9060")
	e := hep.Encoder{Node: 2001, NodeName: "edge-1"}
	var packets []wire.Packet
	datagram := func(at wire.Time, src, dst netip.AddrPort, b []byte) {
		data := testkit.Ethernet(testkit.UDP(src, dst, 0, b))
		packets = append(packets, wire.Packet{Time: at, Link: 1, WireLen: len(data), Data: data})
	}
	send := func(m hep.Message) {
		b, ok := e.Append(nil, &m)
		if !ok {
			t.Fatal("a message is too long")
		}
		datagram(m.Time, agent, server, b)
	}
	for _, it := range f.Items {
		switch {
		case it.Payload != nil:
			send(hep.Message{Time: it.Payload.Time, Flow: it.Payload.Flow, Type: hep.TypeSIP, Payload: it.Payload.Data})
		case it.Media != nil:
			datagram(it.Media.Time, it.Media.Flow.Src, it.Media.Flow.Dst, rtp(it.Media))
		}
	}
	const proxy, none, far, near = "198.51.100.5:5060", "192.0.2.251:9060", "203.0.113.31:30201", "192.0.2.10:30001"
	for _, n := range []struct {
		after    time.Duration
		typ      uint8
		src, dst string
		text     string
	}{
		{time.Millisecond, hep.TypeLog, proxy, none, "route[REQINIT]: new call of sip:alice:hunter2@example.com\n"},
		{40 * time.Millisecond, hep.TypeLog, proxy, none, "auth: credentials: Proxy-Authorization: Basic YWxpY2U6aHVudGVyMg==\x1b[31m <b>red</b>"},
		{6 * time.Second, hep.TypeRTCP, far, near, `{"sender_information":{"ntp_timestamp_sec":0,"ntp_timestamp_usec":0},"ssrc":8,"type":201,"report_count":1,"report_blocks":[{"source_ssrc":7,"fraction_lost":5,"packets_lost":5,"highest_seq_no":250,"ia_jitter":80,"lsr":0,"dlsr":0}]}`},
		{11 * time.Second, hep.TypeRTCP, far, near, `{"ssrc":8,"type":201,"report_count":1,"report_blocks":[{"source_ssrc":7,"fraction_lost":15,"packets_lost":20,"highest_seq_no":500,"ia_jitter":160,"lsr":0,"dlsr":0}],"report_blocks_xr":{"type":7,"id":7,"round_trip_delay":48,"r_factor":81,"mos_lq":40,"mos_cq":39}}`},
		{12 * time.Second, 34, proxy, none, `{"RTP_SIP_CALL_ID":"x","EXPECTED_PK":500,"PACKET_LOSS":20,"MEAN_JITTER":12.5,"MAX_JITTER":31,"MEAN_MOS":3.9,"RFACTOR":79,"SRC_IP":"203.0.113.31","SRC_PORT":30200,"DST_IP":"192.0.2.10","DST_PORT":30000}`},
		{12 * time.Second, 99, proxy, none, "PS=1"},
		{13 * time.Second, hep.TypeLog, proxy, none, "dialog: timeout"},
	} {
		flow := wire.Flow{Transport: wire.UDP, Src: netip.MustParseAddrPort(n.src), Dst: netip.MustParseAddrPort(n.dst)}
		send(hep.Message{Time: f.Begin.Add(n.after), Flow: flow, Type: n.typ, Correlation: f.CallID("1"), Payload: []byte(n.text)})
	}
	slices.SortStableFunc(packets, func(a, b wire.Packet) int { return int(a.Time - b.Time) })
	return packets
}

// rtp is the packet that m was read of.
func rtp(m *wire.Media) []byte {
	b := []byte{0x80, m.PT, byte(m.Seq >> 8), byte(m.Seq), byte(m.TS >> 24), byte(m.TS >> 16), byte(m.TS >> 8), byte(m.TS)}
	b = append(b, byte(m.SSRC>>24), byte(m.SSRC>>16), byte(m.SSRC>>8), byte(m.SSRC))
	return append(b, make([]byte, max(0, m.Bytes-len(b)))...)
}

// TestAgentsInReports: what agents said of a call stands in the reports on it, without its secrets.
func TestAgentsInReports(t *testing.T) {
	testkit.Golden(t, "notes/capture.pcap", testkit.Pcap(notedCapture(t)))
	path := filepath.Join("testdata", "golden", "notes", "capture.pcap")
	if raw, err := os.ReadFile(path); err != nil || !bytes.Contains(raw, []byte("hunter2")) {
		t.Errorf("the capture holds no secret: %v", err)
	}
	for _, format := range []string{"text", "json", "ndjson", "markdown", "html", "csv", "mermaid"} {
		out := report(t, format, 1, path)
		for _, bad := range []string{"hunter2", "YWxpY2U6", "\x1b", "<b>red", "fraction_lost", "source_ssrc"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s holds %q", format, bad)
			}
		}
		switch format {
		case "json":
			if err := schema.ValidateJSON([]byte(out)); err != nil {
				t.Error(err)
			}
			testkit.Golden(t, "notes/report.json", []byte(out))
		case "ndjson":
			if err := schema.ValidateNDJSON([]byte(out)); err != nil {
				t.Error(err)
			}
		case "text":
			_, cases, _ := strings.Cut(out, "\n── ")
			testkit.Golden(t, "notes/report.txt", []byte("── "+cases))
		case "markdown", "html":
			for _, want := range []string{"dialog: timeout", "route[REQINIT]", "MOS 3.9", "1 further report"} {
				if !strings.Contains(strings.ReplaceAll(out, "`", ""), want) {
					t.Errorf("%s lacks %q", format, want)
				}
			}
		}
	}
}
