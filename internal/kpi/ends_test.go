package kpi_test

import (
	"testing"

	"sipcause/internal/record"
	"sipcause/internal/testkit"
)

// ofFlow counts one flow.
func ofFlow(t *testing.T, text string) []record.Cell {
	t.Helper()
	flows, err := testkit.ParseFlows([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return counted(t, flows[0].Packets)
}

// TestEndsOfOneAddress: ends that share an address are told apart by their ports, and what was really seen in one
// direction only is found there, too.
func TestEndsOfOneAddress(t *testing.T) {
	const one = "elements alice=127.0.0.1:5060 bob=127.0.0.1:5070 proxy=127.0.0.1:5080\n"
	for name, x := range map[string]struct {
		flow string
		want float64
	}{
		"both": {one + `
alice > bob INVITE
bob > alice 486
alice > bob ACK
`, 0},
		"both, with a proxy": {one + `
alice > proxy INVITE
proxy > bob INVITE
bob > proxy 486
proxy > bob ACK
proxy > alice 486
alice > proxy ACK
`, 0},
		"one": {one + `
alice > bob INVITE unseen
bob > alice 180
bob > alice 486
alice > bob ACK unseen
`, 100},
		"one, by connections of two ports": {`
elements alice=192.0.2.10:5060 bob=192.0.2.31:5060
alice > bob INVITE
bob > alice 200 unseen
alice > bob ACK src=192.0.2.10:40001
alice > bob BYE src=192.0.2.10:40002
`, 100},
	} {
		t.Run(name, func(t *testing.T) { check(t, ofFlow(t, x.flow), 1, "one_way_seen", value{x.want, 1, 0}) })
	}
}

// TestOneSSRC: streams of both directions with the same SSRC are two; what a relay sends on is none of its own.
func TestOneSSRC(t *testing.T) {
	cells := counted(t, packetsOf(t, "../../testdata/lab/lossy-media.pcap.gz"))
	minutes := int((cells[len(cells)-1].Minute*60e9-int64(noon))/60e9) + 1
	check(t, cells, minutes, "loss", value{100 * 36.0 / 580, 580, 0})
	for name, flow := range map[string]string{
		"two hosts": `
alice > bob INVITE sdp
bob > alice 200 sdp
alice > bob ACK
rtp alice > bob 201 PCMU ssrc=7 loss=10
rtp bob > alice 300 PCMU ssrc=7
`,
		"one host": `
elements alice=127.0.0.1:5060 bob=127.0.0.1:5070
alice > bob INVITE sdp=PCMU;port=6000
bob > alice 200 sdp=PCMU;port=7000
alice > bob ACK
bob > alice INVITE sdp=PCMU;port=7000
alice > bob 200 sdp=PCMU;port=6000
bob > alice ACK
rtp alice > bob 201 PCMU ssrc=7 loss=10 src=127.0.0.1:6000 dst=127.0.0.1:7000
rtp bob > alice 300 PCMU ssrc=7 src=127.0.0.1:7000 dst=127.0.0.1:6000
`,
		"a relay": `
alice > proxy INVITE sdp
proxy > bob INVITE sdp
bob > proxy 200 sdp
proxy > alice 200 sdp
alice > proxy ACK
proxy > bob ACK
rtp alice > proxy 201 PCMU ssrc=7 loss=10
rtp proxy > bob 201 PCMU ssrc=7 loss=10
rtp bob > proxy 300 PCMU ssrc=7
rtp proxy > alice 300 PCMU ssrc=7
`,
		"a relay with a port for each side": `
alice > proxy INVITE sdp
proxy > bob INVITE sdp=PCMU;port=8000
bob > proxy 200 sdp
proxy > alice 200 sdp
alice > proxy ACK
proxy > bob ACK
rtp alice > proxy 201 PCMU ssrc=7 loss=10
rtp proxy > bob 201 PCMU port=8000 ssrc=7 loss=10
rtp bob > proxy 300 PCMU dstport=8000 ssrc=7
rtp proxy > alice 300 PCMU ssrc=7
`,
	} {
		t.Run(name, func(t *testing.T) { check(t, ofFlow(t, flow), 1, "loss", value{100 * 20.0 / 501, 501, 0}) })
	}
}
