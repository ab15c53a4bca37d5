package correlate

import (
	"net/netip"
	"strconv"
)

// prose gathers the sentences of one Origin in one buffer, so that all of them together are one allocation.
type prose struct {
	buf   []byte
	marks []mark
}

// mark is where a sentence ends.
type mark struct {
	end         int
	alternative bool
}

func (p *prose) reset() { p.buf, p.marks = p.buf[:0], p.marks[:0] }

func (p *prose) text(s string) *prose { p.buf = append(p.buf, s...); return p }

func (p *prose) addr(a netip.AddrPort) *prose {
	if !a.IsValid() {
		return p.text(a.String())
	}
	p.buf = a.AppendTo(p.buf)
	return p
}

func (p *prose) number(n uint64) *prose { p.buf = strconv.AppendUint(p.buf, n, 10); return p }

func (p *prose) evidence() { p.marks = append(p.marks, mark{len(p.buf), false}) }

func (p *prose) alternative() { p.marks = append(p.marks, mark{len(p.buf), true}) }

// lists appends the sentences to two lists.
func (p *prose) lists(evidence, alternatives []string) (e, a []string) {
	all, from := string(p.buf), 0
	for _, m := range p.marks {
		if s := all[from:m.end]; m.alternative {
			alternatives = append(alternatives, s)
		} else {
			evidence = append(evidence, s)
		}
		from = m.end
	}
	return evidence, alternatives
}
