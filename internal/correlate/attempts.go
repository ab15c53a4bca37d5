package correlate

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// attempts lists every try to reach a target: the originator's own when it made several that were not mere
// answers to challenges, and the branches of every element that tried more than one target. A call with one
// way has one attempt.
func attempts(c *call.Call, tries []int32) []call.Attempt {
	l := c.Legs[0]
	var own []call.TxnRef
	for _, ti := range tries {
		if st := l.FinalStatus(&l.Txns[ti]); st != 401 && st != 407 {
			own = append(own, call.TxnRef{Txn: ti})
		}
	}
	if len(own) == 0 && len(tries) > 0 {
		own = append(own, call.TxnRef{Txn: tries[len(tries)-1]})
	}
	var forked []call.Attempt
	for _, r := range own {
		forked = forks(c, r, 1, forked)
	}
	if len(own) == 1 && len(forked) > 0 {
		return forked
	}
	var out []call.Attempt
	for _, r := range own {
		out = append(out, attempt(c, r, 0))
	}
	return append(out, forked...)
}

const maxHops = 70 // Max-Forwards starts there (RFC 3261 §8.1.1.6)

// forks appends the branches below r wherever an element tried more than one target.
func forks(c *call.Call, r call.TxnRef, hop int, out []call.Attempt) []call.Attempt {
	if hop > maxHops {
		return out
	}
	kids := c.Downstream(r)
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
		out = forks(c, k, hop+1, out)
	}
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
