package pipeline_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// known is known-differences.txt: by capture and kind of difference, the frames.
type known map[string][]uint64

const knownFile = capturesDir + "/known-differences.txt"

// readKnown reads lines "capture<TAB>kind<TAB>frames<TAB>reason"; frames are as "3,7-9".
func readKnown(t *testing.T) known {
	t.Helper()
	b, err := os.ReadFile(knownFile)
	if err != nil {
		t.Fatal(err)
	}
	k := known{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[3] == "" {
			t.Fatalf("%s: want capture, kind, frames and reason, separated by tabs, in %q", knownFile, line)
		}
		frames, err := parseFrames(f[2])
		if err != nil {
			t.Fatalf("%s: %v in %q", knownFile, err, line)
		}
		key := f[0] + "\t" + f[1]
		k[key] = append(k[key], frames...)
	}
	return k
}

func parseFrames(s string) (list []uint64, err error) {
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(from, 10, 64)
		if err != nil {
			return nil, err
		}
		b := a
		if isRange {
			if b, err = strconv.ParseUint(to, 10, 64); err != nil {
				return nil, err
			}
		}
		for ; a <= b; a++ {
			list = append(list, a)
		}
	}
	return list, nil
}

func formatFrames(list []uint64) string {
	var b strings.Builder
	for i := 0; i < len(list); {
		k := i
		for k+1 < len(list) && list[k+1] == list[k]+1 {
			k++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, list[i])
		if k > i {
			fmt.Fprintf(&b, "-%d", list[k])
		}
		i = k + 1
	}
	return b.String()
}

// judge compares one capture and holds the differences against the list.
func (k known) judge(t *testing.T, name string, tshark, we []seen) (alike int) {
	t.Helper()
	diffs, alike := compare(tshark, we)
	byKind := map[string][]uint64{}
	for _, d := range diffs {
		byKind[d.kind] = append(byKind[d.kind], d.frame)
	}
	for _, kind := range []string{onlyTshark, onlyOurs, tsharkSays, weSay} {
		got, want := byKind[kind], slices.Clone(k[name+"\t"+kind])
		slices.Sort(want)
		var fresh, gone []uint64
		for _, f := range got {
			if !slices.Contains(want, f) {
				fresh = append(fresh, f)
			}
		}
		for _, f := range want {
			if !slices.Contains(got, f) {
				gone = append(gone, f)
			}
		}
		if len(fresh) > 0 {
			t.Errorf("%s: %s\t%s\n%s", name, kind, formatFrames(fresh), explain(fresh, tshark, we))
		}
		if len(gone) > 0 {
			t.Errorf("%s: %s\t%s: no longer so; take it off %s", name, kind, formatFrames(gone), knownFile)
		}
	}
	return alike
}

// explain shows both sides of the first few frames.
func explain(frames []uint64, tshark, we []seen) string {
	var b strings.Builder
	for _, f := range frames[:min(4, len(frames))] {
		for _, side := range []struct {
			name string
			list []seen
		}{{"tshark", tshark}, {"we", we}} {
			for i := range side.list {
				if m := &side.list[i]; m.frame == f {
					fmt.Fprintf(&b, "\t%-6s frame %d: %s | %s | %s | %s\n", side.name, f, m.what, m.cseq, m.callID, m.repeat)
				}
			}
		}
	}
	return b.String()
}

// captureIn returns the capture of a case's directory.
func captureIn(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "capture.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: want one capture.*, have %v %v", dir, files, err)
	}
	return files[0]
}

func tsharkVersion() (string, error) {
	out, err := exec.Command("tshark", "--version").Output()
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimRight(first, "."), err
}

// TestTshark holds the engine against what tshark said of the repository's captures.
func TestTshark(t *testing.T) {
	dirs, err := filepath.Glob(capturesDir + "/*/origin.txt")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no captures in %s: %v", capturesDir, err)
	}
	list := readKnown(t)
	files, messages := 0, 0
	for _, origin := range dirs {
		dir := filepath.Dir(origin)
		path, table := captureIn(t, dir), filepath.Join(dir, "tshark.tsv")
		if *askTshark {
			version, err := tsharkVersion()
			if err != nil {
				t.Fatal(err)
			}
			said, err := theirs(path)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if err := os.WriteFile(table, writeSeen(version, said), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		said, err := readSeen(table)
		if err != nil {
			t.Fatal(err)
		}
		messages += list.judge(t, filepath.Base(dir), said, ours(t, path))
		files++
	}
	t.Logf("%d captures, %d messages seen alike", files, messages)
}

// TestTsharkCorpora holds the engine against tshark on all captures of the shared corpora.
func TestTsharkCorpora(t *testing.T) {
	var files []string
	for _, dir := range []string{"pcap", "lab", "derived"} {
		some, err := filepath.Glob(filepath.Join(corporaDir, dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	if len(files) == 0 {
		t.Skip("../shared/corpora is not present")
	}
	version, err := tsharkVersion()
	if err != nil || !strings.HasPrefix(version, tsharkSeries) {
		t.Skipf("tshark 4.0 is not installed (%s): the %d captures of ../shared/corpora are not compared", version, len(files))
	}
	list := readKnown(t)
	var messages atomic.Int64
	t.Run("captures", func(t *testing.T) {
		for _, path := range files {
			name, err := filepath.Rel(corporaDir, path)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(filepath.Base(name), func(t *testing.T) {
				t.Parallel()
				said, err := theirs(path)
				if err != nil {
					t.Fatal(err)
				}
				messages.Add(int64(list.judge(t, filepath.ToSlash(name), said, ours(t, path))))
			})
		}
	})
	t.Logf("%d captures, %d messages seen alike", len(files), messages.Load())
}
