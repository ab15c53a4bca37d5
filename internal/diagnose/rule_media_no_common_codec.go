package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/sdp"
	"sipcause/sip"
)

// saysCodec are words of a refusal that mean the formats. All are lower case; see Case.Says.
var saysCodec = []string{"codec", "media format", "media type not", "incompatible media", "incompatible_dest", "no common media", "no compatible media", "no supported media", "no matching media"}

// mediaNoCommonCodec: the offer was refused, and the two descriptions, the Warning or the words show that the
// formats are why (RFC 3264 §6, RFC 3261 §20.43).
func mediaNoCommonCodec(x *Case) *report {
	f, ok := x.refusedOffer()
	if !ok && !f.request.Valid() && f.refusesMedia() {
		return x.codecWarned(&f)
	}
	if !ok || f.offer == nil || !f.refusesMedia() {
		return nil
	}
	offered, has := f.disjoint()
	confidence := 0.0
	switch _, _, warned := x.Warning(304, 305); {
	case has != nil:
		confidence = f.proof()
	case f.status < 300:
		return nil // what a rejected stream lists is often the offer's own list
	case warned:
		confidence = 0.9
	case x.Says(saysCodec...):
		confidence = 0.8
	case f.status == 415 && x.acceptsSDP(f.request):
		confidence = 0.65
	default:
		return nil
	}
	r := x.report("media.no-common-codec", confidence, "%s: no codec in common. The offer from %s has %s.", x.refuser(&f), x.Txn(f.txn).Client, streams(f.offer))
	if has != nil {
		r.add(" The other side has %s for %s.", codecs(has), call.Clean(has.Type))
	}
	if f.status == 415 {
		r.add(" The response accepts application/sdp: what is in the body is meant.")
	}
	x.warned(r, 304, 305)
	r.see(f.request, "the offer: %s", streams(f.offer))
	if f.from != f.response && f.own != nil {
		r.see(f.from, "what the refuser described elsewhere: %s", streams(f.own))
	}
	r.see(f.response, "refused with %d", f.status)
	switch common := wouldDo(f.offer); {
	case has != nil:
		r.do("Let the caller offer one of %s too, or enable one of %s at %s; any one codec on both sides is enough.", codecs(has), codecs(offered), x.Txn(f.txn).Server)
	case common != "":
		r.do("Look up the codecs of %s: the response does not list them. %s would do with nearly every phone and gateway: offer it too.", x.Txn(f.txn).Server, common)
	default:
		r.do("Look up the codecs of %s: the response does not list them, and the offer already has PCMU and PCMA. One of G729, G722 or opus on both sides would do; or it refuses something else of the stream (SRTP, packet time, media type).", x.Txn(f.txn).Server)
	}
	return r.do("Where neither side can be changed, let a transcoding element (SBC, media server) take the call.").
		do("Compare with the offer as the caller sent it: a hop on the way may have removed codecs.")
}

// codecWarned is mediaNoCommonCodec of a refusal whose request the capture does not have: what it says itself.
func (x *Case) codecWarned(f *refusedOffer) *report {
	confidence := 0.85
	if _, _, warned := x.Warning(304, 305); !warned {
		if !x.Says(saysCodec...) {
			return nil
		}
		confidence = 0.75
	}
	r := x.report("media.no-common-codec", confidence, "%s refused what the INVITE offered (%d %s) and says that it is the formats; the capture does not show the offer.", x.originName(), f.status, x.reasonOf(f.txn))
	x.warned(r, 304, 305)
	return r.see(f.response, "refused with %d", f.status).
		do("Capture the INVITE as well, and compare its codecs with those of the side that refuses: any one on both sides is enough.").
		do("Where neither side can be changed, let a transcoding element (SBC, media server) take the call.")
}

// disjoint returns the first stream of the offer and its counterpart when the refuser describes streams of the same
// types and not one of them has a codec in common with the offer's.
func (f *refusedOffer) disjoint() (offered, has *sdp.Media) {
	for i := range f.offer.Media {
		m := &f.offer.Media[i]
		o := f.counterpart(m)
		if o == nil || !m.Profile.RTP() || !o.Profile.RTP() || len(o.Formats) == 0 || !named(o) || !named(m) {
			continue
		}
		if sdp.CommonCodecs(m, o) != nil {
			return nil, nil
		}
		if has == nil {
			offered, has = m, o
		}
	}
	return offered, has
}

// named says whether at least one codec of the stream can be told by name.
func named(m *sdp.Media) bool {
	for i := range m.Formats {
		if f := &m.Formats[i]; len(f.Encoding) > 0 && !f.Auxiliary() {
			return true
		}
	}
	return false
}

// wouldDo names the codecs that nearly everybody has and the offer lacks; "" when it has them.
func wouldDo(offer *sdp.Session) string {
	lacks := []string{"PCMA/8000", "PCMU/8000"}
	for i := range offer.Media {
		for k := range offer.Media[i].Formats {
			switch f := &offer.Media[i].Formats[k]; {
			case strings.EqualFold(string(f.Encoding), "PCMA"):
				lacks[0] = ""
			case strings.EqualFold(string(f.Encoding), "PCMU"):
				lacks[1] = ""
			}
		}
	}
	if lacks[0] == "" || lacks[1] == "" {
		return lacks[0] + lacks[1]
	}
	return strings.Join(lacks, " or ")
}

// acceptsSDP says whether a 415 lists the very type of the request's body: then it means what is in the body.
func (x *Case) acceptsSDP(request call.MsgRef) bool {
	q, m := x.Msg(request), x.Deciding()
	return q != nil && m != nil && q.Count(sip.HeaderContentEncoding) == 0 && m.Count(sip.HeaderAccept) > 0 && accepts(m, mediaType(q.Header(sip.HeaderContentType)))
}
