package peer

import (
	"net/netip"
	"slices"

	"sipcause/internal/wire"
)

const minute = wire.Time(60e9)

// maxMinutes bounds the history of a route.
const maxMinutes = 120

// Minute counts what one element answered to INVITEs in one minute of event time.
type Minute struct {
	At       wire.Time // start of the minute
	Requests int
	Answered int // 2xx
	Codes503 int
	Failed   int     // 4xx-6xx other than challenges
	FinalMS  float64 // sum of times to the final response
}

// Route is the history of one element as a server of INVITEs.
type Route struct {
	Minutes []Minute // ascending, gaps left out
	Total   int
	Codes   [700]uint32
}

// add notes one INVITE that the server answered (code 0: never).
func (r *Route) add(at wire.Time, code int, finalMS float64) {
	r.Total++
	if code > 0 && code < len(r.Codes) {
		r.Codes[code]++
	}
	start := at - at%minute
	i, found := len(r.Minutes)-1, true
	if i < 0 || r.Minutes[i].At != start {
		i, found = slices.BinarySearchFunc(r.Minutes, start, func(m Minute, t wire.Time) int { return int((m.At - t) / minute) })
	}
	if !found {
		r.Minutes = slices.Insert(r.Minutes, i, Minute{At: start})
		if len(r.Minutes) > maxMinutes {
			r.Minutes = append(r.Minutes[:0], r.Minutes[1:]...)
			if i > 0 {
				i--
			}
		}
	}
	m := &r.Minutes[i]
	m.Requests++
	m.FinalMS += finalMS
	switch {
	case code >= 200 && code < 300:
		m.Answered++
	case code == 503:
		m.Codes503++
		m.Failed++
	case code >= 400 && code != 401 && code != 407:
		m.Failed++
	}
}

// Route returns the history of server; nil if it never served an INVITE. Minutes after the one that is asked
// about must not be used: see Minute.At.
func (l *Ledger) Route(server netip.AddrPort) *Route {
	if s, ok := l.servers.peek(server); ok && s.route.Total > 0 {
		return &s.route
	}
	return nil
}

// MinuteAt returns the minute of at and the median of requests over the minutes of the two hours before it.
func (r *Route) MinuteAt(at wire.Time) (m Minute, medianBefore float64, earlier int) {
	start := at - at%minute
	var counts []int
	for _, x := range r.Minutes {
		switch {
		case x.At == start:
			m = x
		case x.At < start && x.At >= start-maxMinutes*minute:
			counts = append(counts, x.Requests)
		}
	}
	if len(counts) == 0 {
		return m, 0, 0
	}
	slices.Sort(counts)
	return m, float64(counts[len(counts)/2]), len(counts)
}

// Target is one next hop that a proxy used for calls to a prefix. First times stay true at any later time.
type Target struct {
	Server        netip.AddrPort
	Prefix        string // first digits of the number, or the domain
	First, Last   wire.Time
	FirstAnswered wire.Time // first 2xx; 0 never
	Several       wire.Time // first call to a second callee there: a gateway rather than a phone; 0 never
	Answered      int
	Failed        int
	callee        uint64 // of the first call
}

const maxTargets = 32

// AddTarget notes that proxy sent a call for prefix to server at a time, and that it ended later.
func (l *Ledger) AddTarget(proxy netip.AddrPort, prefix string, server netip.AddrPort, callee uint64, at, ended wire.Time, answered bool) {
	list, _ := l.targets.get(proxy)
	k := 0
	for k < len(list) && (list[k].Server != server || list[k].Prefix != prefix) {
		k++
	}
	if k == len(list) {
		note(l.targets, proxy, Target{Server: server, Prefix: prefix, First: at, Last: at, callee: callee}, maxTargets)
		list, _ = l.targets.peek(proxy)
		k = len(list) - 1
	}
	t := &list[k]
	t.First, t.Last = min(t.First, at), max(t.Last, at)
	if callee != t.callee {
		first(&t.Several, at)
	}
	if answered {
		t.Answered++
		first(&t.FirstAnswered, ended)
	} else {
		t.Failed++
	}
}

// OthersThan says whether calls to other callees had been sent to the target before at: it is a gateway, or another's
// phone. callee is the Key of the To URI.
func (t *Target) OthersThan(callee uint64, at wire.Time) bool {
	return t.callee != callee && t.First < at || Before(t.Several, at)
}

// Targets returns the next hops that proxy used for prefix before at.
func (l *Ledger) Targets(proxy netip.AddrPort, prefix string, at wire.Time) []Target {
	list, _ := l.targets.peek(proxy)
	var out []Target
	for _, t := range list {
		if t.Prefix == prefix && t.First <= at {
			out = append(out, t)
		}
	}
	return out
}

// MeanBefore returns the mean time to the final response, in ms, over the minutes of the two hours
// before that of at.
func (r *Route) MeanBefore(at wire.Time) (ms float64, ok bool) {
	start := at - at%minute
	requests := 0
	for _, m := range r.Minutes {
		if m.At < start && m.At >= start-maxMinutes*minute {
			requests += m.Requests
			ms += m.FinalMS
		}
	}
	if requests == 0 {
		return 0, false
	}
	return ms / float64(requests), true
}
