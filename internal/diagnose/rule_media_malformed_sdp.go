package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/sdp"
	"sipcause/sip"
)

// mediaMalformedSDP: the offer was refused and breaks the grammar of RFC 8866 in a way for which a strict receiver
// refuses it.
func mediaMalformedSDP(x *Case) *report {
	f, ok := x.refusedOffer()
	if !ok || f.status != 400 && f.status != 488 && f.status != 606 || !x.Sighting(f.request).HasSDP || x.Sighting(f.request).Truncated {
		return nil
	}
	var defect *sdp.Defect
	where := "the body is no session description at all: it has no v=, o= or m= line"
	if f.offer != nil {
		if defect = f.offer.Malformed(); defect == nil {
			return nil
		}
		where = fmt.Sprintf("line %d (%q): %s (%s)", defect.Line, call.Clean(defect.Text), defect.Detail, defect.Ref)
		if defect.Line == 0 {
			where = fmt.Sprintf("%s (%s)", defect.Detail, defect.Ref)
		}
	}
	confidence := 0.75
	switch {
	case x.Says("sdp", "session description", "content", "body"):
		confidence = 0.95
	case f.status == 400:
		confidence = 0.8
	}
	sender := x.Txn(x.writer(f.txn)).Client
	return x.report("media.malformed-sdp", confidence, "%s: the session description that %s sent is malformed: %s.", x.refuser(&f), sender, where).
		do("Look at the same INVITE where the caller sent it: if the line is right there, the hop that rewrote the SDP broke it.").
		do("Repair what writes this line (the device at %s, its SDP template or the media relay's rewriting).", sender).
		see(f.request, "%s", where).
		see(f.response, "refused with %d", f.status).
		suspect(sender, call.RoleUnknown)
}

// writer returns the first transaction whose request had the body that the request of r has.
func (x *Case) writer(r call.TxnRef) call.TxnRef {
	return x.firstWith(r, func(m *sip.Message) []byte { return m.Body })
}
