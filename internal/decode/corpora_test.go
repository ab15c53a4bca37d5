package decode

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/wire"
)

const corpora = "../../../shared/corpora"

// decodeFile decodes a capture to its end.
func decodeFile(t *testing.T, path string) *run {
	t.Helper()
	s, err := capture.Open([]string{path}, nil)
	var format *capture.FormatError
	if errors.As(err, &format) && format.Found == "empty file" {
		return newRun(Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(Options{})
	var last wire.Time
	err = s.Run(context.Background(), func(p *wire.Packet) error {
		r.Packet(p)
		last = p.Time
		return nil
	}, func(*wire.Payload) error { return nil }, func(wire.Gap) {})
	if err != nil {
		t.Fatal(err)
	}
	r.Flush(last)
	checkStats(t, r)
	return r
}

// TestDerived decodes one healthy call in many wrappings: the same messages each time.
func TestDerived(t *testing.T) {
	files, _ := filepath.Glob(corpora + "/derived/ok__*.pcap")
	if len(files) == 0 {
		t.Skip("captures of ../shared/corpora are absent")
	}
	plain := decodeFile(t, corpora+"/derived/ok__raw-ip.pcap")
	if len(plain.payloads) != 11 {
		t.Fatalf("plain call: %d messages, want 11", len(plain.payloads))
	}
	for _, f := range files {
		r := decodeFile(t, f)
		want := plain.messages()
		truncated := uint64(0)
		switch {
		case strings.Contains(f, "snaplen-200"):
			truncated = 11
			for i, m := range r.messages() {
				if m == "" || !strings.HasPrefix(want[i], m) {
					t.Errorf("%s: message %d is no beginning of %q: %q", f, i, want[i], m)
				}
				want[i] = m
			}
		case strings.Contains(f, "span-duplicates"):
			var twice []string
			for _, m := range want {
				twice = append(twice, m, m)
			}
			want = twice
		}
		s := r.Stats()
		if !slices.Equal(r.messages(), want) || s.Truncated != truncated || len(r.events)+len(r.gaps)+len(s.Undecoded) != 0 {
			t.Errorf("%s: %d messages, want the same %d; %d truncated, events %+v, gaps %+v, undecoded %v",
				filepath.Base(f), len(r.payloads), len(want), s.Truncated, r.events, r.gaps, s.Undecoded)
		}
		for i, p := range r.payloads {
			if len(r.payloads) == len(plain.payloads) && p.Flow != plain.payloads[i].Flow {
				t.Errorf("%s: message %d: flow %v, want %v", filepath.Base(f), i, p.Flow, plain.payloads[i].Flow)
			}
		}
	}
	t.Logf("%d files", len(files))
}

// differences are the captures in which we find other messages than tshark, by how many more, and why.
var differences = map[string]struct {
	more int
	why  string
}{
	"pcap/goffinet_sip_captures__private-test-sip.pcapng": {-3, "tshark counts what ICMP errors quote; here they are events"},
	"pcap/CESNET_ipfixprobe__sip.pcap":                    {-5, "tshark counts what ICMP errors quote; here they are events"},
	"pcap/misosviso_MTAA-SIP-PROXY__registration.pcapng":  {-2, "tshark counts what ICMP errors quote; here they are events"},
	"pcap/ntop_nDPI__fuzz-2006-06-26-2594.pcap":           {+5, "damaged on purpose: start lines and lengths that tshark does not take for SIP, and we for malformed SIP"},
}

// TestCorpora decodes every shared capture when they are there, and holds the number of SIP messages to
// what tshark found.
func TestCorpora(t *testing.T) {
	b, err := os.ReadFile(corpora + "/index.json")
	if err != nil {
		t.Skip("captures of ../shared/corpora are absent")
	}
	var index struct {
		Entries []struct {
			File     string
			Messages *int `json:"sip_messages"`
		}
	}
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	files, messages := 0, 0
	for _, e := range index.Entries {
		if e.Messages == nil || filepath.Ext(e.File) == ".txt" {
			continue
		}
		r := decodeFile(t, filepath.Join(corpora, e.File))
		files++
		messages += len(r.payloads)
		if want := *e.Messages + differences[e.File].more; len(r.payloads) != want {
			t.Errorf("%s: %d messages, want %d; undecoded %v, events %v, gaps %v", e.File, len(r.payloads), want,
				r.Stats().Undecoded, r.Stats().Events, r.Stats().Gaps)
		}
	}
	t.Logf("%d files, %d messages", files, messages)
	if files == 0 {
		t.Error("no capture in the index")
	}
}
