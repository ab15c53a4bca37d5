package diagnose

import (
	"fmt"

	"sipcause/sdp"
)

// mediaIPVersion: the address family of the offer's c= is not one that the other side has (Warning 300 and 301,
// RFC 3261 §20.43; RFC 8866 §5.7).
func mediaIPVersion(x *Case) *report {
	f, ok := x.refusedOffer()
	if !ok || f.offer == nil || !f.refusesMedia() && f.status != 400 {
		return nil
	}
	mine, theirs := family(f.offer), 0
	if f.own != nil {
		theirs = family(f.own)
	}
	confidence := 0.0
	switch _, _, warned := x.Warning(300, 301); {
	case mine != 0 && theirs != 0 && mine != theirs:
		confidence = f.proof()
	case warned:
		confidence = 0.9
	case f.status >= 300 && x.Says("ipv6", "ipv4", "ip6", "ip4", "address family", "address format"):
		confidence = 0.8
	default:
		return nil
	}
	offered := "no address that can be read"
	if mine != 0 {
		offered = fmt.Sprintf("an IPv%d address", mine)
	}
	r := x.report("media.ip-version", confidence, "%s: the two sides have no IP version in common for media. The offer from %s names %s.", x.refuser(&f), x.Txn(f.txn).Client, offered)
	if theirs != 0 && theirs != mine {
		r.add(" The other side uses IPv%d.", theirs)
	}
	x.warned(r, 300, 301)
	r.see(f.request, "c= of the offer: %s", offered)
	if theirs != 0 && f.from != f.response {
		r.see(f.from, "c= of the other side: IPv%d", theirs)
	}
	return r.see(f.response, "refused with %d", f.status).
		do("Give the caller's media an address of the version that %s has, or let it offer both with ICE (RFC 8421) or ANAT.", x.Txn(f.txn).Server).
		do("Else let a media relay with both versions (rtpengine, SBC) stand between.")
}

// family is the IP version of a description's streams, 0 when they differ or cannot be told.
func family(s *sdp.Session) int {
	v := 0
	for i := range s.Media {
		if m := &s.Media[i]; !m.Rejected() && m.Connection.Family() != 0 {
			if v != 0 && v != m.Connection.Family() {
				return 0
			}
			v = m.Connection.Family()
		}
	}
	return v
}
