package clocks

import (
	"cmp"
	"slices"
)

// seen is one mark of one lane under the key by which it is looked for in others.
type seen struct {
	key        uint64
	lane, mark int
}

// keys by which a message is recognised in another lane, the strictest first: on the same hop; with the same Via on
// top (an address translator between); as its originator made it (a proxy between); by what a B2BUA hands on. The last
// two are of messages that an element made anew.
var keys = [...]func(m *Mark) uint64{
	func(m *Mark) uint64 { return mix(mix(m.ID, m.Top), m.Hop) },
	func(m *Mark) uint64 { return mix(m.ID, m.Top) },
	func(m *Mark) uint64 { return m.ID },
	func(m *Mark) uint64 { return m.Talk },
}

const keysOfOne = 2 // of the keys, those by which it is one and the same message

func mix(a, b uint64) uint64 {
	a ^= b + 0x9e3779b97f4a7c15 + a<<6 + a>>2
	a *= 0xff51afd7ed558ccd
	return a ^ a>>33
}

// match finds the messages that two lanes have in common. Of each pair of lanes the strictest key counts that finds
// any. Test tools send the same messages again in their next run: lanes with those are not compared any further.
func match(lanes []Lane) map[pair][]sample {
	out, other := map[pair][]sample{}, map[pair]bool{}
	for level, key := range keys {
		var all []seen
		for i := range lanes {
			for k := range lanes[i].Marks {
				if is := key(&lanes[i].Marks[k]); is != 0 {
					all = append(all, seen{is, i, k})
				}
			}
		}
		slices.SortFunc(all, func(x, y seen) int {
			return cmp.Or(cmp.Compare(x.key, y.key), x.lane-y.lane, x.mark-y.mark)
		})
		m := matcher{lanes: lanes, onHop: level == 0, made: level >= keysOfOne, found: map[pair][]sample{}, unlike: map[pair]int{}}
		for len(all) > 0 {
			n := 1
			for n < len(all) && all[n].key == all[0].key {
				n++
			}
			m.groups(all[:n])
			all = all[n:]
		}
		for k, n := range m.unlike {
			other[k] = other[k] || n > len(m.found[k])
		}
		for k, s := range m.found {
			if out[k] != nil || other[k] {
				continue
			}
			out[k] = s
		}
	}
	return out
}

// matcher compares by one key.
type matcher struct {
	lanes  []Lane
	onHop  bool // the key has the hop
	made   bool // the key is of messages that an element made anew
	found  map[pair][]sample
	unlike map[pair]int // the same message, but not the same packet
}

// maxOccurrences bounds how many times one message is compared.
const maxOccurrences = 16

// groups pairs the occurrences of one message across lanes.
func (m *matcher) groups(all []seen) {
	if all[0].lane == all[len(all)-1].lane {
		return
	}
	var byLane [][]seen
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].lane == all[0].lane {
			n++
		}
		byLane = append(byLane, all[:min(n, maxOccurrences)])
		all = all[n:]
	}
	for i := range byLane {
		for k := i + 1; k < len(byLane); k++ {
			m.paired(byLane[i], byLane[k])
		}
	}
}

// paired pairs the occurrences of one message in two lanes: the very same packets where that can be told, else in order.
func (m *matcher) paired(a, b []seen) {
	k := pair{a[0].lane, b[0].lane}
	if m.made && (m.several(a) || m.several(b)) {
		return // who captured both sides of the element has on each hop what the other lane has, if it is the same
	}
	add := func(x, y seen, same bool) {
		p, q := m.mark(x), m.mark(y)
		if m.onHop || p.Hop != q.Hop { // what went along one hop with another Via is not one message
			m.found[k] = append(m.found[k], sample{at: p.At, d: q.At - p.At, hop: p.Hop, far: q.Hop, back: p.Back, bac2: q.Back, same: same, hops: m.onHop, made: m.made})
		}
	}
	some := false
	for _, x := range a {
		for _, y := range b {
			if mint := m.mark(x).Mint; mint != 0 && mint == m.mark(y).Mint {
				add(x, y, true)
				some = true
				break
			}
		}
	}
	if some {
		return
	}
	for i := range min(len(a), len(b)) {
		if m.onHop && m.mark(a[i]).Mint != 0 && m.mark(b[i]).Mint != 0 {
			m.unlike[k]++
			continue
		}
		add(a[i], b[i], false)
	}
}

// several says whether a message was seen on several hops in one lane.
func (m *matcher) several(a []seen) bool {
	return slices.ContainsFunc(a[1:], func(s seen) bool { return m.mark(s).Hop != m.mark(a[0]).Hop })
}

func (m *matcher) mark(s seen) *Mark { return &m.lanes[s.lane].Marks[s.mark] }
