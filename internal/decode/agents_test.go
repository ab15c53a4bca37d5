package decode

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/wire"
)

// live gives the decoder what a HEP source received from a sender at r.now.
func (r *run) live(sender uint32, b []byte) {
	r.n++
	r.Packet(&wire.Packet{Ref: wire.PacketRef{Number: r.n}, Time: r.now, Point: 7, Link: wire.LinkHEP, Sender: sender, WireLen: len(b), Data: slices.Clone(b)})
}

// noting is a run whose sink takes notes.
type noting struct {
	got
	notes []wire.Note
}

func (n *noting) Note(said *wire.Note) {
	own := *said
	own.CallID, own.Text = bytes.Clone(said.CallID), bytes.Clone(said.Text)
	n.notes = append(n.notes, own)
}

func hepPacket(chunks ...[]byte) []byte {
	b := slices.Concat(chunks...)
	return cat([]byte("HEP3"), u16(6+len(b)), b)
}

func hepStart(typ byte, at wire.Time) []byte {
	return cat(
		chunk(0, 1, []byte{2}), chunk(0, 2, []byte{17}), chunk(0, 3, alice.AsSlice()), chunk(0, 4, bob.AsSlice()),
		chunk(0, 7, u16(5070)), chunk(0, 8, u16(5080)), chunk(0, 9, u32(uint32(at/1e9))), chunk(0, 10, u32(uint32(at%1e9/1e3))),
		chunk(0, 11, []byte{typ}), chunk(0, 12, u32(2001)), chunk(0, 14, []byte("secret")), chunk(3, 15, []byte("of a vendor")))
}

func squeeze(t *testing.T, to func(io.Writer) io.WriteCloser, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := to(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func toZlib(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
func toGzip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

// TestHEPLivePoints: agents are capture points, by name before number; the source's own where they have neither.
func TestHEPLivePoints(t *testing.T) {
	var names []string
	r := newRun(Options{Points: func(name string) uint16 {
		names = append(names, name)
		return uint16(100 + len(names))
	}})
	msg := sipMessage("p", 10)
	named := func(name string) []byte {
		return hepPacket(hepStart(1, r.now), chunk(0, 19, []byte(name)), chunk(0, 15, msg))
	}
	packets := [][]byte{
		hep3(msg, r.now), hep3(msg, r.now), named("edge-1"), hep3(msg, r.now), named("a b\x1b[2J"), named(strings.Repeat("x", 500)),
		hepPacket(chunk(0, 2, []byte{17}), chunk(0, 15, msg)),
	}
	for _, b := range packets {
		r.live(1, b)
	}
	var points []uint16
	for _, p := range r.payloads {
		points = append(points, p.Point)
	}
	if want := []uint16{101, 101, 102, 101, 103, 104, 7}; !slices.Equal(points, want) {
		t.Errorf("points %v, want %v", points, want)
	}
	if want := []string{"hep:2001", "edge-1", "a_b_[2J", strings.Repeat("x", 64)}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
}

// TestHEPNotes hands on reports and logs with their Call-ID, and counts what it does not know.
func TestHEPNotes(t *testing.T) {
	n := &noting{}
	r := &run{now: start}
	r.Decoder = New(n, Options{})
	text := []byte(`{"sender_information":{"packets":5}}`)
	for _, typ := range []byte{5, 32, 33, 34, 35, 38, 39, 40, 41, 99, 100} {
		r.live(1, hepPacket(hepStart(typ, r.now-1e9), chunk(0, 17, []byte("call@example.com")), chunk(0, 15, text)))
	}
	r.live(1, hepPacket(hepStart(5, r.now), chunk(0, 16, squeeze(t, toZlib, text))))
	r.live(1, hepPacket(hepStart(53, r.now), chunk(0, 15, text)))
	r.live(1, hepPacket(hepStart(53, r.now), chunk(0, 15, sipMessage("mislabelled", 3))))
	r.live(1, hepPacket(hepStart(100, r.now), chunk(0, 15, sipMessage("quoted in a log", 3))))
	r.live(1, hepPacket(chunk(0, 12, u32(1)), chunk(0, 13, u16(30))))
	s := r.Stats()
	if s.Notes["rtcp"] != 2 || s.Notes["quality"] != 9 || s.Notes["log"] != 2 || len(n.notes) != 13 {
		t.Errorf("notes %v, handed on %d", s.Notes, len(n.notes))
	}
	if s.Undecoded["hep-type-53"] != 1 || len(s.Undecoded) != 1 || s.Keepalives != 1 || len(n.payloads) != 1 {
		t.Errorf("undecoded %v, keepalives %d, payloads %d", s.Undecoded, s.Keepalives, len(n.payloads))
	}
	first := n.notes[0]
	flow := wire.Flow{Transport: wire.UDP, Src: netip.AddrPortFrom(alice, 5070), Dst: netip.AddrPortFrom(bob, 5080)}
	if first.Kind != wire.NoteRTCP || string(first.CallID) != "call@example.com" || string(first.Text) != string(text) ||
		first.Flow != flow || first.Time != start-1e9 || first.Point != 7 {
		t.Errorf("note %+v", first)
	}
	if last := n.notes[11]; last.Kind != wire.NoteRTCP || string(last.Text) != string(text) {
		t.Errorf("compressed note %+v", last)
	}
	quiet := newRun(Options{}) // whose sink takes none
	quiet.live(1, hepPacket(hepStart(5, quiet.now), chunk(0, 15, text)))
	if quiet.Stats().Notes["rtcp"] != 1 {
		t.Errorf("notes %v", quiet.Stats().Notes)
	}
}

// TestHEPCompressed inflates payloads, no further than a message may be long.
func TestHEPCompressed(t *testing.T) {
	msg := sipMessage("z", 3000)
	bomb := squeeze(t, toZlib, make([]byte, 32<<20))
	for _, tc := range []struct {
		name, want string
		b          []byte
	}{
		{"zlib", "", squeeze(t, toZlib, msg)},
		{"gzip", "", squeeze(t, toGzip, msg)},
		{"cut", "hep-compressed-bad", squeeze(t, toZlib, msg)[:40]},
		{"bad sum", "hep-compressed-bad", append(bytes.Clone(squeeze(t, toZlib, msg)[:len(squeeze(t, toZlib, msg))-1]), 0xee)},
		{"nothing", "hep-compressed-bad", []byte{}},
		{"bomb", "hep-inflated-too-long", bomb},
	} {
		r := newRun(Options{})
		for range 2 { // a reader is used again
			r.live(1, hepPacket(hepStart(1, r.now), chunk(0, 16, tc.b)))
		}
		u := r.Stats().Undecoded
		if tc.want == "" && (len(r.payloads) != 2 || string(r.payloads[1].Data) != string(msg)) || tc.want != "" && (u[tc.want] != 2 || len(u) != 1) {
			t.Errorf("%s: %d payloads, undecoded %v", tc.name, len(r.payloads), u)
		}
		if held := r.unzip.out.Cap(); held > 1<<20 {
			t.Errorf("%s: %d bytes held", tc.name, held)
		}
	}
	if len(bomb) > 0xf000 {
		t.Fatal("the bomb does not fit into a packet")
	}
}

// clockCase is what an agent's clock does: by how much it is behind ours, and how long a packet is on its way, each by
// our time since the beginning.
type clockCase struct {
	name         string
	behind       func(at wire.Time) wire.Time
	delay        func(at wire.Time) wire.Time
	settled      wire.Time // from when on the time must be right
	steps        uint64    // at most
	late         bool      // late packets are expected
	neverCorrect bool
}

const second, minute, hour = wire.Time(1e9), wire.Time(60e9), wire.Time(3600e9)

func always(d wire.Time) func(wire.Time) wire.Time { return func(wire.Time) wire.Time { return d } }

func from(at, before, after wire.Time) func(wire.Time) wire.Time {
	return func(now wire.Time) wire.Time {
		if now < at {
			return before
		}
		return after
	}
}

func TestAgentClocks(t *testing.T) {
	year := 365 * 24 * hour
	for _, tc := range []clockCase{
		{name: "right", behind: always(0), steps: 0, neverCorrect: true},
		{name: "half a second off", behind: always(second / 2), neverCorrect: true},
		{name: "ahead by an hour", behind: always(-hour), steps: 1},
		{name: "ahead by years", behind: always(-3 * year), steps: 1},
		{name: "behind by an hour", behind: always(hour), settled: 15 * second, steps: 1, late: true},
		{name: "behind by years", behind: always(10 * year), steps: 1},
		{name: "set forward", behind: from(30*second, 0, -hour), steps: 1},
		{name: "set back", behind: from(30*second, 0, hour), steps: 1},
		{name: "set right after being behind", behind: from(30*second, hour, 0), settled: 30 * second, steps: 2, late: true},
		{name: "set right after being ahead", behind: from(30*second, -hour, 0), steps: 2},
		{name: "set less wrong after being ahead", behind: from(30*second, -hour, -minute), steps: 2},
		{name: "right but for one packet", behind: func(at wire.Time) wire.Time {
			if at == 30*second {
				return -hour
			}
			return 0
		}, steps: 2},
		{name: "right, one packet a minute late", behind: always(0), delay: func(at wire.Time) wire.Time {
			if at == 30*second {
				return minute
			}
			return 0
		}, late: true, neverCorrect: true},
		{name: "ahead by an hour, packets up to a second late", behind: always(-hour), delay: func(at wire.Time) wire.Time { return at * 7919 % second }, steps: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRun(Options{})
			if tc.delay == nil {
				tc.delay = always(0)
			}
			for at := wire.Time(0); at < 90*second; at += second / 5 {
				r.now = start + at + tc.delay(at)
				r.live(1, hep3(sipMessage("c", 3), start+at-tc.behind(at)))
				p := r.payloads[len(r.payloads)-1]
				tolerance := 2 * second
				if tc.neverCorrect {
					tolerance = second / 2
				}
				if off := p.Time - (start + at); at >= tc.settled && (off > tolerance || off < -tolerance) {
					t.Fatalf("after %v: off by %v", at.Std().Sub(wire.Time(0).Std()), off.Std().Sub(wire.Time(0).Std()))
				}
			}
			s := r.Stats().Agents
			if s.Steps > tc.steps || s.Steps == 0 && tc.steps > 0 || (s.Late > 0) != tc.late || tc.neverCorrect && s.Corrected > 0 {
				t.Errorf("counts %+v", s)
			}
		})
	}
}

// TestAgentClockIntervals: once an agent's clock is known to be wrong, times differ as they did at the agent.
func TestAgentClockIntervals(t *testing.T) {
	r := newRun(Options{})
	random := rand.New(rand.NewPCG(1, 2))
	seen := start
	for i := range 2000 {
		seen += wire.Time(random.Int64N(50e6)) / 1000 * 1000
		r.now = seen + wire.Time(random.Int64N(300e6))
		r.live(1, hep3(sipMessage("i", 3), seen-hour))
		if i < 2 || r.payloads[i-1].Time < start-second {
			continue
		}
		was := r.payloads[i-1].Time - r.payloads[0].Time
		if now := r.payloads[i].Time - r.payloads[0].Time; now < was {
			t.Fatalf("packet %d goes back by %d", i, was-now)
		}
	}
	last := r.payloads[len(r.payloads)-1]
	if off := last.Time - seen; off < 0 || off > 300e6 {
		t.Errorf("off by %d ns", off)
	}
	if s := r.Stats().Agents; s.Steps != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAgentReplay: an agent that kept ten minutes of messages while we were away, and sends them at once, has its
// times believed; so has what it sends thereafter.
func TestAgentReplay(t *testing.T) {
	for _, speed := range []wire.Time{2, 10, 10000} {
		r := newRun(Options{})
		seen := start - 10*minute
		for r.now < seen+second || seen < start {
			seen += second / 4
			r.now = max(r.now+second/4/speed, seen)
			r.live(1, hep3(sipMessage("k", 3), seen))
			if p := r.payloads[len(r.payloads)-1]; p.Time != seen {
				t.Fatalf("speed %d: %d is at %d", speed, seen, p.Time)
			}
			if seen > start+30*minute {
				t.Fatal("never caught up")
			}
			if r.now == seen {
				break
			}
		}
		if s := r.Stats().Agents; s.Steps != 0 || s.Corrected != 0 {
			t.Errorf("speed %d: %+v", speed, s)
		}
	}
}

// TestAgentReadsOldFile: what an agent reads to us of a file of long ago, faster than it was written, is of now, and in
// its order.
func TestAgentReadsOldFile(t *testing.T) {
	for _, speed := range []wire.Time{1, 2, 60, 10000} {
		r := newRun(Options{})
		for at := wire.Time(0); at < 120*second; at += second / 10 {
			r.now = start + at/speed
			r.live(1, hep3(sipMessage("f", 3), start-40*24*hour+at))
			n := len(r.payloads)
			p := r.payloads[n-1]
			if n > 1 && p.Time < r.payloads[n-2].Time {
				t.Fatalf("speed %d: after %v packet %d goes back by %v", speed, at.Std().Sub(wire.Time(0).Std()), n, r.payloads[n-2].Time.Sub(p.Time))
			}
			if ahead := p.Time - r.now; ahead < 0 || ahead > clockTolerance {
				t.Fatalf("speed %d: packet %d is off by %v", speed, n, p.Time.Sub(r.now))
			}
		}
	}
}

// TestAgentsApart: agents of one number at two senders have each its clock.
func TestAgentsApart(t *testing.T) {
	r := newRun(Options{Points: func(string) uint16 { return 9 }})
	for range 100 {
		r.now += second / 10
		r.live(1, hep3(sipMessage("a", 3), r.now))
		r.live(2, hep3(sipMessage("b", 3), r.now+hour))
	}
	for i, p := range r.payloads {
		if want := start + wire.Time(i/2+1)*second/10; p.Time != want {
			t.Fatalf("payload %d at %d, want %d", i, p.Time, want)
		}
	}
	if s := r.Stats().Agents; s.Steps != 1 || s.Known != 2 || s.Corrected != 100 || s.Stepped != 9 || s.Slow != -time.Hour || s != r.Agents() {
		t.Errorf("%+v", s)
	}
}

// TestAgentCaps: a flood of agents evicts the least recently heard, and names no more points than the cap.
func TestAgentCaps(t *testing.T) {
	names := map[string]uint16{}
	r := newRun(Options{MaxAgents: 100, Points: func(name string) uint16 {
		names[name] = uint16(len(names))
		return names[name]
	}})
	for i := range 3 * maxAgentNames {
		r.live(uint32(i%3), hepPacket(hepStart(1, r.now), chunk(0, 19, fmt.Append(nil, "flood-", i)), chunk(0, 15, sipMessage("f", 3))))
	}
	s := r.Stats().Agents
	if len(names) != maxAgentNames || s.Unnamed != 2*maxAgentNames || s.Known != 100 || s.Evicted != 3*maxAgentNames-100 || len(r.agents.known) != 100 {
		t.Errorf("names %d, %+v", len(names), s)
	}
	if p := r.payloads[len(r.payloads)-1]; p.Point != 7 {
		t.Errorf("point %d, want the packet's", p.Point)
	}
}

// FuzzHEPLive reads what a source received, times and names included.
func FuzzHEPLive(f *testing.F) {
	msg := sipMessage("fuzz", 5)
	f.Add(hep3(msg, start))
	f.Add(hepPacket(hepStart(5, start), chunk(0, 17, []byte("c")), chunk(0, 15, []byte("{}"))))
	f.Add(hepPacket(hepStart(100, start), chunk(0, 19, []byte("node")), chunk(0, 16, []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})))
	f.Add(hep2(2, msg, make([]byte, 12)))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := &noting{}
		r := &run{now: start}
		r.Decoder = New(n, Options{MaxAgents: 4, Points: func(string) uint16 { return 9 }})
		for range 3 {
			r.now += second
			r.live(1, b)
		}
		s := r.Stats()
		if s.Packets != 3 || s.Agents.Known > 4 {
			t.Errorf("%+v", s)
		}
		for _, p := range n.payloads {
			if off := p.Time - r.now; off > 2*second+second || off < -wire.Time(day)-3*second {
				t.Errorf("time off by %d", off)
			}
		}
	})
}

// TestHEPLiveAllocatesNothing: neither messages nor compressed ones nor reports of agents that are known.
func TestHEPLiveAllocatesNothing(t *testing.T) {
	d := New(silent{}, Options{Points: func(string) uint16 { return 1 }})
	var number uint64
	for name, b := range map[string][]byte{
		"plain":      hepPacket(hepStart(1, start), chunk(0, 19, []byte("edge-1")), chunk(0, 15, sipMessage("a", 600))),
		"compressed": hepPacket(hepStart(1, start), chunk(0, 16, squeeze(t, toZlib, sipMessage("a", 600)))),
		"report":     hepPacket(hepStart(5, start), chunk(0, 17, []byte("a@example.com")), chunk(0, 15, []byte("{}"))),
		"wrong time": hepPacket(hepStart(1, start+hour), chunk(0, 19, []byte("edge-2")), chunk(0, 15, sipMessage("a", 600))),
	} {
		p := &wire.Packet{Time: start, Link: wire.LinkHEP, Sender: 1, WireLen: len(b), Data: b}
		d.Packet(p)
		if n := testing.AllocsPerRun(200, func() {
			number++
			p.Ref.Number = number
			d.Packet(p)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// silent takes everything and keeps nothing.
type silent struct{}

func (silent) Payload(*wire.Payload) {}
func (silent) Event(*wire.Event)     {}
func (silent) Gap(wire.Gap)          {}
func (silent) Media(*wire.Media)     {}
func (silent) Note(*wire.Note)       {}

func BenchmarkHEPLive(b *testing.B) {
	d := New(silent{}, Options{Points: func(string) uint16 { return 1 }})
	data := hepPacket(hepStart(1, start), chunk(0, 19, []byte("edge-1")), chunk(0, 15, sipMessage("a", 500)))
	p := &wire.Packet{Time: start, Link: wire.LinkHEP, Sender: 1, WireLen: len(data), Data: data}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		p.Ref.Number++
		p.Time += 1e5
		d.Packet(p)
	}
}
