package testkit

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// TestPacketsAreSound lets another decoder read every packet of the flows: lengths, checksums, nothing malformed.
func TestPacketsAreSound(t *testing.T) {
	text, err := os.ReadFile("testdata/wire.txtar")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := ParseFlows(text)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[gopacket.LayerType]int{}
	for _, f := range flows {
		for _, p := range f.Packets {
			if len(p.Data) < p.WireLen {
				continue
			}
			g := gopacket.NewPacket(p.Data, layers.LayerTypeEthernet, gopacket.Default)
			if e := g.ErrorLayer(); e != nil && g.TransportLayer() == nil { // what SIP it finds is not asked
				t.Errorf("%s frame %d: %v", f.Name, p.Ref.Number, e.Error())
			}
			for _, l := range g.Layers() {
				seen[l.LayerType()]++
			}
			_, bad := g.VerifyChecksums()
			for _, b := range bad {
				t.Errorf("%s frame %d: %s: checksum %#x, want %#x", f.Name, p.Ref.Number, b.Layer.LayerType(), b.Actual, b.Correct)
			}
		}
	}
	for _, l := range []gopacket.LayerType{
		layers.LayerTypeIPv4, layers.LayerTypeIPv6, layers.LayerTypeUDP, layers.LayerTypeTCP, layers.LayerTypeICMPv4, layers.LayerTypeICMPv6,
	} {
		if seen[l] == 0 {
			t.Errorf("no packet with %s: the test shows nothing of it", l)
		}
	}
}

// TestChecksumOfRFC1071 is the example of RFC 1071 §3.
func TestChecksumOfRFC1071(t *testing.T) {
	if got := checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0); got != ^uint16(0xddf2) {
		t.Errorf("checksum %#x, want %#x", got, ^uint16(0xddf2))
	}
}

// TestUDPNeverSendsNoChecksum: a sum of zero is sent as all ones (RFC 768).
func TestUDPNeverSendsNoChecksum(t *testing.T) {
	a, b := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060")
	zero := false
	for i := range 1 << 16 {
		ip := UDP(a, b, 0, []byte{byte(i >> 8), byte(i)})
		sum := binary.BigEndian.Uint16(ip[26:])
		if sum == 0 {
			t.Fatalf("data %#04x: checksum 0", i)
		}
		zero = zero || sum == 0xffff
	}
	if !zero {
		t.Error("no data gave the checksum that stands for zero")
	}
}

// TestFragmentsCoverThePacket puts fragments together again, for both versions.
func TestFragmentsCoverThePacket(t *testing.T) {
	data := make([]byte, 4000)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for _, pair := range [][2]string{{"192.0.2.1:1", "192.0.2.2:2"}, {"[2001:db8::1]:1", "[2001:db8::2]:2"}} {
		ip := UDP(netip.MustParseAddrPort(pair[0]), netip.MustParseAddrPort(pair[1]), 7, data)
		header, payload := 20, 20
		if ip[0]>>4 == 6 {
			header, payload = 40, 48
		}
		var got []byte
		frags := Fragment(ip, 1280, 9)
		for i, f := range frags {
			if len(f) > 1280 || i < len(frags)-1 && (len(f)-payload)%8 != 0 {
				t.Errorf("%s: fragment %d has %d bytes", pair[0], i, len(f))
			}
			got = append(got, f[payload:]...)
		}
		if string(got) != string(ip[header:]) {
			t.Errorf("%s: fragments do not cover the packet: %d bytes, want %d", pair[0], len(got), len(ip)-header)
		}
	}
}
