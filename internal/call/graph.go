package call

import (
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Tries returns the transactions by which the originator tried, in order: what it sent itself, as the most
// upstream capture point saw it. The leg must be complete; the slice is the leg's.
func (l *Leg) Tries() []int32 {
	if !l.tried {
		l.tries, l.tried = l.findTries(l.tries[:0]), true
	}
	return l.tries
}

// Unbuild forgets what was found out for a call that was made of the leg while it was open.
func (l *Leg) Unbuild(atEnd bool) {
	l.tried, l.Events, l.AtEnd = false, l.Events[:0], atEnd
}

func (l *Leg) findTries(tries []int32) []int32 {
	var method sip.Method
	for i := range l.Txns {
		t := &l.Txns[i]
		if t.Parent != None {
			continue
		}
		switch l.Kind {
		case KindCall:
			if t.Method != sip.MethodInvite || t.InDialog {
				continue
			}
		case KindRegistration:
			if t.Method != sip.MethodRegister {
				continue
			}
		case KindTransaction:
			if len(tries) == 0 {
				method = t.Method
			}
			if t.Method != method || t.Method == sip.MethodAck || t.Method == sip.MethodCancel {
				continue
			}
		}
		tries = append(tries, int32(i))
	}
	return tries
}

// TxnRef names a transaction of a Call.
type TxnRef struct {
	Leg int   // index into Call.Legs
	Txn int32 // index into that leg's Txns
}

// Downstream returns the transactions by which the server of t handed the request on: its relayed branches in
// the same leg, else the first requests of a linked leg that starts from there (a B2BUA).
func (c *Call) Downstream(r TxnRef) []TxnRef { return c.AppendDownstream(nil, r) }

// AppendDownstream appends what Downstream returns to out.
func (c *Call) AppendDownstream(out []TxnRef, r TxnRef) []TxnRef {
	from := len(out)
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	for i := range l.Txns {
		if k := &l.Txns[i]; k.Parent == r.Txn && k.Method == t.Method {
			out = append(out, TxnRef{Leg: r.Leg, Txn: int32(i)})
		}
	}
	if len(out) > from || len(c.Legs) == 1 {
		return out
	}
	for k, o := range c.Legs {
		if k == r.Leg || o.Began < l.Start(t) {
			continue
		}
		for _, ti := range o.Tries() {
			if o.Txns[ti].Client.Addr() == t.Server.Addr() {
				out = append(out, TxnRef{Leg: k, Txn: ti})
			}
		}
	}
	return out
}

// Txn returns the transaction that r names.
func (c *Call) Txn(r TxnRef) *Txn { return &c.Legs[r.Leg].Txns[r.Txn] }

// Status returns the final response code of the transaction that r names, 0 when none was seen.
func (c *Call) Status(r TxnRef) int { return c.Legs[r.Leg].FinalStatus(c.Txn(r)) }

// Start returns when the first message of the transaction that r names was captured.
func (c *Call) Start(r TxnRef) wire.Time { return c.Legs[r.Leg].Start(c.Txn(r)) }

// FinalTime returns when the final response of the transaction that r names was captured, 0 when none was.
func (c *Call) FinalTime(r TxnRef) wire.Time {
	if t := c.Txn(r); t.Final != None {
		return c.Legs[r.Leg].Sightings[t.Final].Time
	}
	return 0
}

// PassedOver says whether the answer of the branch ti is one that the caller did not keep: another branch of the fork
// answered too, and that answer was acknowledged and this one was not (RFC 3261 §13.2.2.4).
func (l *Leg) PassedOver(ti int32) bool {
	t := &l.Txns[ti]
	if t.Parent == None || t.Dialog == None || l.Dialogs[t.Dialog].AckAt != 0 {
		return false
	}
	for i := range l.Txns {
		o := &l.Txns[i]
		if int32(i) != ti && o.Parent == t.Parent && o.Method == t.Method && l.FinalStatus(o)/100 == 2 &&
			o.Dialog != None && o.Dialog != t.Dialog && l.Dialogs[o.Dialog].AckAt != 0 {
			return true
		}
	}
	return false
}
