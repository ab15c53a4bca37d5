package pipeline_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/correlate"
	"sipcause/internal/pipeline"
	"sipcause/internal/render"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// FuzzAnalyze: whatever the packets, everything from the reader to each format of report gets through, without the
// net that catches panics.
func FuzzAnalyze(f *testing.F) {
	seeds := testkit.ReadFlows(f, "../diagnose/testdata/flows/*.txtar")
	n := 0
	for _, flows := range seeds {
		for i := range flows {
			if n++; n%16 == 0 { // enough of each kind; all of them take the fuzzer minutes to begin with
				f.Add(flows[i].Pcap())
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src, err := capture.Open([]string{"-"}, bytes.NewReader(data))
		if err != nil {
			return
		}
		var all []render.Renderer
		for _, format := range render.Formats() {
			r, err := render.New(format.Name, io.Discard, render.Options{All: true, Files: src.Files()})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		opt := pipeline.Options{Workers: 1, Correlate: correlate.Options{NoRecover: true}}
		s, err := pipeline.Run(context.Background(), src, opt, func(c *view.Case) error {
			for _, r := range all {
				if err := r.Case(c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return // a damaged capture
		}
		for _, r := range all {
			if err := r.End(s); err != nil {
				t.Fatal(err)
			}
		}
	})
}
