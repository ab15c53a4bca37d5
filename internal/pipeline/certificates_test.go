package pipeline

import (
	"net/netip"
	"testing"
	"time"

	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// TestCertificates keeps each certificate once for each holder, and no more than a report lists.
func TestCertificates(t *testing.T) {
	var l certificates
	seen := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	show := func(fingerprint byte, holder byte, port uint16, kind wire.EventKind, until time.Time) {
		l.add(&wire.Event{
			Kind: kind, Time: wire.Time(seen.UnixNano()), Ref: wire.PacketRef{Number: uint64(port)},
			Flow: wire.Flow{Src: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, holder}), port), Dst: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, holder}), 5061)},
			Cert: &wire.Certificate{Fingerprint: [32]byte{fingerprint}, NotBefore: seen.AddDate(-1, 0, 0), NotAfter: until},
		})
	}
	show(1, 1, 40000, wire.EventTLSCert, seen.AddDate(1, 0, 0))
	show(1, 1, 40001, wire.EventTLSCert, seen.AddDate(1, 0, 0))
	show(2, 1, 40002, wire.EventTLSCert, seen.AddDate(0, 0, -1))
	show(3, 1, 40003, wire.EventTLSClientCert, seen.AddDate(0, 0, 29))
	show(3, 1, 40004, wire.EventTLSClientCert, seen.AddDate(0, 0, 29))
	got := l.list()
	if len(got) != 3 || l.evicted != 0 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []view.Certificate{
		{Holder: netip.MustParseAddrPort("198.51.100.1:5061"), Handshakes: 1, Validity: view.Expired, Ref: wire.PacketRef{Number: 40002}},
		{Holder: netip.MustParseAddrPort("192.0.2.1:0"), OfClient: true, Handshakes: 2, Validity: view.ExpiresSoon, Ref: wire.PacketRef{Number: 40003}},
		{Holder: netip.MustParseAddrPort("198.51.100.1:5061"), Handshakes: 2, Validity: view.Valid, Ref: wire.PacketRef{Number: 40000}},
	} {
		if c := got[i]; c.Holder != want.Holder || c.OfClient != want.OfClient || c.Handshakes != want.Handshakes || c.Validity != want.Validity || c.Ref != want.Ref {
			t.Errorf("%d: %+v, want %+v", i, c, want)
		}
	}
	for i := range 2 * maxCertificates {
		show(byte(i), byte(i>>8), 40000, wire.EventTLSCert, seen.AddDate(2, 0, 0))
	}
	if got := l.list(); len(got) != maxCertificates || l.evicted == 0 {
		t.Errorf("%d certificates, %d not kept", len(got), l.evicted)
	}
}
