package peer

import (
	"fmt"
	"net/netip"
	"testing"

	"sipcause/internal/wire"
)

func TestLeadOf(t *testing.T) {
	for user, want := range map[string]Lead{
		"":                  LeadNone,
		"+":                 LeadNone,
		"alice":             LeadNone,
		"a5550100":          LeadNone,
		"1 555 0100":        LeadNone,
		"555+0100":          LeadNone,
		"112":               LeadShort,
		"+12345":            LeadShort,
		"+15550100":         LeadPlus,
		"0015550100":        LeadDouble,
		"0555010":           LeadZero,
		"15550100":          LeadDigits,
		"+15550100;npdi=no": LeadPlus,
		"1234567;x=abc":     LeadDigits,
		";x":                LeadNone,
	} {
		if got := LeadOf(user); got != want {
			t.Errorf("%q: %v, want %v", user, got, want)
		}
		if got := LeadOf([]byte(user)); got != want {
			t.Errorf("%q as bytes: %v, want %v", user, got, want)
		}
	}
}

func TestFormsKeepFirstTimes(t *testing.T) {
	l := New()
	s := netip.MustParseAddrPort("198.51.100.1:5060")
	for i := range 5 {
		l.server(s).form(LeadPlus, "example.com", wire.Time(10+i), wire.PacketRef{Number: uint64(i + 1)})
	}
	f := l.Forms(s)
	if len(f) != 1 || f[0].Ref.Number != 1 {
		t.Fatalf("%+v", f)
	}
	for at, want := range map[wire.Time]int{10: 0, 11: 1, 12: 2, 13: 3, 99: 3} {
		if got := f[0].Often(at); got != want {
			t.Errorf("at %d: %d answered, want %d", at, got, want)
		}
	}
}

func TestFormsAreBounded(t *testing.T) {
	l := New()
	s := netip.MustParseAddrPort("198.51.100.1:5060")
	for i := range 10 * maxForms {
		l.server(s).form(LeadPlus, fmt.Sprintf("host%d.example", i), wire.Time(i+1), wire.PacketRef{})
	}
	if n := len(l.Forms(s)); n != maxForms {
		t.Errorf("%d forms kept, want %d", n, maxForms)
	}
	for i := range maxServers + 100 {
		l.server(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060)).form(LeadPlus, "example.com", 1, wire.PacketRef{})
	}
	if l.servers.size() > maxServers || l.Evicted == 0 {
		t.Errorf("%d servers kept, %d evicted", l.servers.size(), l.Evicted)
	}
}

func TestTargetTellsGatewayFromPhone(t *testing.T) {
	l := New()
	proxy, gw := netip.MustParseAddrPort("198.51.100.1:5060"), netip.MustParseAddrPort("203.0.113.60:5060")
	l.AddTarget(proxy, "1555", gw, 7, 10, 12, false)
	l.AddTarget(proxy, "1555", gw, 7, 20, 22, true)
	if got := l.Targets(proxy, "1555", 30)[0]; got.Several != 0 || got.FirstAnswered != 22 || got.Answered != 1 || got.Failed != 1 {
		t.Errorf("one callee: %+v", got)
	} else if got.OthersThan(7, 99) || !got.OthersThan(8, 99) || got.OthersThan(8, 10) {
		t.Errorf("one callee, and whether there are others: %+v", got)
	}
	l.AddTarget(proxy, "1555", gw, 8, 30, 32, true)
	if got := l.Targets(proxy, "1555", 30)[0]; got.Several != 30 || got.FirstAnswered != 22 || got.First != 10 || got.Last != 30 {
		t.Errorf("two callees: %+v", got)
	}
}
