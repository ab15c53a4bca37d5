package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/sdp"
)

// saysTransport are words of a refusal that mean how media are to be carried.
var saysTransport = []string{"srtp", "savp", "crypto", "encrypt", "dtls", "secure media", "transport protocol", "rtp profile"}

// mediaTransportMismatch: RTP on one side and SRTP on the other, or SRTP with keys agreed in different ways: the
// descriptions, Warning 302 or the words show it (RFC 3264 §6, RFC 3261 §20.43).
func mediaTransportMismatch(x *Case) *report {
	f, ok := x.refusedOffer()
	if !ok && x.Outcome == call.Answered {
		return x.answeredOtherwise()
	}
	if !ok || f.offer == nil || !f.refusesMedia() {
		return nil
	}
	offered, has := f.carriedOtherwise()
	confidence := 0.0
	switch _, _, warned := x.Warning(302); {
	case has != nil:
		confidence = f.proof()
	case warned:
		confidence = 0.9
	case f.status >= 300 && x.Says(saysTransport...):
		confidence = 0.8
	default:
		return nil
	}
	r := x.report("media.transport-mismatch", confidence, "%s: media are to be carried in different ways. The offer from %s has %s.", x.refuser(&f), x.Txn(f.txn).Client, transports(f.offer))
	if has != nil {
		r.add(" The other side has %s.", transport(has))
	}
	x.warned(r, 302)
	r.see(f.request, "the offer: %s", transports(f.offer))
	if f.from != f.response && f.own != nil {
		r.see(f.from, "what the refuser described elsewhere: %s", transports(f.own))
	}
	r.see(f.response, "refused with %d", f.status)
	secure := "SRTP"
	if offered != nil && offered.Keying() == sdp.KeyingNone && has.Keying() != sdp.KeyingNone {
		secure = "SRTP (" + has.Keying().String() + ")"
	}
	return r.do("Set media encryption the same on both sides: either %s at both ends, or plain RTP/AVP at both.", secure).
		do("Where the sides cannot be made alike (WebRTC with DTLS against a phone or trunk with plain RTP), put a media relay that converts between them (rtpengine, SBC).")
}

// answeredOtherwise is mediaTransportMismatch of an answer that has the stream, but plain where SRTP was offered or the
// other way round (RFC 3264 §6 wants the transport of the offer), when the caller hung up at once: some make do with it.
func (x *Case) answeredOtherwise() *report {
	d := x.Timings.Duration
	if d == nil || *d >= earlyHangUp || x.HungUpBy != "caller" {
		return nil
	}
	try, ok := x.LastTry()
	if !ok {
		return nil
	}
	offer, answer := x.Session(x.RequestRef(try)), x.Session(x.FinalRef(try))
	if offer == nil || answer == nil || len(offer.Media) != len(answer.Media) {
		return nil
	}
	for i := range offer.Media {
		m, o := &offer.Media[i], &answer.Media[i]
		if m.Rejected() || o.Rejected() || !m.Profile.RTP() || !o.Profile.RTP() || srtp(m.Profile) == srtp(o.Profile) {
			continue
		}
		return x.report("media.transport-mismatch", 0.85, "%s answered %s where %s had offered %s, and the caller hung up %.1f s after the answer: an answer has to keep the transport of the offer.",
			x.Txn(try).Server, transport(o), x.Txn(try).Client, transport(m), *d/1000).
			see(x.RequestRef(try), "the offer: %s", transport(m)).
			see(x.FinalRef(try), "the answer: %s", transport(o)).
			do("Set media encryption the same on both sides: at %s, switch on SRTP as it was offered (for a browser DTLS), or have it refuse the offer with 488.", x.Txn(try).Server).
			do("Where the sides cannot be made alike (WebRTC with DTLS against a phone or trunk with plain RTP), put a media relay that converts between them (rtpengine, SBC).")
	}
	return nil
}

// srtp says whether the profile is one of SRTP.
func srtp(p sdp.Profile) bool {
	switch p {
	case sdp.ProfileSAVP, sdp.ProfileSAVPF, sdp.ProfileDTLS, sdp.ProfileDTLSF:
		return true
	}
	return false
}

// carriedOtherwise returns the first stream whose transport differs from the refuser's for the same type.
func (f *refusedOffer) carriedOtherwise() (offered, has *sdp.Media) {
	for i := range f.offer.Media {
		m := &f.offer.Media[i]
		o := f.counterpart(m)
		if o == nil || !m.Profile.RTP() || !o.Profile.RTP() {
			continue
		}
		one := sdp.Compare(&sdp.Session{Media: []sdp.Media{*m}}, &sdp.Session{Media: []sdp.Media{*o}})
		switch one.Media[0].Transport {
		case sdp.TransportSecurity, sdp.TransportKeying:
			return m, o
		case sdp.TransportFeedback:
			if f.from == f.response {
				return m, o
			}
		}
	}
	return nil, nil
}

// transport names how a stream is carried: "audio over RTP/SAVP with SDES keys".
func transport(m *sdp.Media) string {
	s := fmt.Sprintf("%s over %s", call.Clean(m.Type), call.Clean(m.Proto))
	if k := m.Keying(); k != sdp.KeyingNone {
		s += " with " + k.String() + " keys"
	}
	return s
}

func transports(s *sdp.Session) string {
	out := ""
	for i := range s.Media {
		if i > 0 {
			out += ", "
		}
		out += transport(&s.Media[i])
	}
	return out
}
