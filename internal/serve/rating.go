package serve

import (
	"strconv"
	"strings"

	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/sip"
)

// rated adds to the counters the rating that one of the requests of a case carries, the last one counting.
func (s *Server) rated(c *view.Case, rec *record.Case, add func(record.Cell)) {
	if s.opt.RatingHeader == "" {
		return
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
	if rating > 0 {
		_ = kpi.Rate(rec, 0, rating, add) // in range
	}
}
