package route

// Acted returns of how many elements it is known what they did.
func (t *Table) Acted() int { return len(t.acted) }
