package pipeline

import (
	"strings"
	"sync/atomic"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// TestPanicCostsOneVerdict: a panic in diagnosis is a gap and an empty verdict, time after time.
func TestPanicCostsOneVerdict(t *testing.T) {
	var j judge
	var stop atomic.Pointer[error]
	j.init(nil, &stop)
	leg := &call.Leg{Sightings: []call.Sighting{{Ref: wire.PacketRef{Number: 7}}}}
	impossible := &call.Call{ID: "x", Kind: 99, Legs: []*call.Leg{leg}, Final: call.NoMsg, Began: 5}
	for range 2 {
		if v := j.verdict(impossible); v == nil || v.Root != nil || v.Call != "x" {
			t.Errorf("verdict %+v", v)
		}
	}
	if len(j.panics.kept) != 2 {
		t.Fatalf("gaps %+v", j.panics.kept)
	}
	if g := j.panics.kept[0]; g.Kind != wire.GapPanic || g.Ref.Number != 7 || !strings.Contains(g.Where, "frame 7") {
		t.Errorf("gap %+v", g)
	}
}
