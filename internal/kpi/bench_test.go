package kpi_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/kpi"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/store"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// BenchmarkCount counts one answered call over two elements of ours.
func BenchmarkCount(b *testing.B) {
	flows, err := testkit.ParseFlows([]byte(chained))
	if err != nil {
		b.Fatal(err)
	}
	name := filepath.Join(b.TempDir(), "a.pcap")
	if err := os.WriteFile(name, flows[0].Pcap(), 0o600); err != nil {
		b.Fatal(err)
	}
	src, err := capture.Open([]string{name}, nil)
	if err != nil {
		b.Fatal(err)
	}
	table, err := route.NewTable(nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := pipeline.Run(context.Background(), src, pipeline.Options{Workers: 1}, func(c *view.Case) error {
		c.Ways = table.Ways(c.Call)
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			n = 0
			kpi.Count(c, func(record.Cell) { n++ })
		}
		b.ReportMetric(float64(n), "cells")
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSeries makes the series of a day by minute and by route, of 50 routes, of cells that are there already.
func BenchmarkSeries(b *testing.B) {
	var cells []record.Cell
	for m := range int64(1440) {
		for _, c := range []string{"calls.answered", "calls.ended", "seen"} {
			cells = append(cells, cell(m, c, "", "", 50))
			for r := range 50 {
				cells = append(cells, cell(m, c, fmt.Sprintf("in:198.51.100.%d", r), "", 1), cell(m, c, fmt.Sprintf("out:203.0.113.%d", r), "", 1))
			}
		}
	}
	q := view.SeriesQuery{Measures: []string{"asr"}, From: noon, Until: after(1440), Step: time.Minute, By: "route"}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		list, err := kpi.Series(q, func(q store.Rollup, visit func(*record.Cell) error) error {
			for i := range cells {
				if c := &cells[i]; (c.Route != "") == q.ByRoute && slices.Contains(q.Counters, c.Counter) {
					n++
					if err := visit(c); err != nil {
						return err
					}
				}
			}
			return nil
		}, nil)
		if err != nil || len(list) != 100 {
			b.Fatal(len(list), err)
		}
		b.ReportMetric(float64(n), "cells")
	}
}
