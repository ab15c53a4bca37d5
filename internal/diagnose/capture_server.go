package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
)

var serverCaptureRules = []captureRule{
	{id: "server.restart", check: captureRestart},
}

// A restart shows as several dialogs that a server denies within a short time although it had confirmed each of
// them; one or two are a call ended twice, a fork or a time-out.
const (
	restartDialogs = 3
	restartWithin  = 2 * time.Minute
)

// captureRestart: one peer answers 481 to requests in many dialogs of its own (RFC 3261 §12.2.2).
func captureRestart(l *peer.Ledger) []finding.Finding {
	var out []finding.Finding
	for server, list := range l.LostDialogs {
		if f, ok := restart(server, list); ok {
			out = append(out, f)
		}
	}
	return out
}

func restart(server netip.AddrPort, list []peer.Lost) (finding.Finding, bool) {
	for i := range list {
		lost := list[i:]
		n := 0
		for n < len(lost) && lost[n].Time.Sub(lost[0].Time) <= restartWithin {
			n++
		}
		lost = slices.CompactFunc(slices.Clone(lost[:n]), func(a, b peer.Lost) bool { return a.CallID == b.CallID })
		if len(lost) < restartDialogs {
			continue
		}
		f := about("server.restart", server.String(), 0.8, "%s answered 481 to requests in %d dialogs within %.0f s although it had confirmed every one of them: it has lost its calls, most likely by a restart or a failover to a peer that does not share them.",
			server, len(lost), lost[len(lost)-1].Time.Sub(lost[0].Time).Seconds())
		f.Actions = []string{
			fmt.Sprintf("Look when the process on %s was started, and why: crash, update, failover.", server),
			"If it is a cluster, share the state of dialogs between its members, or keep each dialog on the member that made it (Record-Route with the member's own address).",
		}
		for k := range lost {
			if k == maxEventsShown {
				break
			}
			f.Evidence = append(f.Evidence, finding.Evidence{Ref: lost[k].Ref, Msg: call.NoMsg, Note: "481 in a dialog confirmed before, Call-ID " + lost[k].CallID})
		}
		f.Suspect = &finding.Suspect{Address: server, Role: call.RoleUAS}
		return *f, true
	}
	return finding.Finding{}, false
}
