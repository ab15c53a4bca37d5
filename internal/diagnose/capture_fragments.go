package diagnose

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

var fragmentCaptureRules = []captureRule{{id: "transport.fragment-lost", check: captureFragments}}

// lostDatagrams is how many datagrams from one socket to another must have come in part only. A capture filter with a
// port loses every fragment but the first as well; then the answers are seen.
const lostDatagrams = 3

// captureFragments: what goes to a SIP port comes in part only, again and again, and nothing ever comes back. No message
// of it can be read, so there is no call to say it of.
func captureFragments(l *peer.Ledger) []finding.Finding {
	var events []call.Event
	for e := range l.AllEvents {
		if e.Kind == wire.EventFragLost && usualPort(e.Flow.Dst.Port()) {
			events = append(events, *e)
		}
	}
	slices.SortStableFunc(events, func(a, b call.Event) int { return a.Ref.Compare(b.Ref) })
	var out []finding.Finding
	for len(events) > 0 {
		first, last, n := events[0], events[0], 0
		rest := events[:0]
		for _, e := range events {
			if e.Flow.Src != first.Flow.Src || e.Flow.Dst != first.Flow.Dst {
				rest = append(rest, e)
				continue
			}
			last = e
			n++
		}
		events = rest
		src, dst := first.Flow.Src, first.Flow.Dst
		if _, seen := l.LastSeen(dst, l.End+1); seen || n < lostDatagrams {
			continue
		}
		f := about("transport.fragment-lost", dst.String(), 0.8, "%d datagrams from %s to %s came in part only: fragments of each are missing, and nothing ever came back. No message of them can be read.", n, src, dst)
		f.Actions = []string{
			"Capture on both ends of this hop with 'ip[6:2] & 0x3fff != 0': the end where fragments are missing has the device that drops them before it (firewall, NAT, VPN). A capture filter with a port takes the first fragment only: leave it away.",
			"Send over TCP or TLS, or make the messages smaller: fewer codecs and candidates, compact headers, no unused headers.",
		}
		f.Evidence = []finding.Evidence{packet(first.Ref, "the first in part"), packet(last.Ref, "the last of %d", n)}
		f.Suspect = &finding.Suspect{Address: dst, Role: call.RoleUnknown}
		out = append(out, *f)
	}
	return out
}
