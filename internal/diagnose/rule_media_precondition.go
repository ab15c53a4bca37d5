package diagnose

import "sipcause/sdp"

// mediaPrecondition: 580 (RFC 3312 §8).
func mediaPrecondition(x *Case) *report {
	status, t, ok := x.deciding()
	if !ok || status != 580 {
		return nil
	}
	r := x.report("media.precondition", 0.95, "%s ended the %s with 580 %s: the resources that the two sides agreed to reserve before ringing were not there.", x.originName(), x.methodOf(t), x.Reason).
		see(x.RequestRef(t), "the request").
		see(x.DecidingRef(), "580")
	if s := x.Session(x.RequestRef(t)); s != nil && asksQoS(s) {
		r.add(" The offer names preconditions (a=des).")
	}
	return r.do("Look which reservation failed: dedicated bearer or QoS flow of the mobile network (PCRF/PCF log), RSVP on fixed networks; a=curr in the UPDATEs shows which side never got it.").
		do("Where no reservation is needed, switch the precondition extension off at the caller, or set strength to optional.")
}

func asksQoS(s *sdp.Session) bool {
	for i := range s.Media {
		if s.Media[i].QoS {
			return true
		}
	}
	return false
}
