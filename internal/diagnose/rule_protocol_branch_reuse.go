package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

var magicCookie = []byte("z9hG4bK")

// maxCompared bounds how many transactions of a leg are held against each other.
const maxCompared = 128

// protocolBranchReuse: a new transaction has the branch of an older one (RFC 3261 §8.1.1.7). CANCEL and the ACK for a
// failure have their INVITE's by right.
func protocolBranchReuse(x *Case) *report {
	for k, l := range x.Legs {
		n := min(len(l.Txns), maxCompared)
		for i := range n {
			t := &l.Txns[i]
			acked := t.Method == sip.MethodInvite && t.Ack != call.None && l.FinalStatus(t)/100 == 2 && l.Sightings[t.Ack].Time >= l.Sightings[t.Final].Time
			if !acked && !l.Shared || !bytes.HasPrefix(t.Branch, magicCookie) || len(t.Branch) == len(magicCookie) {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if acked {
				return x.branchReuse(r, x.RequestRef(r), call.MsgRef{Leg: k, Msg: t.Ack})
			}
			for j := i + 1; j < n; j++ {
				o := &l.Txns[j]
				if o.Client != t.Client || o.Server != t.Server || o.Method == sip.MethodCancel || t.Method == sip.MethodCancel || o.CSeq == t.CSeq && o.Method == t.Method || !bytes.Equal(o.Branch, t.Branch) {
					continue
				}
				return x.branchReuse(r, x.RequestRef(r), x.RequestRef(call.TxnRef{Leg: k, Txn: int32(j)}))
			}
		}
	}
	return nil
}

func (x *Case) branchReuse(r call.TxnRef, older, newer call.MsgRef) *report {
	if !older.Valid() || !newer.Valid() {
		return nil
	}
	t := x.Txn(r)
	rep := x.report("protocol.branch-reuse", 1, "%s used the branch %s of its %s again for %s: an element may take the second for a repetition of the first.", t.Client, call.Clean(t.Branch), x.messageName(older), x.messageName(newer)).
		see(older, "first use").
		see(newer, "second use").
		do("Let %s make a new branch for each new request; the ACK for a 2xx is one too.", t.Client).
		suspect(t.Client, call.RoleUnknown)
	if !x.Failed() {
		rep.severity(finding.Info)
	}
	return rep
}
