package diagnose

import (
	"bytes"
	"math"
	"net/netip"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/media"
	"sipcause/internal/wire"
	"sipcause/sdp"
	"sipcause/sip"
)

// The two sides of a hop.
const (
	callerSide = 0
	calleeSide = 1
)

// mediaHop is a hop on which both sides described their media: between the two descriptions RTP runs. Hops behind a
// proxy that leaves the descriptions alone are one.
type mediaHop struct {
	leg      int
	ends     [2]netip.Addr // signalling addresses of the caller's and the callee's side
	sides    [2]mediaSide
	answered wire.Time // 2xx to the INVITE on this hop; 0 none
	ack      wire.Time // 0 none seen
	bye      wire.Time // 0 none seen
}

// mediaSide is what one side of a hop said of itself.
type mediaSide struct {
	said []description
	held bool // at some time it did not both send and receive
	ice  bool // what the c= line says is only a beginning
	turn bool // a relay candidate (RFC 8656): RTP may run inside TURN, where it is not seen
	srtp bool
}

// description is the first audio stream of one session description.
type description struct {
	ref call.MsgRef
	all *sdp.Session
	m   *sdp.Media
	at  netip.AddrPort
	by  netip.Addr // where the message came from
}

// hopKey tells hops apart: the two signalling sockets, ports of streams aside, in order.
type hopKey struct {
	leg  int
	a, b netip.AddrPort
}

func keyOf(leg int, t *call.Txn) hopKey {
	a, b := t.Client, t.Server
	if t.Transport != wire.UDP {
		a, b = netip.AddrPortFrom(a.Addr(), 0), netip.AddrPortFrom(b.Addr(), 0)
	}
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return hopKey{leg, a, b}
}

// maxMediaHops bounds the hops of one call whose media are looked at.
const maxMediaHops = 32

// mediaHops returns the hops on which RTP may run: those on which both sides described an audio stream.
func (x *Case) mediaHops() []mediaHop {
	var keys []hopKey
	var hops []mediaHop
	for k, l := range x.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			if s.Txn == call.None || s.Status >= 300 || s.Method == sip.MethodUnknown || !s.HasSDP && s.Status/100 != 2 {
				continue
			}
			t := &l.Txns[s.Txn]
			key := keyOf(k, t)
			n := slices.Index(keys, key)
			if n < 0 {
				if !s.HasSDP || len(hops) >= maxMediaHops {
					continue
				}
				n = len(keys)
				keys, hops = append(keys, key), append(hops, mediaHop{leg: k})
			}
			x.describe(&hops[n], k, int32(i), t)
		}
	}
	return slices.DeleteFunc(hops, func(h mediaHop) bool {
		return len(h.sides[callerSide].said) == 0 || len(h.sides[calleeSide].said) == 0 || sameAsEarlier(hops, &h)
	})
}

// sameAsEarlier says whether an earlier hop has the same first sockets.
func sameAsEarlier(hops []mediaHop, h *mediaHop) bool {
	for i := range hops {
		o := &hops[i]
		if len(o.sides[0].said) == 0 || len(o.sides[1].said) == 0 {
			continue
		}
		same := o.sides[0].said[0].at == h.sides[0].said[0].at && o.sides[1].said[0].at == h.sides[1].said[0].at
		if same {
			return o.sides[0].said[0].ref != h.sides[0].said[0].ref
		}
	}
	return false
}

// describe enters one message into its hop.
func (x *Case) describe(h *mediaHop, leg int, i int32, t *call.Txn) {
	l := x.Legs[leg]
	s := &l.Sightings[i]
	if s.Status/100 == 2 && t.Method == sip.MethodInvite && !t.InDialog && h.answered == 0 {
		h.answered = s.Time
		for k := range l.Dialogs {
			d := &l.Dialogs[k]
			if d.Confirmed != 0 {
				h.ack, h.bye = max(h.ack, d.AckAt), max(h.bye, d.Terminated)
			}
		}
	}
	if !s.HasSDP || s.Raw == nil {
		return
	}
	ref := call.MsgRef{Leg: leg, Msg: i}
	session := x.Session(ref)
	if session == nil {
		return
	}
	from := callerSide
	if x.byCallee(leg, t, ref) {
		from = calleeSide
	}
	if !s.IsRequest() {
		from = 1 - from
	}
	source := l.FlowOf(s).Src.Addr()
	if !h.ends[from].IsValid() {
		h.ends[from], h.ends[1-from] = source, l.FlowOf(s).Dst.Addr()
	}
	side := &h.sides[from]
	for n := range session.Media {
		m := &session.Media[n]
		if !m.Type.Is("audio") || !m.Profile.RTP() || m.Rejected() {
			continue
		}
		side.held = side.held || m.Direction != sdp.SendRecv || m.ZeroAddress()
		side.ice = side.ice || len(m.Candidates) > 0 || len(m.ICE.Ufrag) > 0 || len(session.ICE.Ufrag) > 0
		side.turn = side.turn || slices.ContainsFunc(m.Candidates, func(c sdp.Candidate) bool { return c.Type.Is("relay") })
		side.srtp = side.srtp || m.Keying() != sdp.KeyingNone
		side.said = append(side.said, description{ref, session, m, netip.AddrPortFrom(m.Connection.Addr, uint16(max(m.Port, 0))), source})
		return
	}
}

// byCallee says whether the request of t came from the side that was called.
func (x *Case) byCallee(leg int, t *call.Txn, ref call.MsgRef) bool {
	if !t.InDialog {
		return false
	}
	m := x.Msg(ref)
	if m == nil {
		return false
	}
	for i := range x.Legs[leg].Dialogs {
		if d := &x.Legs[leg].Dialogs[i]; bytes.Equal(d.CalleeTag, m.FromTag()) {
			return !bytes.Equal(d.CallerTag, m.FromTag())
		}
	}
	return false
}

// has says whether the side announced a socket for RTP.
func (s *mediaSide) has(at netip.AddrPort) bool {
	for i := range s.said {
		d := &s.said[i]
		if d.at == at {
			return true
		}
		for k := range d.m.Candidates {
			if c := &d.m.Candidates[k]; netip.AddrPortFrom(c.Addr, uint16(c.Port)) == at {
				return true
			}
		}
	}
	return false
}

// hasHost says whether the side announced a host.
func (s *mediaSide) hasHost(a netip.Addr) bool {
	for i := range s.said {
		if s.said[i].at.Addr() == a {
			return true
		}
	}
	return false
}

// last is the description that was in force at the end.
func (s *mediaSide) last() *description { return &s.said[len(s.said)-1] }

// lane is the RTP of a hop in one direction.
type lane struct {
	streams     []*call.Stream
	packets     uint64
	first, last wire.Time // 0: none
}

// toward returns the RTP that one side of a hop was sent: to a socket that it announced, or, by the other side's host,
// to where its packets come from (RFC 4961).
func (x *Case) toward(h *mediaHop, side int) lane {
	var out lane
	for i := range x.Media {
		s := &x.Media[i]
		if s.RTCP || !x.own(s) || !h.sides[side].has(s.Dst) && (s.To.Valid() || !h.sides[1-side].hasHost(s.Src.Addr())) {
			continue
		}
		if len(out.streams) == 0 || s.First < out.first {
			out.first = s.First
		}
		out.streams, out.packets, out.last = append(out.streams, s), out.packets+s.Packets, max(out.last, s.Last)
	}
	return out
}

// own says whether a stream belongs to this call and not to one before that used the same sockets.
func (x *Case) own(s *call.Stream) bool {
	return s.First >= x.Began-wire.Time(1e9) || x.Lead().MidCall
}

// unseen is by how much the lane may have begun earlier than its first packet in the capture: a stream of which packets
// are missing may miss its first ones too. So many in a row that it would happen once in a thousand times are counted.
func (l *lane) unseen() wire.Time {
	if len(l.streams) == 0 {
		return 0
	}
	share := l.streams[0].RTP.LossShare()
	if share <= 0 {
		return 0
	}
	n := int(math.Log(0.001)/math.Log(min(share, 0.9))) + 1
	return wire.Time(n) * (l.last - l.first) / wire.Time(max(1, l.packets+l.streams[0].RTP.Lost()))
}

// hasRTP says whether RTP of this call was captured.
func (x *Case) hasRTP() bool {
	for i := range x.Media {
		if s := &x.Media[i]; !s.RTCP && x.own(s) {
			return true
		}
	}
	return false
}

// steady says whether no stream of the lane ever paused, and none sent comfort noise: then silence is none of voice
// activity detection (RFC 3389).
func (l *lane) steady() bool {
	for _, s := range l.streams {
		if s.RTP.Pauses > 0 || has(s.RTP, 13) || has(s.RTP, 19) {
			return false
		}
	}
	return true
}

// has says whether a stream had packets of a payload type.
func has(c *media.Counter, pt uint8) bool {
	for _, t := range c.Types {
		if t.Packets > 0 && t.PT == pt {
			return true
		}
	}
	return false
}

// missing lowers the confidence of what rests on RTP not having been captured on the hop.
func (x *Case) missing(confidence float64, h *mediaHop, from, until wire.Time) float64 {
	if x.MediaCut {
		confidence *= 0.5
	}
	a, b := h.sides[callerSide].last().at.Addr(), h.sides[calleeSide].last().at.Addr()
	return confidence * (1 - max(x.Ledger.Loss(from, until, a, b), x.Ledger.Loss(from, until, h.ends[0], h.ends[1])))
}

// seeStream adds a stream as evidence: the message that announced where it went, else where it came from.
func (r *report) seeStream(s *call.Stream, format string, args ...any) *report {
	if s.To.Valid() {
		return r.see(s.To, format, args...)
	}
	return r.see(s.From, format, args...)
}

// sideNames of a hop for people.
var sideNames = [2]string{"the caller's side", "the callee's side"}
