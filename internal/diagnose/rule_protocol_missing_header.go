package diagnose

import "sipcause/internal/call"

// protocolMissingHeader: a mandatory header is absent (RFC 3261 §8.1.1, §8.2.6.2, §20).
func protocolMissingHeader(x *Case) *report {
	d, ok := x.defective(defectMissing)
	if !ok {
		return nil
	}
	name := d.defect.Header.String()
	sender := x.Legs[d.msg.Leg].FlowOf(x.Sighting(d.msg)).Src
	r := x.report("protocol.missing-header", d.confidence, "The %s of %s has no %s (%s); %s.", x.messageName(d.msg), sender, name, d.defect.Ref, x.outcomeOf(&d)).
		do("Let %s send %s.", sender, name).
		see(d.msg, "%s", d.defect.Detail).
		see(x.DecidingRef(), "what came of it").
		suspect(sender, call.RoleUnknown).
		judge(&d)
	return r.do("If the sender does send it: a hop on the way removes it; compare the message on both sides of each.")
}
