package peer

// table is a bounded map. Its entries are of two generations: when the younger has half of what is allowed, the older
// is forgotten and the younger becomes the older one. What is used stays young, so that what was used lately is
// kept, at a fraction of what an exact order of use would cost.
type table[K comparable, V any] struct {
	half       int
	young, old map[K]V
	evicted    *uint64
}

func newTable[K comparable, V any](evicted *uint64, entries int) *table[K, V] {
	return &table[K, V]{half: entries / 2, young: map[K]V{}, old: map[K]V{}, evicted: evicted}
}

// peek returns the value of k, which does not count as use.
func (t *table[K, V]) peek(k K) (V, bool) {
	if v, ok := t.young[k]; ok {
		return v, true
	}
	v, ok := t.old[k]
	return v, ok
}

// get returns the value of k.
func (t *table[K, V]) get(k K) (V, bool) {
	if v, ok := t.young[k]; ok {
		return v, true
	}
	v, ok := t.old[k]
	if ok {
		delete(t.old, k)
		t.put(k, v)
	}
	return v, ok
}

// put sets the value of k, which get has just returned or not found.
func (t *table[K, V]) put(k K, v V) {
	if t.young[k] = v; len(t.young) <= t.half {
		return
	}
	*t.evicted += uint64(len(t.old))
	t.young, t.old = t.old, t.young
	clear(t.young)
}

// size returns the number of entries.
func (t *table[K, V]) size() int { return len(t.young) + len(t.old) }

// note appends a fact to a bounded history, dropping the oldest.
func note[K comparable, V any](t *table[K, []V], k K, v V, limit int) {
	list, _ := t.get(k)
	t.put(k, push(list, v, limit))
}

// push appends to a history of at most limit entries, dropping the oldest.
func push[V any](list []V, v V, limit int) []V {
	if len(list) >= limit {
		list = append(list[:0], list[1:]...)
	}
	return append(list, v)
}
