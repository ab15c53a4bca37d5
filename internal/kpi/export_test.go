package kpi

// Contribution returns which share of a change of a share one part carries.
func Contribution(c Change, p *Part) float64 {
	delta, _, _ := c.rate(p)
	return delta / c.total()
}

// Unused returns the counters that no measure is made of.
func Unused() map[string]bool {
	list := map[string]bool{}
	for i := range counters {
		list[counters[i].Name] = true
	}
	for i := range table {
		for _, ids := range [][]counter{table[i].hits, table[i].in, table[i].all} {
			for _, id := range ids {
				delete(list, counters[id].Name)
			}
		}
	}
	return list
}

// Len returns how many failed calls are remembered.
func (r *Redials) Len() int { return len(r.failed) }
