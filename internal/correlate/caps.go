package correlate

// toFront makes the leg the most recently used of its ring.
func (s *Shard) toFront(ol *openLeg) {
	ring := &s.lru
	if ol.over {
		ring = &s.over
	}
	if ring.next == ol {
		return
	}
	ol.prev.next, ol.next.prev = ol.next, ol.prev
	ol.prev, ol.next = ring, ring.next
	ol.next.prev, ring.next = ol, ol
}

// enforceCaps closes legs until the caps hold: those that are over, which loses nothing but their stragglers, then those
// that were idle longest; never the one just used.
func (s *Shard) enforceCaps(keep *openLeg) {
	for len(s.legs) > s.opt.MaxLegs || s.bytes > s.opt.MaxBytes {
		old := s.over.prev
		if old == &s.over || old == keep {
			if old = s.lru.prev; old == keep || old == &s.lru {
				return
			}
			old.leg.Evicted = true
			s.stats.Evicted++
		}
		s.close(old)
	}
}
