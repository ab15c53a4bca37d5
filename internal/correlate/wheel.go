package correlate

const (
	second    = int64(1e9)
	wheelSize = 16 // seconds; a leg due later is looked at again after so long
)

// wheel is a timing wheel with one bucket per second of event time.
type wheel struct {
	buckets [wheelSize][]*openLeg
	due     []*openLeg // the bucket being emptied
	now     int64      // the second up to which buckets were emptied; 0 = not started
}

// insert puts ol where it is found when second at has come, or wheelSize seconds from now if that is earlier.
func (w *wheel) insert(ol *openLeg, at, now int64) {
	if w.now == 0 {
		w.now = now - 1
	}
	at = min(max(at, w.now+1), w.now+wheelSize-1)
	ol.due = at
	i := at % wheelSize
	w.buckets[i] = append(w.buckets[i], ol)
}

// advance hands every leg that is due up to second now to visit, which may insert it again.
func (w *wheel) advance(now int64, visit func(*openLeg)) {
	if w.now == 0 {
		return
	}
	last := min(now, w.now+wheelSize)
	for sec := w.now + 1; sec <= last; sec++ {
		i := sec % wheelSize
		w.due, w.buckets[i] = w.buckets[i], w.due[:0]
		w.now = sec
		if sec == last {
			w.now = now
		}
		for _, ol := range w.due {
			visit(ol)
		}
		clear(w.due)
	}
}
