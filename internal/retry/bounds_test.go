package retry

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/wire"
	"sipcause/sip"
)

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		want Shape
		ms   []int
	}{
		{ShapeUnknown, nil},
		{ShapeUnknown, []int{1000, 2000}},
		{ShapeNone, []int{10, 900, 300}},
		{ShapeConstant, []int{30000, 30100, 32000, 30000}},
		{ShapeLinear, []int{5000, 10000, 15000, 20100}},
		{ShapeExponential, []int{2000, 4000, 8000, 16100}},
		{ShapeExponential, []int{2000, 4000, 8000, 16000, 30000, 30000, 30000}},
		{ShapeExponential, []int{3000, 9000, 27000}},
		{ShapeJittered, []int{15000, 28000, 20000, 25000}},
		{ShapeJittered, []int{2000, 3100, 7900, 9000, 30000}},
		{ShapeIrregular, []int{9000, 61000, 4000}},
		{ShapeIrregular, []int{5000, 90000, 2000, 40000}},
	} {
		var list []time.Duration
		for _, ms := range c.ms {
			list = append(list, time.Duration(ms)*time.Millisecond)
		}
		if got := shapeOf(list); got != c.want {
			t.Errorf("%v is %s, want %s", list, got, c.want)
		}
	}
}

const began = wire.Time(1_768_478_400e9)

// failedCall is a call refused with code, from a source of its own.
func failedCall(i, code int) *call.Call {
	at := began + wire.Time(i)*1e6
	l := &call.Leg{CallID: fmt.Sprint(i), Began: at, Sightings: []call.Sighting{{Time: at, Raw: []byte("INVITE sip:x SIP/2.0\r\n\r\n")}, {Time: at + 1, Status: uint16(code), Raw: []byte(fmt.Sprintf("SIP/2.0 %d x\r\n\r\n", code))}}}
	l.Txns = []call.Txn{{
		Method: sip.MethodInvite, Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060),
		Server: netip.MustParseAddrPort("198.51.100.1:5060"), Final: 1, Trying: call.None, Progress: call.None, Parent: call.None, Cancel: call.None,
	}}
	return &call.Call{ID: l.CallID, Legs: []*call.Leg{l}, Outcome: call.Failed, Code: code, From: fmt.Sprint("a", i), To: "b", Began: at, Ended: at + 1}
}

// TestFlood: callers, sources and ways that never end stay within the bounds, and are counted.
func TestFlood(t *testing.T) {
	var b Book
	for i := range 2 * maxRuns {
		b.Add(failedCall(i, 503), &finding.Verdict{})
	}
	if len(b.runs) != maxRuns || b.ways != maxWays || b.unlisted == 0 {
		t.Errorf("%d runs, %d ways, %d unlisted", len(b.runs), b.ways, b.unlisted)
	}
	r := b.Report()
	if len(b.sources) > maxSources || r.Unlisted < uint64(maxRuns-maxSources) {
		t.Errorf("%d sources, %d unlisted", len(b.sources), r.Unlisted)
	}
	// One caller without end: its tries are counted and not kept.
	var one Book
	for i := range 10 * maxTries {
		c := failedCall(i, 500)
		c.From, c.Legs[0].Txns[0].Client = "a", netip.MustParseAddrPort("192.0.2.10:5060")
		one.Add(c, &finding.Verdict{})
	}
	s := one.Report().Sources
	if len(s) != 1 || s[0].Most != 10*maxTries || len(s[0].Intervals) != maxTries-1 || s[0].Amplification() != 10*maxTries {
		t.Errorf("%+v", s)
	}
	// The runs of the past make room.
	late := failedCall(1<<23, 500)
	late.Legs[0].Sightings[0].Time, late.Legs[0].Sightings[1].Time = began+5*3600e9, began+5*3600e9
	b.Add(late, &finding.Verdict{})
	if len(b.runs) != 1 {
		t.Errorf("%d runs after hours", len(b.runs))
	}
}
