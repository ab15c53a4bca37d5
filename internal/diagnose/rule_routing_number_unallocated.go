package diagnose

import (
	"fmt"
	"slices"

	"sipcause/internal/call"
)

// Q.850 causes of a number that nobody has, or has no longer.
const (
	causeUnallocated = 1
	causeChanged     = 22
)

// unallocatedCodes are those that RFC 3398 §7.2.4.1 maps the causes to; gateways send them behind others, too.
var unallocatedCodes = []int{404, 410, 604}

// routingNumberUnallocated: the telephone network says that the number is not in use (Q.850 1) or has changed
// (Q.850 22).
func routingNumberUnallocated(x *Case) *report {
	if cause, in, ok := x.announcement(causeUnallocated, causeChanged); ok {
		return x.announced("routing.number-unallocated", cause, in, fmt.Sprintf("The number %s is not in use", number(x.To))).
			do("Check the number as %s received it, digit by digit: a missing or doubled prefix makes a good number one that nobody has.", x.Txn(call.TxnRef{Leg: in.Leg, Txn: x.Sighting(in).Txn}).Server).
			tell("The number you called is not in use. Please check the number.")
	}
	cause, in := x.Q850()
	if cause != causeUnallocated && cause != causeChanged {
		return nil
	}
	status, r, ok := x.deciding()
	if !ok {
		return nil
	}
	confidence := 0.95
	switch {
	case slices.Contains(unallocatedCodes, status), slices.Contains(unallocatedCodes, x.Code):
	case mappable(status):
		confidence = 0.85
	default:
		return nil
	}
	what := "is not in use"
	if cause == causeChanged {
		what = "has changed"
	}
	dialled := number(x.To)
	if text, _, ok := x.requestURI(r); ok {
		dialled = number(text)
	}
	rep := x.report("routing.number-unallocated", confidence, "The number %s %s: the network behind %s says so with cause %d (%s) in its %d.", dialled, what, x.originName(), cause, causeName(cause), status).
		do("Check the number as %s received it, digit by digit: a missing or doubled prefix makes a good number one that nobody has.", x.Txn(r).Server)
	if cause == causeChanged {
		if list := usable(contactsOf(x.Deciding())); len(list) > 0 {
			rep.do("The response names the new address: %s.", list[0])
		} else {
			rep.do("Ask the callee, or directory enquiries, for the new number.")
		}
	} else {
		rep.do("If the number is right and works from other networks: report it to the carrier behind %s (number porting, a range not opened there).", x.Txn(r).Server.Addr())
	}
	rep.see(x.RequestRef(r), "the number as it was sent").
		see(x.DecidingRef(), "%d from the network", status)
	if in != x.DecidingRef() {
		rep.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return rep.tell("The number you called is not in use. Please check the number.")
}
