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
//
// Long because: one story, told in order.
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

// dialogue returns what one caller and one server say, all with names of their own.
func dialogue(n int, at wire.Time) (list []wire.Payload) {
	down := wire.Flow{Src: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 5060), Dst: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n % 7)}), 5060), Transport: wire.UDP}
	up := wire.Flow{Src: down.Dst, Dst: down.Src, Transport: wire.UDP}
	say := func(after time.Duration, f wire.Flow, start, method string, cseq int, tag string) {
		list = append(list, wire.Payload{Time: at.Add(after), Flow: f, Data: fmt.Appendf(nil,
			"%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d-%d%s\r\nFrom: <sip:u%d@example.com>;tag=f%d\r\nTo: <sip:v%d@example.com>%s\r\nCall-ID: soak%d\r\nCSeq: %d %s\r\nContact: <sip:x@%s>\r\nExpires: 60\r\nContent-Length: 0\r\n\r\n",
			start, down.Src, n, cseq, method[:1], n, n, n, tag, n, cseq, method, f.Src)})
	}
	ask := func(m string) string { return m + " sip:v@example.com SIP/2.0" }
	switch n % 5 {
	case 0:
		say(0, down, ask("REGISTER"), "REGISTER", 1, "")
		say(time.Millisecond, up, "SIP/2.0 200 OK", "REGISTER", 1, ";tag=t")
	case 1:
		say(0, down, ask("INVITE"), "INVITE", 1, "")
		say(time.Millisecond, up, "SIP/2.0 404 Not Found", "INVITE", 1, ";tag=t")
		say(2*time.Millisecond, down, ask("ACK"), "ACK", 1, ";tag=t")
	case 2:
		say(0, down, ask("INVITE"), "INVITE", 1, "")
	case 3:
		say(0, down, ask("INVITE"), "INVITE", 1, "")
		say(time.Millisecond, up, "SIP/2.0 180 Ringing", "INVITE", 1, ";tag=t")
	default:
		say(0, down, ask("INVITE"), "INVITE", 1, "")
		say(time.Second, up, "SIP/2.0 200 OK", "INVITE", 1, ";tag=t")
		say(time.Second+time.Millisecond, down, ask("ACK"), "ACK", 1, ";tag=t")
		say(20*time.Second, down, ask("BYE"), "BYE", 2, ";tag=t")
		say(20*time.Second+time.Millisecond, up, "SIP/2.0 200 OK", "BYE", 2, ";tag=t")
	}
	return list
}

// held is how much an engine holds.
func (l *Live) heldNow() map[string]int {
	e := l.engine
	m := map[string]int{
		"notes": len(e.judge.notes.byCall), "streams": e.judge.media.streams, "panics": len(e.judge.panics.kept), "gaps": len(e.gaps.kept),
		"chunks": len(l.chunks), "batch payloads": cap(e.batch.payloads), "batch data": cap(e.batch.data),
	}
	m["linker's room"], m["linker's legs"], m["linker's keys"] = e.judge.linker.Held()
	for _, s := range e.shards {
		room, queued := s.Held()
		m["shards' room"] += room
		m["shards' queues"] += queued
		m["shards' legs"] += s.Open()
	}
	return m
}

// TestLiveSoak: a day of event time, in which everybody has a name of his own. What the engine holds of it depends on what
// is going on, not on how long it has run.
func TestLiveSoak(t *testing.T) {
	ended := 0
	l := NewLive(LiveOptions{Options: Options{Record: func(*Seen) {}}}, func(c *view.Case) error {
		if c.Verdict.Final {
			ended++
		}
		return nil
	})
	in := l.Sink()
	var pending []wire.Payload
	now := liveStart
	n := 0
	var after map[string]int
	const hours, each = 24, 2 * time.Second
	for now < liveStart.Add(hours*time.Hour) {
		pending = append(pending, dialogue(n, now)...)
		n++
		slices.SortFunc(pending, func(a, b wire.Payload) int { return int(a.Time - b.Time) })
		k := 0
		for ; k < len(pending) && pending[k].Time < now.Add(each); k++ {
			in.Payload(&pending[k])
		}
		pending = pending[k:]
		flow := wire.Flow{Src: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}), 4000), Dst: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 2, byte(n >> 8), byte(n)}), 4000), Transport: wire.UDP}
		in.Note(&wire.Note{Time: now, CallID: fmt.Appendf(nil, "soak%d", n), Text: []byte("said")})
		in.Event(&wire.Event{Time: now, Kind: wire.EventTCPReset, Flow: flow})
		in.Gap(wire.Gap{Kind: wire.GapDrops, From: now, Until: now + 1, Lost: 1})
		now = now.Add(each)
		l.turn(now.Std())
		if now == liveStart.Add(hours*time.Hour/3) {
			after = l.heldNow()
		}
	}
	for k, n := range l.heldNow() {
		if was := after[k]; n > was+was/4+256 && k != "notes" {
			t.Errorf("%s: %d after %d hours, %d at the end of %d", k, was, hours/3, n, hours)
		}
	}
	if n := len(l.engine.judge.notes.byCall); n > maxNotedCalls {
		t.Errorf("%d calls noted", n)
	}
	l.turn(now.Add(7 * time.Hour).Std())
	l.turn(now.Add(7 * time.Hour).Std())
	if c := l.engine.Census(); c.Open != 0 || ended < n {
		t.Errorf("%d legs are open, %d of %d calls ended", c.Open, ended, n)
	}
	if held := l.heldNow(); held["linker's legs"] > 16 || held["linker's keys"] > 16 {
		t.Errorf("when everything is over: %v", held)
	}
}
