package kpi

import (
	"time"

	"sipcause/internal/view"
)

// Expect sets what is normal for the points of series whose steps are so long. Of before the last hour that is known only
// where the hour of the week is. now is the minute that the baselines have reached.
func Expect(b *Baselines, list []view.Series, step time.Duration, now int64) {
	minutes := int64(step / time.Minute)
	if minutes < 1 || minutes > 60 {
		return // a day has no hour
	}
	for i := range list {
		s := &list[i]
		one := b.Of(Key{s.Measure, s.Route, s.Label})
		m, ok := MeasureOf(s.Measure)
		if one == nil || !ok {
			continue
		}
		times := 1.0
		if m.form == total {
			times = float64(minutes) // baselines are of one
		}
		for k := range s.Points {
			p := &s.Points[k]
			at := minuteOf(p.At)
			if at+minutes <= now-60 && one.pool(at) == nil || at > now {
				continue
			}
			if band, ok := one.Band(at, p.Population); ok {
				p.Expected = &view.Band{Low: times * band.Low, Mid: times * band.Mid, High: times * band.High}
			}
		}
	}
}
