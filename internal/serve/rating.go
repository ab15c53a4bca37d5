package serve

import (
	"strconv"
	"strings"

	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/sip"
)

// rated returns what a case adds to the counters by the rating that one of its requests carries, the last one counting.
func (s *Server) rated(c *view.Case, rec *record.Case) (cells []record.Cell) {
	if s.opt.RatingHeader == "" {
		return nil
	}
	rating := 0
	var m sip.Message
	for _, l := range c.Call.Legs {
		for i := range l.Sightings {
			sg := &l.Sightings[i]
			if !sg.IsRequest() || sg.Raw == nil || m.Parse(sg.Raw) != nil {
				continue
			}
			n, err := strconv.Atoi(strings.TrimSpace(string(m.HeaderByName(s.opt.RatingHeader))))
			if err == nil && n >= 1 && n <= 5 {
				rating = n
			}
		}
	}
	if rating == 0 {
		return nil
	}
	_ = kpi.Rate(rec, 0, rating, func(c record.Cell) { cells = append(cells, c) }) // in range
	return cells
}
