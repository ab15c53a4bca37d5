package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/sdp"
)

// mediaBandwidth: Warning 370, or words to that effect (RFC 3261 §20.43).
func mediaBandwidth(x *Case) *report {
	f, ok := x.refusedOffer()
	if !ok || f.status < 300 {
		return nil
	}
	confidence := 0.95
	if _, _, warned := x.Warning(370); !warned {
		if !x.Says("insufficient bandwidth", "not enough bandwidth", "bandwidth limit", "bandwidth exceeded", "bandwidth not", "no bandwidth") {
			return nil
		}
		confidence = 0.85
	}
	r := x.report("media.bandwidth", confidence, "%s for lack of bandwidth.", x.refuser(&f))
	if offer := x.Session(f.request); offer != nil {
		r.add(" The offer asks for %s%s.", streams(offer), bandwidths(offer))
	}
	x.warned(r, 370)
	return r.see(f.request, "the offer").
		see(f.response, "refused with %d", f.status).
		do("Look at the call admission limit (bandwidth per location, link or trunk) of %s and at how much of it was in use at that second.", x.Txn(f.txn).Server).
		do("Offer less: a codec of lower rate (G729, opus with a lower maxaveragebitrate), no video.")
}

// bandwidths lists the b= lines of a description for people: ", with b=AS:512".
func bandwidths(s *sdp.Session) string {
	out := ""
	add := func(list []sdp.Bandwidth) {
		for _, b := range list {
			out += fmt.Sprintf(", b=%s:%d", call.Clean(b.Type), b.Value)
		}
	}
	add(s.Bandwidth)
	for i := range s.Media {
		add(s.Media[i].Bandwidth)
	}
	return out
}
