package diagnose

import (
	"path"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
)

// way is where between two capture points a message was lost.
type way struct {
	from, to string // the points, for people
	times    int    // how often it was sent in vain
	last     call.MsgRef
}

// lostBetween says between which capture points a message was lost, with all its retransmissions: the far one was
// capturing, sees what else goes that way, and never saw it.
func (x *Case) lostBetween(r call.MsgRef) (w way, ok bool) {
	if x.Points == nil || !r.Valid() {
		return w, false
	}
	ways := anatomy.Passages(x.Call)
	for i := range ways {
		p := &ways[i]
		w = way{from: x.pointName(p.Near), to: x.pointName(p.Far)}
		for _, l := range p.Lost {
			if l == r || l.Leg == r.Leg && x.Sighting(l).Of == r.Msg {
				w.times++
				w.last = l
			}
		}
		if w.times > 0 && !x.seenAt(r, p.Far) {
			return w, true
		}
	}
	return w, false
}

// seenAt says whether a capture point saw a message or one of its retransmissions.
func (x *Case) seenAt(r call.MsgRef, point int) bool {
	l := x.Legs[r.Leg]
	for i := range l.Sightings {
		if s := &l.Sightings[i]; int(s.Point) == point && (int32(i) == r.Msg || s.Of == r.Msg) {
			return true
		}
	}
	return false
}

func (x *Case) pointName(point int) string { return call.CleanString(path.Base(x.Points.Name(point))) }
