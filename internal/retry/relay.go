package retry

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// relays enters what proxies and B2BUAs made of the requests of a case: next targets, and 503s handed on.
func (b *Book) relays(c *call.Call) {
	for k, l := range c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.InDialog || t.Method == sip.MethodAck || t.Method == sip.MethodCancel {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			b.next = c.AppendDownstream(b.next[:0], r)
			if len(b.next) > 0 {
				b.branches(c, b.next)
			}
			if l.FinalStatus(t) == 503 && !slices.ContainsFunc(b.next, func(n call.TxnRef) bool { return c.Status(n) == 503 }) {
				b.cascade(c, r)
			}
		}
	}
}

// branches enters those of one request.
func (b *Book) branches(c *call.Call, list []call.TxnRef) {
	failed := func(r call.TxnRef) bool {
		code := c.Status(r)
		return code >= 400 && code != 401 && code != 407 && code != 487 || code == 0 && silent(c.Txn(r))
	}
	if !slices.ContainsFunc(list, failed) {
		return
	}
	s := b.source(sourceOf(c.Txn(list[0])))
	if s == nil {
		return
	}
	s.Requests++
	s.Branches += uint64(len(list))
	slices.SortStableFunc(list, func(x, y call.TxnRef) int { return cmp.Compare(c.Start(x), c.Start(y)) })
	for i := 1; i < len(list); i++ {
		before, after := list[i-1], list[i]
		if !failed(before) || c.Txn(before).Server == c.Txn(after).Server || c.FinalTime(before) > c.Start(after) || c.Txn(before).Client.Addr() != c.Txn(after).Client.Addr() {
			continue
		}
		s.Failovers++
		if !unwise(c, before) || !sameUser(c, before, after) {
			continue
		}
		if s.Unwise++; s.Unwise == 1 {
			s.Unneeded = Failover{c.Status(before), c.Txn(before).Server, c.Txn(after).Server, c.Legs[after.Leg].CallID}
		}
	}
}

// silent says whether not one response of the transaction was captured and nobody cancelled it.
func silent(t *call.Txn) bool {
	return t.Request != call.None && t.Trying == call.None && t.Progress == call.None && t.Final == call.None && t.Cancel == call.None
}

// unwise says whether the final response speaks for the callee, wherever it is called: another target cannot help. 480 does
// so once the callee rang.
func unwise(c *call.Call, r call.TxnRef) bool {
	switch code := c.Status(r); code {
	case 404, 486:
		return true
	case 480:
		return c.Txn(r).Progress != call.None
	default:
		return code >= 600
	}
}

// sameUser says whether two requests ask for the same user: a forward on busy asks for somebody else.
func sameUser(c *call.Call, x, y call.TxnRef) bool {
	a, ok := userOf(c, x)
	if !ok {
		return false
	}
	b, ok := userOf(c, y)
	return ok && bytes.Equal(a, b)
}

func userOf(c *call.Call, r call.TxnRef) ([]byte, bool) {
	t := c.Txn(r)
	if t.Request == call.None {
		return nil, false
	}
	_, rest, _ := bytes.Cut(c.Legs[r.Leg].Raw(t.Request), []byte(" "))
	uri, _, _ := bytes.Cut(rest, []byte(" "))
	u, ok := sip.ParseURI(uri)
	return u.User, ok
}

// Node is an element in the tree of 503s: who made one, and under it who was given it, who was given it by them, and so on.
type Node struct {
	Address netip.AddrPort
	N       uint64   // 503s that took this way
	Became  []Became // the final responses that it gave instead of handing the 503 on, most first
	CallID  string   // of the first
	Next    []*Node

	below  map[netip.AddrPort]*Node
	became map[int]uint64
}

// Became counts what became of 503s: 200 when another target answered.
type Became struct {
	Code int
	N    uint64
}

// longestWay bounds the hops that a 503 is followed over.
const longestWay = 16

// cascade enters the way of a 503 from who made it to who asked, or to who made something else of it.
func (b *Book) cascade(c *call.Call, r call.TxnRef) {
	n := b.node(&b.root, c.Txn(r).Server, c.Legs[r.Leg].CallID)
	for hop := 0; n != nil && hop < longestWay; hop++ {
		if n = b.node(n, sourceOf(c.Txn(r)), c.Legs[r.Leg].CallID); n == nil {
			return
		}
		up, ok := upstream(c, r)
		if !ok {
			return
		}
		if code := c.Status(up); code != 503 {
			if code != 0 {
				n.turned(code)
			}
			return
		}
		r = up
	}
}

// turned counts another final response. There are no more of them than codes.
func (n *Node) turned(code int) {
	if n.became == nil {
		n.became = map[int]uint64{}
	}
	n.became[min(code, 700)]++
}

// node counts a 503 that came from parent to an address; nil when there is no room or the address is not known.
func (b *Book) node(parent *Node, a netip.AddrPort, callID string) *Node {
	if wire.Placeholder(a.Addr()) {
		return nil
	}
	n := parent.below[a]
	if n == nil {
		if b.ways >= maxWays {
			b.unlisted++
			return nil
		}
		b.ways++
		if parent.below == nil {
			parent.below = map[netip.AddrPort]*Node{}
		}
		n = &Node{Address: a, CallID: callID}
		parent.below[a] = n
	}
	n.N++
	return n
}

// upstream returns the transaction that r serves: its parent, or a request of another leg to the same element.
func upstream(c *call.Call, r call.TxnRef) (call.TxnRef, bool) {
	t := c.Txn(r)
	if t.Parent != call.None {
		return call.TxnRef{Leg: r.Leg, Txn: t.Parent}, true
	}
	for k, l := range c.Legs {
		if k == r.Leg || l.Began > c.Start(r) {
			continue
		}
		for i := len(l.Txns) - 1; i >= 0; i-- {
			if u := &l.Txns[i]; u.Method == t.Method && !u.InDialog && u.Server.Addr() == t.Client.Addr() && l.Start(u) <= c.Start(r) {
				return call.TxnRef{Leg: k, Txn: int32(i)}, true
			}
		}
	}
	return call.TxnRef{}, false
}

// sorted returns the nodes below n, those with most 503s first.
func (n *Node) sorted() (list []*Node) {
	for _, k := range n.below {
		own := *k
		own.Next, own.below, own.became = k.sorted(), nil, nil
		for code, n := range k.became {
			own.Became = append(own.Became, Became{code, n})
		}
		slices.SortFunc(own.Became, func(x, y Became) int { return cmp.Or(cmp.Compare(y.N, x.N), cmp.Compare(x.Code, y.Code)) })
		list = append(list, &own)
	}
	slices.SortFunc(list, func(x, y *Node) int { return cmp.Or(cmp.Compare(y.N, x.N), x.Address.Compare(y.Address)) })
	return list
}
