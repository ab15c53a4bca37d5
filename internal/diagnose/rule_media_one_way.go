package diagnose

import (
	"net/netip"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// mediaOneWay: on a hop where both sides wanted both directions, RTP ran one way only (RFC 3264 §5.1).
func mediaOneWay(x *Case) *report {
	if !x.hasRTP() {
		return nil
	}
	hops := x.mediaHops()
	for i := range hops {
		h := &hops[i]
		if !h.twoWay() || x.talked(h) < enoughTalk || h.sides[0].turn || h.sides[1].turn {
			continue
		}
		for side := range h.sides {
			if sent := x.toward(h, side); sent.packets >= enoughPackets && x.toward(h, 1-side).packets >= enoughPackets && x.nowhere(h, side, &sent) {
				return x.sentNowhere(h, side, &sent)
			}
		}
		for silent := range h.sides {
			heard, lost := x.toward(h, silent), x.toward(h, 1-silent)
			if lost.packets > 0 || heard.packets < enoughPackets || heard.last-max(heard.first, h.answered) < enoughTalk/2 {
				continue
			}
			return x.oneWay(h, silent, &heard)
		}
	}
	return nil
}

// nowhere says whether all RTP towards a side went to a private address that the side wrote, while its messages come
// from another and no message of the call was sent to it or came from it: this side of the translator that address is
// nobody's.
func (x *Case) nowhere(h *mediaHop, side int, sent *lane) bool {
	for _, s := range sent.streams {
		if !slices.ContainsFunc(h.sides[side].said, func(d description) bool { return d.at == s.Dst && misled(d.at.Addr(), d.by) }) || x.signals(s.Dst.Addr()) {
			return false
		}
	}
	return true
}

// sentNowhere reports RTP to an address that only holds behind a translator.
func (x *Case) sentNowhere(h *mediaHop, side int, sent *lane) *report {
	to, from := h.sides[side].last(), h.sides[1-side].last()
	return x.report("media.one-way", 0.85, "%s sends its RTP (%d packets) to %s, the private address that %s wrote while its messages come from %s: nothing can arrive there, and only the other direction is heard.",
		from.at.Addr(), sent.packets, to.at, sideNames[side], to.by).
		do("Let the device at %s write its public address into the session description (STUN, external media address), or let a media relay (rtpengine, SBC) anchor the call.", to.by).
		do("Or let %s send to where the packets come from (symmetric RTP, comedia, nat=yes).", from.at.Addr()).
		see(to.ref, "announces %s, packet from %s", to.at, to.by).
		suspect(netAddr(to.by), call.RoleUnknown).
		tell("One side of the call could not hear the other.")
}

// oneWay reports that the silent side was sent RTP and sent none.
func (x *Case) oneWay(h *mediaHop, silent int, heard *lane) *report {
	from, to := h.sides[silent].last(), h.sides[1-silent].last()
	confidence := 0.7
	if a, b := from.at.Addr(), to.at.Addr(); a == h.ends[silent] && b == h.ends[1-silent] && x.sends(h.leg, a, b) && x.sends(h.leg, b, a) {
		confidence = 0.9 // the same two hosts are seen to send SIP both ways
	}
	r := x.report("media.one-way", x.missing(confidence, h, h.answered, heard.last),
		"RTP ran one way only: %s at %s was sent %d packets and none came back from it to %s, though both sides agreed to send and to receive.",
		sideNames[silent], from.at, heard.packets, to.at)
	if h.sides[1-silent].unreachable() {
		r.add(" The address %s is private, while its owner's messages come from %s: nothing can arrive there.", to.at.Addr(), to.by).
			do("Let the device at %s write its public address into the session description (STUN, external media address), or let a media relay (rtpengine, SBC) anchor the call.", to.by).
			suspect(netAddr(to.by), call.RoleUnknown)
	} else {
		r.do("Capture at %s: when it sends RTP to %s, a firewall or a wrong route on the way drops it; when it sends none, the device or its mute, voice activity detection or audio path is to be looked at.", from.at.Addr(), to.at).
			do("Open the range of RTP ports towards %s in both directions, and switch SIP ALG off on the routers between.", to.at.Addr()).
			suspect(from.at, call.RoleUnknown)
	}
	return r.see(from.ref, "announces %s, which was sent %d packets of RTP", from.at, heard.packets).
		see(to.ref, "announces %s, which was sent none", to.at).
		tell("One side of the call could not hear the other.")
}

// sends says whether a message of a leg went from one host to another.
func (x *Case) sends(leg int, from, to netip.Addr) bool {
	return slices.ContainsFunc(x.Legs[leg].Flows, func(f wire.Flow) bool { return f.Src.Addr() == from && f.Dst.Addr() == to })
}
