//go:build !race

// The race detector makes a sync.Pool forget at random, so that nothing can be counted.

package correlate_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sipcause/internal/correlate"
	"sipcause/internal/wire"
)

// TestShardAllocates: in the long run a call costs two allocations, the strings of its Call-ID and of its parties;
// its messages none.
func TestShardAllocates(t *testing.T) {
	caller, callee := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("198.51.100.1:5060")
	const headers = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%s\r\nFrom: \"A\" <sip:alice@example.com>;tag=a1\r\n" +
		"To: <sip:bob@example.net>%s\r\nCall-ID: call-000000@192.0.2.1\r\nCSeq: %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
	var list []wire.Payload
	for _, m := range []struct {
		start, branch, tag, cseq string
		src, dst                 netip.AddrPort
	}{
		{"INVITE sip:bob@example.net SIP/2.0", "1", "", "1 INVITE", caller, callee},
		{"SIP/2.0 100 Trying", "1", "", "1 INVITE", callee, caller},
		{"SIP/2.0 180 Ringing", "1", ";tag=b1", "1 INVITE", callee, caller},
		{"SIP/2.0 200 OK", "1", ";tag=b1", "1 INVITE", callee, caller},
		{"SIP/2.0 200 OK", "1", ";tag=b1", "1 INVITE", callee, caller}, // once more
		{"ACK sip:bob@example.net SIP/2.0", "2", ";tag=b1", "1 ACK", caller, callee},
		{"BYE sip:bob@example.net SIP/2.0", "3", ";tag=b1", "2 BYE", caller, callee},
		{"SIP/2.0 200 OK", "3", ";tag=b1", "2 BYE", callee, caller},
	} {
		list = append(list, wire.Payload{
			Flow: wire.Flow{Transport: wire.UDP, Src: m.src, Dst: m.dst},
			Data: []byte(m.start + "\r\n" + fmt.Sprintf(headers, m.branch, m.tag, m.cseq)),
		})
	}
	s := correlate.NewShard(0, correlate.Options{NoRecover: true})
	now, calls, closed := wire.Time(1e18), 0, 0
	var out correlate.Output
	var spent correlate.Spent
	var items []correlate.Item
	round := func() {
		calls++
		for i := range list {
			p := &list[i]
			at := bytes.Index(p.Data, []byte("call-")) + len("call-")
			for k, n := 5, calls; k >= 0; k, n = k-1, n/10 {
				p.Data[at+k] = byte('0' + n%10)
			}
			now = now.Add(20 * time.Millisecond)
			p.Time, p.Ref.Number = now, p.Ref.Number+uint64(len(list))
		}
		items = items[:0]
		for i := range list {
			items = append(items, correlate.Item{Key: correlate.KeyOf(&list[i]), At: i})
		}
		s.Messages(list, items)
		s.Advance(now)
		out = s.Take(out)
		closed += len(out.Closed)
		for _, l := range out.Closed {
			spent.Add(l)
		}
		spent.Release()
	}
	for range 1000 { // until all that is kept has been made
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n > 2 {
		t.Errorf("%v allocations per call of %d messages, want 2", n, len(list))
	}
	if closed < 1000 {
		t.Errorf("only %d calls came out", closed)
	}
}
