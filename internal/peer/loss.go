package peer

import (
	"net/netip"

	"sipcause/internal/wire"
)

const (
	slot        = wire.Time(10e9) // traffic is counted in slots of ten seconds
	maxSlots    = 1 << 14         // the oldest slots are merged into nothing: 45 hours are kept
	maxGaps     = 4096
	flowLoss    = 0.7 // a hole in the very flow asked about: what is missing there is most likely what was lost
	packetBytes = 500 // of an average SIP message, where only lost bytes are known
)

// losses is what is known of the capture's completeness over time.
type losses struct {
	first wire.Time // start of slots[0]
	slots []uint32  // packets seen, by slot
	gaps  []wire.Gap
}

// AddTraffic notes that n packets were captured around at. Times must not go back by more than a slot.
func (l *Ledger) AddTraffic(at wire.Time, n int) {
	l.widen(at)
	s := &l.losses
	if len(s.slots) == 0 {
		s.first = at - at%slot
	}
	i := int((at - s.first) / slot)
	if i < 0 {
		return
	}
	if over := i - maxSlots + 1; over > 0 {
		drop := min(over, len(s.slots))
		s.slots = append(s.slots[:0], s.slots[drop:]...)
		s.first += wire.Time(over) * slot
		i -= over
	}
	for len(s.slots) <= i {
		s.slots = append(s.slots, 0)
	}
	s.slots[i] += uint32(n)
}

// AddGap notes that packets are missing. At the bound the oldest quarter goes, and is counted as evicted.
func (l *Ledger) AddGap(g wire.Gap) {
	if len(l.losses.gaps) >= maxGaps {
		l.Evicted += maxGaps / 4
		l.losses.gaps = append(l.losses.gaps[:0], l.losses.gaps[maxGaps/4:]...)
	}
	l.losses.gaps = append(l.losses.gaps, g)
}

// Loss estimates the share of packets, 0 to 1, that the capture lost between from and until on the way
// between two hosts: by the gaps that overlap, against the packets seen meanwhile.
func (l *Ledger) Loss(from, until wire.Time, a, b netip.Addr) float64 {
	lost, deaf := 0.0, wire.Time(0)
	for i := range l.losses.gaps {
		g := &l.losses.gaps[i]
		if g.Kind == wire.GapSnapLength || g.Until < from || g.From > until {
			continue
		}
		if g.Flow.Src.IsValid() {
			if x, y := g.Flow.Src.Addr(), g.Flow.Dst.Addr(); x == a && y == b || x == b && y == a {
				return flowLoss
			}
			continue
		}
		if g.Kind == wire.GapStopped {
			deaf += min(g.Until, until) - max(g.From, from)
			continue
		}
		n := float64(g.Lost)
		if n == 0 {
			n = max(1, float64(g.Bytes)/packetBytes)
		}
		if span := g.Until - g.From; span > 0 {
			n *= float64(min(g.Until, until)-max(g.From, from)) / float64(span)
		}
		lost += n
	}
	share := 0.0
	if lost > 0 {
		share = lost / (lost + l.losses.seen(from, until))
	}
	if deaf > 0 { // while nobody listened, everything was lost
		share = 1 - (1-share)*(1-min(1, float64(deaf)/float64(until-from)))
	}
	return share
}

// Missed estimates how likely one message that must have come between from and until on the way between two hosts, and was
// not seen, was lost: most likely when there was a time in which nobody listened.
func (l *Ledger) Missed(from, until wire.Time, a, b netip.Addr) float64 {
	loss := l.Loss(from, until, a, b)
	if l.Stopped(from, until) {
		return max(loss, flowLoss)
	}
	return loss
}

// Stopped says whether there was a time between from and until in which nobody listened.
func (l *Ledger) Stopped(from, until wire.Time) bool {
	for i := range l.losses.gaps {
		if g := &l.losses.gaps[i]; g.Kind == wire.GapStopped && g.From <= until && g.Until >= from {
			return true
		}
	}
	return false
}

// seen returns how many packets were captured between two times, in proportion of the slots they cut.
func (s *losses) seen(from, until wire.Time) float64 {
	n := 0.0
	for i, c := range s.slots {
		begin := s.first + wire.Time(i)*slot
		if overlap := min(until, begin+slot) - max(from, begin); overlap > 0 {
			n += float64(c) * float64(overlap) / float64(slot)
		}
	}
	return n
}
