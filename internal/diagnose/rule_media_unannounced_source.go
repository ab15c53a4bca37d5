package diagnose

import (
	"net/netip"

	"sipcause/internal/call"
)

// mediaUnannouncedSource: RTP reached an announced socket from a host that no description of the call names, and that
// no address translation in evidence explains.
func mediaUnannouncedSource(x *Case) *report {
	if !x.hasRTP() {
		return nil
	}
	hops := x.mediaHops()
	for i := range hops {
		h := &hops[i]
		for to := range h.sides {
			if h.answered == 0 || h.sides[0].ice || h.sides[1].ice || translated(&h.sides[1-to]) {
				continue
			}
			heard := x.toward(h, to)
			for _, s := range heard.streams {
				if s.Packets >= enoughPackets/2 && s.To.Valid() && !x.knowsHost(hops, s.Src.Addr()) {
					return x.stranger(h, to, s, &heard)
				}
			}
		}
	}
	return nil
}

// translated says whether a side's RTP comes from an address that it does not know: one behind NAT that wrote its
// private address, or none.
func translated(s *mediaSide) bool {
	for i := range s.said {
		if a := s.said[i].at.Addr(); !a.IsValid() || a.IsUnspecified() || Private(a) && a != s.said[i].by {
			return true
		}
	}
	return false
}

// knowsHost says whether the call's descriptions or its signalling name a host.
func (x *Case) knowsHost(hops []mediaHop, a netip.Addr) bool {
	for i := range hops {
		if hops[i].announcedHost(a) {
			return true
		}
	}
	return x.signals(a)
}

// signals says whether messages of the call were sent from or to a host.
func (x *Case) signals(a netip.Addr) bool {
	for _, t := range x.Txns() {
		if t.Client.Addr() == a || t.Server.Addr() == a {
			return true
		}
	}
	return false
}

// stranger reports a stream from nowhere.
func (x *Case) stranger(h *mediaHop, to int, s *call.Stream, heard *lane) *report {
	source := h.sides[1-to].last()
	r := x.report("media.unannounced-source", 0.8, "%s got %d packets of RTP from %s, which no session description of the call names; %s announced %s.", s.Dst, s.Packets, s.Src, sideNames[1-to], source.at)
	for _, o := range heard.streams {
		if o.Src.Addr() == source.at.Addr() && o.First < s.Last && s.First < o.Last {
			r.add(" RTP from the announced host ran at the same time: a third party may be sending.")
			break
		}
	}
	return r.do("Find out who owns %s: a media server or second interface of the other side, the far side of a NAT, or somebody who has no business here.", s.Src.Addr()).
		do("When it belongs to the other side, let it announce that address, or let the receiver latch on to it; else restrict the RTP ports to the announced hosts, or use SRTP.").
		see(source.ref, "announces %s", source.at).seeStream(s, "announces %s, which was sent RTP from %s", s.Dst, s.Src).
		suspect(s.Src, call.RoleUnknown)
}
