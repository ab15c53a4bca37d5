package render

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

func report(t *testing.T, format string, opt Options, list []*view.Case, s *view.Summary) []byte {
	t.Helper()
	var b bytes.Buffer
	r, err := New(format, &b, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if err := r.Case(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.End(s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnknownFormat(t *testing.T) {
	_, err := New("yaml", nil, Options{})
	if err == nil || !strings.Contains(err.Error(), `"yaml"`) || !strings.Contains(err.Error(), "text, json, ndjson, html, csv, markdown, mermaid") {
		t.Fatalf("got %v", err)
	}
}

// TestNothingOfACaseIsKept: what a case consisted of may be overwritten as soon as Case returns.
func TestNothingOfACaseIsKept(t *testing.T) {
	for _, f := range Formats() {
		opt := Options{All: true, Files: []string{"trace.pcap"}}
		want := report(t, f.Name, opt, cases(), summary())
		var b bytes.Buffer
		r, err := New(f.Name, &b, opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases() {
			if err := r.Case(c); err != nil {
				t.Fatal(err)
			}
			for _, l := range c.Call.Legs {
				for i := range l.Sightings {
					clear(l.Sightings[i].Raw)
				}
				clear(l.Sightings)
				clear(l.Flows)
				clear(l.Txns)
			}
			for i := range c.Verdict.Findings {
				clear(c.Verdict.Findings[i].Actions)
				clear(c.Verdict.Findings[i].Evidence)
			}
			clear(c.Verdict.Findings)
			*c.Verdict, *c.Call = finding.Verdict{}, call.Call{}
		}
		if err := r.End(summary()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: the report changed with its cases", f.Name)
		}
	}
}

// full is a writer without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsAreReported(t *testing.T) {
	for _, f := range Formats() {
		r, err := New(f.Name, full{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = r.Case(busyCase())
		if err == nil {
			err = r.End(summary())
		}
		if err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%s: got %v", f.Name, err)
		}
	}
}

func TestFormatsAreDescribed(t *testing.T) {
	for _, f := range Formats() {
		if f.Name == "" || f.Help == "" || f.open == nil {
			t.Errorf("format %q is incomplete", f.Name)
		}
	}
}

func BenchmarkFormats(b *testing.B) {
	for _, f := range Formats() {
		b.Run(f.Name, func(b *testing.B) {
			c := benchCase()
			r, err := New(f.Name, io.Discard, Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Case(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
