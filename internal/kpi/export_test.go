package kpi

// Contribution returns which share of a change of a share one part carries.
func Contribution(c Change, p *Part) float64 {
	delta, _, _ := c.rate(p)
	return delta / c.total()
}
