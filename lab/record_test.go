//go:build linux

package lab

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// keep is for make record: play all scenes and their twins, ask sipcause nothing, and put recordings and labels
// where the accuracy tests find them. With -run some of the scenes are recorded anew, the rest stays.
var keep = flag.Bool("record", false, "keep the recordings, and write their labels")

const (
	recordings = "testdata/lab" // in the repository
	labelsFile = "accuracy/labels/lab.tsv"
)

const labelsHead = `# Written by "make record" from the scenes of lab/; what is recorded was labelled from how it is played. Do not edit.
name	file	sha256	pick	kind	outcome	code	cause	origin	suspect	why
`

// store keeps the capture as the scene's recording, and puts its label in the file of labels.
func store(t *testing.T, s *scene, capture string) {
	t.Helper()
	raw, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := recordings + "/" + s.name + ".pcap.gz"
	if err := os.MkdirAll(filepath.Join("..", recordings), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", file), packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	putLabel(t, s.name, label(s, file, fmt.Sprintf("%x", sha256.Sum256(packed.Bytes()))))
}

// label is the scene's line.
func label(s *scene, file, sum string) string {
	w := s.truth
	pick, code, cause, origin := s.callID(), "", w.cause, w.origin
	if w.code != 0 {
		code = fmt.Sprint(w.code)
	}
	why := cmp.Or(s.why, "played so that nothing goes wrong")
	switch {
	case s.twin == nil && w.finding == "":
		// healthy: nothing in the file may be blamed on anybody
		pick, code, w.outcome, cause, origin = "all", "", "", "", ""
	case w.kind == whole:
		pick, cause = "only", w.finding
	case cause == "":
		cause, origin = w.finding, "" // it succeeded: what is wrong with it is its finding
		if strings.HasPrefix(w.finding, "dialog.glare") || strings.HasPrefix(w.finding, "caller.") {
			cause = "none" // nothing is
		}
	case origin == unsaid:
		origin = ""
	case origin == "":
		origin = "none"
	}
	return strings.Join([]string{s.name, file, sum, pick, w.kind, w.outcome, code, cause, origin, w.suspect, why}, "\t")
}

var labels sync.Mutex

// putLabel replaces or adds the line of a scene, and drops those of scenes that are no more.
func putLabel(t *testing.T, name, line string) {
	t.Helper()
	labels.Lock()
	defer labels.Unlock()
	file := filepath.Join("..", labelsFile)
	old, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for l := range strings.Lines(string(old)) {
		n, _, _ := strings.Cut(l, "\t")
		lines[n] = strings.TrimSuffix(l, "\n")
	}
	lines[name] = line
	var b strings.Builder
	b.WriteString(labelsHead)
	names := []string{}
	for _, s := range recorded() {
		names = append(names, s.name)
	}
	slices.Sort(names)
	for _, n := range names {
		if l, ok := lines[n]; ok {
			fmt.Fprintln(&b, l)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pickColumn is the column of a label's line that names the case.
const pickColumn = 3

// The labels are those of the scenes, and each has its recording: what a scene says of itself is what accuracy
// measures by.
func TestLabels(t *testing.T) {
	if *keep {
		t.Skip("they are being written")
	}
	table, err := os.ReadFile(filepath.Join("..", labelsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{} // by name
	for l := range strings.Lines(strings.TrimPrefix(string(table), labelsHead)) {
		name, _, _ := strings.Cut(l, "\t")
		lines[name] = strings.TrimSuffix(l, "\n")
	}
	for _, s := range recorded() {
		file := recordings + "/" + s.name + ".pcap.gz"
		packed, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Errorf("%v: play it with make record", err)
			continue
		}
		got := lines[s.name]
		if fields := strings.Split(got, "\t"); len(s.phones) > 0 && len(fields) > pickColumn {
			s.found = fields[pickColumn] // a phone's Call-ID is known when it has called
		}
		if want := label(&s, file, fmt.Sprintf("%x", sha256.Sum256(packed))); got != want {
			t.Errorf("%s has another label than its scene: play it with make record\ngot  %s\nwant %s", s.name, got, want)
		}
		delete(lines, s.name)
	}
	for _, l := range lines {
		t.Errorf("label of no scene: %s", l)
	}
}
