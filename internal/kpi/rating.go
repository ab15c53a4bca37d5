package kpi

import (
	"fmt"
	"strconv"

	"sipcause/internal/record"
	"sipcause/internal/route"
)

// Rate hands on the cells of one rating of a case, from 1 (bad) to 5 (excellent; ITU-T P.800). A rating that takes the
// place of an earlier one (0: none) takes that back.
func Rate(c *record.Case, earlier, rating int, add func(record.Cell)) error {
	if rating < 1 || rating > 5 || earlier < 0 || earlier > 5 {
		return fmt.Errorf("rating %d: want 1 (bad) to 5 (excellent)", rating)
	}
	keys := []string{""}
	if c.RouteIn != "" {
		keys = append(keys, route.InKey(c.RouteIn))
	}
	for _, o := range c.RoutesOut {
		keys = append(keys, route.OutKey(o))
	}
	at := minuteOf(c.Began)
	for _, key := range keys {
		cell := func(id counter, label string, n int64) {
			if n != 0 {
				add(record.Cell{Minute: at, Counter: counters[id].Name, Route: key, Label: label, Bucket: record.NoBucket, N: n})
			}
		}
		if earlier > 0 {
			cell(ratings, strconv.Itoa(earlier), -1)
		}
		cell(ratings, strconv.Itoa(rating), 1)
		cell(ratingsSum, "", int64(rating-earlier))
	}
	return nil
}
