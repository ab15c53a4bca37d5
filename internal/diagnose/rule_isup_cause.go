package diagnose

import "sipcause/code"

// isupCause prints the Q.850 cause in a Reason header field and says whether the status code is the one that the
// standard's map gives it (RFC 3326 §2, RFC 6432, RFC 3398 §7.2.4.1).
func isupCause(x *Case) *report {
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
