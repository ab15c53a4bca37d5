package pipeline_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// packetsOf reads a capture.
func packetsOf(t testing.TB, path string) (list []wire.Packet) {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = src.Run(context.Background(), func(p *wire.Packet) error {
		q := *p
		q.Data = slices.Clone(p.Data)
		list = append(list, q)
		return nil
	}, func(*wire.Payload) error { return nil }, func(wire.Gap) {})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// flows says which way each packet with SIP in it went.
type flows struct {
	down map[int]bool // from the greater host to the lesser
}

func (f *flows) Payload(p *wire.Payload) {
	f.down[int(p.Ref.Number)-1] = p.Flow.Src.Compare(p.Flow.Dst) > 0
}
func (f *flows) Event(*wire.Event) {}
func (f *flows) Gap(wire.Gap)      {}
func (f *flows) Media(*wire.Media) {}

// oneWay says whether all messages go in one direction.
func oneWay(list []wire.Packet) bool {
	seen := map[bool]bool{}
	for _, down := range directions(list) {
		seen[down] = true
	}
	return len(seen) < 2
}

// directions says of each packet with SIP in it, by index, whether it went from the greater socket to the lesser.
func directions(list []wire.Packet) map[int]bool {
	f := &flows{down: map[int]bool{}}
	dec := decode.New(f, decode.Options{})
	for i := range list {
		p := list[i]
		p.Ref.Number = uint64(i + 1)
		dec.Packet(&p)
	}
	return f.down
}

// further returns the packets as a second point sees them, way later along the link or earlier, by direction, on a
// clock that is offset ahead.
func further(t testing.TB, list []wire.Packet, way, offset time.Duration) []wire.Packet {
	t.Helper()
	down := directions(list)
	out := slices.Clone(list)
	for i := range out {
		d := way
		if down[i] {
			d = -way
		}
		out[i].Time = out[i].Time.Add(d)
	}
	slices.SortStableFunc(out, func(a, b wire.Packet) int { return int(a.Time - b.Time) })
	for i := range out {
		out[i].Time = out[i].Time.Add(offset)
	}
	return out
}

// judged returns what was said of each case, in order of the Call-IDs.
func judged(t testing.TB, workers int, files ...string) (list []string, s *view.Summary) {
	t.Helper()
	src, err := capture.Open(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err = pipeline.Run(context.Background(), src, pipeline.Options{Workers: workers}, func(c *view.Case) error {
		origin, root := "none", finding.ID("none")
		if c.Call.Origin != nil {
			origin = c.Call.Origin.Address.String()
		}
		if c.Verdict.Root != nil {
			root = c.Verdict.Root.ID
		}
		var loud []string
		for i := range c.Verdict.Findings {
			if f := &c.Verdict.Findings[i]; f.Severity > finding.Info {
				loud = append(loud, string(f.ID))
			}
		}
		slices.Sort(loud)
		list = append(list, fmt.Sprintf("%s %s: %s %d by %s, %s of %v", c.Call.Kind, c.Call.ID, c.Call.Outcome, c.Call.Code, origin, root, loud))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list, s
}

// TestOffsetChangesNothing: a capture and its copy at the other end of a link, by another clock, say together what
// the one says alone.
func TestOffsetChangesNothing(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(capturesDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	captures := 0
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		name := filepath.Base(dir)
		list := packetsOf(t, captureIn(t, dir))
		if len(list) == 0 || list[0].Time == 0 {
			continue
		}
		if slices.ContainsFunc(list, func(p wire.Packet) bool { return p.Link != 1 }) {
			continue // testkit writes Ethernet
		}
		if name == "wrap-snap-length-300" {
			continue // nothing by which a message could be recognised is left of its messages
		}
		captures++
		one := write(t, list)
		want, _ := judged(t, 2, one...)
		offsets := []time.Duration{0, 3 * time.Second, -3 * time.Second, time.Hour}
		if oneWay(list) {
			offsets = offsets[:3] // what is there of messages may be sent again an hour later
		}
		for _, offset := range offsets {
			for _, way := range []time.Duration{0, 4 * time.Millisecond} {
				pair := write(t, list, further(t, list, way, offset))
				got, _ := judged(t, 2, pair...)
				if !slices.Equal(got, want) {
					t.Errorf("%s, the copy %s ahead, %s away: %s", name, offset, way, firstDifference(strings.Join(got, "\n"), strings.Join(want, "\n")))
				}
			}
		}
	}
	if captures < 20 {
		t.Errorf("only %d captures", captures)
	}
}

// TestAnyOffset: no offset changes what is said.
func TestAnyOffset(t *testing.T) {
	list := packetsOf(t, captureIn(t, filepath.Join(capturesDir, "sipp-486-busy")))
	want, _ := judged(t, 1, write(t, list)...)
	rapid.Check(t, func(rt *rapid.T) {
		offset := time.Duration(rapid.Int64Range(-864e11, 864e11).Draw(rt, "offset"))
		way := time.Duration(rapid.Int64Range(0, 40e6).Draw(rt, "way"))
		got, _ := judged(t, 1, write(t, list, further(t, list, way, offset))...)
		if !slices.Equal(got, want) {
			rt.Errorf("%s", firstDifference(strings.Join(got, "\n"), strings.Join(want, "\n")))
		}
	})
}

// pcapngOf writes packets as one file, each of the interface given, with microseconds.
func pcapngOf(interfaces int, packets []wire.Packet, on []int) []byte {
	le := binary.LittleEndian
	block := func(out []byte, typ uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		out = le.AppendUint32(out, typ)
		out = le.AppendUint32(out, uint32(len(body)+12))
		return le.AppendUint32(append(out, body...), uint32(len(body)+12))
	}
	out := block(nil, 0x0a0d0d0a, append(le.AppendUint32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255))
	for range interfaces {
		out = block(out, 1, []byte{1, 0, 0, 0, 0, 0, 4, 0})
	}
	for i, p := range packets {
		us := uint64(p.Time / 1000)
		b := le.AppendUint32(nil, uint32(on[i]))
		b = le.AppendUint32(le.AppendUint32(b, uint32(us>>32)), uint32(us))
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(p.Data))), uint32(p.WireLen))
		out = block(out, 6, append(b, p.Data...))
	}
	return out
}

// TestInterfaces: two interfaces of one file are two points, also when their clocks differ, as after merging files.
func TestInterfaces(t *testing.T) {
	list := packetsOf(t, captureIn(t, filepath.Join(capturesDir, "sipp-486-busy")))
	for i := range list {
		list[i].Time -= list[i].Time % 1000
	}
	want, one := judged(t, 1, write(t, list)...)
	for _, offset := range []time.Duration{0, 3 * time.Second, -3 * time.Second, time.Hour} {
		both := slices.Clone(list)
		on := make([]int, len(list))
		type packet struct {
			wire.Packet
			on int
		}
		var all []packet
		for i := range both {
			all = append(all, packet{both[i], on[i]})
		}
		for _, p := range further(t, list, 4*time.Millisecond, offset) {
			all = append(all, packet{p, 1})
		}
		slices.SortStableFunc(all, func(a, b packet) int { return int(a.Time - b.Time) })
		both, on = both[:0], on[:0]
		for _, p := range all {
			both, on = append(both, p.Packet), append(on, p.on)
		}
		name := filepath.Join(t.TempDir(), "both.pcapng")
		if err := os.WriteFile(name, pcapngOf(2, both, on), 0o600); err != nil {
			t.Fatal(err)
		}
		got, s := judged(t, 2, name)
		if !slices.Equal(got, want) {
			t.Errorf("%s ahead: %s", offset, firstDifference(strings.Join(got, "\n"), strings.Join(want, "\n")))
		}
		if s.Points == nil || len(s.Files) != 1 || s.Packets != 2*one.Packets {
			t.Fatalf("%s ahead: points %v of files %v, %d packets", offset, s.Points, s.Files, s.Packets)
		}
		if c := s.Points.Clocks[1]; (c.Offset-offset).Abs() > c.Error || !strings.HasSuffix(s.Points.Name(1), "both.pcapng interface 1") {
			t.Errorf("%s ahead: %s says %s ±%s", offset, s.Points.Name(1), c.Offset, c.Error)
		}
	}
}
