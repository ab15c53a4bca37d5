package main

import (
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// Arrivals per second of event time.
const (
	callRate         = 100
	registrationRate = 20
	transactionRate  = 6
	arrivalRate      = callRate + registrationRate + transactionRate
)

// plan says what is generated.
type plan struct {
	messages int // exactly
	seed     uint64
	tcp      bool
	from     time.Time // of the first message
	rate     float64   // arrivals per second of event time
}

// played is one scenario under way.
type played struct {
	scenario int
	step     int
	hosts    [4]uint8 // by element: index into hosts
	f        [fields][]byte
	buf      []byte // holds what f refers to
}

// pending is a scenario's next message and when it is due.
type pending struct {
	at int64 // µs since the epoch
	p  *played
}

// calendar is a binary heap of what is under way, the soonest first.
type calendar []pending

func (c *calendar) push(x pending) {
	h := append(*c, x)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up].at <= x.at {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
	*c = h
}

// replace puts x in the place of the soonest; drop takes the soonest out.
func (c calendar) replace(x pending) {
	i := 0
	for {
		k := 2*i + 1
		if k >= len(c) {
			break
		}
		if k+1 < len(c) && c[k+1].at < c[k].at {
			k++
		}
		if c[k].at >= x.at {
			break
		}
		c[i] = c[k]
		i = k
	}
	c[i] = x
}

func (c *calendar) drop() {
	h := *c
	x := h[len(h)-1]
	h[len(h)-1] = pending{}
	*c = h[:len(h)-1]
	if len(*c) > 0 {
		c.replace(x)
	}
}

// carrier puts messages on the wire. Times never decrease; msg is the caller's again afterwards.
type carrier interface {
	send(at int64, from, to uint8, t *template, f *[fields][]byte)
	flush()
}

// player plays scenarios until the wanted number of messages is reached.
type player struct {
	table     []scenario
	templates [][]*template // parallel to the table and its steps
	choices   [3][]int      // by kind: scenario indices, each as often as it weighs
	counts    []int
	rng       *rand.Rand
	people    *people
	free      []*played
	calendar  calendar
	arrival   int64   // of the next scenario: µs since the epoch
	gap       float64 // mean time to the next: µs
	left      int     // messages not yet given to a scenario
	filler    [2]int
}

// generate writes a capture.
func generate(w io.Writer, p plan) (*Truth, error) {
	g := &player{
		table: scenarios(), rng: rand.New(rand.NewPCG(p.seed, 0x51bcae5e)),
		arrival: p.from.UnixMicro(), gap: sec / p.rate, left: p.messages,
	}
	g.people = newPeople(g.rng, p.tcp)
	g.counts = make([]int, len(g.table))
	cache := map[string]*template{}
	for i := range g.table {
		s := &g.table[i]
		row := make([]*template, len(s.steps))
		for k := range s.steps {
			text := transport(s.steps[k].text, p.tcp)
			if cache[text] == nil {
				cache[text] = compile(text)
			}
			row[k] = cache[text]
		}
		g.templates = append(g.templates, row)
		for range s.weight {
			g.choices[s.kind] = append(g.choices[s.kind], i)
		}
		if s.kind == aTransaction {
			g.filler[len(s.steps)-2] = i
		}
	}
	out := newOutput(w)
	var c carrier = &udp{out: out}
	if p.tcp {
		c = newTCP(out, g.arrival)
	}
	g.play(c, out)
	c.flush()
	return sum(g.table, g.counts, p.seed, p.tcp), out.finish()
}

func (g *player) play(c carrier, out *output) {
	for out.err == nil && (g.left > 0 || len(g.calendar) > 0) {
		if g.left > 0 && (len(g.calendar) == 0 || g.arrival <= g.calendar[0].at) {
			p := g.arrive()
			c.send(g.arrival, p.hosts[g.table[p.scenario].steps[0].from], p.hosts[g.table[p.scenario].steps[0].to], g.templates[p.scenario][0], &p.f)
			p.step = 1
			g.calendar.push(pending{g.arrival + g.wait(&g.table[p.scenario].steps[1].after), p})
			g.arrival += 1 + int64(g.rng.ExpFloat64()*g.gap)
			continue
		}
		top := g.calendar[0]
		p, s := top.p, &g.table[top.p.scenario]
		st := &s.steps[p.step]
		c.send(top.at, p.hosts[st.from], p.hosts[st.to], g.templates[p.scenario][p.step], &p.f)
		p.step++
		if p.step == len(s.steps) {
			g.calendar.drop()
			g.free = append(g.free, p)
			continue
		}
		g.calendar.replace(pending{top.at + g.wait(&s.steps[p.step].after), p})
	}
}

func (g *player) wait(w *wait) int64 {
	if w.mean > 0 {
		return min(w.max, w.min+int64(g.rng.ExpFloat64()*float64(w.mean)))
	}
	return w.min + int64(g.rng.Uint64N(uint64(w.max-w.min)+1))
}

// arrive chooses what begins now. Near the end, where the choice would not fit, it is a keepalive of two messages
// or, to make the number even, of three.
func (g *player) arrive() *played {
	kind := aCall
	switch r := g.rng.IntN(arrivalRate); {
	case r < transactionRate:
		kind = aTransaction
	case r < transactionRate+registrationRate:
		kind = aRegistration
	}
	i := g.choices[kind][g.rng.IntN(len(g.choices[kind]))]
	if rest := g.left - len(g.table[i].steps); rest < 0 || rest == 1 {
		i = g.filler[g.left%2]
	}
	g.left -= len(g.table[i].steps)
	g.counts[i]++
	var p *played
	if n := len(g.free); n > 0 {
		p, g.free = g.free[n-1], g.free[:n-1]
	} else {
		p = new(played)
	}
	p.scenario = i
	g.people.cast(p, &g.table[i])
	return p
}

func itoa(n int) string { return strconv.Itoa(n) }
