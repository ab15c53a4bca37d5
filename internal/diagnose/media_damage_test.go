package diagnose_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/decode"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// damages are what may happen to a capture of a call that is well.
var damages = []struct {
	name string
	do   func([]wire.Packet, *rand.Rand) []wire.Packet
}{
	{"one packet lost", func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		i := r.IntN(len(p))
		return slices.Delete(p, i, i+1)
	}},
	{"1 % lost", func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		return slices.DeleteFunc(p, func(wire.Packet) bool { return r.IntN(100) == 0 })
	}},
	{"end cut off", func(p []wire.Packet, r *rand.Rand) []wire.Packet { return p[:r.IntN(len(p))] }},
	{"beginning cut off", func(p []wire.Packet, r *rand.Rand) []wire.Packet { return p[r.IntN(len(p)):] }},
	{"half captured twice", func(p []wire.Packet, r *rand.Rand) (out []wire.Packet) {
		for _, one := range p {
			out = append(out, one)
			if r.IntN(2) == 0 {
				out = append(out, one)
			}
		}
		return out
	}},
	{"out of order", func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		for i := range len(p) - 1 {
			if r.IntN(5) == 0 {
				p[i], p[i+1] = p[i+1], p[i]
			}
		}
		return p
	}},
	{"a tenth late by up to 200 ms", func(p []wire.Packet, r *rand.Rand) []wire.Packet {
		for i := range p {
			if r.IntN(10) == 0 {
				p[i].Time += wire.Time(r.IntN(200)) * 1e6
			}
		}
		slices.SortStableFunc(p, func(a, b wire.Packet) int { return int(a.Time - b.Time) })
		return p
	}},
}

// TestDamagedCaptures: what happens to the capture of a call whose media are well is no fault of its media.
func TestDamagedCaptures(t *testing.T) {
	b, err := os.ReadFile("testdata/flows/media_rtp.txtar")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := testkit.ParseFlows(b)
	if err != nil {
		t.Fatal(err)
	}
	well, runs := []string{"good", "nat", "relay", "delayed-offer", "ringback", "payload-events", "bundle"}, 0
	for i := range flows {
		f := &flows[i]
		if !slices.Contains(well, f.Name) {
			continue
		}
		for _, d := range damages {
			for seed := range uint64(8) {
				runs++
				packets := d.do(slices.Clone(f.Packets), rand.New(rand.NewPCG(seed, 5)))
				for _, g := range loud(t, packets, f.End) {
					t.Errorf("%s, %s (%d): %s", f.Name, d.name, seed, g)
				}
			}
		}
	}
	if runs != len(well)*len(damages)*8 {
		t.Errorf("%d runs: a flow is missing", runs)
	}
}

// loud returns what is said above info of the media in packets.
func loud(t *testing.T, packets []wire.Packet, end wire.Time) (said []string) {
	t.Helper()
	e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(c *view.Case) error {
		for k := range c.Verdict.Findings {
			if g := &c.Verdict.Findings[k]; g.Severity > finding.Info && strings.HasPrefix(string(g.ID), "media.") {
				said = append(said, string(g.ID)+": "+g.Summary)
			}
		}
		return nil
	})
	d := decode.New(e, decode.Options{})
	for k := range packets {
		d.Packet(&packets[k])
		e.Reached(packets[k].Time)
	}
	d.Flush(end)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return said
}
