package kpi

import (
	"math"
	"slices"

	"sipcause/internal/view"
)

// Scale says by what a value of a series may differ from normal by chance alone.
type Scale uint8

// The scales. Their numbers are stored.
const (
	Number Scale = iota // how many: as the square root
	Share               // percent of a population: as a binomial share
	Level               // a time or a score: relative to itself, the less the more there were
)

// Sample is the value of a series in one minute. Population is what it was computed over; of a Number it is not read.
type Sample struct {
	Minute     int64
	Value      float64
	Population int64
}

// Bounds of one baseline. It looks at the samples of the last few minutes together; of each hour of the week it keeps
// what they were each quarter of an hour in the last weeks.
const (
	windowMinutes = 5  // what is learnt, and judged
	longMinutes   = 20 // what is judged besides: a small change shows in more calls
	keptWeeks     = 4
	hours         = 7 * 24
	perHour       = 4
	keptSamples   = keptWeeks * perHour // of one hour of the week
)

// When a baseline is known, and when a value is off it.
const (
	warmUp     = 60           // minutes until the moving average counts
	seasonal   = 14 * 24 * 60 // minutes until the hour of the week does
	leastPool  = 16           // samples of the hour and its neighbours
	leastOf    = 20           // population of a window that can be judged
	offZ       = 5.0          // deviations
	backZ      = 2.5          // and within which it is normal again
	inARow     = 3            // minutes in a row
	speed      = 1.0 / 30     // of the moving average
	slowSpeed  = 1.0 / 180    // of those of shares and levels
	trendSpeed = 1.0 / 120    // of its slope
	madToSigma = 1.4826       // a normal distribution's
	meanToSD   = 1.2533       // mean absolute to standard deviation of a normal distribution
	absurd     = 1e12         // no value is so large
	farZ       = 3.0          // what lies further away teaches no more than this
	hole       = 60           // minutes without a sample after which the moving average begins anew
)

// Baseline is what is normal for one series. The zero Baseline with its scale set is ready. It is for one goroutine.
type Baseline struct {
	Scale Scale

	window  [longMinutes]Sample // by minute
	minutes int64               // learned
	first   int64               // minute of the first sample
	last    int64               // and of the last
	mean    float64             // moving average of window values
	slope   float64             // of it, per minute; Numbers only
	dev     float64             // moving average of absolute deviations
	slots   [hours][]float32    // window values each quarter of an hour, oldest first
	streak  int                 // minutes in a row that were off, negative below
	calm    int                 // minutes in a row that were not, while Since is set
	since   int64
}

// Judgement is how a sample lies to normal.
type Judgement struct {
	Value      float64 // of the last minutes together
	Population int64
	Band       view.Band
	Known      bool    // there is a baseline, and enough to judge by it
	Z          float64 // deviations from the middle
	Off        int     // -1 below normal, 1 above it, for some minutes now; 0 normal
	Since      int64   // the minute in which that began; 0 when it is normal
}

// Observe judges the sample of a minute and learns from it. Minutes must grow; one without a value (a share of nothing) is
// left out.
func (b *Baseline) Observe(s Sample) Judgement {
	if s.Minute <= 0 || s.Minute <= b.last && b.minutes > 0 || !(math.Abs(s.Value) < absurd) {
		return Judgement{}
	}
	if b.first == 0 {
		b.first = s.Minute
	}
	if b.minutes > 0 && s.Minute-b.last > hole {
		b.minutes, b.slope = 0, 0
	}
	b.window[s.Minute%longMinutes] = s
	b.last = s.Minute
	j, short := b.judge(s.Minute)
	b.follow(&j, short, s.Minute)
	b.learn(s.Minute)
	return j
}

// judge compares the last minutes with what is normal: the last few, or a longer time where that shows more.
func (b *Baseline) judge(minute int64) (j Judgement, short float64) {
	value, population := b.recent(minute, windowMinutes)
	j.Value, j.Population = value, population
	mid, sigma, known := b.normal(minute, population)
	if !known {
		return j, 0
	}
	chance := b.noise(mid, population, windowMinutes)
	habit := math.Sqrt(max(0, sigma*sigma-chance*chance)) // of the deviation, what is not chance
	short = b.deviations(value, mid, habit, population, windowMinutes)
	j.Band, j.Z, j.Known = b.band(mid, sigma), short, b.Scale == Number || population >= leastOf
	if b.Scale == Number {
		return j, short // the time of day alone moves it in the longer time
	}
	long, n := b.recent(minute, longMinutes)
	if z := b.deviations(long, mid, habit, n, longMinutes); n >= leastOf && (math.Abs(z) > math.Abs(short) || !j.Known) {
		calmer := math.Hypot(habit, b.noise(mid, n, longMinutes))
		j.Value, j.Population, j.Band, j.Z, j.Known = long, n, b.band(mid, calmer), z, true
	}
	return j, short
}

// deviations returns how many deviations a value is from the middle. Shares of small populations lie askew around theirs:
// their chance is that of the middle and the value together.
func (b *Baseline) deviations(value, mid, habit float64, population int64, minutes float64) float64 {
	chance := b.noise(mid, population, minutes)
	if b.Scale == Share {
		chance = max(chance, b.noise((mid+value)/2, population, minutes))
	}
	return (value - mid) / math.Hypot(habit, chance)
}

// band is what is normal: three deviations on each side, as far as there are such values.
func (b *Baseline) band(mid, sigma float64) view.Band {
	low, high := mid-3*sigma, mid+3*sigma
	if b.Scale != Level {
		low = max(low, 0)
	}
	if b.Scale == Share {
		high = min(high, 100)
	}
	return view.Band{Low: low, Mid: mid, High: high}
}

// Band returns what is normal at a minute for a value of this population; ok is false when that is not known yet.
func (b *Baseline) Band(minute, population int64) (band view.Band, ok bool) {
	mid, sigma, ok := b.normal(minute, population)
	if !ok {
		return band, false
	}
	return b.band(mid, sigma), true
}

// recent puts the samples of the last minutes together: Numbers by their mean, others weighted by population.
func (b *Baseline) recent(minute, length int64) (value float64, population int64) {
	n := 0
	for i := range b.window {
		w := &b.window[i]
		if w.Minute == 0 || minute-w.Minute >= length {
			continue
		}
		n++
		population += max(w.Population, 0)
		if b.Scale == Number {
			value += w.Value
		} else {
			value += w.Value * float64(max(w.Population, 0))
		}
	}
	switch {
	case b.Scale == Number && n > 0:
		return value / float64(n), population
	case population > 0:
		return value / float64(population), population
	}
	return 0, 0
}

// normal returns the middle and the deviation of window values at a minute: by the hour of the week once there are two
// weeks, before by a moving average. Chance alone makes some deviation of so small a population.
func (b *Baseline) normal(minute, population int64) (mid, sigma float64, known bool) {
	mid, sigma, known = b.mean+b.slope, meanToSD*b.dev, b.minutes >= warmUp
	if b.Scale != Level {
		mid = max(mid, 0)
	}
	if pool := b.pool(minute); pool != nil {
		mid, known = median(pool), true
		if b.Scale == Share {
			mid = midmean(pool) // the median of small populations is 0
		}
		for i := range pool {
			pool[i] = float32(math.Abs(float64(pool[i]) - mid))
		}
		sigma = madToSigma * median(pool)
	}
	return mid, max(sigma, b.noise(mid, population, windowMinutes)), known
}

// pool returns what was seen in the hour of the week that a minute lies in and in its neighbours, nil until there are two
// weeks of it.
func (b *Baseline) pool(minute int64) []float32 {
	if b.last-b.first < seasonal {
		return nil
	}
	h := hourOfWeek(minute)
	list := slices.Concat(b.slots[(h+hours-1)%hours], b.slots[h], b.slots[(h+1)%hours])
	if len(list) < leastPool {
		return nil
	}
	return list
}

// noise is the deviation that chance alone makes around mid.
func (b *Baseline) noise(mid float64, population int64, minutes float64) float64 {
	n := float64(max(population, 1))
	switch b.Scale {
	case Number:
		return math.Sqrt((max(mid, 0) + 1) / minutes) // of the mean of so many Poisson numbers
	case Share:
		p := (mid/100*n + 1) / (n + 2)
		return 100 * math.Sqrt(p*(1-p)/n)
	}
	return math.Abs(mid)*(0.1+1/math.Sqrt(n)) + 1e-9
}

// effect is how far off a value must be besides, in its own unit: what nobody would act upon is no trouble.
func (b *Baseline) effect(mid float64) float64 {
	switch b.Scale {
	case Number:
		return max(0.5*mid, 2)
	case Share:
		return 5
	}
	return 0.3 * math.Abs(mid)
}

// follow says whether the series has been off for some minutes, and since when.
func (b *Baseline) follow(j *Judgement, short float64, minute int64) {
	off := 0
	if d := j.Value - j.Band.Mid; j.Known && math.Abs(j.Z) >= offZ && math.Abs(d) >= b.effect(j.Band.Mid) && math.Abs(short) > backZ && short*d > 0 {
		off = 1
		if d < 0 {
			off = -1
		}
	}
	switch {
	case off != 0 && off*b.streak >= 0:
		if b.streak == 0 && b.since == 0 {
			b.since = minute
		}
		b.streak += off
		b.calm = 0
	case off != 0:
		b.streak, b.since, b.calm = off, minute, 0
	case j.Known && math.Abs(short) > backZ && (b.streak >= inARow || b.streak <= -inARow):
		b.calm = 0 // neither off nor back
	default:
		if b.calm++; b.calm >= inARow || b.streak < inARow && b.streak > -inARow {
			b.streak, b.since, b.calm = 0, 0, 0
		}
	}
	switch {
	case b.streak >= inARow:
		j.Off, j.Since = 1, b.since
	case b.streak <= -inARow:
		j.Off, j.Since = -1, b.since
	}
}

// learn takes the window's value in. What is far off teaches little, so that a trouble does not become normal within
// the hour; one that stays does at last.
func (b *Baseline) learn(minute int64) {
	x, n := b.recent(minute, windowMinutes)
	if b.Scale != Number && n < leastOf { // of a few the share is mostly 0: not what it is in the mean
		if x, n = b.recent(minute, longMinutes); n < leastOf {
			return
		}
	}
	wary := b.streak != 0
	if mid, sigma, known := b.normal(minute, n); known {
		wary = wary || math.Abs(x-mid) > backZ*sigma
		x = min(max(x, mid-farZ*sigma), mid+farZ*sigma)
	}
	if b.minutes == 0 {
		b.mean, b.dev = x, 0
	}
	forecast := b.mean + b.slope
	before := b.mean
	rate, devRate := speed, trendSpeed
	if b.Scale != Number {
		rate = slowSpeed // hardly moved by the time of day
	}
	if wary {
		rate, devRate = rate/8, devRate/8
	}
	rate, devRate = max(rate, 1/float64(b.minutes+1)), max(devRate, 1/float64(b.minutes+1))
	b.mean = forecast + rate*(x-forecast)
	if b.Scale == Number && b.minutes > warmUp/2 && !wary {
		b.slope += trendSpeed * (b.mean - before - b.slope)
	}
	b.dev += devRate * (math.Abs(x-forecast) - b.dev)
	b.minutes++
	if minute%(60/perHour) == 0 {
		s := &b.slots[hourOfWeek(minute)]
		if len(*s) == keptSamples {
			copy(*s, (*s)[1:])
			*s = (*s)[:keptSamples-1]
		}
		*s = append(*s, float32(x))
	}
}

// hourOfWeek returns the hour of the week, in UTC, that a minute lies in; the epoch was a Thursday.
func hourOfWeek(minute int64) int { return int(((minute/60)%hours + hours) % hours) }

// midmean returns the mean of the middle half of a sorted list, which must not be empty.
func midmean(list []float32) float64 {
	quarter, sum := len(list)/4, 0.0
	middle := list[quarter : len(list)-quarter]
	for _, v := range middle {
		sum += float64(v)
	}
	return sum / float64(len(middle))
}

// median sorts the list, which must not be empty.
func median(list []float32) float64 {
	slices.Sort(list)
	n := len(list)
	return (float64(list[(n-1)/2]) + float64(list[n/2])) / 2
}
