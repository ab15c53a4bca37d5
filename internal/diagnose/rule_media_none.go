package diagnose

import (
	"net/netip"

	"sipcause/internal/call"
)

// mediaNone: no RTP within 5 s of the ACK, at a place where RTP would have been captured: the RTP of other calls
// between the same hosts was, or this call's RTCP, or its RTP before the answer. Or an offer that the ACK leaves
// unanswered, whatever was captured.
func mediaNone(x *Case) *report {
	if r := x.unansweredOffer(); r != nil {
		return r
	}
	if len(x.Media) == 0 && x.OnPath < 2 {
		return nil
	}
	hops := x.mediaHops()
	for i := range hops {
		h := &hops[i]
		if !h.twoWay() || h.ack == 0 || h.bye == 0 || h.bye-h.ack < enoughTalk || h.sides[0].ice || h.sides[1].ice {
			continue
		}
		witness, ok := x.mediaWitness(h)
		if !ok {
			continue
		}
		caller, callee := h.sides[callerSide].last(), h.sides[calleeSide].last()
		r := x.report("media.none", x.missing(0.85, h, h.answered, h.bye),
			"No RTP ran between %s and %s in the %.1f s of the call, though %s.", caller.at, callee.at, Seconds(h.ack, h.bye), witness).
			see(caller.ref, "announces %s", caller.at).see(callee.ref, "announces %s", callee.at).
			do("Capture at both ends: whether they send RTP splits a firewall that blocks the port range from devices that found no audio path.")
		for side := range h.sides {
			if d := h.sides[side].last(); h.sides[side].unreachable() {
				r.do("%s wrote the private address %s: let it write its public one, or let a media relay anchor the call.", sideNames[side], d.at.Addr())
			}
		}
		return r.do("Open the RTP port ranges of both sides in both directions; compare with a call between the same hosts that has audio.").
			suspect(callee.at, call.RoleUnknown).tell("Neither side of the call could hear the other.")
	}
	return nil
}

// mediaWitness says what shows that the hop's RTP would have been captured; ok is false when nothing does, and when
// there was RTP.
func (x *Case) mediaWitness(h *mediaHop) (words string, ok bool) {
	a, b := x.toward(h, callerSide), x.toward(h, calleeSide)
	last := max(a.last, b.last)
	switch {
	case last > h.answered:
		return "", false
	case last != 0:
		return "RTP was seen there before the answer", true
	}
	for i := range x.Media {
		s := &x.Media[i]
		if s.RTCP && (h.announcedHost(s.Src.Addr()) && h.announcedHost(s.Dst.Addr())) {
			return "its RTCP was captured", true
		}
	}
	if x.OnPath >= 2 {
		return "the RTP of other calls between these hosts was captured", true
	}
	return "", false
}

func (h *mediaHop) announcedHost(a netip.Addr) bool {
	return h.sides[0].hasHost(a) || h.sides[1].hasHost(a)
}

// netAddr is a host where the port is not known.
func netAddr(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 0) }
