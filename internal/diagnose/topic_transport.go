package diagnose

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// transportRules are transport.*: the packet did not get through.
var transportRules = []rule{
	{id: "transport.no-response", on: onAll, check: transportNoResponse},
	{id: "transport.unreachable", on: onAll, check: transportUnreachable},
	{id: "transport.connect-timeout", on: onAll, check: transportConnectTimeout},
	{id: "transport.connection-lost", on: onAll, check: transportConnectionLost},
	{id: "transport.send-failed", on: onAll, check: transportSendFailed},
	{id: "transport.fragment-lost", on: onAll, check: transportFragmentLost},
	{id: "transport.truncated", on: onAll, check: transportTruncated},
	{id: "transport.response-misrouted", on: onAll, check: transportResponseMisrouted},
}

// deadEnds returns the transactions on which the failure hangs: the originator's last try when it has no
// final response, else the branches below the deciding transaction that had none when it answered. A branch
// that was answered by a challenge or a failure of its own is no dead end.
func (x *Case) deadEnds() []call.TxnRef {
	try, ok := x.LastTry()
	if !ok {
		return nil
	}
	if x.Txn(try).Final == call.None {
		return x.silentBelow(try, x.Ended, nil)
	}
	d, ok := x.DecidingTxn()
	if !ok || x.Sighting(x.DecidingRef()).Status < 300 {
		return nil
	}
	var out []call.TxnRef
	for _, k := range x.Downstream(d) {
		out = x.silentBelow(k, x.FinalTime(d), out)
	}
	return out
}

// silentBelow appends the most downstream transactions at or below r that had no final response at the time.
func (x *Case) silentBelow(r call.TxnRef, at wire.Time, out []call.TxnRef) []call.TxnRef {
	if f := x.FinalTime(r); f != 0 && f <= at || x.Start(r) > at || len(out) >= maxDeadEnds {
		return out
	}
	n := len(out)
	for _, k := range x.Downstream(r) {
		out = x.silentBelow(k, at, out)
	}
	if len(out) == n {
		out = append(out, r)
	}
	return out
}

// maxDeadEnds bounds how many silent branches of a fork are looked at.
const maxDeadEnds = 16

// unanswered says whether not one response of the transaction was captured.
func (x *Case) unanswered(r call.TxnRef) bool {
	t := x.Txn(r)
	return t.Request != call.None && t.Trying == call.None && t.Progress == call.None && t.Final == call.None
}

// hopEvents returns the wire events of the given kinds on the hops where the failure hangs: about the dead ends'
// own requests, or about packets that the element which decided had sent on meanwhile.
func (x *Case) hopEvents(kinds ...wire.EventKind) []call.Event {
	var out []call.Event
	for _, r := range x.deadEnds() {
		out = append(out, x.Events(r)...)
	}
	if d, ok := x.DecidingTxn(); ok && x.Sighting(x.DecidingRef()).Status >= 300 {
		out = append(out, x.Events(d)...)
	}
	out = slices.DeleteFunc(out, func(e call.Event) bool { return !slices.Contains(kinds, e.Kind) })
	slices.SortStableFunc(out, func(a, b call.Event) int { return a.Ref.Compare(b.Ref) })
	return slices.CompactFunc(out, func(a, b call.Event) bool { return a.Ref == b.Ref && a.Kind == b.Kind })
}

// methodOf names the method of a transaction's request for people.
func (x *Case) methodOf(r call.TxnRef) string {
	if m := x.Request(r); m != nil && x.Txn(r).Method == sip.MethodUnknown {
		return call.Clean(m.MethodName())
	}
	return x.Txn(r).Method.String()
}
