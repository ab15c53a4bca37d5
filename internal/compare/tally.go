// Package compare counts two sides, captures or periods, and says what differs between them. Its one rule: a difference
// is judged only where chance is a poor explanation of it, and both populations are said with it.
package compare

import (
	"strconv"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/histogram"
	"sipcause/internal/view"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Bounds of one side: names of a kind that are counted apart (what is beyond is counted in shelf.rest) and Call-IDs
// kept of each.
const (
	maxNames    = 4096
	maxExamples = 3
)

// Count is how often something was met, with the Call-IDs of the first cases; Of is the population where it differs
// from name to name.
type Count struct {
	N, Of    uint64
	Examples []string
	Severity finding.Severity // of a root cause: the greatest
	message  uint64           // the last one that was counted here
}

// key names a count: what it is of, in cases of which kind.
type key struct {
	kind call.Kind
	name string
}

// shelf holds the counts of one family by name. The zero shelf is empty.
type shelf struct {
	counts map[key]*Count
	rest   uint64 // met under names that found no room
}

// of returns the count of k, nil when it found no room.
func (s *shelf) of(k key) *Count {
	c := s.counts[k]
	if c == nil {
		if len(s.counts) >= maxNames {
			s.rest++
			return nil
		}
		if s.counts == nil {
			s.counts = map[key]*Count{}
		}
		c = &Count{}
		s.counts[k] = c
	}
	return c
}

// hit counts one case.
func (s *shelf) hit(k key, callID string) {
	if c := s.of(k); c != nil {
		c.hit(callID)
	}
}

func (c *Count) hit(callID string) {
	c.N++
	if len(c.Examples) < maxExamples && callID != "" {
		c.Examples = append(c.Examples, callID)
	}
}

const kinds = int(call.KindTransaction) + 1

// Tally is one side. Add counts a case; the zero Tally is empty. It is for one goroutine.
type Tally struct {
	Files       []string      // where the cases are from; set by whoever reads them, as Period and Gaps are
	Period      Period        // when they began; the zero Period when that was not asked
	Gaps        int           // what is known to be missing of the files, in places
	First, Last wire.Time     // when the first case began and the last one ended
	Cases       [kinds]uint64 // by call.Kind
	Ended       [kinds]uint64 // of these, those whose end the capture shows: the population of all shares
	Messages    uint64        // first sightings that could be read

	outcomes, codes, causes shelf // by kind
	callers, versions       shelf // failures by product, and product and version, of who asked
	answerers, origins      shelf // failures by product and version, and address, of who decided
	headers, agents         shelf // messages by header field name, and by User-Agent or Server
	pdd, setup, rrd         histogram.Histogram

	msg  sip.Message
	name []byte
}

// Add counts one case, of which nothing is kept but texts.
func (t *Tally) Add(c *view.Case) {
	k := c.Call
	if t.First == 0 || k.Began < t.First {
		t.First = k.Began
	}
	t.Last = max(t.Last, k.Ended)
	t.Cases[k.Kind]++
	t.contents(k)
	if k.Outcome == call.Ongoing || k.Outcome == call.Unknown {
		return
	}
	t.Ended[k.Kind]++
	id := call.CleanString(k.ID)
	t.outcomes.hit(key{k.Kind, k.Outcome.String()}, id)
	t.codes.hit(key{k.Kind, codeName(k.Code)}, id)
	if r := c.Verdict.Root; r != nil {
		if n := t.causes.of(key{k.Kind, string(r.ID)}); n != nil {
			n.hit(id)
			n.Severity = max(n.Severity, r.Severity)
		}
	}
	t.parties(k, id)
	t.times(k)
}

// failed says whether a case failed otherwise than by the decision of a person: no answer to what was asked, or a
// refusal by an element.
func failed(k *call.Call) bool { return k.Outcome == call.Failed || k.Outcome == call.Challenged }

// parties counts the case for who asked, and for who decided.
func (t *Tally) parties(k *call.Call, id string) {
	bad := failed(k)
	share := func(s *shelf, name string) {
		n := s.of(key{k.Kind, name})
		if n == nil {
			return
		}
		n.Of++
		if bad {
			n.hit(id)
		}
	}
	if k.UserAgent != "" {
		name, version := product(k.UserAgent)
		share(&t.callers, name)
		share(&t.versions, strings.TrimSpace(name+" "+version))
	}
	if s := t.answeredBy(k); s != "" {
		name, version := product(s)
		share(&t.answerers, strings.TrimSpace(name+" "+version))
	}
	if bad && k.Origin != nil && k.Origin.Address.IsValid() {
		t.origins.hit(key{k.Kind, k.Origin.Address.String()}, id)
	}
}

// answeredBy returns the Server or User-Agent of the deciding response.
func (t *Tally) answeredBy(k *call.Call) string {
	if k.Origin != nil {
		return k.Origin.Server
	}
	if k.Final.Valid() && t.msg.Parse(k.Raw(k.Final)) == nil {
		return call.Clean(t.msg.ServerOrUserAgent())
	}
	return ""
}

func (t *Tally) times(k *call.Call) {
	add := func(h *histogram.Histogram, ms *float64) {
		if ms != nil {
			h.Add(*ms)
		}
	}
	switch k.Kind {
	case call.KindCall:
		add(&t.pdd, k.Timings.PDD)
		add(&t.setup, k.Timings.Setup)
	case call.KindRegistration:
		if k.Outcome == call.Answered {
			add(&t.rrd, k.Timings.Final)
		}
	}
}

// contents counts what the messages of a case are made of, repeats left out.
func (t *Tally) contents(k *call.Call) {
	for _, l := range k.Legs {
		id := call.CleanString(l.CallID)
		for i := range l.Sightings {
			if raw := l.Sightings[i].Raw; raw != nil && t.msg.Parse(raw) == nil {
				t.Messages++
				t.message(id)
			}
		}
	}
}

func (t *Tally) message(id string) {
	for name := range t.msg.All() {
		t.name = headerName(t.name[:0], name)
		t.carries(&t.headers, t.name, id)
	}
	if a := t.msg.ServerOrUserAgent(); len(a) > 0 {
		t.carries(&t.agents, a, id)
	}
}

// carries counts the message at hand once under name.
func (t *Tally) carries(s *shelf, name []byte, id string) {
	c := s.counts[key{name: string(name)}] // without a string of its own
	if c == nil {
		c = s.of(key{name: call.Clean(name)})
	}
	if c == nil || c.message == t.Messages {
		return
	}
	c.message = t.Messages
	if n := len(c.Examples); n > 0 && c.Examples[n-1] == id {
		c.N++
		return
	}
	c.hit(id)
}

// headerName appends the name of a header field: as its RFC writes it, where it is known, and else in lower case, since
// case means nothing (RFC 3261 §7.3.1).
func headerName(b, name []byte) []byte {
	if h := sip.HeaderOf(name); h != sip.HeaderUnknown {
		return append(b, h.String()...)
	}
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}

// codeName is the code that the originator saw last; "none" when nothing final came.
func codeName(code int) string {
	if code == 0 {
		return "none"
	}
	return strconv.Itoa(code)
}
