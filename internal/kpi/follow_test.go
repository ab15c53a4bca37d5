package kpi_test

import (
	"slices"
	"strings"
	"testing"

	"sipcause/internal/histogram"
	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// cellsOf counts the calls of one minute as Count does.
func cellsOf(at int64, list []aCall) (out []record.Cell) {
	for i := range list {
		c := &list[i]
		for _, key := range []string{"", c.in, c.out} {
			add := func(name, label string, bucket int16) {
				out = append(out, record.Cell{Minute: at, Counter: name, Route: key, Label: label, Bucket: bucket, N: 1})
			}
			for _, n := range []string{"calls", "calls.ended", "calls.session", "requests"} {
				add(n, "", record.NoBucket)
			}
			add("codes", "INVITE "+c.code, record.NoBucket)
			add("time.pdd", "", histogram.Bucket(c.pdd))
			if c.answered() {
				add("calls.answered", "", record.NoBucket)
				add("calls.effective", "", record.NoBucket)
			} else {
				add("causes", c.cause, record.NoBucket)
			}
			if c.code == "500" && key == "" {
				add("codes.maker", "500 uas y", record.NoBucket)
			}
			if c.code == "503" || c.code == "500" {
				add("calls.ineffective", "", record.NoBucket)
			}
			if key == "" {
				add("prefixes", c.prefix, record.NoBucket)
				if c.answered() {
					add("prefixes.answered", c.prefix, record.NoBucket)
				}
			}
		}
	}
	return kpi.Merge(out)
}

// history keeps cells by minute.
type history map[int64][]record.Cell

func (h history) rollup(q store.Rollup, visit func(*record.Cell) error) error {
	var list []record.Cell
	for m := int64(q.From / 60e9); m < int64(q.Until/60e9); m++ {
		list = append(list, h[m]...)
	}
	return rollupOf(list)(q, visit)
}

func TestFollow(t *testing.T) {
	for _, x := range []struct {
		name    string
		trouble func(c *aCall)
		volume  func(in string) float64
		key     kpi.Key // that must be among the alarms
		carrier []string
	}{
		{name: "nothing"},
		{name: "a gateway refuses", trouble: func(c *aCall) {
			if c.out == "out:y" && c.answered() {
				c.code, c.cause = "503", "server.overload"
			}
		}, key: kpi.Key{Measure: "asr"}, carrier: []string{"route out:y", "code 503", "cause server.overload"}},
		{name: "a code that never was", trouble: func(c *aCall) {
			if c.prefix == "331" {
				c.code, c.cause = "500", "server.internal-error"
			}
		}, key: kpi.Key{Measure: "code_share", Label: "500"}, carrier: []string{"code 500", "maker 500 uas y"}},
		{name: "a source falls silent", volume: func(in string) float64 {
			if in == "in:a" {
				return 0
			}
			return 1
		}, key: kpi.Key{Measure: "calls", Route: "in:a"}},
		{name: "a gateway is slow", trouble: func(c *aCall) {
			if c.out == "out:z" {
				c.pdd += 5000
			}
		}, key: kpi.Key{Measure: "pdd_p95"}, carrier: []string{"route out:z"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			e, b, h := newEstate(4), &kpi.Baselines{}, history{}
			begin := monday + noons
			found, worst := false, kpi.Alarm{}
			for at := monday + 9*60; at < begin+30; at++ {
				if at == begin {
					e.trouble, e.volume = x.trouble, x.volume
				}
				list := e.minute(at)
				list[0].in = "in:phone"
				h[at] = cellsOf(at, list)
				alarms, err := kpi.Follow(b, at+1, h.rollup)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range alarms {
					if a.Minute < begin || x.key.Measure == "" {
						t.Fatalf("%s: minute %d: %+v", x.name, a.Minute-begin, a)
					}
					if a.Key == x.key {
						found, worst = true, a
					}
				}
			}
			if x.key.Measure == "" {
				if b.Of(kpi.Key{Measure: "calls", Route: "in:a"}) == nil || b.Of(kpi.Key{Measure: "calls", Route: "in:phone"}) != nil || b.Of(kpi.Key{Measure: "code_share", Route: "out:x", Label: "200"}) != nil {
					t.Error("busy routes are followed, others not")
				}
				return
			}
			if !found {
				t.Fatalf("%v is not found", x.key)
			}
			change, parts, err := kpi.Split(&worst, h.rollup)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, c := range kpi.Explain(change, parts) {
				names = append(names, c.Dimension+" "+c.Value)
			}
			for _, want := range x.carrier {
				if !slices.Contains(names, want) {
					t.Errorf("carriers %q lack %s: %+v", names, want, change)
				}
			}
			for _, n := range names {
				if strings.HasPrefix(n, "route ") && !slices.Contains(x.carrier, n) || strings.HasPrefix(n, "source ") {
					t.Errorf("%s is blamed", n)
				}
			}
			if x.name == "a gateway refuses" {
				list, err := kpi.Siblings(h.rollup, wire.Time(begin)*60e9, wire.Time(begin+30)*60e9)
				if err != nil {
					t.Fatal(err)
				}
				if d := kpi.Degraded(list); len(d) != 1 || d[0].Route != "out:y" {
					t.Errorf("degraded: %+v of %+v", d, list)
				}
			}
		})
	}
}
