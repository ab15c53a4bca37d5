package kpi

import (
	"math"
	"testing"

	"sipcause/internal/call"
)

func ms(v float64) *float64 { return &v }

// meterOf feeds ten calls and three registrations whose measures are worked out by hand in the tests.
func meterOf() *Meter {
	m := &Meter{}
	for _, c := range []call.Call{
		{Outcome: call.Answered, Code: 200, Timings: call.Timings{PDD: ms(100), Setup: ms(4000), Duration: ms(60000)}},
		{Outcome: call.Answered, Code: 200, Timings: call.Timings{PDD: ms(200), Setup: ms(5000)}},
		{Outcome: call.Busy, Code: 486},
		{Outcome: call.NoAnswer, Code: 487, Timings: call.Timings{PDD: ms(300)}},
		{Outcome: call.Declined, Code: 603},
		{Outcome: call.Failed, Code: 503},
		{Outcome: call.Failed, Code: 0},
		{Outcome: call.Failed, Code: 404},
		{Outcome: call.Redirected, Code: 302},
		{Outcome: call.Ongoing},
		{Kind: call.KindRegistration, Outcome: call.Answered, Code: 200, Timings: call.Timings{Final: ms(40)}},
		{Kind: call.KindRegistration, Outcome: call.Failed, Code: 403, Timings: call.Timings{Final: ms(10)}},
		{Kind: call.KindRegistration, Outcome: call.Challenged, Code: 401},
	} {
		m.Add(&c)
	}
	return m
}

func TestMeasures(t *testing.T) {
	want := map[string]struct {
		value      float64
		population uint64
		excluded   uint64
	}{
		"asr":       {100 * 2.0 / 9, 9, 1},
		"ner":       {100 * 5.0 / 9, 9, 1},
		"ser":       {100 * 2.0 / 8, 8, 2},
		"seer":      {100 * 4.0 / 8, 8, 2},
		"isa":       {100 * 2.0 / 9, 9, 1},
		"ira":       {100 * 1.0 / 3, 3, 0},
		"pdd_p50":   {200, 3, 7},
		"setup_p95": {5000, 2, 8},
		"rrd_p50":   {40, 1, 2},
	}
	for _, k := range meterOf().KPIs() {
		w, ok := want[k.Name]
		if !ok {
			continue
		}
		delete(want, k.Name)
		if math.Abs(k.Value-w.value) > 0.011*w.value || k.Population != w.population || k.Excluded != w.excluded || k.Refused != "" {
			t.Errorf("%s = %v of %d without %d (%s), want %v of %d without %d", k.Name, k.Value, k.Population, k.Excluded, k.Refused, w.value, w.population, w.excluded)
		}
	}
	for name := range want {
		t.Errorf("no measure %s", name)
	}
}

func TestEmptyPopulationIsRefused(t *testing.T) {
	for _, k := range new(Meter).KPIs() {
		if k.Refused == "" || k.Value != 0 || k.Population != 0 {
			t.Errorf("%s of nothing = %+v", k.Name, k)
		}
	}
}
