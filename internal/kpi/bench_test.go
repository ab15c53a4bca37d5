package kpi_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/kpi"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/route"
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
