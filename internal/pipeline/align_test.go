package pipeline

import (
	"fmt"
	"net/netip"
	"testing"

	"sipcause/internal/wire"
)

// TestHeadFlood holds that what is remembered of one file for its clock has bounds, and that of two files it is the
// same transactions.
func TestHeadFlood(t *testing.T) {
	flow := wire.Flow{Transport: wire.UDP, Src: netip.MustParseAddrPort("192.0.2.1:5060"), Dst: netip.MustParseAddrPort("192.0.2.2:5060")}
	fill := func(from, to int) *head {
		h := &head{most: minLaneMarks, below: ^uint64(0)}
		for i := from; i < to; i++ {
			msg := fmt.Sprintf("INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\r\nCall-ID: %d\r\nX-Call-ID: x%d\r\nCSeq: 1 INVITE\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nContent-Length: 0\r\n\r\n", i, i, i)
			h.Payload(&wire.Payload{Time: wire.Time(i + 1), Flow: flow, Data: []byte(msg)})
		}
		return h
	}
	a, b := fill(0, 20000), fill(1000, 21000)
	if n := len(a.marks); n > minLaneMarks || n < minLaneMarks/4 {
		t.Errorf("%d marks kept, the bound is %d", n, minLaneMarks)
	}
	if n := len(a.aliases); n > maxAliases {
		t.Errorf("%d Call-IDs remembered, the bound is %d", n, maxAliases)
	}
	ids := map[uint64]bool{}
	for _, m := range a.marks {
		ids[m.ID] = true
	}
	common := 0
	for _, m := range b.marks {
		if ids[m.ID] {
			common++
		}
	}
	if common < minLaneMarks/5 {
		t.Errorf("only %d marks in common", common)
	}
}
