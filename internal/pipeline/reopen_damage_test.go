package pipeline_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/correlate"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// TestReopenTellsDamage: what cannot be read is an error that names the case.
func TestReopenTellsDamage(t *testing.T) {
	rec := record.Case{ID: "a@example.com", Doc: []byte{1, 2}}
	never := func(*view.Case) error { t.Error("shown"); return nil }
	if err := pipeline.Reopen(&rec, nil, pipeline.Options{}, never); err == nil || !strings.Contains(err.Error(), "a@example.com") {
		t.Errorf("error %v", err)
	}
}

// TestReopenSurvivesDamage: a byte of the document that is another one makes an error or another case, and no panic.
func TestReopenSurvivesDamage(t *testing.T) {
	opened := 0
	for _, path := range []string{"../../testdata/captures/echo-call/capture.pcap", "../../testdata/lab/b2bua-503-told-500.pcap.gz"} {
		cases, messages := recorded(t, path, how{})
		for k := range cases {
			rec := cases[k].rec
			mine := of(t, &rec, messages)
			whole := rec.Doc
			for i := range whole {
				for _, to := range []byte{0, 1, 0x7f, whole[i] + 1, whole[i] ^ 0x80} {
					rec.Doc = bytes.Clone(whole)
					rec.Doc[i] = to
					_ = pipeline.Reopen(&rec, mine, pipeline.Options{Correlate: correlate.Options{NoRecover: true}}, func(c *view.Case) error {
						opened++
						if i%8 == 0 {
							shown(t, c, how{})
						}
						return nil
					})
				}
			}
		}
	}
	if opened == 0 {
		t.Error("every change was an error")
	}
}

// FuzzReopen: whatever a store gives back for a document, every format of report gets through what is made of it.
func FuzzReopen(f *testing.F) {
	var recs []record.Case
	var stored [][]record.Message
	for _, path := range []string{"../../testdata/captures/sipp-486-busy/capture.pcap", "../../testdata/captures/echo-call/capture.pcap", "../../testdata/captures/register-and-reinvite/capture.pcap"} {
		cases, messages := recorded(f, path, how{})
		for i := range cases {
			recs, stored = append(recs, cases[i].rec), append(stored, of(f, &cases[i].rec, messages))
			f.Add(len(recs)-1, len(stored[len(recs)-1]), cases[i].rec.Doc)
		}
	}
	f.Fuzz(func(t *testing.T, which, left int, doc []byte) {
		if which < 0 || which >= len(recs) || left < 0 || left > len(stored[which]) {
			return
		}
		rec := recs[which]
		rec.Doc = doc
		_ = pipeline.Reopen(&rec, stored[which][:left], pipeline.Options{Correlate: correlate.Options{NoRecover: true}}, func(c *view.Case) error {
			shown(t, c, how{})
			return nil
		})
	})
}

// damagedCall is a call through a proxy of which the capture lost the 200 on its last hop, and that was written to the
// file in another order than that of its times.
const damagedCall = `alice > proxy INVITE sdp
proxy > alice 100
proxy > bob INVITE
proxy > carol INVITE
+60ms bob > proxy 180
proxy > alice 180
carol > proxy 486
proxy > carol ACK
+4s bob > proxy 200 sdp
proxy > alice 200
alice > proxy ACK
proxy > bob ACK
+20s bob > proxy BYE
proxy > alice BYE
alice > proxy 200
proxy > bob 200
`

// TestReopenedDamaged: order and completeness of a leg are those that it had.
func TestReopenedDamaged(t *testing.T) {
	flows, err := testkit.ParseFlows([]byte(damagedCall))
	if err != nil {
		t.Fatal(err)
	}
	whole := flows[0].Packets
	lost := slices.Clone(whole)
	lost = slices.Delete(lost, 9, 10) // the 200 from the proxy to alice
	mixed := slices.Clone(whole)
	for i := 2; i+1 < len(mixed); i += 3 {
		mixed[i], mixed[i+1] = mixed[i+1], mixed[i]
	}
	for name, packets := range map[string][]wire.Packet{"lost": lost, "mixed": mixed} {
		path := filepath.Join(t.TempDir(), name+".pcap")
		if err := os.WriteFile(path, testkit.Pcap(packets), 0o600); err != nil {
			t.Fatal(err)
		}
		cases, messages := recorded(t, path, how{})
		for i := range cases {
			c := &cases[i]
			if c.rec.Code != 200 {
				t.Errorf("%s: code %d", name, c.rec.Code)
			}
			compareShown(t, name, c.shown, reopened(t, &c.rec, of(t, &c.rec, messages), how{}))
		}
		if len(cases) != 1 {
			t.Errorf("%s: %d cases", name, len(cases))
		}
	}
}
