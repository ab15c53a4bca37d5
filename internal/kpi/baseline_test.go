package kpi_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/kpi"
)

// TestHealthyIsSilent: seventeen days with noise, days, nights and weekends, from the first minute on.
func TestHealthyIsSilent(t *testing.T) {
	e, b := newEstate(1), &kpi.Baselines{}
	for at := monday; at < monday+17*aDay; at++ {
		for _, a := range observe(b, at, e.minute(at)) {
			t.Errorf("day %d %02d:%02d: %v: %.1f is off %.1f to %.1f (z %.1f)", (at-monday)/aDay, at%aDay/60, at%60, a.key, a.j.Value, a.j.Band.Low, a.j.Band.High, a.j.Z)
		}
		if t.Failed() {
			return
		}
	}
}

// injected is a trouble, and what must be found.
type injected struct {
	name    string
	trouble func(e *estate) func(c *aCall)
	volume  func(in string) float64
	key     kpi.Key // of a series that must be off
	id      string
	above   bool
	carrier string // "dimension value" that must be said first, of the dimension at least
	how     string
}

var troubles = []injected{
	{
		name: "a gateway refuses", key: kpi.Key{Measure: "code_share", Label: "503"}, id: "kpi.spike", above: true, carrier: "route out:y", how: kpi.ByRate,
		trouble: func(e *estate) func(*aCall) {
			return func(c *aCall) {
				if c.out == "out:y" && e.rng.Float64() < 0.6 {
					c.code, c.cause = "503", "server.overload"
				}
			}
		},
	},
	{
		name: "a destination fails", key: kpi.Key{Measure: "asr"}, id: "kpi.asr-drop", carrier: "prefix 331", how: kpi.ByRate,
		trouble: func(e *estate) func(*aCall) {
			return func(c *aCall) {
				if c.prefix == "331" && c.answered() && e.rng.Float64() < 0.8 {
					c.code, c.cause = "404", "routing.no-route"
				}
			}
		},
	},
	{
		name: "a new version of a phone", key: kpi.Key{Measure: "asr"}, id: "kpi.asr-drop", carrier: "ua phone 7", how: kpi.ByRate,
		trouble: func(e *estate) func(*aCall) {
			return func(c *aCall) {
				if c.ua == "phone 7" {
					c.code, c.cause = "404", "media.no-common-codec"
				}
			}
		},
	},
	{
		name: "one code everywhere", key: kpi.Key{Measure: "code_share", Label: "480"}, id: "kpi.spike", above: true, carrier: "code 480", how: kpi.ByResult,
		trouble: func(e *estate) func(*aCall) {
			return func(c *aCall) {
				if e.rng.Float64() < 0.3 {
					c.code, c.cause = "480", "callee.unavailable"
				}
			}
		},
	},
	{
		name: "more calls to a bad destination", key: kpi.Key{Measure: "asr"}, id: "kpi.asr-drop", carrier: "prefix 882", how: kpi.ByMix,
		trouble: func(e *estate) func(*aCall) {
			return func(c *aCall) {
				if c.prefix != "882" && e.rng.Float64() < 0.5 {
					c.prefix = "882"
					if c.code = "200"; e.rng.Float64() > 0.15 {
						c.code = "404"
					}
				}
			}
		},
	},
	{
		name: "a flood from one source", key: kpi.Key{Measure: "calls"}, id: "kpi.spike", above: true, carrier: "source in:c", how: kpi.ByVolume,
		volume: func(in string) float64 { return map[string]float64{"in:a": 1, "in:b": 1, "in:c": 8}[in] },
	},
	{
		name: "a source falls silent", key: kpi.Key{Measure: "calls", Route: "in:a"}, id: "kpi.spike", carrier: "source in:a", how: kpi.ByVolume,
		volume: func(in string) float64 { return map[string]float64{"in:a": 0, "in:b": 1, "in:c": 1}[in] },
	},
	{
		name: "a gateway is slow", key: kpi.Key{Measure: "pdd_p95", Route: "out:z"}, id: "kpi.slow-setup", above: true, carrier: "route out:z", how: kpi.ByRate,
		trouble: func(e *estate) func(*aCall) {
			return func(c *aCall) {
				if c.out == "out:z" {
					c.pdd += 4000
				}
			}
		},
	},
	{
		name: "false answers of a gateway", key: kpi.Key{Measure: "short_calls", Route: "out:x"}, id: "kpi.short-calls", above: true, carrier: "route out:x", how: kpi.ByRate,
		trouble: func(e *estate) func(*aCall) {
			return func(c *aCall) {
				if c.out == "out:x" && e.rng.Float64() < 0.5 {
					c.short = true
				}
			}
		},
	},
}

// parts splits the calls of two intervals by each dimension. hit says what the measure counts, of which calls.
func parts(before, after []aCall, hit func(*aCall) (hits, of bool)) (c kpi.Change, list []kpi.Part) {
	dimensions := []struct {
		name  string
		value func(*aCall) string
	}{
		{"route", func(c *aCall) string { return c.out }},
		{"source", func(c *aCall) string { return c.in }},
		{"prefix", func(c *aCall) string { return c.prefix }},
		{"ua", func(c *aCall) string { return c.ua }},
		{"code", func(c *aCall) string { return c.code }},
		{"cause", func(c *aCall) string { return c.cause }},
	}
	at := map[string]int{}
	for k, calls := range [][]aCall{before, after} {
		for i := range calls {
			hits, of := hit(&calls[i])
			if !of {
				continue
			}
			add := func(p *kpi.Portion) {
				p.Of++
				if hits {
					p.Hits++
				}
			}
			add([]*kpi.Portion{&c.Before, &c.After}[k])
			for _, d := range dimensions {
				v := d.value(&calls[i])
				key := d.name + " " + v
				n, ok := at[key]
				if !ok {
					n = len(list)
					at[key] = n
					list = append(list, kpi.Part{Dimension: d.name, Value: v})
				}
				add([]*kpi.Portion{&list[n].Before, &list[n].After}[k])
			}
		}
	}
	return c, list
}

// hitOf says what the measure of a key counts.
func hitOf(k kpi.Key) (scale kpi.Scale, hit func(*aCall) (hits, of bool)) {
	switch k.Measure {
	case "calls":
		return kpi.Number, func(*aCall) (bool, bool) { return true, true }
	case "asr":
		return kpi.Share, func(c *aCall) (bool, bool) { return c.answered(), true }
	case "code_share":
		return kpi.Share, func(c *aCall) (bool, bool) { return c.code == k.Label, true }
	case "pdd_p95":
		return kpi.Share, func(c *aCall) (bool, bool) { return c.pdd > 2500, true } // those above what was the 95th percentile
	}
	return kpi.Share, func(c *aCall) (bool, bool) { return c.short, c.answered() }
}

// TestTroubles injects each trouble at noon, with two days and with sixteen days of history.
func TestTroubles(t *testing.T) {
	for _, days := range []int64{2, 16} {
		e, b := newEstate(uint64(days)), &kpi.Baselines{}
		begin := monday + days*aDay + noons
		var last []aCall
		for at := monday; at < begin; at++ {
			list := e.minute(at)
			observe(b, at, list)
			if at >= begin-60 {
				last = append(last, list...)
			}
		}
		saved := b.Marshal()
		for i := range troubles {
			x := &troubles[i]
			t.Run(fmt.Sprintf("%d days/%s", days, x.name), func(t *testing.T) { x.find(t, saved, begin, last) })
		}
	}
}

func (x *injected) find(t *testing.T, saved []byte, begin int64, before []aCall) {
	b := &kpi.Baselines{}
	if err := b.Unmarshal(saved); err != nil {
		t.Fatal(err)
	}
	e := newEstate(99)
	e.volume = x.volume
	if x.trouble != nil {
		e.trouble = x.trouble(e)
	}
	var after []aCall
	var found *alarm
	for at := begin; at < begin+25; at++ {
		list := e.minute(at)
		after = append(after, list...)
		for _, a := range observe(b, at, list) {
			if a.key == x.key && found == nil {
				found = &a
			}
		}
	}
	if found == nil {
		t.Fatalf("%v is not found off", x.key)
	}
	if late := found.at - begin; late > 20 || found.j.Since < begin || found.j.Since > found.at {
		t.Errorf("found after %d minutes, since %d", late, found.j.Since-begin)
	}
	if string(found.watch.ID) != x.id || (found.j.Off > 0) != x.above {
		t.Errorf("found %s, off by %d", found.watch.ID, found.j.Off)
	}
	key := x.key
	key.Route = ""
	scale, hit := hitOf(key)
	change, list := parts(before, after, hit)
	change.Scale, change.MinutesBefore, change.MinutesAfter = scale, 60, 25
	carriers := kpi.Explain(change, list)
	if len(carriers) == 0 {
		t.Fatal("nothing carries it")
	}
	name := func(c kpi.Carrier) string { return c.Dimension + " " + c.Value }
	at := slices.IndexFunc(carriers, func(c kpi.Carrier) bool { return name(c) == x.carrier })
	if at < 0 || carriers[at].How != x.how || carriers[at].Share < 0.7 {
		t.Fatalf("carriers %+v, want %s", carriers, x.carrier)
	}
	for _, c := range carriers[:at] { // only what the change consists of may come before who does it
		if c.How != kpi.ByResult {
			t.Errorf("%s comes before %s", name(c), x.carrier)
		}
	}
	for _, c := range carriers {
		if c.How != kpi.ByResult && name(c) != x.carrier {
			t.Errorf("%s is blamed, too: %+v", name(c), c)
		}
	}
	f := found.watch.Report(found.key, &found.j, carriers, []string{"a@example.com"}, nil)
	if f.Severity == 0 || f.Acts == "" || len(f.Evidence) != 1 || f.Confidence < 0.8 || f.Confidence >= 1 || !strings.Contains(f.Summary, "normal") {
		t.Errorf("finding %+v", f)
	}
	t.Log(f.Summary)
}

// TestTroubleEnds: back to normal, the alarm goes; the trouble was not learnt as normal meanwhile.
func TestTroubleEnds(t *testing.T) {
	e, b := newEstate(5), &kpi.Baselines{}
	key := kpi.Key{Measure: "asr"}
	asr := func(at int64) kpi.Judgement { return b.Observe(key, samples(at, e.minute(at))[key]) }
	begin := monday + 16*aDay + noons
	for at := monday; at < begin; at++ {
		asr(at)
	}
	normal := b.Of(key)
	before, ok := normal.Band(begin, 200)
	if !ok {
		t.Fatal("no band")
	}
	e.trouble = func(c *aCall) { c.code = "503" }
	for at := begin; at < begin+30; at++ {
		if j := asr(at); at > begin+10 && (j.Off >= 0 || j.Since > begin+5) {
			t.Errorf("minute %d of the trouble: %+v", at-begin, j)
		}
	}
	e.trouble = nil
	for at := begin + 30; at < begin+60; at++ {
		if j := asr(at); at > begin+30+10 && j.Off != 0 {
			t.Errorf("minute %d after: %+v", at-begin-30, j)
		}
	}
	after, _ := normal.Band(begin+60, 200)
	if math.Abs(after.Mid-before.Mid) > 3 {
		t.Errorf("normal was %v, is %v", before, after)
	}
}

func TestBaselinesAreKept(t *testing.T) {
	e, b := newEstate(3), &kpi.Baselines{}
	for at := monday; at < monday+3*aDay; at++ {
		observe(b, at, e.minute(at))
	}
	saved := b.Marshal()
	var c kpi.Baselines
	if err := c.Unmarshal(saved); err != nil {
		t.Fatal(err)
	}
	if again := c.Marshal(); !bytes.Equal(saved, again) || c.Len() != b.Len() {
		t.Error("what is read is not what was written")
	}
	for n := range saved { // every truncation is refused
		if n%97 == 0 {
			if err := c.Unmarshal(saved[:n]); err == nil || c.Len() != 0 {
				t.Fatalf("%d of %d bytes are read as %d series", n, len(saved), c.Len())
			}
		}
	}
	if err := c.Unmarshal(append([]byte{99}, saved[1:]...)); err == nil {
		t.Error("another layout is read")
	}
}

// TestBaselinesAreBounded: more series than there is room for are refused, until old ones fall silent.
func TestBaselinesAreBounded(t *testing.T) {
	b := &kpi.Baselines{}
	of := func(i int, at int64) {
		b.Observe(kpi.Key{Measure: "calls", Route: fmt.Sprint(i)}, kpi.Sample{Minute: at, Value: 1, Population: 1})
	}
	for i := range 3000 {
		of(i, monday)
	}
	if b.Len() != 1024 || b.Refused != 3000-1024 {
		t.Errorf("%d series, %d refused", b.Len(), b.Refused)
	}
	for i := range 10 * aDay {
		of(7, monday+int64(i)+1)
	}
	of(5000, monday+10*aDay)
	if b.Len() != 1024 || b.Of(kpi.Key{Measure: "calls", Route: "5000"}) == nil || b.Of(kpi.Key{Measure: "calls", Route: "7"}) == nil {
		t.Error("a new series finds no room although others were silent for a week")
	}
	if n := len(b.Marshal()); n > 1024*12_000 {
		t.Errorf("%d bytes", n)
	}
}

// TestNothingStrange: values and times that cannot be do no harm.
func TestNothingStrange(t *testing.T) {
	for scale := kpi.Number; scale <= kpi.Level; scale++ {
		b := kpi.Baseline{Scale: scale}
		at := monday
		for _, v := range []float64{0, -5, 1e300, math.NaN(), math.Inf(1), math.Inf(-1), 0, 0} {
			for range 70 {
				at++
				j := b.Observe(kpi.Sample{Minute: at, Value: v, Population: 3})
				b.Observe(kpi.Sample{Minute: at - 2, Value: 50, Population: 1000})
				if math.IsNaN(j.Z) || math.IsNaN(j.Band.Mid) {
					t.Fatalf("scale %d, value %v: %+v", scale, v, j)
				}
			}
		}
	}
}

func TestSince(t *testing.T) {
	for want, values := range map[int][]float64{
		0: {}, 4: {10, 11, 9, 10, 40, 42, 39}, 2: {100, 98, 3, 2, 5, 1, 4, 2}, 1: {0, 9},
	} {
		if got := kpi.Since(values); got != want {
			t.Errorf("%v changed at %d, want %d", values, got, want)
		}
	}
}

// TestExplainSums: the parts of one dimension carry the whole change together, whatever the numbers.
func TestExplainSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var c kpi.Change
		c.Scale = kpi.Share
		portion := func(all *kpi.Portion) kpi.Portion {
			of := rng.Int64N(1000) + 1
			p := kpi.Portion{Hits: rng.Int64N(of + 1), Of: of}
			all.Hits, all.Of = all.Hits+p.Hits, all.Of+p.Of
			return p
		}
		var list []kpi.Part
		for i := range 6 {
			list = append(list, kpi.Part{Dimension: "route", Value: fmt.Sprint(i), Before: portion(&c.Before), After: portion(&c.After)})
		}
		sum := 0.0
		for i := range list { // one at a time, so that none is left out as small
			sum += kpi.Contribution(c, &list[i])
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("the parts carry %v of the change", sum)
		}
	}
	if kpi.Explain(kpi.Change{}, []kpi.Part{{Dimension: "route", Value: "a"}}) != nil {
		t.Error("no change is explained")
	}
}

func TestDegraded(t *testing.T) {
	list := []kpi.Sibling{
		{Route: "a", Portion: kpi.Portion{Hits: 10, Of: 200}},
		{Route: "b", Portion: kpi.Portion{Hits: 90, Of: 200}},
		{Route: "c", Portion: kpi.Portion{Hits: 12, Of: 200}},
		{Route: "few", Portion: kpi.Portion{Hits: 9, Of: 10}},
	}
	if got := kpi.Degraded(list); len(got) != 1 || got[0].Route != "b" {
		t.Errorf("%+v", got)
	}
	for i := range list {
		list[i].Hits = list[i].Of / 3 // all alike
	}
	if got := kpi.Degraded(list); got != nil {
		t.Errorf("all alike: %+v", got)
	}
	if got := kpi.Degraded(list[:1]); got != nil {
		t.Errorf("alone: %+v", got)
	}
}

// FuzzBaselines: whatever is read does no harm afterwards.
func FuzzBaselines(f *testing.F) {
	e, b := newEstate(3), &kpi.Baselines{}
	for at := monday; at < monday+70; at++ {
		list := e.minute(at)
		b.Observe(kpi.Key{Measure: "asr"}, samples(at, list)[kpi.Key{Measure: "asr"}])
		b.Observe(kpi.Key{Measure: "calls"}, samples(at, list)[kpi.Key{Measure: "calls"}])
	}
	f.Add(b.Marshal())
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var b kpi.Baselines
		if b.Unmarshal(data) != nil {
			return
		}
		var again kpi.Baselines
		if err := again.Unmarshal(b.Marshal()); err != nil || again.Len() != b.Len() {
			t.Fatalf("what was read is not read again: %v", err)
		}
		for at := range int64(200) {
			for _, m := range []string{"asr", "calls"} {
				j := b.Observe(kpi.Key{Measure: m}, kpi.Sample{Minute: monday + 40*aDay + at, Value: 50, Population: 100})
				if math.IsNaN(j.Z) || math.IsNaN(j.Band.Mid) {
					t.Fatalf("%s: %+v", m, j)
				}
			}
		}
	})
}
