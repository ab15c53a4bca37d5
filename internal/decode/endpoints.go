package decode

import (
	"net/netip"

	"sipcause/internal/wire"
)

// maxEndpoints bounds the addresses remembered to speak SIP on an unusual port.
const maxEndpoints = 16384

// endpoints remembers where SIP was seen beside the usual ports, so that packets without readable content
// (SYN, RST, a short ICMP quote) can be told to concern SIP. The oldest is forgotten first.
type endpoints struct {
	set  map[netip.AddrPort]struct{}
	ring []netip.AddrPort
	next int
}

func (e *endpoints) init() { e.set = map[netip.AddrPort]struct{}{} }

// learn takes the flow of a SIP datagram. A flow with a usual port at either end says nothing new.
func (e *endpoints) learn(f wire.Flow) {
	if usualPort(f.Dst.Port()) || usualPort(f.Src.Port()) {
		return
	}
	e.add(f.Dst)
	e.add(f.Src)
}

func (e *endpoints) add(a netip.AddrPort) {
	if _, ok := e.set[a]; ok {
		return
	}
	if len(e.ring) < maxEndpoints {
		e.ring = append(e.ring, a)
	} else {
		delete(e.set, e.ring[e.next])
		e.ring[e.next] = a
		e.next = (e.next + 1) % maxEndpoints
	}
	e.set[a] = struct{}{}
}

func (e *endpoints) has(a netip.AddrPort) bool {
	_, ok := e.set[a]
	return ok
}

// usualPort says whether SIP servers usually listen there: 5060 and 5061 (RFC 3261 §19.1.2) and the
// range that installations with several instances take.
func usualPort(p uint16) bool { return p >= 5060 && p <= 5091 }

// concernsSIP says whether a packet of this flow, with so much of its data as is known, concerns SIP.
func (d *Decoder) concernsSIP(f wire.Flow, data []byte) bool {
	return usualPort(f.Dst.Port()) || usualPort(f.Src.Port()) || isSIP(data) || d.peers.has(f.Dst) || d.peers.has(f.Src)
}
