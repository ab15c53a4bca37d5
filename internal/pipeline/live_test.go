package pipeline

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sipcause/internal/view"
	"sipcause/internal/wire"
)

var liveFlow = wire.Flow{Src: netip.MustParseAddrPort("192.0.2.1:5060"), Dst: netip.MustParseAddrPort("198.51.100.1:5060"), Transport: wire.UDP}

const liveStart = wire.Time(1_772_366_400e9)

func options(n int) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\r\nFrom: <sip:a@example.com>;tag=%d\r\nTo: <sip:example.com>\r\nCall-ID: live%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", n, n, n)
}

func newLive(t *testing.T, opt LiveOptions, seen *[]Seen) *Live {
	t.Helper()
	opt.Record = func(s *Seen) {
		own := *s
		own.Payloads = slices.Clone(s.Payloads)
		own.Gaps = slices.Clone(s.Gaps)
		*seen = append(*seen, own)
	}
	return NewLive(opt, func(*view.Case) error { return nil })
}

// TestLiveFlood: sources that are faster than the engine. The queue is bounded in bytes, media are shed at half of it,
// whole messages after them; each is counted, and the messages are a gap. When it is empty again everything is taken.
func TestLiveFlood(t *testing.T) {
	var seen []Seen
	const limit = 1 << 20
	l := newLive(t, LiveOptions{MaxWaiting: limit}, &seen)
	in := l.Sink()
	sent, media := 0, 0
	for i := range 20000 {
		at := liveStart + wire.Time(i)*1e6
		in.Payload(&wire.Payload{Time: at, Flow: liveFlow, Data: options(i)})
		sent++
		in.Media(&wire.Media{Time: at, Flow: liveFlow, RTCP: true, Data: make([]byte, 100)})
		in.Note(&wire.Note{Time: at, CallID: []byte("x"), Text: make([]byte, 100)})
		in.Event(&wire.Event{Time: at, Kind: wire.EventTCPReset, Flow: liveFlow})
		sent++
		media += 2
		if bytes, most, _, _ := l.Waiting(); bytes > most || most != limit {
			t.Fatalf("%d bytes wait, of %d", bytes, most)
		}
	}
	for range 10 * maxGapsKept {
		in.Gap(wire.Gap{Kind: wire.GapDrops, From: liveStart, Until: liveStart + 1e9, Lost: 1})
	}
	if n := len(l.fresh.gaps); n > maxGapsKept {
		t.Errorf("%d gaps wait, more than %d", n, maxGapsKept)
	}
	bytes, _, lost, shed := l.Waiting()
	if lost == 0 || shed == 0 || uint64(media) == shed || bytes < limit/2 {
		t.Fatalf("%d bytes wait, %d messages and %d media dropped", bytes, lost, shed)
	}
	taken := len(l.fresh.media) + len(l.fresh.notes)
	if taken+int(shed) != media {
		t.Errorf("%d media taken and %d shed, of %d", taken, shed, media)
	}
	if used := len(l.fresh.media)*2 + len(l.fresh.notes); used == 0 || taken > (sent-int(lost)) {
		t.Errorf("%d media taken with %d messages: not shed first", taken, sent-int(lost))
	}
	if !l.busy() {
		t.Error("a full queue is no reason to leave calls that go on for later")
	}
	now := liveStart.Std()
	for range 3 {
		l.turn(now)
	}
	if bytes, _, _, _ := l.Waiting(); bytes != 0 {
		t.Errorf("%d bytes wait after three turns", bytes)
	}
	if l.busy() {
		t.Error("busy with an empty queue")
	}
	payloads, events, told := 0, 0, uint64(0)
	for _, s := range seen {
		payloads += len(s.Payloads)
		events += len(s.Events)
		for _, g := range s.Gaps {
			if g.Kind == wire.GapQueue {
				told += g.Lost
				if g.From < liveStart || g.Until > liveStart+20000*1e6 || g.From >= g.Until {
					t.Errorf("gap from %d until %d", g.From, g.Until)
				}
			}
		}
	}
	if told != lost {
		t.Errorf("gaps tell of %d messages, %d were dropped", told, lost)
	}
	if got := len(l.chunks) * chunkSize; got > limit/freeShare+chunkSize {
		t.Errorf("%d bytes are kept free", got)
	}
	// Everything is taken again.
	in.Payload(&wire.Payload{Time: liveStart + 30000e6, Flow: liveFlow, Data: options(30000)})
	if _, _, after, _ := l.Waiting(); after != lost {
		t.Error("a message was dropped although there was room")
	}
}

// TestLiveParcel: many messages wake the engine before its time, and the memory for many is given back.
func TestLiveParcel(t *testing.T) {
	var seen []Seen
	l := newLive(t, LiveOptions{MaxWaiting: 64 << 20}, &seen)
	in := l.Sink()
	m := options(1)
	for i := range maxParcel - 1 {
		in.Payload(&wire.Payload{Time: liveStart + wire.Time(i), Flow: liveFlow, Data: m})
	}
	select {
	case <-l.wake:
		t.Fatal("woken too early")
	default:
	}
	for i := range 3 * maxParcel {
		in.Payload(&wire.Payload{Time: liveStart + wire.Time(maxParcel+i), Flow: liveFlow, Data: m})
	}
	select {
	case <-l.wake:
	default:
		t.Fatal("not woken")
	}
	for range 4 {
		l.turn(liveStart.Std())
	}
	for _, p := range []*parcel{l.fresh, l.held, l.spare} {
		if cap(p.payloads) > 2*maxParcel {
			t.Errorf("room for %d messages is kept", cap(p.payloads))
		}
	}
}

// TestLiveNeverWaits: while the engine does not turn at all, sources are not held up, and memory is bounded.
func TestLiveNeverWaits(t *testing.T) {
	stuck := make(chan struct{})
	l := NewLive(LiveOptions{MaxWaiting: 1 << 20, Options: Options{Record: func(*Seen) { <-stuck }}}, func(*view.Case) error { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx, time.Now) }()
	in := l.Sink()
	for i := range 50000 {
		in.Payload(&wire.Payload{Time: liveStart + wire.Time(i)*1e6, Flow: liveFlow, Data: options(i)})
	}
	bytes, limit, lost, _ := l.Waiting()
	if bytes > limit || lost == 0 {
		t.Errorf("%d bytes wait of %d, %d dropped", bytes, limit, lost)
	}
	close(stuck)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestNotesFlood: what agents say of calls is bounded by calls, oldest first, and for each call by bytes.
func TestNotesFlood(t *testing.T) {
	var n notes
	text := make([]byte, 1000)
	for i := range maxNotedCalls + 1000 {
		n.add(&wire.Note{CallID: fmt.Appendf(nil, "c%d", i), Text: text[:10]})
	}
	if len(n.byCall) != maxNotedCalls || n.order.Len() != maxNotedCalls || n.Evicted != 1000 {
		t.Errorf("%d calls noted, %d in order, %d evicted", len(n.byCall), n.order.Len(), n.Evicted)
	}
	for range 200 {
		n.add(&wire.Note{CallID: []byte("c5000"), Text: text})
	}
	k := n.byCall["c5000"].Value.(*noted)
	if k.bytes > maxNoteBytes || n.Evicted < 1100 {
		t.Errorf("%d bytes noted of one call, %d evicted", k.bytes, n.Evicted)
	}
}
