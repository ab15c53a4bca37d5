package correlate

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// attempts lists every try to reach a target: the originator's own when it made several that were not mere
// answers to challenges, and the branches of every element that tried more than one target. A call with one
// way has one attempt.
func (b *builder) attempts(c *call.Call, tries []int32) {
	l := c.Legs[0]
	own := b.refs[:0]
	for _, ti := range tries {
		if st := l.FinalStatus(&l.Txns[ti]); st != 401 && st != 407 {
			own = append(own, call.TxnRef{Txn: ti})
		}
	}
	if len(own) == 0 && len(tries) > 0 {
		own = append(own, call.TxnRef{Txn: tries[len(tries)-1]})
	}
	b.refs = own
	if len(own) == 1 {
		if c.Attempts = b.forks(c, own[0], 1, c.Attempts); len(c.Attempts) > 0 {
			return
		}
	}
	for _, r := range own {
		c.Attempts = append(c.Attempts, attempt(c, r, 0))
	}
	if len(own) > 1 {
		for _, r := range own {
			c.Attempts = b.forks(c, r, 1, c.Attempts)
		}
	}
}

const maxHops = 70 // Max-Forwards starts there (RFC 3261 §8.1.1.6)

// forks appends the branches below r wherever an element tried more than one target.
func (b *builder) forks(c *call.Call, r call.TxnRef, hop int, out []call.Attempt) []call.Attempt {
	if hop > maxHops {
		return out
	}
	from := len(b.refs) // b.refs is a stack: the branches of each hop on the way lie in it
	b.refs = c.AppendDownstream(b.refs, r)
	kids := b.refs[from:]
	tried := 0
	for _, k := range kids {
		if !challenged(c, k) {
			tried++
		}
	}
	for _, k := range kids {
		if tried > 1 && !challenged(c, k) {
			out = append(out, attempt(c, k, hop))
		}
		out = b.forks(c, k, hop+1, out)
	}
	b.refs = b.refs[:from]
	return out
}

func challenged(c *call.Call, r call.TxnRef) bool {
	st := c.Legs[r.Leg].FinalStatus(&c.Legs[r.Leg].Txns[r.Txn])
	return st == 401 || st == 407
}

func attempt(c *call.Call, r call.TxnRef, hop int) call.Attempt {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	a := call.Attempt{Target: t.Server, Code: l.FinalStatus(t), At: l.Start(t), Leg: r.Leg, Txn: r.Txn, Hop: hop}
	if t.Final != call.None {
		a.FinalMS = float64(l.Sightings[t.Final].Time-l.Start(t)) / 1e6
	}
	return a
}

// relays says whether the element at r's server relays any request of this call.
func relays(c *call.Call, r call.TxnRef) bool {
	at := c.Legs[r.Leg].Txns[r.Txn].Server
	for _, l := range c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Parent != call.None && l.Txns[t.Parent].Server == at && t.Method != sip.MethodAck {
				return true
			}
		}
	}
	return false
}
