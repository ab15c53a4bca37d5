package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExpansion shows what the lines of each flow become, byte for byte.
func TestExpansion(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no flows in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			flows, err := ParseFlows(text)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, f := range flows {
				fmt.Fprintf(&b, "===== flow %s\n", f.Name)
				for _, i := range f.Items {
					write(&b, i)
				}
			}
			Golden(t, strings.TrimSuffix(filepath.Base(file), ".txtar")+".txt", []byte(strings.ReplaceAll(b.String(), "\r\n", "\n")))
		})
	}
}

func write(b *strings.Builder, i Item) {
	switch {
	case i.Payload != nil:
		p := i.Payload
		fmt.Fprintf(b, "----- %v frame %d %s %s > %s id %d fragments %d truncated %v\n%s\n",
			time.Duration(p.Time-base), p.Ref.Number, p.Flow.Transport, p.Flow.Src, p.Flow.Dst, p.IPID, p.Fragments, p.Truncated, p.Data)
	case i.Event != nil:
		e := i.Event
		fmt.Fprintf(b, "----- %v frame %d %s %q %s > %s from %s\n", time.Duration(e.Time-base), e.Ref.Number, e.Kind, e.Detail, e.Flow.Src, e.Flow.Dst, e.From)
	case i.Gap != nil:
		fmt.Fprintf(b, "----- gap %s %v to %v lost %d\n", i.Gap.Kind, time.Duration(i.Gap.From-base), time.Duration(i.Gap.Until-base), i.Gap.Lost)
	case i.Media != nil:
		m := i.Media
		fmt.Fprintf(b, "----- %v frame %d rtp %d seq %d %s > %s\n", time.Duration(m.Time-base), m.Ref.Number, m.PT, m.Seq, m.Flow.Src, m.Flow.Dst)
	}
}
