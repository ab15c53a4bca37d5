package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// openEnded says whether what looks like the end may only be the capture's: the last word is a challenge or a redirect, and
// the capture ends before the client had time to go on (RFC 3261 §22.2, §8.1.3.4), or lacks messages of a call that was
// challenged.
func (x *Case) openEnded() bool {
	if x.Began.Ordinal() || !x.Final.Valid() || x.Outcome != call.Challenged && x.Outcome != call.Redirected {
		return false
	}
	if x.Outcome == call.Challenged && x.holes() {
		return true
	}
	return x.Lead().AtEnd && max(x.Ledger.End, x.Ended).Sub(x.Sighting(x.Final).Time) < answerWithin
}

// soften takes the alarm from what is said of a call that may go on after the capture's end. What is proven stays.
func soften(list []finding.Finding) {
	for i := range list {
		if f := &list[i]; f.Confidence < finding.Proven || strings.HasPrefix(string(f.ID), "code.") {
			f.Severity = finding.Info
		}
	}
}

// cutShort is the confidence of what rests on a request that did not follow, where the capture ends too soon to tell.
const cutShort = 0.6

// onceAsked is the confidence of what rests on one challenge that is the last of a client: two lost packets, its answer
// and the server's, look the same.
const onceAsked = 0.7

// guess is the confidence of what would be sure if the capture were whole.
const guess = finding.Plausible - 0.05

// holes says whether the call's own messages show that the capture lacks some of it: a response without its request, an
// ACK for a 2xx that is not there, a request in a dialog that nothing made.
func (x *Case) holes() bool {
	for _, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			switch {
			case t.Request == call.None:
				return true
			case (t.Method == sip.MethodAck || t.InDialog) && t.Dialog == call.None && t.Parent == call.None:
				return true
			}
		}
	}
	return false
}

// missed says whether a request without a response was most likely answered unseen: over UDP its sender would have
// sent it again (RFC 3261 §17.1.1.2, §17.1.2.2).
func (x *Case) missed(r call.TxnRef) bool {
	t := x.Txn(r)
	return t.Final == call.None && t.Resent == 0 && !t.Transport.Reliable()
}
