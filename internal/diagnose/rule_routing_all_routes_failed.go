package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// serialGap is how much later than a silent target the next one must have been tried to have been tried instead
// of it, and not beside it: T1 (RFC 3261 §17.1.1.1).
const serialGap = 500 * time.Millisecond

// routingAllRoutesFailed: an element tried two or more targets one after another, and each failed. It is silent
// where no target failed as a route, but all said no to the request or the call itself.
func routingAllRoutesFailed(x *Case) *report {
	if len(x.Attempts) < 2 {
		return nil
	}
	if try, ok := x.LastTry(); !ok || x.Txn(try).Cancel != call.None {
		return nil // the caller gave up: nobody knows what the next target would have said
	}
	for i := range x.Attempts {
		if routes := x.routesFrom(i); len(routes) > 1 {
			return x.allRoutesFailed(routes)
		}
	}
	return nil
}

// routesFrom returns the targets that the client of attempt i tried, one after another, each with its last
// attempt; none when one of them led to the callee, or none failed as a route.
func (x *Case) routesFrom(i int) []call.Attempt {
	from := x.Txn(refOf(&x.Attempts[i])).Client.Addr()
	var out []call.Attempt
	broken, serial := false, false
	for k := range x.Attempts {
		a := &x.Attempts[k]
		t := x.Txn(refOf(a))
		if a.Hop != x.Attempts[i].Hop || t.Client.Addr() != from {
			continue
		}
		if a.Code >= 300 && a.Code < 400 {
			continue // it named another target, which is in the list if it was tried
		}
		if _, _, rang := x.alerted(refOf(a)); rang || a.Code >= 200 && a.Code < 300 || a.Code == 486 || a.Code >= 600 || x.saysCallee(refOf(a)) {
			return nil // this route led to the callee
		}
		broken = broken || routeCode(a.Code)
		for j := range out {
			serial = serial || out[j].Target != a.Target && x.before(&out[j], a)
		}
		out = slices.DeleteFunc(out, func(o call.Attempt) bool { return o.Target == a.Target })
		out = append(out, *a)
	}
	if !broken || !serial {
		return nil
	}
	return out
}

// saysCallee says whether the final response of r names a cause of the callee's own: from user busy to call rejected
// (Q.850, causes 17 to 21).
func (x *Case) saysCallee(r call.TxnRef) bool {
	t := x.Txn(r)
	if t.Final == call.None {
		return false
	}
	m := x.Msg(call.MsgRef{Leg: r.Leg, Msg: t.Final})
	if m == nil {
		return false
	}
	for v := range m.Reasons() {
		if v.Q850() && v.Cause >= 17 && v.Cause <= 21 {
			return true
		}
	}
	return false
}

func refOf(a *call.Attempt) call.TxnRef { return call.TxnRef{Leg: a.Leg, Txn: a.Txn} }

// before says whether b was tried after a had failed, or instead of it.
func (x *Case) before(a, b *call.Attempt) bool {
	if a.Code != 0 && a.At+wire.Time(a.FinalMS*1e6) <= b.At {
		return true
	}
	return a.Code == 0 && x.Txn(refOf(a)).Progress == call.None && (b.At.Sub(a.At) >= serialGap || x.toldUnreachable(refOf(a), b.At))
}

// toldUnreachable says whether the network had said by then that the request of r cannot be delivered.
func (x *Case) toldUnreachable(r call.TxnRef, by wire.Time) bool {
	if !x.Ledger.HasEvents() {
		return false
	}
	t := x.Txn(r)
	for _, e := range x.Ledger.Events(t.Server.Addr(), x.Start(r), by) {
		switch e.Kind {
		case wire.EventICMP, wire.EventTCPRefused, wire.EventTCPReset:
			if e.Flow.Dst == t.Server && e.Flow.Src.Addr() == t.Client.Addr() && e.Concerns(x.Legs[r.Leg]) {
				return true
			}
		}
	}
	return false
}

// routeCode says whether a final code (0: none) is about the way or the server rather than about the request or
// the callee, so that another target may do better.
func routeCode(code int) bool {
	switch code {
	case 0, 408, 430, 477, 478:
		return true
	case 501, 505, 513, 555, 580:
		return false
	}
	return code >= 500 && code < 600
}

func (x *Case) allRoutesFailed(routes []call.Attempt) *report {
	at := x.Txn(refOf(&routes[0])).Client
	var words []string
	confidence := 0.95
	for i := range routes {
		a := &routes[i]
		words = append(words, a.Target.String()+": "+x.attemptWords(a))
		if a.Code == 0 {
			confidence = min(confidence, x.Absent(0.95, refOf(a), x.Ended))
		}
	}
	rep := x.report("routing.all-routes-failed", confidence, "%s tried %d targets, and each failed. %s.", at, len(routes), strings.Join(words, "; "))
	same := true
	for i := range routes {
		same = same && routes[i].Code == routes[0].Code
	}
	if same {
		rep.do("All failed alike: look first for what they share (the number, the account, the network behind them, the link from %s).", at.Addr())
	} else {
		rep.do("They failed in different ways: take them one by one, the first in the list first, since it is the preferred route.")
	}
	for i := range routes {
		a := &routes[i]
		if i < maxAttemptsShown {
			rep.do("%s: %s", a.Target, attemptCheck(a.Code))
		}
		if f := x.FinalRef(refOf(a)); f.Valid() {
			rep.see(f, "%s: %s", a.Target, x.attemptWords(a))
		} else {
			rep.see(x.RequestRef(refOf(a)), "%s: %s", a.Target, x.attemptWords(a))
		}
	}
	return rep.suspect(routes[0].Target, call.RoleUnknown).
		tell("The call could not be put through on any of the available lines. Please try again later.")
}

// maxAttemptsShown bounds how many targets are worded one by one.
const maxAttemptsShown = 6

// attemptWords says how one attempt ended and why, as far as its own messages tell.
func (x *Case) attemptWords(a *call.Attempt) string {
	r := refOf(a)
	if a.Code == 0 {
		for _, e := range x.Events(r) {
			if e.Kind == wire.EventICMP || e.Kind == wire.EventTCPRefused || e.Kind == wire.EventTCPReset || e.Kind == wire.EventSYNTimeout {
				return unreachableWords(&e)
			}
		}
		if x.unanswered(r) {
			return fmt.Sprintf("no response (sent %d times)", x.Txn(r).Resent+1)
		}
		return "no final response"
	}
	if c := x.Txn(r).Cancel; a.Code == 487 && c != call.None {
		return fmt.Sprintf("given up with CANCEL after %s", shortTime(Seconds(x.Start(r), x.Legs[r.Leg].Start(&x.Legs[r.Leg].Txns[c]))))
	}
	out := fmt.Sprintf("%d", a.Code)
	if m := x.Msg(x.FinalRef(r)); m != nil {
		if p := call.Clean(m.ReasonPhrase()); p != "" {
			out += " " + p
		}
		for v := range m.Reasons() {
			if v.Q850() {
				out += fmt.Sprintf(" (cause %d, %s)", v.Cause, causeName(v.Cause))
				break
			}
		}
	}
	return out + fmt.Sprintf(" after %.0f ms", a.FinalMS)
}

// attemptCheck is the first thing to look at for a target that failed so.
func attemptCheck(code int) string {
	switch {
	case code == 0:
		return "is it up, and does the request arrive there?"
	case code == 487:
		return "why had it not answered by then?"
	case code == 408 || code == 504:
		return "which element behind it was silent?"
	case code == 503:
		return "is it in maintenance, full, or overloaded?"
	case code == 477 || code == 478 || code == 430:
		return "can the address, name or connection that it stands for be reached?"
	case code >= 500:
		return "read its log for that second."
	}
	return fmt.Sprintf("what does its %d say of the request?", code)
}
