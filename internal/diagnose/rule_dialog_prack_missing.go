package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

var rel100 = []byte("100rel")

// dialogPRACKMissing: a reliable provisional response was repeated and no PRACK came (RFC 3262 §3, §4); its
// sender may then reject the INVITE with a 5xx.
func dialogPRACKMissing(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Method != sip.MethodInvite || t.Progress == call.None {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if rep := x.prackRefused(r); rep != nil {
				return rep
			}
			first, again := repeatedProgress(l, t)
			if again < 2 || x.relaysRepeats(r) {
				continue
			}
			if rep := x.prackMissing(r, call.MsgRef{Leg: k, Msg: first}, again); rep != nil {
				return rep
			}
		}
	}
	return nil
}

// prackRefused: the server of r refused the PRACK for its own reliable response, and then the INVITE with a 5xx.
func (x *Case) prackRefused(r call.TxnRef) *report {
	l, t := x.Legs[r.Leg], x.Txn(r)
	if status := l.FinalStatus(t); !x.Failed() || status < 500 || status > 599 || x.FinalRef(r) != x.DecidingRef() {
		return nil
	}
	for i := range l.Txns {
		o := call.TxnRef{Leg: r.Leg, Txn: int32(i)}
		p := x.Txn(o)
		if p.Method != sip.MethodPrack || p.Server.Addr() != t.Server.Addr() || x.Status(o) < 400 || challenged(x.Status(o)) || x.Start(o) > x.FinalTime(r) {
			continue
		}
		return x.report("dialog.prack-missing", 0.85, "%s refused the PRACK of %s for its reliable response with %s, and %s later the INVITE with %s: for it the response was never acknowledged.", p.Server, p.Client, x.statusLine(x.FinalRef(o)), shortTime(Seconds(x.FinalTime(o), x.FinalTime(r))), x.answer()).
			do("Compare the PRACK with the reliable response that it is for: To tag, Call-ID, RAck (its RSeq, then the number and method of the CSeq), Request-URI and Route as Contact and Record-Route say.").
			do("Switch 100rel off at the caller (Supported) if it is not needed.").
			see(call.MsgRef{Leg: r.Leg, Msg: t.Progress}, "the reliable response").
			see(x.RequestRef(o), "PRACK").
			see(x.FinalRef(o), "the PRACK refused").
			see(x.FinalRef(r), "the INVITE refused").
			suspect(t.Client, call.RoleUnknown)
	}
	return nil
}

// repeatedProgress returns the provisional response of t that was repeated most, and how often.
func repeatedProgress(l *call.Leg, t *call.Txn) (first int32, again int) {
	repeats := 0
	for i := range l.Messages(t) {
		if s := &l.Sightings[i]; s.Status > 100 && s.Status < 200 && s.Repeat == call.Retransmission {
			repeats++
		}
	}
	looked := 0
	for i := range l.Messages(t) {
		s := &l.Sightings[i]
		if s.Status <= 100 || s.Status >= 200 || s.Repeat != call.First {
			continue
		}
		if looked++; repeats < 2 || looked > maxLooked {
			break
		}
		if _, n := lastOf(l, t, i, 0); n > again {
			first, again = i, n
		}
	}
	return first, again
}

// relaysRepeats says whether a hop below r has the repetitions too: that one tells more.
func (x *Case) relaysRepeats(r call.TxnRef) bool {
	l := x.Legs[r.Leg]
	for k := range l.Children(r.Txn) {
		if o := &l.Txns[k]; o.Method == sip.MethodInvite {
			if _, n := repeatedProgress(l, o); n >= 2 {
				return true
			}
		}
	}
	return false
}

func (x *Case) prackMissing(r call.TxnRef, progress call.MsgRef, again int) *report {
	l, t := x.Legs[r.Leg], x.Txn(r)
	m := x.Msg(progress)
	if m == nil || !listsToken(m, sip.HeaderRequire, rel100) {
		return nil // not reliable: repeating it is allowed (RFC 3261 §13.3.1.1)
	}
	seq, ok := m.RSeq()
	until, _ := lastOf(l, t, progress.Msg, 0)
	for i := range l.Txns {
		o := call.TxnRef{Leg: r.Leg, Txn: int32(i)}
		if p := x.Txn(o); p.Method != sip.MethodPrack || p.Server.Addr() != t.Server.Addr() {
			continue
		}
		if q := x.Request(o); q != nil {
			if n, _, _, has := q.RAck(); !ok || !has || n == seq {
				return nil // it came, however late
			}
		}
	}
	seconds := Seconds(x.Sighting(progress).Time, until)
	rep := x.report("dialog.prack-missing", x.Absent(0.95, r, until), "%s sent a reliable %d (RSeq %d) and repeated it %d times in %.1f s: no PRACK reached it.", t.Server, m.Status, seq, again, seconds).
		see(progress, "%d with Require: 100rel", m.Status).
		suspect(x.Txn(x.top(r)).Client, call.RoleUnknown)
	switch status := l.FinalStatus(t); {
	case !x.Failed():
		rep.severity(finding.Warning)
	case status >= 500 && status < 600:
		rep.add(" It then rejected the INVITE with %d.", status).see(x.FinalRef(r), "%d for want of a PRACK", status)
	case status != 0 && status != 408 && status != 480 && status != 487:
		rep.severity(finding.Warning) // that response has its own reason
	}
	if q := x.Request(r); q != nil && !listsToken(q, sip.HeaderSupported, rel100) && !listsToken(q, sip.HeaderRequire, rel100) {
		rep.add(" The INVITE as it arrived there does not offer 100rel.").
			do("A reliable response must not be sent to such an INVITE (RFC 3262 §3): repair or configure %s, or the hop that removed 100rel.", t.Server)
	}
	return rep.do("Capture at the caller: does the %d arrive, and does a PRACK leave? The PRACK goes by Record-Route and Contact of the %d; check that address.", m.Status, m.Status).
		do("Switch 100rel off at the caller (Supported) if it is not needed.")
}
