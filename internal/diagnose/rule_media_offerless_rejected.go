package diagnose

import "slices"

// offerlessCodes are codes with which an INVITE without offer is refused, the ones that are about the body first.
var offerlessCodes = []int{488, 606, 415, 406, 400, 420, 421, 500, 501}

// mediaOfferlessRejected: an INVITE without a session description was refused (RFC 3261 §13.2.1: every UAS must
// be able to make the offer in its 2xx).
func mediaOfferlessRejected(x *Case) *report {
	f, ok := x.refusedOffer()
	if !ok || f.status < 300 {
		return nil
	}
	m := x.Msg(f.request)
	if m == nil || len(m.Body) > 0 || x.Sighting(f.request).Truncated {
		return nil
	}
	confidence := 0.0
	switch i := slices.Index(offerlessCodes, f.status); {
	case i >= 0 && x.Says("sdp", "offer", "session description", "missing body", "no body", "no media", "no content"):
		confidence = 0.95
	case i < 0, f.status == 400 && m.Malformed() != nil:
		return nil
	case i < 4:
		confidence = 0.85
	default:
		confidence = 0.55
	}
	code, words := x.said()
	return x.report("media.offerless-rejected", confidence, "%s refused an INVITE without session description with %d %s: it does not take calls whose offer is to come from the called side.", x.originName(), code, words).
		do("Compare with an INVITE that carries an offer to the same target: if that one is accepted, this is the cause.").
		do("Let the caller at %s send its offer in the INVITE (early offer); many trunks want it. Delayed offer comes from third-party call control, H.323 interworking or CUCM without early offer.", x.Txn(f.txn).Client).
		do("RFC 3261 §13.2.1 obliges every UAS to take such an INVITE: report it to the vendor of %s.", x.Txn(f.txn).Server).
		see(f.request, "INVITE without a body").
		see(f.response, "refused with %d", f.status)
}
