package diagnose

import (
	"bytes"
	"slices"

	"sipcause/internal/call"
)

// routingMergedRequest: 482 because one request reached the element by two paths: same From tag, Call-ID and
// CSeq, another branch, and neither came from the other (RFC 3261 §8.2.2.2).
func routingMergedRequest(x *Case) *report {
	d, ok := x.DecidingTxn()
	if !ok || x.Status(d) != 482 {
		return nil
	}
	o, ok := x.mergedWith(d)
	if !ok {
		return nil
	}
	t, other := x.Txn(d), x.Txn(o)
	rep := x.report("routing.merged-request", 0.95, "The %s reached %s by two paths, from %s and from %s: it took the second for a copy and answered 482.", t.Method, t.Server, other.Client, t.Client)
	split, forked := x.forkOf(d, o)
	if forked {
		rep.do("Look at %s: it sent the request to %s and to %s, and both lead to the same element. One of the two targets is superfluous (a device registered twice, a hunt group that contains its own alias).", split.Server, x.below(d, split), x.below(o, split)).
			suspect(split.Server, call.RoleProxy)
	} else {
		rep.do("Find where the two copies part: compare the Via header fields of both from the bottom.")
	}
	return rep.do("No call is lost by the 482 itself: look at what became of the other copy.").
		see(x.RequestRef(o), "the first copy, from %s", other.Client).
		see(x.RequestRef(d), "the second, from %s", t.Client).
		see(x.FinalRef(d), "482")
}

// mergedWith finds a transaction that had brought the same request to the server of r by another path.
func (x *Case) mergedWith(r call.TxnRef) (call.TxnRef, bool) {
	l := x.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	chain := x.chain(r)
	m := x.Request(r)
	if m == nil {
		return call.TxnRef{}, false
	}
	for i := range l.Txns {
		o := &l.Txns[i]
		if int32(i) == r.Txn || o.Method != t.Method || o.CSeq != t.CSeq || o.Server != t.Server || o.Request == call.None ||
			bytes.Equal(o.Branch, t.Branch) || l.Start(o) > l.Start(t) || slices.Contains(chain, int32(i)) {
			continue
		}
		ref := call.TxnRef{Leg: r.Leg, Txn: int32(i)}
		if n := x.Request(ref); n != nil && bytes.Equal(n.FromTag(), m.FromTag()) {
			return ref, true
		}
	}
	return call.TxnRef{}, false
}

// forkOf returns the transaction at whose server the ways to a and b part.
func (x *Case) forkOf(a, b call.TxnRef) (*call.Txn, bool) {
	ca, cb := x.chain(a), x.chain(b)
	var last *call.Txn
	for i := 0; i < len(ca) && i < len(cb) && ca[i] == cb[i]; i++ {
		last = &x.Legs[a.Leg].Txns[ca[i]]
	}
	return last, last != nil
}

// below names the next hop behind a transaction on the way to r.
func (x *Case) below(r call.TxnRef, from *call.Txn) string {
	txns := x.Legs[r.Leg].Txns
	for _, i := range x.chain(r) {
		if p := txns[i].Parent; p != call.None && &txns[p] == from {
			return txns[i].Server.String()
		}
	}
	return x.Txn(r).Server.String()
}
