package serve

import (
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

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
		_ = kpi.Rate(rec, s.ratings.replace(caseKey{rec.ID, rec.Began}, rating), rating, add) // in range
	}
}

// maxRatings bounds the cases whose rating is remembered: who rates one of those again changes his mind.
const maxRatings = 1 << 14

// ratings are the last ratings given.
type ratings struct {
	mu    sync.Mutex
	given *simplelru.LRU[caseKey, int]
}

// replace notes a rating that is in range and returns the earlier one of the case, 0 when there was none.
func (r *ratings) replace(key caseKey, rating int) (earlier int) {
	if rating < 1 || rating > 5 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.given == nil {
		r.given, _ = simplelru.NewLRU[caseKey, int](maxRatings, nil) // fails for a size of 0 only
	}
	earlier, _ = r.given.Get(key)
	r.given.Add(key, rating)
	return earlier
}
