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
// any.
func match(lanes []Lane) map[pair][]sample {
	out := map[pair][]sample{}
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
		found := map[pair][]sample{}
		for len(all) > 0 {
			n := 1
			for n < len(all) && all[n].key == all[0].key {
				n++
			}
			groups(lanes, all[:n], found)
			all = all[n:]
		}
		for k, s := range found {
			if out[k] != nil {
				continue
			}
			for i := range s {
				s[i].made = level >= keysOfOne
			}
			out[k] = s
		}
	}
	return out
}

// maxOccurrences bounds how many times one message is compared.
const maxOccurrences = 16

// groups pairs the occurrences of one message across lanes.
func groups(lanes []Lane, all []seen, found map[pair][]sample) {
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
			paired(lanes, byLane[i], byLane[k], found)
		}
	}
}

// paired pairs the occurrences of one message in two lanes: by the IP identification where the packets have one that
// both lanes saw, else in order.
func paired(lanes []Lane, a, b []seen, found map[pair][]sample) {
	k := pair{a[0].lane, b[0].lane}
	add := func(x, y seen, same bool) {
		m, o := &lanes[x.lane].Marks[x.mark], &lanes[y.lane].Marks[y.mark]
		found[k] = append(found[k], sample{at: m.At, d: o.At - m.At, hop: m.Hop, far: o.Hop, back: m.Back, bac2: o.Back, same: same})
	}
	some := false
	for _, x := range a {
		for _, y := range b {
			if id := lanes[x.lane].Marks[x.mark].IPID; id != 0 && id == lanes[y.lane].Marks[y.mark].IPID {
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
		add(a[i], b[i], false)
	}
}
