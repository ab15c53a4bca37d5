package diagnose

import (
	"fmt"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

var registerRules = []rule{
	{id: "register.failed", on: onRegistrations, check: registerFailed},
	{id: "register.expired", on: onRegistrations, always: true, check: registerExpired},
	{id: "register.too-many-contacts", on: onRegistrations, always: true, check: registerTooManyContacts},
}

// lapseSlack is how much later than the expiry a refresh may be captured without the user having been away.
const lapseSlack = 2 * time.Second

// about begins a finding about an address of record, for rules over the ledger.
func about(id finding.ID, aor string, confidence float64, format string, args ...any) *finding.Finding {
	d, ok := finding.Lookup(id)
	if !ok {
		panic("diagnose: no row in the table of findings for " + string(id))
	}
	return &finding.Finding{
		ID: id, Severity: d.Severity, Confidence: confidence, Weight: d.Weight, Acts: d.Acts, Refs: d.Refs,
		Subject: aor, Summary: fmt.Sprintf(format, args...),
	}
}

// seeBinding adds a registrar's answer as evidence.
func seeBinding(f *finding.Finding, b *peer.Binding, format string, args ...any) {
	f.Evidence = append(f.Evidence, finding.Evidence{Ref: b.Ref, Msg: call.NoMsg, Note: fmt.Sprintf(format, args...)})
}

// lapse is a time in which an address of record had no binding, although nobody had removed the last one.
type lapse struct {
	last  *peer.Binding // the one that ran out last
	since wire.Time
}

// lapsed says whether the last binding of a history had run out by at without being refreshed or removed.
// An unknown expiry never runs out.
func lapsed(list []peer.Binding, at wire.Time) (lapse, bool) {
	var out lapse
	for i := range list {
		b := &list[i]
		switch {
		case b.Time >= at || b.Code >= 300 || b.Code < 200:
		case b.Removed:
			if out.last != nil && (b.Contact == "" || b.Contact == out.last.Contact) {
				out = lapse{}
			}
		case b.Until == 0:
			return lapse{}, false
		case b.Until >= out.since:
			out = lapse{b, b.Until}
		case out.last != nil && b.Contact == out.last.Contact: // refreshed with a shorter expiry
			out = lapse{b, b.Until}
		}
	}
	return out, out.last != nil && at.Sub(out.since) > lapseSlack
}

// clock words a time for people.
func clock(t wire.Time) string { return t.Std().Format("15:04:05") }
