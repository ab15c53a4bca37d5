package diagnose

import (
	"bytes"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/sip"
)

// dialogOrphanFork: a second 2xx of a fork that nobody acknowledged and ended (RFC 3261 §13.2.2.4), or one that came
// when another final response had gone upstream.
func dialogOrphanFork(x *Case) *report {
	for k, l := range x.Legs {
		if len(l.Dialogs) < 2 {
			continue
		}
		kept := call.None
		for i := range l.Dialogs {
			d := &l.Dialogs[i]
			if d.Confirmed == 0 {
				continue
			}
			if kept == call.None {
				kept = int32(i)
				continue
			}
			// The caller keeps one answer; any other has to be acknowledged and ended.
			first, orphan := &l.Dialogs[kept], d
			if first.AckAt == 0 && d.AckAt != 0 {
				first, orphan = d, first
			}
			if orphan.AckAt != 0 && orphan.Bye != call.None || l.Txns[orphan.Invite].CSeq != l.Txns[first.Invite].CSeq {
				continue
			}
			if r := x.orphan(k, first, orphan); r != nil {
				return r
			}
		}
	}
	if x.Failed() {
		return x.lateAnswer()
	}
	return nil
}

// lateAnswer: a branch answered after its proxy had given up. The crossing of a CANCEL is dialog.cancel-race.
func (x *Case) lateAnswer() *report {
	for _, f := range anatomy.Forks(x.Call) {
		for _, n := range f.Notes {
			if n.Kind != anatomy.LateAnswer {
				continue
			}
			b := &f.Branches[n.Branch]
			if b.Answer != anatomy.AnswerLost || b.Why == anatomy.CancelledByCaller {
				continue
			}
			return x.report("dialog.orphan-fork", x.Absent(0.85, b.Txn, x.Ended), "%s answered %.1f s after %s had sent %d upstream, and the answer was neither acknowledged nor ended with BYE: that device is left in a call with nobody.", b.Target, Seconds(f.SentAt, b.FinalAt), f.By, f.Code).
				do("Look at %s: it has to cancel every branch that has no final response when it gives up (RFC 3261 §16.7 step 10), and to pass a 2xx on upstream however late it comes (§16.7 step 5).", f.By).
				see(f.Sent, "%d went upstream", f.Code).
				see(b.Final, "the late answer").
				suspect(f.By, f.Role)
		}
	}
	return nil
}

func (x *Case) orphan(leg int, kept, d *call.Dialog) *report {
	answer, other := x.answerAt(leg, d), x.answerAt(leg, kept)
	if !answer.Valid() || !other.Valid() {
		return nil
	}
	r, o := call.TxnRef{Leg: leg, Txn: x.Sighting(answer).Txn}, call.TxnRef{Leg: leg, Txn: x.Sighting(other).Txn}
	if r != o && (x.above(r, o) || x.above(o, r)) {
		return nil // one answer, whose tag a hop changed
	}
	missing := "acknowledged, but not ended with BYE"
	if d.AckAt == 0 {
		missing = "neither acknowledged nor ended with BYE"
	}
	caller := x.Txn(x.top(r)).Client
	return x.report("dialog.orphan-fork", x.Absent(0.85, r, x.Ended), "Two branches of the fork answered; the answer of %s was %s: that device is left in a call with nobody.", x.Txn(r).Server, missing).
		do("Look at the caller %s: it has to send ACK and BYE to every answer but the one that it keeps.", caller).
		do("Or let the proxy cancel the other branches sooner, or ring them one after the other.").
		see(other, "the answer that was kept").
		see(answer, "the other answer").
		suspect(caller, call.RoleUAC)
}

// answerAt returns the 2xx that confirmed a dialog, as first seen.
func (x *Case) answerAt(leg int, d *call.Dialog) call.MsgRef {
	l := x.Legs[leg]
	for i := range l.Sightings {
		if s := &l.Sightings[i]; s.Time == d.Confirmed && s.Method == sip.MethodInvite && s.Status/100 == 2 && s.Txn != call.None {
			ref := call.MsgRef{Leg: leg, Msg: int32(i)} // of several at that time, the one with the dialog's tag
			if m := x.Msg(ref); m != nil && bytes.Equal(m.ToTag(), d.CalleeTag) {
				return ref
			}
		}
	}
	return call.NoMsg
}

// above says whether r relays what o sends on, directly or over more hops.
func (x *Case) above(r, o call.TxnRef) bool {
	for range maxRelays {
		if o == r {
			return true
		}
		p := x.Txn(o).Parent
		if p == call.None {
			return false
		}
		o.Txn = p
	}
	return false
}
