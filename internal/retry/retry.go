// Package retry follows what clients and proxies do after failures, over the whole capture: how they space their tries,
// whether they wait when told to, where they go next, who hands a 503 on to whom. Its one rule: a case in which nothing
// failed costs it a look at most.
package retry

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Bounds of the book: runs of tries that may go on, tries kept of each, sources, and ways of a 503.
const (
	maxRuns    = 1 << 14
	maxTries   = 32
	maxSources = 1 << 13
	maxWays    = 1 << 10
)

// quiet is how long after a failed try another one is still its retry.
const quiet = time.Hour

// Source is what one client or proxy did after failures. A port of 0 stands for the many of a client of TCP or TLS.
type Source struct {
	Address netip.AddrPort

	// As the one who asked first: a caller, or what registers.
	Failures  uint64          // requests that failed without one before them that had
	Retries   uint64          // tries for the same after these
	Recovered uint64          // of the failures, those cured by a retry
	Most      int             // tries of the longest run, the first included
	Shape     Shape           // of the longest run
	Intervals []time.Duration // of the longest run, between the beginnings of its tries; at most 31
	CallID    string          // of the first try of the longest run
	Codes     []int           // of its tries, 0 for no response

	Told     uint64 // failures with Retry-After
	Honoured uint64 // of these, those after which the next try for the same waited as long, or none was captured
	Ignored  uint64 // cases with retry.ignored-retry-after
	Useless  uint64 // cases with retry.pointless
	Storms   uint64 // cases with retry.storm

	// As a proxy.
	Requests  uint64 // relayed requests of which a branch failed
	Branches  uint64 // sent for these
	Failovers uint64 // next targets after a failure
	Unwise    uint64 // of these, those after a code that speaks for the callee
	Unneeded  Failover
	Missed    uint64 // cases with retry.missed-failover
}

// Failover is one next target that was not to be tried.
type Failover struct {
	Code     int // of the target before
	From, To netip.AddrPort
	CallID   string
}

// Amplification returns how many tries one failure of the client caused, the failed one included; 0 without failures.
func (s *Source) Amplification() float64 {
	if s.Failures == 0 {
		return 0
	}
	return float64(s.Failures+s.Retries) / float64(s.Failures)
}

// longRun is from how many tries on a run is worth telling.
const longRun = 4

// telling says whether there is anything to say of the source.
func (s *Source) telling() bool {
	return s.Most >= longRun || s.Told+s.Ignored+s.Useless+s.Storms+s.Failovers+s.Missed > 0
}

// Report is what the capture shows.
type Report struct {
	Sources  []Source // of which there is something to say, most tries first
	Cascades []*Node  // who made 503s, most first
	Unlisted uint64   // runs, sources and ways that found no room
}

// try is one try of a run.
type try struct {
	at, ended wire.Time
	code      int // 0: no response at all
	after     int // seconds of Retry-After
}

// run is a failure and what followed it: tries of one source for the same.
type run struct {
	source netip.AddrPort
	callID string
	tries  []try
	n      int // with those beyond maxTries
}

// keyOf names what is tried, and by whom: the source, From, To and method.
func keyOf(c *call.Call, source netip.AddrPort, method sip.Method) uint64 {
	ip := source.Addr().As16()
	k := xxhash.Sum64(ip[:]) ^ uint64(source.Port())<<16 ^ uint64(method)<<8 ^ uint64(c.Kind)
	k = k*mix ^ xxhash.Sum64String(c.From)
	return k*mix ^ xxhash.Sum64String(c.To)
}

const mix = 0x9e3779b97f4a7c15

// Book takes cases and gives the report. The zero Book is empty; it is for one goroutine.
type Book struct {
	runs     map[uint64]*run // by keyOf
	sources  map[netip.AddrPort]*Source
	root     Node // its children make 503s
	ways     int  // nodes below root
	unlisted uint64
	oldest   wire.Time // no run ended before, when there was no room last
	msg      sip.Message
	next     []call.TxnRef // scratch
}

// Add takes a case with its verdict, in order of their ends. Nothing of it is kept but texts.
func (b *Book) Add(c *call.Call, v *finding.Verdict) {
	bad := c.Outcome.Bad()
	if !bad && len(b.runs) == 0 && len(c.Attempts) < 2 {
		return
	}
	if len(c.Legs) == 0 || len(c.Legs[0].Tries()) == 0 || c.Began.Ordinal() {
		return // a text trace without times shows no intervals
	}
	b.tries(c, bad)
	if bad || len(c.Attempts) > 1 {
		b.relays(c)
		b.findings(v)
	}
}

// sourceOf returns under which address a client is known.
func sourceOf(t *call.Txn) netip.AddrPort {
	if t.Transport.Reliable() {
		return netip.AddrPortFrom(t.Client.Addr(), 0)
	}
	return t.Client
}

// source returns the entry of an address, nil when there is no room or the address is not known.
func (b *Book) source(a netip.AddrPort) *Source {
	if wire.Placeholder(a.Addr()) {
		return nil
	}
	s := b.sources[a]
	if s == nil {
		if len(b.sources) >= maxSources {
			b.unlisted++
			return nil
		}
		if b.sources == nil {
			b.sources = map[netip.AddrPort]*Source{}
		}
		s = &Source{Address: a}
		b.sources[a] = s
	}
	return s
}

// tries enters what the originator tried itself.
func (b *Book) tries(c *call.Call, bad bool) {
	l := c.Legs[0]
	list := l.Tries()
	first := &l.Txns[list[0]]
	if first.Method == sip.MethodOptions {
		return // asks whether a peer lives, at intervals by design
	}
	source := sourceOf(first)
	k := keyOf(c, source, first.Method)
	r := b.runs[k]
	if r == nil && !bad && len(list) == 1 {
		return
	}
	for _, ti := range list {
		t := &l.Txns[ti]
		code := l.FinalStatus(t)
		challenge := (code == 401 || code == 407) && !t.HasAuth
		pending := code == 0 && (t.Trying != call.None || t.Progress != call.None)
		if challenge || pending || code == 487 || t.Cancel != call.None || t.Request == call.None {
			continue
		}
		e := try{at: l.Start(t), ended: max(t.LastResent, l.Start(t)), code: code}
		if t.Final != call.None {
			e.ended = l.Sightings[t.Final].Time
		}
		if r != nil && e.at.Sub(r.tries[len(r.tries)-1].ended) > quiet {
			b.close(k, r, false)
			r = nil
		}
		if code >= 200 && code < 400 {
			if r != nil && e.at >= r.tries[len(r.tries)-1].at {
				r.add(e)
				b.close(k, r, true)
				r = nil
			}
			continue
		}
		if t.Final != call.None {
			e.after = b.retryAfter(l.Raw(t.Final))
		}
		if r == nil {
			if r = b.open(k, source, l.CallID, e.ended); r == nil {
				return
			}
		}
		r.add(e)
	}
}

// retryAfter returns the seconds that a response asks for, 0 when it does not. Few do: those that have no such line are not
// parsed.
func (b *Book) retryAfter(raw []byte) int {
	const name = "Retry-After"
	for rest := raw; ; {
		_, line, more := bytes.Cut(rest, []byte("\n"))
		if !more {
			return 0
		}
		if rest = line; len(line) > len(name) && line[0]|0x20 == 'r' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			break
		}
	}
	if b.msg.Parse(raw) != nil {
		return 0
	}
	n, _ := b.msg.RetryAfter()
	return n
}

// open begins a run; nil when there is no room.
func (b *Book) open(k uint64, source netip.AddrPort, callID string, now wire.Time) *run {
	if len(b.runs) >= maxRuns {
		if now.Sub(b.oldest) > quiet {
			b.sweep(now)
		}
		if len(b.runs) >= maxRuns {
			b.unlisted++
			return nil
		}
	}
	if b.runs == nil {
		b.runs = map[uint64]*run{}
	}
	r := &run{source: source, callID: callID}
	b.runs[k] = r
	return r
}

// sweep closes the runs that no try can belong to any more.
func (b *Book) sweep(now wire.Time) {
	b.oldest = now
	over := func(r *run) bool {
		ended := r.tries[len(r.tries)-1].ended
		b.oldest = min(b.oldest, ended)
		return now.Sub(ended) > quiet
	}
	for _, k := range b.keys(over) {
		b.close(k, b.runs[k], false)
	}
}

// keys returns those of the runs that which accepts, in an order that does not depend on chance.
func (b *Book) keys(which func(*run) bool) []uint64 {
	var keys []uint64
	for k, r := range b.runs {
		if which(r) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// add enters a try where it belongs by its time: that nobody answered is known late.
func (r *run) add(e try) {
	r.n++
	if len(r.tries) >= maxTries {
		r.tries[maxTries-1].ended = max(r.tries[maxTries-1].ended, e.ended)
		return
	}
	r.tries = append(r.tries, e)
	for i := len(r.tries) - 1; i > 0 && r.tries[i-1].at > r.tries[i].at; i-- {
		r.tries[i-1], r.tries[i] = r.tries[i], r.tries[i-1]
	}
}

// close enters a run under its source.
func (b *Book) close(k uint64, r *run, recovered bool) {
	delete(b.runs, k)
	b.enter(r, recovered)
}

func (b *Book) enter(r *run, recovered bool) {
	s := b.source(r.source)
	if s == nil {
		return
	}
	s.Failures++
	s.Retries += uint64(r.n - 1)
	if recovered {
		s.Recovered++
	}
	for i := range r.tries {
		e := &r.tries[i]
		if e.after == 0 {
			continue
		}
		s.Told++
		if i+1 == len(r.tries) || r.tries[i+1].at >= e.ended.Add(time.Duration(e.after)*time.Second) {
			s.Honoured++
		}
	}
	if r.n <= s.Most && (r.n < s.Most || r.callID >= s.CallID) {
		return
	}
	s.Most, s.CallID = r.n, r.callID
	s.Intervals, s.Codes = s.Intervals[:0], s.Codes[:0]
	for i := range r.tries {
		s.Codes = append(s.Codes, r.tries[i].code)
		if i > 0 {
			s.Intervals = append(s.Intervals, r.tries[i].at.Sub(r.tries[i-1].at))
		}
	}
	s.Shape = shapeOf(s.Intervals)
}

// findings counts what the rules said: the facts are theirs.
func (b *Book) findings(v *finding.Verdict) {
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Suspect == nil || len(f.ID) < 6 || f.ID[:6] != "retry." {
			continue
		}
		s := b.sources[f.Suspect.Address]
		if s == nil {
			if s = b.sources[netip.AddrPortFrom(f.Suspect.Address.Addr(), 0)]; s == nil {
				s = b.source(f.Suspect.Address)
			}
		}
		if s == nil {
			continue
		}
		switch f.ID {
		case "retry.ignored-retry-after":
			s.Ignored++
		case "retry.pointless":
			s.Useless++
		case "retry.storm":
			s.Storms++
		case "retry.missed-failover":
			s.Missed++
		}
	}
}

// Report returns what is known so far. The runs that may go on count as they are; nothing is closed by it.
func (b *Book) Report() Report {
	r := Report{Unlisted: b.unlisted}
	open := Book{sources: map[netip.AddrPort]*Source{}}
	for a, s := range b.sources {
		own := *s
		own.Intervals, own.Codes = slices.Clone(s.Intervals), slices.Clone(s.Codes)
		open.sources[a] = &own
	}
	for _, k := range b.keys(func(*run) bool { return true }) {
		open.enter(b.runs[k], false)
	}
	r.Unlisted += open.unlisted
	for _, s := range open.sources {
		if s.telling() {
			r.Sources = append(r.Sources, *s)
		}
	}
	slices.SortFunc(r.Sources, func(x, y Source) int {
		return cmp.Or(cmp.Compare(y.weight(), x.weight()), x.Address.Compare(y.Address))
	})
	r.Cascades = b.root.sorted()
	return r
}

// weight ranks the sources: by the requests that were too many.
func (s *Source) weight() uint64 {
	return s.Retries + s.Failovers + s.Ignored + s.Useless + s.Storms + s.Missed
}
