package pipeline

import (
	"net/netip"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sdp"
	"sipcause/sip"
)

// maxStreams bounds the RTP and RTCP streams remembered; the one idle longest goes first.
const maxStreams = 1 << 15

// maxStreamsPerSocket bounds the streams to one socket: more SSRCs than that are no call's.
const maxStreamsPerSocket = 16

// mediaTable counts RTP and RTCP by stream and finds the streams that a call's session descriptions announced.
type mediaTable struct {
	byDst   *simplelru.LRU[netip.AddrPort, []call.Stream]
	Evicted uint64
	msg     sip.Message
	session sdp.Session
}

func (t *mediaTable) init() {
	lru, err := simplelru.NewLRU(maxStreams, func(netip.AddrPort, []call.Stream) { t.Evicted++ })
	if err != nil {
		panic(err) // only for a size below 1
	}
	t.byDst = lru
}

// add counts one packet.
func (t *mediaTable) add(m *wire.Media) {
	list, _ := t.byDst.Get(m.Flow.Dst)
	for i := range list {
		if s := &list[i]; s.Src == m.Flow.Src && s.SSRC == m.SSRC && s.RTCP == m.RTCP {
			s.Packets++
			s.Bytes += uint64(m.Bytes)
			s.First, s.Last = min(s.First, m.Time), max(s.Last, m.Time)
			return
		}
	}
	if len(list) >= maxStreamsPerSocket {
		t.Evicted++
		return
	}
	t.byDst.Add(m.Flow.Dst, append(list, call.Stream{
		Src: m.Flow.Src, Dst: m.Flow.Dst, RTCP: m.RTCP, SSRC: m.SSRC, PayloadType: m.PT,
		Packets: 1, Bytes: uint64(m.Bytes), First: m.Time, Last: m.Time,
	}))
}

// mediaSlack is how long before a call's first and after its last message its media may be seen.
const mediaSlack = wire.Time(5e9)

// bind gives the call the streams to the sockets that its session descriptions announced, in the order in
// which those were announced.
func (t *mediaTable) bind(c *call.Call) {
	if t.byDst.Len() == 0 {
		return
	}
	var seen []netip.AddrPort
	for _, l := range c.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			if !s.HasSDP || s.Raw == nil || t.msg.Parse(s.Raw) != nil {
				continue
			}
			body, ok := sdp.FindSDP(t.msg.Header(sip.HeaderContentType), t.msg.Body)
			if !ok || !t.session.Parse(body) {
				continue
			}
			for k := range t.session.Media {
				m := &t.session.Media[k]
				seen = t.bindSocket(c, seen, netip.AddrPortFrom(m.Connection.Addr, uint16(m.Port)))
				seen = t.bindSocket(c, seen, netip.AddrPortFrom(m.Connection.Addr, uint16(m.RTCPPort)))
			}
		}
	}
}

func (t *mediaTable) bindSocket(c *call.Call, seen []netip.AddrPort, at netip.AddrPort) []netip.AddrPort {
	if !at.Addr().IsValid() || at.Port() == 0 {
		return seen
	}
	for _, s := range seen {
		if s == at {
			return seen
		}
	}
	list, _ := t.byDst.Peek(at)
	for _, s := range list {
		if s.Last >= c.Began-mediaSlack && s.First <= c.Ended+mediaSlack {
			c.Media = append(c.Media, s)
		}
	}
	return append(seen, at)
}
