package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// protocolToTagMissing: a response other than 100 without a To tag (RFC 3261 §8.2.6.2). It does harm where the response
// makes a dialog: a 2xx to INVITE.
func protocolToTagMissing(x *Case) *report {
	found, at := false, call.NoMsg
	for k, l := range x.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			if s.Status <= 100 || s.Status >= 700 || s.HasToTag || s.Repeat != call.First || s.Truncated || s.Txn == call.None {
				continue
			}
			ref := call.MsgRef{Leg: k, Msg: int32(i)}
			if makes := s.Method == sip.MethodInvite && s.Status/100 == 2; !found || makes {
				found, at = true, ref
				if makes {
					break
				}
			}
		}
	}
	if !found {
		return nil
	}
	m := x.Msg(at)
	if m == nil || m.Count(sip.HeaderTo) == 0 {
		return nil // protocol.missing-header, or unreadable
	}
	s := x.Sighting(at)
	sender := x.Legs[at.Leg].FlowOf(s).Src
	r := x.report("protocol.to-tag-missing", 1, "%s sent %s without a To tag: nothing tells its dialog or branch from another's.", sender, x.messageName(at)).
		see(at, "To: %s", call.Clean(m.Header(sip.HeaderTo))).
		do("Let %s add a tag to the To of every response but 100.", sender).
		suspect(sender, call.RoleUnknown)
	if s.Method != sip.MethodInvite || s.Status/100 != 2 || !x.lackedTag(at.Leg) {
		r.severity(finding.Info)
	}
	return r
}

// lackedTag says whether something went wrong in the leg that a missing tag explains: a 2xx repeated, a request in the
// dialog refused.
func (x *Case) lackedTag(leg int) bool {
	l := x.Legs[leg]
	for i := range l.Txns {
		t := &l.Txns[i]
		if t.Method == sip.MethodInvite && t.FinalResent >= 2 || t.Method == sip.MethodBye && l.FinalStatus(t) == 481 {
			return true
		}
	}
	return false
}
