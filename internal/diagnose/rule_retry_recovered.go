package diagnose

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

// retryRecovered: what was asked for was granted after attempts that had failed, by retry, failover, redirect, or
// other credentials after refused ones. Branches tried beside each other, and the first challenge, are no failures.
func retryRecovered(x *Case) *report {
	if x.Outcome != call.Answered {
		return nil
	}
	if len(x.Attempts) > 1 {
		if rep := x.recoveredByAttempt(); rep != nil {
			return rep
		}
	}
	if x.Challenge > 1 {
		if rep := x.recoveredByCredentials(); rep != nil {
			return rep
		}
	}
	if rep := x.recoveredByTransport(); rep != nil {
		return rep
	}
	if x.Kind == call.KindCall {
		return x.recoveredByCall()
	}
	return nil
}

// fallbackWithin is how soon after a refused connection a request over another transport is its second try.
const fallbackWithin = time.Second

// recoveredByTransport: the connection to a server was refused or not answered, and the request went there over
// another transport, where it was granted.
func (x *Case) recoveredByTransport() *report {
	if !x.Ledger.HasEvents() {
		return nil
	}
	for r, t := range x.Txns() {
		if t.InDialog || t.Request == call.None || x.Status(r)/100 != 2 || t.Transport != wire.UDP {
			continue
		}
		at := x.Start(r)
		for _, e := range x.Ledger.Events(t.Server.Addr(), at-2*wire.Time(call.TimerB), at) {
			if e.Kind != wire.EventTCPRefused && e.Kind != wire.EventSYNTimeout || e.Flow.Dst.Addr() != t.Server.Addr() || e.Flow.Src.Addr() != t.Client.Addr() {
				continue
			}
			if last := max(e.Time, e.Until); last > at || at.Sub(last) > fallbackWithin {
				continue
			}
			return x.report("retry.recovered", 0.7, "%s tried TCP to %s first (%s) and then sent the %s over UDP, which was accepted: that cost %s.", t.Client.Addr(), e.Flow.Dst, unreachableWords(&e), x.methodOf(r), shortTime(Seconds(e.Time, at))).
				severity(finding.Warning).
				do("Let %s use UDP for this peer at once (transport= of the route, NAPTR and SRV records), or open TCP at %s: large requests need it (RFC 3261 §18.1.1).", t.Client.Addr(), e.Flow.Dst).
				seeEvent(&e, "TCP first").
				see(x.RequestRef(r), "then UDP").
				see(x.FinalRef(r), "accepted")
		}
	}
	return nil
}

// recoveredByAttempt finds the last attempt that succeeded after others of the same element had failed.
func (x *Case) recoveredByAttempt() *report {
	for w := len(x.Attempts) - 1; w > 0; w-- {
		won := &x.Attempts[w]
		if won.Code < 200 || won.Code > 299 {
			continue
		}
		first, n := 0, 0
		for f := w - 1; f >= 0; f-- {
			a := &x.Attempts[f]
			if a.Hop != won.Hop || x.Txn(refOf(a)).Client.Addr() != x.Txn(refOf(won)).Client.Addr() {
				continue
			}
			if a.Code >= 200 && a.Code < 300 {
				break // what lies before it is another story: a registration's earlier refresh
			}
			if x.failedBefore(a, won) {
				first, n = f, n+1
			}
		}
		if n > 0 {
			return x.recovered(first, w, n)
		}
	}
	return nil
}

// failedBefore says whether a had failed, not merely been given up or refreshed, when won was sent.
func (x *Case) failedBefore(a, won *call.Attempt) bool {
	t := x.Txn(refOf(a))
	if a.Code == 487 || t.Cancel != call.None || a.Code == 0 && !x.unanswered(refOf(a)) {
		return false
	}
	return x.before(a, won)
}

// plainCodes are refusals that belong to how calls work: a redirect or forward, a demand of the server that the
// client met, a busy or absent callee whose calls go on elsewhere.
func plainCode(code int) bool {
	switch code {
	case 412, 422, 423, 480, 484, 486, 491, 600, 603:
		return true
	}
	return code >= 300 && code < 400
}

func (x *Case) recovered(first, w, n int) *report {
	won := &x.Attempts[w]
	lost := float64(won.At-x.Attempts[first].At) / 1e6
	var words []string
	severity, confidence := finding.Info, 1.0
	for f := first; f < w; f++ {
		a := &x.Attempts[f]
		if a.Hop != won.Hop || x.Txn(refOf(a)).Client.Addr() != x.Txn(refOf(won)).Client.Addr() || !x.failedBefore(a, won) {
			continue
		}
		if !plainCode(a.Code) {
			severity = finding.Warning
		}
		if a.Code == 0 {
			confidence = min(confidence, x.Absent(0.9, refOf(a), won.At))
			if x.missed(refOf(a)) {
				confidence = min(confidence, guess)
			}
		}
		words = append(words, a.Target.String()+": "+x.attemptWords(a))
	}
	shown := words
	if len(shown) > maxAttemptsShown {
		shown = append(shown[:maxAttemptsShown:maxAttemptsShown], "…")
	}
	rep := x.report("retry.recovered", confidence, "%s got its %s from %s after %d failed attempt(s), which cost %.0f ms: %s.", x.Txn(refOf(won)).Client, okWords(x.Kind), won.Target, n, lost, strings.Join(shown, "; ")).
		severity(severity)
	if severity == finding.Info {
		rep.do("Nothing is broken; if the detour is not wanted, configure the target or the value that worked at once.")
	} else {
		rep.do("Cure the target that failed first: while it stays the preferred one, every request pays %.0f ms.", lost).
			do("Shorten what a failure costs: lower the timer before the next target is tried, or take dead targets out by OPTIONS.")
	}
	for f, shown := first, 0; f < w && shown < maxAttemptsShown; f++ {
		a := &x.Attempts[f]
		if a.Hop != won.Hop || !x.failedBefore(a, won) {
			continue
		}
		shown++
		if m := x.FinalRef(refOf(a)); m.Valid() {
			rep.see(m, "%s: %d", a.Target, a.Code)
		} else {
			rep.see(x.RequestRef(refOf(a)), "%s: no response", a.Target)
		}
	}
	return rep.see(x.FinalRef(refOf(won)), "%d from %s", won.Code, won.Target)
}

func okWords(k call.Kind) string {
	if k == call.KindCall {
		return "call answered"
	}
	return "2xx"
}

// recoveredByCredentials: credentials of one user name were refused, those of another accepted.
func (x *Case) recoveredByCredentials() *report {
	l := x.Lead()
	again := false
	for i := range l.Txns {
		t := &l.Txns[i]
		if t.HasAuth && t.Parent == call.None && challenged(l.FinalStatus(t)) {
			again = true
			break
		}
	}
	if !again {
		return nil
	}
	d := x.digest()
	for w := len(d.steps) - 1; w > 0; w-- {
		won := &d.steps[w]
		if won.code < 200 || won.code > 299 || len(won.sent) == 0 {
			continue
		}
		for f := w - 1; f >= 0 && (d.steps[f].code < 200 || d.steps[f].code > 299); f-- {
			e := &d.steps[f]
			if !challenged(e.code) || len(e.sent) == 0 || !bytes.Equal(e.sent[0].Realm, won.sent[0].Realm) || bytes.Equal(e.sent[0].Username, won.sent[0].Username) {
				continue
			}
			lost := float64(x.Start(won.ref)-x.Start(e.ref)) / 1e6
			return x.report("retry.recovered", 1, "%s refused the credentials of %q and took those of %q, %.0f ms later.", won.maker, call.Clean(e.sent[0].Username), call.Clean(won.sent[0].Username), lost).
				do("Remove or correct the account %q at %s, so that the one that works is used at once.", call.Clean(e.sent[0].Username), x.Txn(e.ref).Client).
				see(x.RequestRef(e.ref), "credentials of %s", call.Clean(e.sent[0].Username)).
				see(x.FinalRef(e.ref), "%d: refused", e.code).
				see(x.FinalRef(won.ref), "%d: those of %s were accepted", won.code, call.Clean(won.sent[0].Username))
		}
	}
	return nil
}

// recoveredByCall: the same caller's call to the same callee had just failed under another Call-ID, in a way that
// another try may cure, and a machine tried again at once.
func (x *Case) recoveredByCall() *report {
	list := x.Ledger.Attempts(x.From, x.To, x.Began)
	n := 0
	next := x.Began
	for i := len(list) - 1; i >= 0; i-- {
		a := &list[i]
		if a.CallID == x.ID || a.Ended > next || next.Sub(a.Ended) >= machineWait || !routeCode(a.Code) || x.tooSoon(a, next) {
			break
		}
		next = a.Time
		n++
	}
	if n == 0 {
		return nil
	}
	var words []string
	for _, a := range list[len(list)-n:] {
		words = append(words, fmt.Sprintf("%s: %d (Call-ID %s)", a.Server, a.Code, a.CallID))
	}
	if len(words) > maxAttemptsShown {
		words = append(words[:maxAttemptsShown], "…")
	}
	lost := float64(x.Began-next) / 1e6
	rep := x.report("retry.recovered", 0.85, "The same call had failed %d time(s) under other Call-IDs in the %.0f ms before this one was answered: %s.", n, lost, strings.Join(words, "; ")).
		do("Cure what failed first: each call pays %.0f ms for it.", lost)
	for i := max(len(list)-n, len(list)-maxAttemptsShown); i < len(list); i++ {
		rep.seeRef(list[i].Ref, "%s: %d", list[i].Server, list[i].Code)
	}
	return rep.see(x.Final, "%d: answered", x.Code)
}

// tooSoon says whether an attempt without a final response was left so soon for the next one that silence cannot be why,
// and nothing on the wire said so: its response is missing, or it is no attempt of its own.
func (x *Case) tooSoon(a *peer.Attempt, next wire.Time) bool {
	return a.Code == 0 && next.Sub(a.Time) < serialGap && len(x.Ledger.Events(a.Server.Addr(), a.Time, next)) == 0
}
