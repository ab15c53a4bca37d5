package peer

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"sipcause/internal/wire"
)

// TestWayRuns: unanswered OPTIONS are told late, when answers of later ones are known.
func TestWayRuns(t *testing.T) {
	client, server := netip.MustParseAddrPort("198.51.100.1:5060"), netip.MustParseAddrPort("203.0.113.60:5060")
	at := func(s int) wire.Time { return wire.Time(1e18).Add(time.Duration(s) * time.Second) }
	answer := func(l *Ledger, s int) {
		l.Apply(&Fact{Kind: FactAnswered, Time: at(s), From: client, Server: server, Code: 200})
	}
	silent := func(l *Ledger, s int) {
		l.AddUnanswered(Unanswered{Client: client.Addr(), Server: server, Time: at(s), Options: true, First: true})
	}

	l := New()
	answer(l, 0)
	silent(l, 30)
	silent(l, 60)
	answer(l, 120)
	silent(l, 90) // told after the answer
	answer(l, 150)
	answer(l, 180)
	silent(l, 130)
	w := l.Ways()[0]
	if out := w.Outage(); out.N != 3 || out.First != at(30) || out.Last != at(90) || out.Back != at(120) || w.Pings.N != 0 {
		t.Errorf("outage %+v, running %+v", out, w.Pings)
	}
	silent(l, 200)
	silent(l, 190)
	if w.Pings.N != 2 || w.Pings.First != at(190) || w.Answered != at(180) || w.Calls.N != 6 {
		t.Errorf("running %+v, answered %v, calls %+v", w.Pings, w.Answered, w.Calls)
	}
}

// TestWaysFlood: servers without number are forgotten, and counted.
func TestWaysFlood(t *testing.T) {
	l := New()
	client := netip.MustParseAddr("198.51.100.1")
	for i := range maxEntries + 1000 {
		var a [16]byte
		binary.BigEndian.PutUint32(a[12:], uint32(i))
		a[0] = 0x20
		server := netip.AddrPortFrom(netip.AddrFrom16(a), 5060)
		l.AddUnanswered(Unanswered{Client: client, Server: server, Time: wire.Time(i + 1), Options: true, First: true})
	}
	if n := len(l.Ways()); n != maxEntries || l.Evicted != 1000 {
		t.Errorf("%d ways, %d evicted", n, l.Evicted)
	}
	if _, _, complete := l.Replies(); complete {
		t.Error("what was forgotten counts as known")
	}
	w := l.Ways()[0]
	for i := range 10 * maxFacts {
		l.Apply(&Fact{Kind: FactAnswered, Time: wire.Time(1e9 + i), From: netip.AddrPortFrom(client, 5060), Server: w.Server})
	}
	if len(w.answers) != maxFacts {
		t.Errorf("%d answers kept", len(w.answers))
	}
}
