package diagnose

import (
	"sipcause/code"
	"sipcause/internal/call"
)

// isupCause prints the Q.850 cause in a Reason header field and says whether the status code is the one that the
// standard's map gives it (RFC 3326 §2, RFC 6432, RFC 3398 §7.2.4.1).
func isupCause(x *Case) *report {
	if !x.Failed() {
		return x.cutOff()
	}
	cause, in := x.Q850()
	if cause < 0 {
		return nil
	}
	status := int(x.Sighting(in).Status)
	q, known := code.Q850(cause)
	if !known {
		return x.report("isup.cause", 1, "The response carries Q.850 cause %d, which is not in the list of Q.850.", cause).
			do("Ask the operator of %s what it means by it.", x.originName()).
			see(in, "Reason: Q.850;cause=%d", cause)
	}
	rep := x.report("isup.cause", 1, "The telephone network gave cause %d, %s (class %s).", cause, q.Name, q.Class)
	switch {
	case q.SIP == 0:
	case q.SIP == status:
		rep.add(" %d is the code that RFC 3398 gives it.", status)
	default:
		rep.add(" RFC 3398 gives it %d, the response says %d: trust the cause.", q.SIP, status)
	}
	return rep.do("Read the cause before the code: gateways map it in different ways.").
		see(in, "Reason: Q.850;cause=%d", cause)
}

// cutOff is isupCause of an answered call: its BYE names a cause that is no normal end.
func (x *Case) cutOff() *report {
	for k, l := range x.Legs {
		for i := range l.Dialogs {
			d := &l.Dialogs[i]
			if d.Confirmed == 0 || d.Bye == call.None {
				continue
			}
			bye := call.TxnRef{Leg: k, Txn: d.Bye}
			in := x.RequestRef(bye)
			if !in.Valid() || !l.Sightings[in.Msg].Reasoned {
				continue
			}
			m := x.Msg(in)
			if m == nil {
				continue
			}
			for v := range m.Reasons() {
				if !v.Q850() || saysLittle(v.Cause) || v.Cause == 17 {
					continue
				}
				return x.report("isup.cause", 1, "%s ended the call %s after the answer with cause %d, %s: no hang-up, the network cut it off.", x.Txn(bye).Client, shortTime(Seconds(d.Confirmed, x.Start(bye))), v.Cause, causeName(v.Cause)).
					do("Ask the operator of %s what happened to its trunk at that second; if many calls end so, compare their times.", x.Txn(bye).Client).
					see(in, "BYE with Reason: Q.850;cause=%d", v.Cause)
			}
		}
	}
	return nil
}
