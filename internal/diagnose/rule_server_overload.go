package diagnose

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"sipcause/internal/wire"
)

// Signs of load, as the list of findings has them.
const (
	overloadRate     = 2.0  // the minute's requests against the median of the minutes before
	overloadShare    = 0.10 // of 503 among the minute's requests
	overloadRequests = 20   // that the share must be of
	overloadEarlier  = 3    // minutes that a median needs
	overloadLatency  = 2.0  // the minute's mean time to the final response against the minutes before
	overloadNeeds    = 2    // signs
)

var overloadWords = []string{"overload", "congest", "too busy", "server busy", "load limit", "capacity exceeded"}

// serverOverload: 503 (or 480, 500) with at least two signs of load (RFC 5390, RFC 7339).
func serverOverload(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || status != 503 && status != 500 && status != 480 {
		return nil
	}
	var signs []string
	if s, ok := x.retryAfter(); ok && status == 503 {
		signs = append(signs, fmt.Sprintf("Retry-After %d s", s))
	}
	if x.Says(overloadWords...) {
		signs = append(signs, "its words say so")
	}
	if m := x.Deciding(); m != nil {
		if v := m.TopVia(); bytes.Contains(v.Raw, []byte(";oc=")) && !bytes.Contains(v.Raw, []byte(";oc=0")) {
			signs = append(signs, "overload control in its Via (oc)")
		}
	}
	signs = append(signs, x.loadSigns(x.Txn(r).Server, x.Start(r))...)
	if len(signs) < overloadNeeds {
		return nil
	}
	t := x.Txn(r)
	return x.report("server.overload", min(0.95, 0.5+0.15*float64(len(signs))), "%s is overloaded and refuses calls with %d: %s.", x.originName(), status, strings.Join(signs, "; ")).
		do("Lower the rate towards %s now: spread calls over other routes, and let none retry at once.", t.Server).
		do("Find what grew: which source or prefix sent more in that minute, or what made %s slower.", t.Server).
		do("Let senders honour Retry-After or RFC 7339 overload control, so that retries do not feed the overload.").
		see(x.DecidingRef(), "%d made by %s", status, t.Server)
}

// loadSigns reads the server's history up to the minute of at.
func (x *Case) loadSigns(server netip.AddrPort, at wire.Time) (signs []string) {
	route := x.Ledger.Route(server)
	if route == nil {
		return nil
	}
	m, median, earlier := route.MinuteAt(at)
	if earlier >= overloadEarlier && median > 0 && float64(m.Requests) > overloadRate*median {
		signs = append(signs, fmt.Sprintf("%d requests in that minute against %.0f in the middle of the %d minutes before", m.Requests, median, earlier))
	}
	if m.Requests >= overloadRequests && float64(m.Codes503) >= overloadShare*float64(m.Requests) {
		signs = append(signs, fmt.Sprintf("%d of %d requests of that minute got 503", m.Codes503, m.Requests))
	}
	if before, ok := route.MeanBefore(at); ok && earlier >= overloadEarlier && m.Requests > 0 && m.FinalMS/float64(m.Requests) > overloadLatency*before {
		signs = append(signs, fmt.Sprintf("final responses took %.0f ms on average against %.0f before", m.FinalMS/float64(m.Requests), before))
	}
	return signs
}
