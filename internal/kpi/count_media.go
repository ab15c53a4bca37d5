package kpi

import (
	"bytes"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/media"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// poorMOS is below which an estimate counts as poor: "many users dissatisfied" (ITU-T G.107 Annex B).
const poorMOS = 3.6

// leastPackets is how many packets a stream must have to be judged: 2 s of 20 ms.
const leastPackets = 100

// sender says whose stream it is.
type sender uint8

const (
	unknownSender sender = iota
	caller
	callee
)

// media counts the streams of the case: one for each SSRC and direction, where it came from outside if that was seen. A
// caller's stream counts for the route that the case came by, a callee's for the one that answered.
func (k *cells) media() {
	c := k.c.Call
	var done []int // of c.Media, those counted
	for _, outside := range [...]bool{true, false} {
		for i := range c.Media {
			m := &c.Media[i]
			if m.RTCP || slices.ContainsFunc(done, func(d int) bool { return copies(c, m, &c.Media[d]) }) {
				continue
			}
			who, edge := senderOf(c, m)
			if edge != outside {
				continue
			}
			s := k.streamOf(who)
			local := heard(s, m)
			if reported(s, m) || local {
				done = append(done, i)
			}
		}
	}
	k.notes()
}

// copies says whether one of two streams is the other, sent on by an element between: the same SSRC, and not the way
// back, which may have the same one (a party that does not choose it at random, RFC 3550 §5.1).
func copies(c *call.Call, a, b *call.Stream) bool {
	if a.SSRC != b.SSRC || a.Src == b.Dst && a.Dst == b.Src {
		return false
	}
	x, y := talker(c, a), talker(c, b)
	return x == y || x == unknownSender || y == unknownSender
}

// talker says whose stream it is, also by whom it goes to: what a party announced itself counts before what an element
// on the way did, which may have one socket for both sides.
func talker(c *call.Call, m *call.Stream) sender {
	from, own := senderOf(c, m)
	if own {
		return from
	}
	reverse := *m
	reverse.From = m.To
	to, own := senderOf(c, &reverse)
	if to == unknownSender || !own && from != unknownSender {
		return from
	}
	return caller + callee - to
}

// streamOf returns the sink for a stream of the sender.
func (k *cells) streamOf(who sender) sink {
	switch who {
	case caller:
		return k.came(k.began)
	case callee:
		all := k.at(k.began, "")
		var outs []sink
		for _, name := range k.answerers() {
			outs = append(outs, k.at(k.began, route.OutKey(name)))
		}
		return func(id counter, label string, bucket int16, n int64) {
			all(id, label, bucket, n)
			for _, s := range outs {
				s(id, label, bucket, n)
			}
		}
	}
	return k.at(k.began, "")
}

// answerers returns the routes whose attempt was answered, or all when none was.
func (k *cells) answerers() (list []string) {
	for i, o := range k.c.Ways.Out {
		if o != "" && i < len(k.c.Call.Attempts) && k.c.Call.Attempts[i].Code/100 == 2 && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	if list == nil {
		return k.outs()
	}
	return list
}

// senderOf says whose stream it is by the message that announced its source, and whether it was the message of the
// party itself and none that an element on the way had sent on.
func senderOf(c *call.Call, m *call.Stream) (who sender, edge bool) {
	if !m.From.Valid() {
		return unknownSender, false
	}
	l := c.Legs[m.From.Leg]
	s := &l.Sightings[m.From.Msg]
	tries := l.Tries()
	if s.Txn == call.None || len(tries) == 0 {
		return unknownSender, false
	}
	root := s.Txn
	for range maxVias {
		if p := l.Txns[root].Parent; p != call.None {
			root = p
		}
	}
	byCaller := asksAsCaller(l, m.From.Msg, root, tries[0])
	first, last := l.Txns[s.Txn].Parent == call.None, true
	for range l.Children(s.Txn) {
		last = false
	}
	edge = first
	if !s.IsRequest() {
		byCaller, edge = !byCaller, last
	}
	if byCaller {
		return caller, edge && m.From.Leg == 0
	}
	return callee, edge && m.From.Leg == len(c.Legs)-1
}

// asksAsCaller says whether the request that message i is, or answers, and whose first hop is transaction root, was made
// by the leg's caller: by its From tag in a dialog, since both ends may share one address.
func asksAsCaller(l *call.Leg, i, root, first int32) bool {
	t := &l.Txns[root]
	if root == first {
		return true
	}
	if d := t.Dialog; t.InDialog && d != call.None {
		var msg sip.Message
		if msg.Parse(l.Raw(i)) == nil {
			return bytes.Equal(msg.FromTag(), l.Dialogs[d].CallerTag)
		}
	}
	return t.Client.Addr() == l.Txns[first].Client.Addr()
}

// maxVias bounds how many hops a request is followed back.
const maxVias = 70

// heard counts what the capture point heard of a stream; false: too little.
func heard(s sink, m *call.Stream) bool {
	if m.RTP == nil || m.RTP.Expected() < leastPackets {
		return false
	}
	s.one(streams)
	s(packetsExpected, "", record.NoBucket, int64(m.RTP.Expected()))
	if n := m.RTP.Lost(); n > 0 {
		s(packetsLost, "", record.NoBucket, int64(n))
	}
	s.time(jitter, "", m.Jitter)
	if m.MOS > 0 {
		s.time(mos, "", m.MOS)
		if m.MOS < poorMOS {
			s.one(streamsPoor)
		}
	}
	return true
}

// reported counts what the stream's receiver said of it; false: nothing.
func reported(s sink, m *call.Stream) bool {
	r := m.Remote
	if r == nil || r.Reports == 0 && r.XR == 0 {
		return false
	}
	s.one(remoteStreams)
	if r.Reports > 0 {
		s.time(remoteLoss, "", 100*r.LossMean)
		if m.ClockRate > 0 {
			s.time(remoteJitter, "", 1000*r.JitterSum/float64(r.Reports)/float64(m.ClockRate))
		}
	}
	if r.XR > 0 && r.VoIP.MOSCQ > 0 {
		s.time(remoteMOS, "", r.VoIP.MOSCQ)
	} else if r.XR > 0 && r.VoIP.MOSLQ > 0 {
		s.time(remoteMOS, "", r.VoIP.MOSLQ)
	}
	return true
}

// maxNoted bounds the streams that are told apart in the notes of one case.
const maxNoted = 16

// told adds up what notes about RTCP say of one stream.
type told struct {
	ssrc             uint32
	loss, ticks, mos float64 // sums; mos is the last
	losses, jittered int
}

// notes counts what agents reported of the case's media, but of streams whose reports were seen on the wire.
func (k *cells) notes() {
	s := k.every(k.began)
	var list []told
	var says []media.Told
	for i := range k.c.Notes {
		n := &k.c.Notes[i]
		says, _ = media.AppendTold(says[:0], n)
		for j := range says {
			switch t := &says[j]; {
			case n.Kind == wire.NoteRTCP:
				list = k.rtcp(list, t)
			case t.MOS > 0:
				s.one(remoteStreams)
				s.time(remoteMOS, "", t.MOS)
			}
		}
	}
	for i := range list {
		t := &list[i]
		if t.losses+t.jittered == 0 && t.mos == 0 {
			continue
		}
		s.one(remoteStreams)
		if t.losses > 0 {
			s.time(remoteLoss, "", 100*t.loss/float64(t.losses))
		}
		if rate := k.clockOf(t.ssrc); rate > 0 && t.jittered > 0 {
			s.time(remoteJitter, "", 1000*t.ticks/float64(t.jittered)/float64(rate))
		}
		if t.mos > 0 {
			s.time(remoteMOS, "", t.mos)
		}
	}
}

// rtcp adds what one note says of one stream.
func (k *cells) rtcp(list []told, says *media.Told) []told {
	if slices.ContainsFunc(k.c.Call.Media, func(m call.Stream) bool { return m.SSRC == says.SSRC && m.Remote != nil && m.Remote.Reports > 0 }) {
		return list
	}
	at := slices.IndexFunc(list, func(t told) bool { return t.ssrc == says.SSRC })
	if at < 0 {
		if len(list) == maxNoted {
			return list
		}
		at = len(list)
		list = append(list, told{ssrc: says.SSRC})
	}
	t := &list[at]
	if says.Loss >= 0 {
		t.loss, t.losses = t.loss+says.Loss, t.losses+1
	}
	if says.Ticks >= 0 {
		t.ticks, t.jittered = t.ticks+says.Ticks, t.jittered+1
	}
	if says.MOS > 0 {
		t.mos = says.MOS
	}
	return list
}

// clockOf returns the clock rate of the stream, 0 when it is not known.
func (k *cells) clockOf(ssrc uint32) int {
	for i := range k.c.Call.Media {
		if m := &k.c.Call.Media[i]; m.SSRC == ssrc && m.ClockRate > 0 {
			return m.ClockRate
		}
	}
	return 0
}
