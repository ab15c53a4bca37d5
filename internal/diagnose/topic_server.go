package diagnose

import (
	"sipcause/code"
	"sipcause/internal/call"
)

// serverRules are server.* and isup.cause: the hop itself, or the network behind it.
var serverRules = []rule{
	{id: "server.internal-error", on: onAll, codes: []int{500}, check: serverInternalError},
	{id: "server.cseq-order", on: onAll, always: true, check: serverCSeqOrder},
	{id: "server.unimplemented", on: onAll, codes: []int{501}, check: serverUnimplemented},
	{id: "server.bad-gateway", on: onAll, codes: []int{502}, check: serverBadGateway},
	{id: "server.unavailable", on: onAll, check: serverUnavailable},
	{id: "server.overload", on: onAll, codes: []int{480, 500, 503}, check: serverOverload},
	{id: "server.capacity", on: onCalls, check: serverCapacity},
	{id: "isup.cause", on: onCalls, always: true, check: isupCause},
}

// deciding returns the code at the origin, the transaction and whether there is one.
func (x *Case) deciding() (status int, r call.TxnRef, ok bool) {
	r, ok = x.DecidingTxn()
	if !ok {
		return 0, r, false
	}
	return int(x.Sighting(x.DecidingRef()).Status), r, true
}

// often says for people how often the server sent the code to INVITEs so far, as far as the ledger tells.
func (x *Case) often(server call.TxnRef, status int) (times uint32, of int) {
	if route := x.Ledger.Route(x.Txn(server).Server); route != nil && status < len(route.Codes) {
		return route.Codes[status], route.Total
	}
	return 0, 0
}

// retryAfter returns the seconds of a Retry-After in the deciding response.
func (x *Case) retryAfter() (int, bool) {
	if m := x.Deciding(); m != nil {
		return m.RetryAfter()
	}
	return 0, false
}

// causeName names a Q.850 cause for people.
func causeName(cause int) string {
	if c, ok := code.Q850(cause); ok {
		return c.Name
	}
	return "not in the list of Q.850"
}
