package diagnose

import (
	"net/netip"

	"sipcause/internal/call"
	"sipcause/sdp"
)

// natPrivateSDP: a session description names a private address that differs from the packet's source, without
// ICE, and no element between relays media under an address of its own (RFC 8866 §5.7).
func natPrivateSDP(x *Case) *report {
	if x.Failed() {
		return nil // no call, no media
	}
	l := x.Lead()
	for i := range l.Sightings {
		s := &l.Sightings[i]
		if !s.Private {
			continue
		}
		source := l.FlowOf(s).Src
		if Private(source.Addr()) || source.Addr().IsLoopback() {
			continue
		}
		ref := call.MsgRef{Msg: int32(i)}
		session := x.Session(ref)
		if session == nil {
			continue
		}
		for k := range session.Media {
			m := &session.Media[k]
			a := m.Connection.Addr
			if m.Rejected() || !misled(a, source.Addr()) || len(m.Candidates) > 0 || m.ICE.Ufrag != nil || x.mediaFlows(m, source.Addr()) {
				continue
			}
			return x.report("nat.private-sdp", 0.8, "The session description from %s tells the other side to send %s to %s, a private address: without a media relay on the way nothing can arrive there.", source, call.Clean(m.Type), a).
				do("Ask whether the side at %s hears the other one. If not: let the device write its public address (STUN, external media address), switch ICE on, or let the proxy anchor media (rtpengine, rtpproxy, media relay of the SBC).", source).
				see(ref, "c= %s, packet from %s", a, source).
				suspect(source, call.RoleUnknown)
		}
	}
	return nil
}

// mediaFlows says whether RTP reached the side that wrote the description: at the socket that it names, when the capture
// is where that address holds, or, in spite of it, at the address that its messages come from (RFC 4961).
func (x *Case) mediaFlows(m *sdp.Media, source netip.Addr) bool {
	for i := range x.Media {
		s := &x.Media[i]
		if s.RTCP {
			continue
		}
		if s.Dst.Addr() == m.Connection.Addr && int(s.Dst.Port()) == m.Port && x.signals(s.Dst.Addr()) || s.Dst.Addr() == source && !s.To.Valid() {
			return true
		}
	}
	return false
}
