package kpi_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"sipcause/internal/kpi"
)

// aCall is one call of the synthetic estate.
type aCall struct {
	in, out, prefix, ua, code, cause string
	pdd                              float64
	short                            bool
}

func (c *aCall) answered() bool { return c.code == "200" }

// estate makes the calls of each minute: more by day, fewer on weekends, with noise of every kind.
type estate struct {
	rng     *rand.Rand
	trouble func(c *aCall) // nil: all is well
	volume  func(in string) float64
}

func (e *estate) pick(weights map[string]float64) string {
	x := e.rng.Float64()
	names := make([]string, 0, len(weights))
	for n := range weights {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if x -= weights[n]; x < 0 {
			return n
		}
	}
	return names[len(names)-1]
}

func (e *estate) poisson(mean float64) int {
	return max(0, int(math.Round(mean+math.Sqrt(mean)*e.rng.NormFloat64())))
}

var (
	ins      = map[string]float64{"in:a": 0.5, "in:b": 0.3, "in:c": 0.2}
	outs     = map[string]float64{"out:x": 0.4, "out:y": 0.35, "out:z": 0.25}
	prefixes = map[string]float64{"155": 0.4, "331": 0.3, "491": 0.25, "882": 0.05}
	agents   = map[string]float64{"pbx 1": 0.5, "pbx 2": 0.3, "phone 7": 0.2}
	failures = map[string]float64{"404": 0.15, "480": 0.3, "486": 0.5, "503": 0.05}
)

func (e *estate) minute(at int64) (list []aCall) {
	day := math.Sin(2 * math.Pi * (float64(at%1440)/1440 - 0.25))
	level := 50 * (1 + 0.6*day)
	free := func(at int64) float64 { // of work: weekends
		if wd := (at/1440 + 4) % 7; wd == 0 || wd == 6 {
			return 1
		}
		return 0
	}
	rest := 0.0 // they come and go in the course of some hours
	for h := int64(-180); h < 180; h += 60 {
		rest += (free(at+h)*float64(60-at%60) + free(at+h+60)*float64(at%60)) / 60 / 6
	}
	level *= 1 - 0.6*rest
	for _, in := range []string{"in:a", "in:b", "in:c"} {
		mean := level * ins[in]
		if e.volume != nil {
			mean *= e.volume(in)
		}
		for range e.poisson(mean) {
			c := aCall{in: in, out: e.pick(outs), prefix: e.pick(prefixes), ua: e.pick(agents), code: "200"}
			c.pdd = 1500 * math.Exp(0.3*e.rng.NormFloat64())
			c.short = e.rng.Float64() < 0.05
			good := 0.62
			if c.prefix == "882" {
				good = 0.15
			}
			if e.rng.Float64() > good {
				c.code = e.pick(failures)
				c.cause = "cause of " + c.code
			}
			if e.trouble != nil {
				e.trouble(&c)
			}
			list = append(list, c)
		}
	}
	return list
}

// samples are the values of one minute.
func samples(at int64, list []aCall) map[kpi.Key]kpi.Sample {
	type sum struct{ n, answered, short int64 }
	sums, codes := map[string]*sum{}, map[string]int64{}
	delays := map[string][]float64{}
	for i := range list {
		c := &list[i]
		codes[c.code]++
		for _, r := range []string{"", c.in, c.out} {
			if sums[r] == nil {
				sums[r] = &sum{}
			}
			s := sums[r]
			s.n++
			if c.answered() {
				s.answered++
				if c.short {
					s.short++
				}
			}
			delays[r] = append(delays[r], c.pdd)
		}
	}
	out := map[kpi.Key]kpi.Sample{}
	for _, r := range []string{"", "in:a", "in:b", "in:c", "out:x", "out:y", "out:z"} {
		s := sums[r]
		if s == nil {
			s = &sum{}
		}
		out[kpi.Key{Measure: "calls", Route: r}] = kpi.Sample{Minute: at, Value: float64(s.n), Population: s.n}
		if s.n > 0 {
			out[kpi.Key{Measure: "asr", Route: r}] = kpi.Sample{Minute: at, Value: 100 * float64(s.answered) / float64(s.n), Population: s.n}
			slices.Sort(delays[r])
			out[kpi.Key{Measure: "pdd_p95", Route: r}] = kpi.Sample{Minute: at, Value: delays[r][int(math.Ceil(0.95*float64(s.n)))-1], Population: s.n}
		}
		if s.answered > 0 {
			out[kpi.Key{Measure: "short_calls", Route: r}] = kpi.Sample{Minute: at, Value: 100 * float64(s.short) / float64(s.answered), Population: s.answered}
		}
	}
	if len(list) > 0 {
		for code := range failures {
			out[kpi.Key{Measure: "code_share", Label: code}] = kpi.Sample{Minute: at, Value: 100 * float64(codes[code]) / float64(len(list)), Population: int64(len(list))}
		}
	}
	return out
}

// alarm is a judgement that is trouble.
type alarm struct {
	key   kpi.Key
	at    int64
	watch *kpi.Watch
	j     kpi.Judgement
}

// observe feeds a minute and returns what is trouble.
func observe(b *kpi.Baselines, at int64, list []aCall) (out []alarm) {
	for k, s := range samples(at, list) {
		j := b.Observe(k, s)
		for i := range kpi.Watches() {
			if w := &kpi.Watches()[i]; w.Measure == k.Measure && w.Trouble(&j) {
				out = append(out, alarm{k, at, w, j})
			}
		}
	}
	return out
}

// monday is the minute of a Monday, 00:00 UTC.
var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).Unix() / 60

const (
	aDay  = 1440
	noons = 12 * 60
)

func newEstate(seed uint64) *estate { return &estate{rng: rand.New(rand.NewPCG(seed, 7))} }
