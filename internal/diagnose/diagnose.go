// Package diagnose says why: it asks the table of rules about one call and orders what they find. Its one
// rule: a verdict is a pure function of the call and of the ledger as of the call's time.
package diagnose

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/passport"
	"sipcause/internal/peer"
	"sipcause/sip"
)

// Judge diagnoses calls one after another; it keeps buffers between them and is for one goroutine.
type Judge struct {
	// Secrets are passwords with which digest responses are recomputed; nil: none.
	Secrets *digest.Secrets
	// Certs are certificates with which signatures of calls are checked; nil: none.
	Certs *passport.Store

	x      Case
	v      finding.Verdict
	byCode [3][2]map[int][]*rule // as asked, and by code: the rules to ask when no other code is involved
}

// Diagnose returns the verdict on c. l must know everything up to c.Ended at least; what it knows of later
// times is not used. The verdict is valid until the next call.
func (j *Judge) Diagnose(c *call.Call, l *peer.Ledger) *finding.Verdict {
	x := &j.x
	x.begin(c, l)
	x.secrets, x.certs = j.Secrets, j.Certs
	v := &j.v
	clear(v.Findings)
	*v = finding.Verdict{Call: c.ID, Final: true, Findings: v.Findings[:0], Digests: x.recomputed(v.Digests[:0])}
	for _, r := range j.asked() {
		if c.Began.Ordinal() && r.paced() {
			continue
		}
		if f := r.check(x); f != nil {
			v.Findings = append(v.Findings, f.finding())
		}
	}
	x.conclude(v)
	return v
}

// conclude orders the findings, names the root cause of what failed, and where to look first.
func (x *Case) conclude(v *finding.Verdict) {
	failed := x.Failed()
	for i := range v.Findings {
		if f := &v.Findings[i]; f.Confidence < finding.Plausible && !(failed && x.Code == 0) {
			f.Severity = finding.Info // a guess alarms nobody, and is no root cause where the code says more
		}
	}
	if failed && !slices.ContainsFunc(v.Findings, x.explains) {
		v.Findings = append(v.Findings, x.generic().finding())
	}
	slices.SortStableFunc(v.Findings, func(a, b finding.Finding) int {
		switch {
		case finding.Less(&a, &b):
			return -1
		case finding.Less(&b, &a):
			return 1
		}
		return 0
	})
	if len(v.Findings) == 0 || !failed && !x.undecided(&v.Findings[0]) {
		return
	}
	v.Root = &v.Findings[0]
	if x.pinged() {
		for i := range v.Findings {
			v.Findings[i].Severity = finding.Info
		}
	}
	if x.openEnded() {
		soften(v.Findings)
	}
	switch {
	case v.Root.Suspect != nil:
		v.Suspect = v.Root.Suspect
	case x.Origin != nil:
		x.accused = finding.Suspect{Address: x.Origin.Address, Role: x.Origin.Role}
		v.Suspect = &x.accused
	}
	if v.Root.UserMessage == "" {
		v.Root.UserMessage = x.userMessage()
	}
}

// undecided says whether f is the root cause of what the capture does not show the end of: a paste of a few
// messages may prove the fault without it.
func (x *Case) undecided(f *finding.Finding) bool {
	return (x.Outcome == call.Unknown || x.Outcome == call.Ongoing) && f.Severity >= finding.Error && f.Confidence >= finding.Plausible && finding.CanBeRoot(f)
}

// pinged says whether what was refused is an OPTIONS outside a call, by a server that is there and says only that it
// would not take a call so: to the many that use OPTIONS as a keepalive any such answer is as good as a 200
// (RFC 3261 §11). Silence, 408, 403 and 5xx are none.
func (x *Case) pinged() bool {
	if x.Kind == call.KindCall {
		return false
	}
	r, ok := x.DecidingTxn()
	if !ok || x.Txn(r).Method != sip.MethodOptions {
		return false
	}
	switch x.Code {
	case 401, 404, 405, 407, 501:
		return true
	case 483: // some send their keepalives so that none goes further than the next hop
		m := x.Request(x.top(r))
		if m == nil {
			return false
		}
		left, given := m.MaxForwards()
		return given && left == 0
	}
	return false
}

// explains says whether f is enough of a root cause: where there is a code, a mere guess is no better than
// the code and what would settle it.
func (x *Case) explains(f finding.Finding) bool {
	return finding.CanBeRoot(&f) && (x.Code == 0 || f.Confidence >= finding.Plausible)
}
