package diagnose

import (
	"slices"

	"sipcause/sdp"
)

// mediaUnacceptable: 488 or 606, or an answer that rejects every stream, and nothing that says more
// (RFC 3261 §21.4.26, §21.6.4).
func mediaUnacceptable(x *Case) *report {
	f, ok := x.refusedOffer()
	if ok && !f.refusesMedia() && mappable(f.status) {
		return x.bearerRefused(&f)
	}
	if !ok && !f.request.Valid() && f.refusesMedia() && f.status != 415 {
		if x.codecWarned(&f) != nil {
			return nil
		}
		return x.report("media.unacceptable", 0.6, "%s (%d %s); the capture does not show the offer.", x.originName()+" refused what the INVITE offered", f.status, x.reasonOf(f.txn)).
			do("Capture the INVITE as well: its codecs, profile (plain RTP or SRTP) and streams against those of a call that works tell which part it is.").
			see(f.response, "refused with %d", f.status)
	}
	if !ok || f.status >= 300 && f.status != 488 && f.status != 606 {
		return nil
	}
	for _, more := range [...]func(*Case) *report{mediaNoCommonCodec, mediaTransportMismatch, mediaIPVersion, mediaBandwidth, mediaMalformedSDP, mediaOfferlessRejected} {
		if more(x) != nil {
			return nil
		}
	}
	r := x.report("media.unacceptable", 0.9, "%s and does not say which part of it.", x.refuser(&f)).
		see(f.request, "the offer").
		see(f.response, "refused with %d", f.status)
	if f.offer == nil {
		return r.do("Compare with a call to the same target that works: what differs in the body is what it refuses.")
	}
	r.add(" The offer from %s has %s.", x.Txn(f.txn).Client, streams(f.offer))
	w := wouldDo(f.offer)
	if f.own != nil && f.status >= 300 {
		r.add(" The other side has %s: there is a codec in common, so it is something else.", streams(f.own))
		w = ""
	}
	for i := range f.offer.Media {
		switch m := &f.offer.Media[i]; {
		case m.Profile == sdp.ProfileSAVP, m.Profile == sdp.ProfileSAVPF, m.Profile == sdp.ProfileDTLS, m.Profile == sdp.ProfileDTLSF:
			r.do("The offer wants SRTP (%s): try it with plain RTP/AVP, or ask %s whether it takes SRTP.", transport(m), x.Txn(f.txn).Server)
		case m.Profile == sdp.ProfileUDPTL:
			r.do("The offer is fax over T.38: ask whether %s takes it; else send fax as G.711.", x.Txn(f.txn).Server)
		default:
			continue
		}
		break
	}
	if w != "" {
		r.do("Try the same call with %s in the offer: if it is accepted, the codecs were the reason.", w)
	}
	if f.status >= 300 {
		r.do("A Warning header in the response would settle it (RFC 3261 §13.3.1.3): look in the log of %s, or ask its vendor to send one.", x.Txn(f.txn).Server)
	}
	return r.do("Look in the log of %s at that second: which stream, and why.", x.Txn(f.txn).Server).
		do("Compare with an offer that it accepts in another call: what differs is what it refuses.")
}

// bearerRefused is mediaUnacceptable of a network that has no code for it: a Q.850 cause about what the call carries.
func (x *Case) bearerRefused(f *refusedOffer) *report {
	cause, _ := x.Q850()
	if !slices.Contains(bearerCauses, cause) {
		return nil
	}
	r := x.report("media.unacceptable", 0.7, "The network behind %s cannot carry what the call asks for: cause %d (%s), behind its %s.", x.originName(), cause, causeName(cause), x.answer()).
		see(f.request, "the offer").
		see(f.response, "%d with cause %d", f.status, cause).
		seeCause()
	if s := x.Session(f.request); s != nil {
		r.add(" The offer from %s has %s.", x.Txn(f.txn).Client, streams(s))
	}
	return r.do("Try the same call with G.711 audio alone: if it is put through, a codec, video, fax or data bearer was what the network refused.").
		do("Look in the gateway at %s which bearer capability it asks the network for (speech, 3.1 kHz audio, unrestricted digital) for such an offer.", x.Txn(f.txn).Server)
}
