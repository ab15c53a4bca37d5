package diagnose

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
)

var tlsCaptureRules = func() (rules []captureRule) {
	for _, id := range tlsIDs {
		rules = append(rules, captureRule{id: id, check: func(l *peer.Ledger) []finding.Finding { return captureTLS(l, id) }})
	}
	return rules
}()

// captureTLS gathers by server what the same thing is wrong with in its TLS handshakes, among the events that the
// ledger still has. Of calls over such a connection nothing else is to be seen.
func captureTLS(l *peer.Ledger, id finding.ID) []finding.Finding {
	var events []call.Event
	for e := range l.AllEvents {
		if handshakeEvent(e) && usualPort(e.Flow.Dst.Port()) {
			events = append(events, *e)
		}
	}
	slices.SortStableFunc(events, func(a, b call.Event) int { return a.Ref.Compare(b.Ref) })
	type group struct {
		first, last handshake
		d           diagnosis
		n           int
	}
	var groups []group
	all := handshakes(events)
	for _, h := range all {
		d, ok := h.diagnose()
		if !ok || d.id != id {
			continue
		}
		k := slices.IndexFunc(groups, func(g group) bool { return g.first.flow.Dst == h.flow.Dst && g.d.worked == d.worked })
		if k < 0 {
			k = len(groups)
			groups = append(groups, group{first: h, d: d})
		}
		groups[k].last = h
		groups[k].n++
	}
	var out []finding.Finding
	for i := range groups {
		g := &groups[i]
		var f *finding.Finding
		if g.d.worked {
			f = about(id, g.first.flow.Dst.String(), g.d.confidence, "TLS with %s: %s. The client at %s did not mind; others will.", g.first.flow.Dst, g.d.words, g.first.flow.Src.Addr())
			f.Severity = finding.Warning
		} else {
			f = about(id, g.first.flow.Dst.String(), g.d.confidence, "TLS from %s to %s failed at %s: %s. No SIP was exchanged.", g.first.flow.Src.Addr(), g.first.flow.Dst, clock(g.first.time()), g.d.words)
		}
		if g.n > 1 {
			f.Summary += " It happened " + itoa(g.n) + " times, last at " + clock(g.last.time()) + "."
		}
		if !g.d.worked && g.last.overcome(all) {
			f.Summary += " A later connection got through."
			f.Severity = finding.Warning
		}
		f.Actions = []string{g.d.fix}
		f.Suspect = &finding.Suspect{Address: g.d.suspect, Role: call.RoleUnknown}
		f.Evidence = g.first.evidence()
		if g.n > 1 {
			f.Evidence = append(f.Evidence, g.last.evidence()...)
		}
		out = append(out, *f)
	}
	return out
}
