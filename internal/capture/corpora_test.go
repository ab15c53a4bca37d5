package capture

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"sipcause/internal/wire"
)

// TestCorpora reads the shared captures when they are there and holds the number of packets to what tshark
// counted.
func TestCorpora(t *testing.T) {
	const dir = "../../../shared/corpora"
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Skip("captures of ../shared/corpora are absent")
	}
	var index struct {
		Entries []struct {
			File    string
			Packets *int
		}
	}
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	files, packets, gaps := 0, 0, map[wire.GapKind]int{}
	for _, e := range index.Entries {
		if e.Packets == nil || *e.Packets == 0 {
			continue
		}
		g, s := readAll(t, filepath.Join(dir, e.File))
		files++
		packets += len(g.packets)
		if len(g.packets) != *e.Packets {
			t.Errorf("%s: %d packets, want %d; gaps %+v", e.File, len(g.packets), *e.Packets, g.gaps)
		}
		if s.Read() != s.Size() {
			t.Errorf("%s: read %d of %d bytes", e.File, s.Read(), s.Size())
		}
		for _, x := range g.gaps {
			gaps[x.Kind]++
		}
	}
	t.Logf("%d files, %d packets, gaps %v", files, packets, gaps)
	if files == 0 {
		t.Error("no capture in the index")
	}
}
