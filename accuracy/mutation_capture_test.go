package accuracy

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// What is done to each healthy capture: each packet lost and each place cut where it is small, and draws of each damage.
var (
	damageSeed  = flag.Uint64("damage.seed", 1, "what the damages of healthy captures are drawn from")
	damageDraws = flag.Int("damage.draws", 6, "how often each damage is drawn for each healthy capture")
	damageShow  = flag.String("damage.only", "", "only captures whose name contains this, with every alarm")
)

const small = 40 // packets

// original is a capture of calls in which nothing went wrong.
type original struct {
	name    string
	packets []wire.Packet
}

// originals are the healthy captures of this repository and the healthy scenes.
func originals(t *testing.T) (out []original) {
	t.Helper()
	labels, err := readLabels()
	if err != nil {
		t.Fatal(err)
	}
	for i := range labels {
		l := &labels[i]
		if l.pick != all || l.kind == captureCol || l.shared() || strings.HasPrefix(l.file, flowDir) {
			continue
		}
		p, err := readPackets(l.path())
		if err != nil {
			t.Fatalf("%s: %v", l.file, err)
		}
		if len(p) > 0 {
			out = append(out, original{strings.TrimSuffix(filepath.Base(l.file), ".pcap.gz"), p})
		}
	}
	for _, s := range scenes() {
		flows, err := testkit.ParseFlows([]byte(s.text()))
		if err != nil {
			t.Fatalf("%s: %v\n%s", s.name, err, s.text())
		}
		out = append(out, original{s.name, flows[0].Packets})
	}
	return out
}

// readPackets reads the packets of a capture of Ethernet; none of another link.
func readPackets(file string) (out []wire.Packet, err error) {
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		return nil, err
	}
	ethernet := true
	err = src.Run(context.Background(), func(p *wire.Packet) error {
		c := *p
		c.Data = bytes.Clone(p.Data)
		out, ethernet = append(out, c), ethernet && p.Link == 1
		return nil
	}, nil, func(wire.Gap) {})
	if !ethernet {
		out = nil
	}
	return out, err
}

// damaged is what one damage made of one original.
type damaged struct {
	from, by string
	seed     uint64
	packets  []wire.Packet
}

// damagedOf yields what the damages make of an original.
func damagedOf(o *original, yield func(*damaged)) {
	d := damaged{from: o.name}
	if n := len(o.packets); n <= small {
		for i := range n {
			d.seed = uint64(i)
			d.by, d.packets = oneLost, slices.Delete(slices.Clone(o.packets), i, i+1)
			yield(&d)
			d.by, d.packets = endCut, slices.Clone(o.packets[:i])
			yield(&d)
			d.by, d.packets = beginningCut, slices.Clone(o.packets[i:])
			yield(&d)
		}
	}
	name := uint64(crc32.ChecksumIEEE([]byte(o.name)))
	for k := range damages {
		for draw := range *damageDraws {
			d.seed = name<<32 | uint64(draw)
			r := rand.New(rand.NewPCG(*damageSeed, d.seed))
			d.by, d.packets = damages[k].name, damages[k].do(slices.Clone(o.packets), r)
			yield(&d)
		}
	}
}

// TestDamagedCaptures: what happens to the capture of a call that is well is no fault of the call. A gap, or that
// nothing can be told, is what may be said of it.
func TestDamagedCaptures(t *testing.T) {
	t.Logf("seed %d", *damageSeed)
	list, runs, excused := originals(t), 0, map[string]int{}
	if len(list) < 150 {
		t.Errorf("%d healthy captures, want at least 150", len(list))
	}
	said := map[string]int{}
	for i := range list {
		if !strings.Contains(list[i].name, *damageShow) {
			continue
		}
		damagedOf(&list[i], func(d *damaged) {
			runs++
			a, err := analyse(testkit.Pcap(d.packets))
			if err != nil {
				t.Fatalf("%s, %s: %v", d.from, d.by, err)
			}
			for _, f := range alarms(a) {
				if u := undecidableBy(d.by, &f); u != nil {
					excused[string(u.id)+": "+u.why]++
					continue
				}
				key := d.by + " " + string(f.ID)
				if said[key]++; said[key] == 1 || *damageShow != "" {
					t.Errorf("%s, %s (%d): %s (%s, %.2f) %s", d.from, d.by, d.seed, f.ID, f.Severity, f.Confidence, f.Summary)
				}
			}
		})
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		t.Logf("%6d %s", said[key], key)
	}
	for _, key := range slices.Sorted(maps.Keys(excused)) {
		t.Logf("%6d cannot be told from a fault: %s", excused[key], key)
	}
	t.Logf("%d healthy captures, %d damaged ones", len(list), runs)
}

// alarms are the findings that may not be: above info, or the root cause of a failure that is at least plausible and
// names something.
func alarms(a *analysis) (out []finding.Finding) {
	for i := range a.cases {
		c := &a.cases[i]
		out = append(out, aboveInfo(c.findings)...)
		if c.bad && c.root != nil && c.root.Severity == finding.Info && specific(c.root) {
			out = append(out, *c.root)
		}
	}
	return append(out, aboveInfo(a.capture)...)
}

// excuse is a finding that a damage may bring about because nobody can tell it from the fault.
type excuse struct {
	id       finding.ID
	by       []string // damages
	severity finding.Severity
	surest   float64
	why      string
}

var lossy = []string{oneLost, lost1, lost5, lost20, lostHalf, burstLost, directionHalf}

// undecidable is the whole of what cannot be told.
var undecidable = []excuse{
	{
		"auth.no-credentials", slices.Concat(lossy, []string{endCut, directionLost}), finding.Info, 0.6,
		"the capture ends with the challenge or soon after it: a client that gave up looks the same",
	},
	{
		"routing.redirect-not-followed", slices.Concat(lossy, []string{endCut}), finding.Info, 0.6,
		"the capture ends with the redirect or soon after it",
	},
	{
		"auth.no-credentials", lossy, finding.Error, 0.7,
		"the answer to the challenge and what came back are lost, and the capture goes on",
	},
	{
		"auth.no-credentials",
		[]string{lost20, lostHalf, burstLost, directionHalf},
		finding.Error, 0.95,
		"all of a call that came after its challenge and the ACK is lost",
	},
	{
		"register.failed", slices.Concat(lossy, []string{directionLost}), finding.Error, 0.7,
		"the same of a REGISTER, or its only answer is lost",
	},
	{
		"transport.no-response", slices.Concat(lossy, []string{directionLost}), finding.Error, 0.45,
		"sent once, and until then the capture has nothing of the server at all",
	},
	{
		"transport.no-response", slices.Concat(lossy, []string{directionLost}), finding.Error, 0.7,
		"over TCP: the response is lost, and the capture lacks the ACK of it",
	},
	{
		"keepalive.lost", slices.Concat(lossy, []string{directionLost}), finding.Error, 0.7,
		"the answers to several OPTIONS in a row are lost",
	},
	{
		"callee.forwarded", slices.Concat(lossy, []string{endCut}), finding.Info, 0.8,
		"all that followed a redirect is lost; that it redirects is in the capture",
	},
	{
		"callee.busy", lossy, finding.Info, 1,
		"of a fork the busy branch alone is left; that it is busy is in the capture",
	},
	{
		"media.late",
		[]string{directionLate, timesSwapped},
		finding.Warning, 0.85,
		"what the capture stamps early or late, the answer or RTP, looks so",
	},
	{
		"media.quality",
		[]string{directionLate},
		finding.Warning, 0.75,
		"what the capture adds to the delay of one direction looks like delay",
	},
	{
		"media.one-way",
		[]string{directionLost},
		finding.Error, 0.7,
		"the RTP of one direction is lost and nothing else of it",
	},
	{
		"media.quality", lossy, finding.Warning, 0.75,
		"RTP lost by the capture in one direction only looks like RTP lost before it",
	},
}

func undecidableBy(by string, f *finding.Finding) *excuse {
	for i := range undecidable {
		u := &undecidable[i]
		if u.id == f.ID && f.Severity <= u.severity && f.Confidence <= u.surest && slices.Contains(u.by, by) {
			return u
		}
	}
	return nil
}

// A damage that damages nothing proves nothing.
func TestDamagesDamage(t *testing.T) {
	flows, err := testkit.ParseFlows([]byte(scenes()[0].text()))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range damages {
		n := 0
		for seed := range uint64(50) {
			before := flows[0].Packets
			after := d.do(slices.Clone(before), rand.New(rand.NewPCG(seed, 1)))
			if fmt.Sprint(before) != fmt.Sprint(after) {
				n++
			}
		}
		if n == 0 {
			t.Errorf("%s does nothing", d.name)
		}
	}
}
