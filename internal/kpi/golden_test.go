package kpi_test

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/store"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// noon is when flows begin.
var noon = wire.Time(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC).UnixNano())

// value is what a measure must be. Names are measure, then [label] and @route where they are of one.
type value struct {
	value                float64
	population, excluded uint64
}

// golden is a flow with values that were worked out by hand from its lines.
type golden struct {
	name, flow string
	minutes    int // length of the interval from noon on
	want       map[string]value
}

// Lines without a time come 15 ms after the one above. The comments beside the lines are ms since the call began.
var goldens = []golden{
	{
		// Eight calls, all in the first minute. a is answered after ringing and lasts 20 s, g is answered at once and lasts
		// 5 s; b is busy, c, d and e fail by 503, 302 and 404, f is given up by its caller, h is under way at the end.
		name: "calls",
		flow: `
alice > gw INVITE callid=a to=+15550100199
gw > alice 100 callid=a                    # 15
+985ms gw > alice 180 callid=a             # 1000
+2s gw > alice 200 callid=a                # 3000
alice > gw ACK callid=a                    # 3015
+20s alice > gw BYE callid=a               # 23015: 20015 after the 200
+40ms gw > alice 200 BYE callid=a
+1s alice > gw INVITE callid=b
+100ms gw > alice 486 callid=b
alice > gw ACK callid=b
+1s alice > gw INVITE callid=c
+50ms gw > alice 503 callid=c
alice > gw ACK callid=c
+1s alice > gw INVITE callid=d
+30ms gw > alice 302 callid=d Contact: <sip:x@203.0.113.99>
alice > gw ACK callid=d
+1s alice > gw INVITE callid=e
+200ms gw > alice 404 callid=e
alice > gw ACK callid=e
+1s alice > gw INVITE callid=f
+500ms gw > alice 180 callid=f             # 500
+2s alice > gw CANCEL callid=f             # 2500
gw > alice 200 CANCEL callid=f
gw > alice 487 INVITE callid=f             # 2530
alice > gw ACK callid=f
+1s alice > gw INVITE callid=g
+400ms gw > alice 200 callid=g             # 400
alice > gw ACK callid=g                    # 415
+5s gw > alice BYE callid=g                # 5415: 5015 after the 200
+20ms alice > gw 200 BYE callid=g
+1s alice > gw INVITE callid=h
gw > alice 100 callid=h                    # 15
`,
		minutes: 1,
		want: map[string]value{
			"calls":     {8, 8, 0},
			"call_rate": {8.0 / 60, 8, 0},
			"asr":       {100 * 2.0 / 7, 7, 1}, // a and g of all but h
			"ner":       {100 * 4.0 / 7, 7, 1}, // and b, f
			"ser":       {100 * 2.0 / 6, 6, 2}, // d is no session
			"seer":      {100 * 3.0 / 6, 6, 2}, // a, g and the 486 of b; 487 is not in the list
			"isa":       {100 * 1.0 / 7, 7, 1}, // c
			"ccr":       {100 * 2.0 / 7, 7, 1},
			"scr":       {100 * 2.0 / 7, 7, 1}, // both answered ones were hung up in order

			"acd":          {(20.015 + 5.015) / 2, 2, 6},
			"short_calls":  {50, 2, 6}, // g
			"duration_p50": {5015, 2, 6}, "duration_p95": {20015, 2, 6}, "duration_p99": {20015, 2, 6},
			"pdd_p50": {500, 2, 6}, "pdd_p95": {1000, 2, 6}, "pdd_p99": {1000, 2, 6}, // a and f
			"setup_p50": {400, 2, 6}, "setup_p95": {3000, 2, 6}, "setup_p99": {3000, 2, 6},
			"provisional_p50": {15, 3, 5}, "provisional_p95": {500, 3, 5}, "provisional_p99": {500, 3, 5}, // 15, 500, 15
			"final_p50": {200, 7, 1}, "final_p95": {3000, 7, 1}, "final_p99": {3000, 7, 1}, // 30 50 100 200 400 2530 3000
			"final_p50[2xx]": {400, 2, 6}, "final_p50[4xx]": {200, 3, 5}, "final_p50[5xx]": {50, 1, 7},
			"srd_p50": {400, 2, 6}, "srd_p95": {1000, 2, 6}, "srd_p99": {1000, 2, 6}, // a by its 180, g by its 200
			"srd_failed_p50": {100, 3, 5}, "srd_failed_p95": {200, 3, 5}, "srd_failed_p99": {200, 3, 5}, // b, c, e
			"sdd_p50": {20, 2, 6}, "sdd_p95": {40, 2, 6}, "sdd_p99": {40, 2, 6},

			"codes": {7, 7, 0}, "codes[200]": {2, 2, 0}, "codes[487]": {1, 1, 0},
			"code_classes[2xx]": {2, 2, 0}, "code_classes[3xx]": {1, 1, 0}, "code_classes[4xx]": {3, 3, 0}, "code_classes[5xx]": {1, 1, 0},
			"code_methods[INVITE]":  {7, 7, 0}, // the 200 for the CANCEL is no answer to the call
			"responses[INVITE 200]": {2, 2, 0}, "responses[INVITE 487]": {1, 1, 0},
			"code_share[503]":              {100.0 / 7, 7, 0},
			"class_share[4xx]":             {300.0 / 7, 7, 0},
			"dialog_codes[BYE 200]":        {2, 2, 0},
			"makers[486 uas 203.0.113.61]": {1, 1, 0}, "makers[404 uas 203.0.113.61]": {1, 1, 0},

			"causes": {5, 5, 0}, "causes[callee.busy]": {1, 1, 0}, "cause_share[callee.busy]": {20, 5, 0}, // b, c, d, e, f
			"findings[callee.busy]": {1, 1, 0},
			"prefix_calls[155]":     {1, 1, 0}, "prefix_calls[none]": {6, 6, 0}, "prefix_asr[155]": {100, 1, 0}, "prefix_asr[none]": {100.0 / 6, 6, 0},

			"retransmission_rate": {0, 10, 0}, // 8 INVITE, 2 BYE
			"half_seen":           {0, 8, 0}, "one_way_seen": {0, 8, 0},

			"asr@in:192.0.2.10": {100 * 2.0 / 7, 7, 1}, "asr@out:203.0.113.61": {100 * 2.0 / 7, 7, 1},
			"codes[486]@out:203.0.113.61": {1, 1, 0}, "codes[486]@in:192.0.2.10": {1, 1, 0},
		},
	},
	{
		// a goes from gw to gw2 after a 503; b is tried twice by its caller; c is sent three times; d is refused twice by the
		// same response.
		name: "attempts",
		flow: `
alice > proxy INVITE callid=a
proxy > gw INVITE relay callid=a           # 15
+200ms gw > proxy 503 callid=a
proxy > gw ACK callid=a                    # 230
+70ms proxy > gw2 INVITE relay callid=a    # 300: 285 after the first
+100ms gw2 > proxy 200 callid=a            # 400: 100 on its own hop
proxy > alice 200 callid=a
alice > proxy ACK callid=a
proxy > gw2 ACK callid=a
+1s alice > gw INVITE callid=b
+100ms gw > alice 503 callid=b
alice > gw ACK callid=b                    # 115
+2s alice > gw INVITE callid=b             # 2115
+100ms gw > alice 486 callid=b
alice > gw ACK callid=b
+1s alice > gw INVITE resend=2 callid=c    # again after 500 and 1500
+2s gw > alice 404 callid=c
alice > gw ACK callid=c
+1s alice > gw INVITE callid=d
+100ms gw > alice 486 callid=d
+500ms gw > alice 486 INVITE resend callid=d
alice > gw ACK callid=d
`,
		minutes: 1,
		want: map[string]value{
			"retry_rate":         {25, 4, 0}, // b
			"retry_interval_p50": {2115, 1, 0}, "retry_interval_p95": {2115, 1, 0}, "retry_interval_p99": {2115, 1, 0},
			"amplification":     {6.0 / 4, 4, 0}, // 2, 2, 1, 1
			"failover_rate":     {25, 4, 0},
			"failover_cost_p50": {285, 1, 3}, "failover_cost_p95": {285, 1, 3}, "failover_cost_p99": {285, 1, 3},
			"failover_success": {100, 1, 3},

			"retransmission_rate":          {200.0 / 7, 7, 0}, // of a, b twice, c thrice, d
			"response_retransmission_rate": {100.0 / 6, 6, 0}, // of a, b twice, c, d twice

			"asr":                         {25, 4, 0},
			"asr@out:203.0.113.61":        {0, 5, 0}, // one attempt of a, two of b, c, d
			"isa@out:203.0.113.61":        {40, 5, 0},
			"codes[503]@out:203.0.113.61": {2, 2, 0},
			"asr@out:203.0.113.62":        {100, 1, 0},
			"setup_p50@out:203.0.113.62":  {100, 1, 0},
			"codes[503]":                  {1, 1, 0}, // that of a did not reach the caller
		},
	},
	{
		// a is up from 10 s to 150 s, b from 70 s to 200 s.
		name: "levels",
		flow: `
alice > gw INVITE callid=a
@10s gw > alice 200 callid=a
alice > gw ACK callid=a
@60s alice > gw INVITE callid=b
@70s gw > alice 200 callid=b
alice > gw ACK callid=b
@150s alice > gw BYE callid=a
gw > alice 200 BYE callid=a
@200s alice > gw BYE callid=b
gw > alice 200 BYE callid=b
`,
		minutes: 4,
		want:    map[string]value{"concurrent": {2, 2, 0}, "concurrent@out:203.0.113.61": {2, 2, 0}}, // at the end of the second minute
	},
	{
		// alice registers for 120 s after a challenge, and does not come back; phone is refused.
		name: "registrations",
		flow: `
alice > registrar REGISTER expires=120
registrar > alice 401
alice > registrar REGISTER expires=120 auth
registrar > alice 200                      # 45
+1s phone > registrar REGISTER
registrar > phone 403
@130s alice > registrar OPTIONS callid=later
registrar > alice 200 OPTIONS callid=later
`,
		minutes: 3,
		want: map[string]value{
			"registrations": {2, 2, 0},
			"rrd_p50":       {45, 1, 1}, "rrd_p95": {45, 1, 1}, "rrd_p99": {45, 1, 1},
			"ira":                    {50, 2, 0},
			"registrations_failing":  {1, 1, 0},
			"registrations_alive":    {1, 1, 0},
			"registrations_expiring": {1, 1, 0},
			"challenges":             {1, 1, 0}, "challenges[REGISTER 401]": {1, 1, 0},
			"codes[403]": {1, 1, 0}, "codes[200]": {2, 2, 0}, "codes": {3, 3, 0},
			"code_methods[REGISTER]": {2, 2, 0}, "code_methods[OPTIONS]": {1, 1, 0},
			"responses[REGISTER 403]": {1, 1, 0}, "responses[OPTIONS 200]": {1, 1, 0}, "responses": {3, 3, 0},
		},
	},
	{
		// The first call is seen from its BYE on, of the second only what the gateway sends.
		name: "parts",
		flow: `
alice > gw INVITE callid=a unseen
gw > alice 200 callid=a unseen
alice > gw ACK callid=a unseen
+1s alice > gw BYE callid=a
gw > alice 200 BYE callid=a
+1s alice > gw INVITE callid=b unseen
gw > alice 180 callid=b
gw > alice 486 callid=b
alice > gw ACK callid=b unseen
+1s alice > gw INVITE callid=c
gw > alice 486 callid=c
alice > gw ACK callid=c
`,
		minutes: 1,
		want: map[string]value{
			"half_seen":    {100.0 / 3, 3, 0},
			"one_way_seen": {100.0 / 3, 3, 0},
		},
	},
	{
		// Of alice's 501 packets each tenth but the first of a hundred is missing: 50. Every other one of bob's 499 is 10 ms late.
		// bob reports 25/256 lost and 240 ticks of 8000 Hz twice after the first report.
		//
		// MOS of alice's: Ie,eff = 95·9.980/(9.980+25.1) = 27.027, Id = 0.024·20 = 0.48, R = 65.693, MOS = 1 + 2.2993 + 0.0898.
		// MOS of bob's: J = 10·(1-15/498) = 9.699, Id = 0.024·(20+19.398) = 0.9455, R = 92.254, MOS = 1 + 3.2289 + 0.1613.
		name: "media",
		flow: `
alice > bob INVITE sdp
bob > alice 200 sdp
alice > bob ACK
rtp alice > bob 501 PCMU loss=10
rtp bob > alice 499 PCMU jitter=10ms
rtcp bob > alice 3 loss=10 jitter=30ms
+12s alice > bob BYE
bob > alice 200 BYE
`,
		minutes: 1,
		want: map[string]value{
			"loss":       {5, 1000, 0},
			"jitter_p50": {0.0101, 2, 0}, "jitter_p95": {9.699, 2, 0}, "jitter_p99": {9.699, 2, 0}, // 0 counts as the least there is
			"mos_p50": {3.389, 2, 0}, "mos_p05": {3.389, 2, 0}, "poor_streams": {50, 2, 0},
			"remote_loss_p50": {100 * 25.0 / 256, 1, 0}, "remote_loss_p95": {100 * 25.0 / 256, 1, 0}, "remote_loss_p99": {100 * 25.0 / 256, 1, 0},
			"remote_jitter_p50": {30, 1, 0}, "remote_jitter_p95": {30, 1, 0}, "remote_jitter_p99": {30, 1, 0},

			// What alice sent came by the route in, what bob sent by the route out.
			"loss@in:192.0.2.10": {100 * 50.0 / 501, 501, 0}, "loss@out:203.0.113.31": {0, 499, 0},
			"mos_p50@in:192.0.2.10": {3.389, 1, 0}, "mos_p50@out:203.0.113.31": {4.390, 1, 0},
			"remote_loss_p50@in:192.0.2.10": {100 * 25.0 / 256, 1, 0},
		},
	},
}

var keyOf = regexp.MustCompile(`^([a-z_0-9]+)(?:\[(.*)\])?(?:@(.*))?$`)

func TestGoldens(t *testing.T) {
	covered := map[string]bool{}
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			flows, err := testkit.ParseFlows([]byte(g.flow))
			if err != nil {
				t.Fatal(err)
			}
			cells := counted(t, flows[0].Packets)
			for key, want := range g.want {
				check(t, cells, g.minutes, key, want)
				covered[keyOf.FindStringSubmatch(key)[1]] = true
			}
		})
	}
	for _, key := range []string{"rating", "ratings", "remote_mos_p50", "remote_mos_p05", "redial_rate", "redial_success", "redial_interval_p50", "redial_interval_p95", "redial_interval_p99"} { // see TestRate, TestNotes, TestRedials
		covered[key] = true
	}
	for _, m := range kpi.Measures() {
		if !covered[m.Name] {
			t.Errorf("%s has no value worked out by hand", m.Name)
		}
	}
}

// check holds a value against what Series gives for the whole interval, and against the sums.
func check(t *testing.T, cells []record.Cell, minutes int, key string, want value) {
	t.Helper()
	parts := keyOf.FindStringSubmatch(key)
	name, label, route := parts[1], parts[2], parts[3]
	q := view.SeriesQuery{Measures: []string{name}, From: noon, Until: noon.Add(time.Duration(minutes) * time.Minute)}
	if label != "" {
		q.By = "label"
	}
	if route != "" {
		q.Routes = []string{route}
	}
	list, err := kpi.Series(q, rollupOf(cells), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(list, func(s view.Series) bool { return s.Label == label && s.Route == route })
	if at < 0 {
		t.Errorf("%s: no series: there are %d", key, len(list))
		return
	}
	p := list[at].Points[0]
	near := math.Abs(p.Value-want.value) <= 1e-9
	m, _ := kpi.MeasureOf(name)
	if m.Page != m.Name { // a quantile is one of a bucket
		near = math.Abs(p.Value-want.value) <= 0.0101*want.value
	}
	if !near || uint64(p.Population) != want.population || p.Refused != "" {
		t.Errorf("%s = %v of %d (%s), want %v of %d", key, p.Value, p.Population, p.Refused, want.value, want.population)
	}
	if label != "" || name == "concurrent" || name == "registrations_alive" {
		return
	}
	sums := kpi.Sums{Seconds: float64(60 * minutes)}
	for i := range cells {
		if c := &cells[i]; c.Route == route && c.Minute < int64(noon/60e9)+int64(minutes) {
			sums.Add(c)
		}
	}
	if k := m.Evaluate(&sums); k.Value != p.Value || k.Population != want.population || k.Excluded != want.excluded {
		t.Errorf("%s of sums = %v of %d without %d, want %v of %d without %d", key, k.Value, k.Population, k.Excluded, p.Value, want.population, want.excluded)
	}
}

// rollupOf answers as a store with these cells does.
func rollupOf(cells []record.Cell) kpi.Rollup {
	return func(q store.Rollup, visit func(*record.Cell) error) error {
		var list []record.Cell
		step := int64(q.Step / time.Minute)
		from := int64(q.From / 60e9)
		for _, c := range cells {
			if c.Minute < from || c.Minute >= int64(q.Until/60e9) || !slices.Contains(q.Counters, c.Counter) {
				continue
			}
			if q.Routes != nil && !slices.Contains(q.Routes, c.Route) || q.Routes == nil && (c.Route != "") != q.ByRoute {
				continue
			}
			if !q.ByRoute {
				c.Route = ""
			}
			if !q.ByLabel {
				c.Label = ""
			}
			if c.Minute -= (c.Minute - from) % max(step, 1); step == 0 {
				c.Minute = from
			}
			list = append(list, c)
		}
		for _, c := range kpi.Merge(list) {
			if err := visit(&c); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestLevelsOverTime(t *testing.T) {
	i := slices.IndexFunc(goldens, func(g golden) bool { return g.name == "levels" })
	flows, err := testkit.ParseFlows([]byte(goldens[i].flow))
	if err != nil {
		t.Fatal(err)
	}
	rollup := rollupOf(counted(t, flows[0].Packets))
	for _, one := range []struct {
		from, until int // minutes after noon
		step        time.Duration
		want        []float64
	}{
		{0, 5, time.Minute, []float64{1, 2, 1, 0, 0}},
		{0, 4, 2 * time.Minute, []float64{2, 1}},
		{1, 3, time.Minute, []float64{2, 1}}, // what began before is known
		{2, 4, 0, []float64{1}},
		{60, 62, time.Minute, []float64{0, 0}},
	} {
		q := view.SeriesQuery{Measures: []string{"concurrent"}, From: noon.Add(time.Duration(one.from) * time.Minute), Until: noon.Add(time.Duration(one.until) * time.Minute), Step: one.step}
		list, err := kpi.Series(q, rollup, nil)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		var got []float64
		for _, p := range list[0].Points {
			got = append(got, p.Value)
		}
		if !slices.Equal(got, one.want) {
			t.Errorf("from minute %d to %d by %s: %v, want %v", one.from, one.until, one.step, got, one.want)
		}
	}
}

func TestRate(t *testing.T) {
	c := record.Case{Began: noon, RouteIn: "a", RoutesOut: []string{"b"}}
	var cells []record.Cell
	add := func(c record.Cell) { cells = append(cells, c) }
	for _, r := range [][2]int{{0, 2}, {0, 5}, {2, 4}} { // the user who gave 2 thinks again
		if err := kpi.Rate(&c, r[0], r[1], add); err != nil {
			t.Fatal(err)
		}
	}
	cells = kpi.Merge(cells)
	for _, route := range []string{"", "@in:a", "@out:b"} {
		check(t, cells, 1, "rating"+route, value{4.5, 2, 0})
		check(t, cells, 1, "ratings[4]"+route, value{1, 1, 0})
		check(t, cells, 1, "ratings[5]"+route, value{1, 1, 0})
	}
	for _, bad := range []int{0, 6, -1} {
		if kpi.Rate(&c, 0, bad, add) == nil {
			t.Errorf("a rating of %d is accepted", bad)
		}
	}
	if s := strings.Join(labels(cells), " "); s != "4 5" {
		t.Errorf("ratings %q are left", s)
	}
}

// TestNotes: what agents report counts as what receivers report.
func TestNotes(t *testing.T) {
	note := func(kind wire.NoteKind, text string) wire.Note { return wire.Note{Kind: kind, Text: []byte(text)} }
	c := view.Case{
		Call: &call.Call{Began: noon, Media: []call.Stream{{SSRC: 7, ClockRate: 16000, From: call.NoMsg}}},
		Ways: route.Ways{In: "a"},
		Notes: []wire.Note{
			// One stream: 12.8 and 38.4 of 256 lost, 10 % in the mean; 160 ticks of 16 kHz are 10 ms.
			note(wire.NoteRTCP, `{"ssrc":1,"type":201,"report_blocks":[{"source_ssrc":7,"fraction_lost":12.8,"ia_jitter":160}]}`),
			note(wire.NoteRTCP, `{"ssrc":1,"type":201,"report_blocks":[{"source_ssrc":7,"fraction_lost":38.4,"ia_jitter":160}]}`),
			note(wire.NoteRTCP, `{"report_blocks":[{"source_ssrc":8,"fraction_lost":-1,"ia_jitter":-5}]}`), // nothing to count
			note(wire.NoteRTCP, `{"report_blocks":[{`),
			note(wire.NoteLog, `{"report_blocks":[{"source_ssrc":9,"fraction_lost":1}]}`),
			note(wire.NoteQuality, `{"MOS":4.2}`),
			note(wire.NoteQuality, `{"INC_MOS":310,"OUT_MOS":0}`),
			note(wire.NoteQuality, `{"MOS":"x"}`),
			note(wire.NoteQuality, `{"mos":9000}`),
		},
	}
	var cells []record.Cell
	kpi.Count(&c, func(c record.Cell) { cells = append(cells, c) })
	cells = kpi.Merge(cells)
	for _, key := range []string{"", "@in:a"} {
		check(t, cells, 1, "remote_mos_p50"+key, value{3.1, 2, 1})
		check(t, cells, 1, "remote_mos_p05"+key, value{3.1, 2, 1})
		check(t, cells, 1, "remote_loss_p50"+key, value{10, 1, 2})
		check(t, cells, 1, "remote_jitter_p50"+key, value{10, 1, 2})
	}
}

func labels(cells []record.Cell) (list []string) {
	for _, c := range cells {
		if c.Label != "" && c.Route == "" {
			list = append(list, c.Label)
		}
	}
	return list
}
