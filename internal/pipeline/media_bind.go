package pipeline

import (
	"net/netip"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/media"
	"sipcause/internal/wire"
	"sipcause/sdp"
	"sipcause/sip"
)

// Bounds of what a call can be given.
const (
	maxCallSockets = 256 // announced sockets looked at
	maxCallStreams = 128 // streams bound
	maxCallHosts   = 8   // announced hosts between which the RTP of other calls is looked for
)

// binder is what binding a call needs; it is reused.
type binder struct {
	msg     sip.Message
	session sdp.Session
	seen    []announced
}

// announced is a socket that a session description of the call named first.
type announced struct {
	at  netip.AddrPort
	ref call.MsgRef
}

// bind gives the call the streams to the sockets that its session descriptions announced, in the order in
// which those were announced, and those that answer them from there (RFC 4961: the far side of a translator).
func (t *mediaTable) bind(c *call.Call) {
	if t.byDst.Len() == 0 || c.Kind != call.KindCall {
		return
	}
	c.MediaCut = t.cut >= c.Began
	b := &t.binder
	b.seen = b.seen[:0]
	for k, l := range c.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			if !s.HasSDP || s.Raw == nil || b.msg.Parse(s.Raw) != nil {
				continue
			}
			body, ok := sdp.FindSDP(b.msg.Header(sip.HeaderContentType), b.msg.Body)
			if !ok || !b.session.Parse(body) {
				continue
			}
			for n := range b.session.Media {
				t.bindMedia(c, &b.session.Media[n], call.MsgRef{Leg: k, Msg: int32(i)})
			}
		}
	}
	for _, s := range c.Media { // as bound so far
		t.bindAnswering(c, s.Dst.Addr(), s.Src)
	}
	rtp := false
	for i := range c.Media {
		s := &c.Media[i]
		rtp = rtp || !s.RTCP
		t.finish(c, s)
	}
	if !rtp {
		c.OnPath = t.onPath()
	}
}

// bindMedia binds what arrived at the sockets of one m= line and its candidates, and tells what the payload
// types of both directions mean.
func (t *mediaTable) bindMedia(c *call.Call, m *sdp.Media, ref call.MsgRef) {
	if m.Rejected() || !m.Profile.RTP() {
		return
	}
	t.bindSocket(c, m, netip.AddrPortFrom(m.Connection.Addr, port(m.Port)), ref)
	t.bindSocket(c, m, netip.AddrPortFrom(m.Connection.Addr, port(m.RTCPPort)), ref)
	for i := range m.Candidates {
		t.bindSocket(c, m, netip.AddrPortFrom(m.Candidates[i].Addr, port(m.Candidates[i].Port)), ref)
	}
}

func port(n int) uint16 { return uint16(max(n, 0)) } // -1 is unreadable; above 65535 sdp reads none

func (t *mediaTable) bindSocket(c *call.Call, m *sdp.Media, at netip.AddrPort, ref call.MsgRef) {
	if !at.Addr().IsValid() || at.Port() == 0 {
		return
	}
	if !slices.ContainsFunc(t.binder.seen, func(a announced) bool { return a.at == at }) && len(t.binder.seen) < maxCallSockets {
		t.binder.seen = append(t.binder.seen, announced{at, ref})
		socket, _ := t.byDst.Peek(at)
		if socket != nil {
			for _, s := range socket.streams {
				t.bindStream(c, s)
			}
		}
	}
	for i := range c.Media {
		if s := &c.Media[i]; s.ClockRate == 0 && s.RTP != nil && (s.Dst == at || s.Src == at) {
			s.Codec, s.ClockRate = meaning(m, s.PayloadType)
		}
	}
}

// meaning returns what a payload type stands for in a session description.
func meaning(m *sdp.Media, pt uint8) (codec string, rate int) {
	for i := range m.Formats {
		if f := &m.Formats[i]; f.PayloadType == int(pt) {
			return call.Clean(f.Encoding), f.ClockRate
		}
	}
	return "", 0
}

// bindAnswering binds what was sent to a socket by the host to which its own packets went.
func (t *mediaTable) bindAnswering(c *call.Call, from netip.Addr, to netip.AddrPort) {
	socket, _ := t.byDst.Peek(to)
	if socket == nil {
		return
	}
	for _, s := range socket.streams {
		if s.src.Addr() == from {
			t.bindStream(c, s)
		}
	}
}

// bindStream gives the call one stream, when it ran during the call.
func (t *mediaTable) bindStream(c *call.Call, s *mediaStream) {
	n := &s.count
	if n.Last < c.Began || n.First > c.Ended+slackAfter(c) {
		return
	}
	for i := range c.Media {
		if h := &c.Media[i]; h.Dst == s.dst && h.Src == s.src && h.SSRC == s.ssrc && h.RTCP == s.rtcp && h.First == n.First {
			return
		}
	}
	if len(c.Media) >= maxCallStreams {
		t.Evicted++
		return
	}
	out := call.Stream{
		Src: s.src, Dst: s.dst, RTCP: s.rtcp, SSRC: s.ssrc, PayloadType: s.kind, Packets: n.Packets, Bytes: n.Bytes,
		First: n.First, Last: n.Last, From: call.NoMsg, To: call.NoMsg, Jitter: -1, JitterMax: -1,
	}
	for _, a := range t.binder.seen {
		if a.at == s.dst {
			out.To = a.ref
		}
	}
	if !s.rtcp {
		count := s.count
		out.RTP, out.PayloadType = &count, count.PayloadType()
	}
	c.Media = append(c.Media, out)
}

// slackAfter is how long after its last message the call's media may begin.
func slackAfter(c *call.Call) wire.Time {
	for _, l := range c.Legs {
		for i := range l.Dialogs {
			if l.Dialogs[i].Bye != call.None {
				return 0 // what is later is the next call's
			}
		}
	}
	return mediaSlack
}

// finish fills in what needs all of the call's announcements and streams.
func (t *mediaTable) finish(c *call.Call, s *call.Stream) {
	for _, a := range t.binder.seen {
		if a.at == s.Src || a.at.Addr() == s.Src.Addr() && !s.From.Valid() {
			s.From = a.ref
		}
	}
	if s.RTCP {
		return
	}
	if s.ClockRate == 0 {
		if name, rate, _, ok := sdp.Static(int(s.PayloadType)); ok {
			s.Codec, s.ClockRate = name, rate
		}
	}
	if mean, worst, ok := s.RTP.Jitter(s.ClockRate); ok {
		s.Jitter, s.JitterMax = mean, worst
	}
	s.Remote = t.remote(c, s)
	loss, way := s.RTP.LossShare(), 0.0
	if s.Remote != nil {
		loss = max(loss, s.Remote.LossMean)
		way = float64(s.Remote.RoundTrip) / 2e6
	}
	if mos, ok := media.MOS(s.Codec, loss, max(s.Jitter, 0), way); ok {
		s.MOS = mos
	}
}

// remote returns what the receiver of a stream said of it: the reports about its SSRC that came from its host.
func (t *mediaTable) remote(c *call.Call, s *call.Stream) *media.Report {
	for i := range c.Media {
		r := &c.Media[i]
		if !r.RTCP || r.Src.Addr() != s.Dst.Addr() {
			continue
		}
		socket, _ := t.byDst.Peek(r.Dst)
		if socket == nil {
			continue
		}
		for _, h := range socket.streams {
			if h.rtcp && h.src == r.Src && h.ssrc == r.SSRC {
				for _, about := range h.control.Reports() {
					if about.SSRC == s.SSRC {
						return &about
					}
				}
			}
		}
	}
	return nil
}

// onPath counts the RTP streams seen between the hosts that the call's descriptions named.
func (t *mediaTable) onPath() int {
	var hosts []netip.Addr
	for _, a := range t.binder.seen {
		if h := a.at.Addr(); !slices.Contains(hosts, h) && len(hosts) < maxCallHosts {
			hosts = append(hosts, h)
		}
	}
	n := 0
	for _, a := range hosts {
		for _, b := range hosts {
			if a != b {
				k, _ := t.paths.Peek(mediaPath{a, b})
				n += k
			}
		}
	}
	return n
}
