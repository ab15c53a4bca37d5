package correlate

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// looks are the open legs of a shard that are to be looked at, in order of when: the wait is the same for all.
type looks struct {
	queue []look
	seq   uint64 // of the next leg: an openLeg is used again
}

type look struct {
	ol  *openLeg
	seq uint64
	due wire.Time
}

// wantLook puts the leg among the looks when it has just begun, and whenever nothing of it is unanswered any more.
func (s *Shard) wantLook(ol *openLeg) {
	if ol.pending == 0 || len(ol.leg.Sightings) == 1 {
		s.lookLater(ol)
	}
}

// LookAgain has every leg that goes on looked at once more: what is known has changed.
func (s *Shard) LookAgain() {
	for ol := s.lru.next; ol != &s.lru; ol = ol.next {
		s.lookLater(ol)
	}
}

// lookLater puts the leg among the looks, unless it is there. What stands alone is over soon and gets none.
func (s *Shard) lookLater(ol *openLeg) {
	if s.opt.LookAfter == 0 || ol.looking || ol.leg.Kind == call.KindTransaction {
		return
	}
	ol.looking = true
	s.looks.queue = append(s.looks.queue, look{ol, ol.seq, s.now.Add(s.opt.LookAfter)})
}

// takeLooks hands on the legs whose look is due and that are still open.
func (s *Shard) takeLooks(watermark wire.Time) {
	n := 0
	for ; n < len(s.looks.queue) && s.looks.queue[n].due <= watermark; n++ {
		if l := s.looks.queue[n]; l.ol.leg != nil && l.ol.seq == l.seq {
			l.ol.looking = false
			s.out.Looks = append(s.out.Looks, l.ol.leg)
		}
	}
	s.looks.queue = slices.Delete(s.looks.queue, 0, n)
}

// Look hands the calls that open legs are of to emit, as they stand, each once: the capture so far is judged as if it
// ended here. Nothing of the linker, the legs and the ledger changes by it.
func (k *Linker) Look(legs []*call.Leg, emit func(*call.Call)) {
	k.looked++
	for _, l := range legs {
		if l.Place == 0 {
			k.look([]*call.Leg{l}, nil, emit)
			continue
		}
		m := k.members[l.Place-1]
		g := m.group
		switch {
		case m.gone || g == nil:
			k.look([]*call.Leg{l}, nil, emit)
		case g.looked != k.looked:
			g.looked = k.looked
			var all []*call.Leg
			for _, o := range g.members {
				if !o.gone && o.relayed == nil {
					all = append(all, o.op.Leg)
				}
			}
			slices.SortStableFunc(all, byBeginning)
			k.look(all, g.links, emit)
		}
	}
}

// unlooked is what building a call changes of a leg.
type unlooked struct {
	atEnd  bool
	finals []int32 // of its transactions
}

// look builds one call of legs that may be open, and leaves them as they were.
func (k *Linker) look(legs []*call.Leg, links []call.Link, emit func(*call.Call)) {
	kept := make([]unlooked, len(legs))
	for i, l := range legs {
		kept[i] = unlooked{l.AtEnd, make([]int32, len(l.Txns))}
		for t := range l.Txns {
			kept[i].finals[t] = l.Txns[t].Final
		}
		l.AtEnd = true
	}
	k.builder.look = true
	emit(k.builder.build(legs, links))
	k.builder.look = false
	for i, l := range legs {
		l.Unbuild(kept[i].atEnd)
		for t := range l.Txns {
			l.Txns[t].Final = kept[i].finals[t]
		}
	}
}
