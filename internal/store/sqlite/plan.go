package sqlite

import (
	"net/netip"
	"slices"
	"strings"

	"sipcause/internal/query"
	"sipcause/internal/route"
	"sipcause/internal/wire"
)

// plan says by terms which cases a filter can hold for: at least those. A nil plan is all cases.
type plan struct {
	op    query.Op // And, Or; Eq: a leaf
	args  []*plan
	spans []span
	exact bool // it holds for no other cases
}

// span is the terms from lo up to, but without, hi; hi "" has no end.
type span struct{ lo, hi string }

// planOf makes the plan of a filter; nil when terms say nothing of it.
func planOf(e *query.Expr) *plan {
	if e == nil {
		return nil
	}
	switch e.Op {
	case query.And:
		p := &plan{op: query.And, exact: true}
		for _, arg := range e.Args {
			if a := planOf(arg); a != nil {
				p.args = append(p.args, a)
				p.exact = p.exact && a.exact
			} else {
				p.exact = false
			}
		}
		if len(p.args) == 0 {
			return nil
		}
		return p
	case query.Or:
		p := &plan{op: query.Or, exact: true}
		for _, arg := range e.Args {
			a := planOf(arg)
			if a == nil {
				return nil
			}
			p.args = append(p.args, a)
			p.exact = p.exact && a.exact
		}
		return p
	case query.Not, query.Match, query.NotMatch:
		return nil
	}
	spans, exact := spansOf(e)
	if spans == nil {
		return nil
	}
	return &plan{op: query.Eq, spans: spans, exact: exact}
}

// spansOf returns the terms of which a case that e holds for has one; nil when there is nothing to say.
func spansOf(e *query.Expr) (spans []span, exact bool) {
	if e.Field == query.Route && directed(e) {
		return routeSpans(e, textFields[e.Field].tag), false
	}
	if text, ok := textFields[e.Field]; ok {
		return textSpans(e, text.tag)
	}
	if tag, ok := addrFields[e.Field]; ok {
		return addrSpans(e, tag)
	}
	switch e.Field {
	case query.CallID:
		return callIDSpans(e)
	case query.Code:
		return codeSpans(e)
	case query.Gap:
		if e.Op == query.Eq && e.Values[0].Bool || e.Op == query.Ne && !e.Values[0].Bool {
			return []span{{string(rune(tagGap)), ""}}, true
		}
	}
	return nil, false
}

// field is all terms of a tag.
func field(tag byte) span { return span{string(rune(tag)), string(rune(tag + 1))} }

func textSpans(e *query.Expr, tag byte) ([]span, bool) {
	info := e.Field.Info()
	var spans []span
	exact := true
	switch {
	case e.Op == query.Exists:
		return []span{field(tag)}, e.Field != query.ID
	case e.Op == query.Ne:
		pattern := splitPattern(e.Values[0].Text)
		if !pattern.plain || whole(pattern.prefix) < len(pattern.prefix) {
			return nil, false
		}
		all, no := field(tag), equal(tag, pattern.prefix)
		return []span{{all.lo, no.lo}, {no.hi, all.hi}}, false
	case info.Type == query.TypeLevel:
		for rank, v := range info.Values {
			if inOrder(e, int64(rank)) {
				spans = append(spans, equal(tag, v))
			}
		}
		return spans, true
	}
	for i := range e.Values {
		p := splitPattern(e.Values[i].Text)
		switch {
		case p.plain && whole(p.prefix) == len(p.prefix):
			spans = append(spans, equal(tag, p.prefix))
		case p.plain:
			cut := string(appendText([]byte{tag}, p.prefix))
			spans, exact = append(spans, span{cut, cut + afterAll}), false
		case p.prefix != "":
			prefix := string(appendText([]byte{tag}, lowered(p.prefix[:whole(p.prefix)])))
			spans, exact = append(spans, span{prefix, after(prefix)}), false
		case e.Field == query.Numbers && p.suffix != "":
			prefix := string(appendReversed([]byte{tagReversed}, p.suffix))
			spans, exact = append(spans, span{prefix, after(prefix)}), false
		default:
			return nil, false
		}
	}
	return spans, exact
}

// directed says whether a comparison of routes may be of a direction ("out:gw"): terms have the name alone.
func directed(e *query.Expr) bool {
	return slices.ContainsFunc(e.Values, func(l query.Literal) bool {
		p := splitPattern(l.Text)
		prefix := lowered(p.prefix)
		_, direction := route.SplitKey(prefix)
		begins := func(key string) bool { return !p.plain && strings.HasPrefix(key, prefix) }
		return direction != "" || begins(route.InKey("")) || begins(route.OutKey(""))
	})
}

// routeSpans returns the terms of the names that such a comparison with = or in can hold for, all when it is not that
// simple.
func routeSpans(e *query.Expr, tag byte) (spans []span) {
	for i := range e.Values {
		p := splitPattern(e.Values[i].Text)
		name, direction := route.SplitKey(lowered(p.prefix))
		if e.Op != query.Eq && e.Op != query.In || !p.plain || name == "" || whole(name) < len(name) {
			return []span{field(tag)}
		}
		if direction != "" {
			spans = append(spans, equal(tag, name))
		}
		if whole(p.prefix) < len(p.prefix) { // a name that begins like a direction
			return []span{field(tag)}
		}
		spans = append(spans, equal(tag, p.prefix))
	}
	return spans
}

// equal is the terms of a value that stands whole in them, in any case.
func equal(tag byte, v string) span {
	lo := string(append([]byte{tag}, lowered(v)...))
	return span{lo, lo + afterAll}
}

// after returns the first string behind all that begin with prefix.
func after(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}

// pattern is text in which * stands for any run: what is before the first one, and what behind the last.
type pattern struct {
	plain          bool // it has none; prefix is all of it
	prefix, suffix string
}

func splitPattern(text string) pattern {
	var b strings.Builder
	p := pattern{plain: true}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '*':
			i++
			b.WriteByte('*')
		case text[i] == '*':
			if p.plain {
				p.plain, p.prefix = false, b.String()
			}
			b.Reset()
		default:
			b.WriteByte(text[i])
		}
	}
	if p.plain {
		p.prefix = b.String()
	} else {
		p.suffix = b.String()
	}
	return p
}

func callIDSpans(e *query.Expr) ([]span, bool) {
	if e.Op == query.Exists {
		return []span{field(tagCallID)}, true
	}
	if e.Op != query.Eq && e.Op != query.In {
		return nil, false
	}
	var spans []span
	for i := range e.Values {
		p := splitPattern(e.Values[i].Text)
		if !p.plain {
			return nil, false
		}
		term := string(appendCallID(nil, p.prefix))
		spans = append(spans, span{term, term + "\x00"})
	}
	return spans, false
}

func codeSpans(e *query.Expr) ([]span, bool) {
	from := func(code int64) string { return string(appendCode(nil, code)) }
	all := field(tagCode)
	if e.Op == query.Exists {
		return []span{all}, true
	}
	var spans []span
	for i := range e.Values {
		lo, hi := from(e.Values[i].Lo), from(e.Values[i].Hi)
		switch e.Op {
		case query.Eq, query.In:
			spans = append(spans, span{lo, hi})
		case query.Ne:
			spans = append(spans, span{all.lo, lo}, span{hi, all.hi})
		case query.Lt:
			spans = append(spans, span{all.lo, lo})
		case query.Le:
			spans = append(spans, span{all.lo, hi})
		case query.Gt:
			spans = append(spans, span{hi, all.hi})
		case query.Ge:
			spans = append(spans, span{lo, all.hi})
		}
	}
	return spans, true
}

func addrSpans(e *query.Expr, tag byte) ([]span, bool) {
	if e.Op == query.Exists {
		return []span{field(tag)}, false
	}
	if e.Op != query.Eq && e.Op != query.In {
		return nil, false
	}
	var spans []span
	for i := range e.Values {
		prefix := e.Values[i].Prefix
		lo := appendAddr([]byte{tag}, prefix.Masked().Addr())
		last := appendAddr([]byte{tag}, lastOf(prefix))
		spans = append(spans, span{string(lo), after(string(last))})
	}
	return spans, false
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(raw); bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// inOrder says whether x stands in the relation of e to one of its literals.
func inOrder(e *query.Expr, x int64) bool {
	for i := range e.Values {
		l := &e.Values[i]
		switch e.Op {
		case query.Lt:
			if x < l.Lo {
				return true
			}
		case query.Le:
			if x < l.Hi {
				return true
			}
		case query.Gt:
			if x >= l.Hi {
				return true
			}
		case query.Ge:
			if x >= l.Lo {
				return true
			}
		default:
			if x >= l.Lo && x < l.Hi {
				return true
			}
		}
	}
	return false
}

// asksOpen says whether the filter holds for open cases only, which are in no segment.
func asksOpen(e *query.Expr) bool {
	switch {
	case e == nil:
		return false
	case e.Op == query.And:
		return slices.ContainsFunc(e.Args, asksOpen)
	}
	return e.Field == query.Open && (e.Op == query.Eq && e.Values[0].Bool || e.Op == query.Ne && !e.Values[0].Bool)
}

// within narrows from (inclusive) and until (exclusive; 0: open) to what the filter says of the beginning.
func within(e *query.Expr, from, until wire.Time) (wire.Time, wire.Time) {
	if e == nil {
		return from, until
	}
	if e.Op == query.And {
		for _, arg := range e.Args {
			from, until = within(arg, from, until)
		}
		return from, until
	}
	if e.Field != query.Start || len(e.Values) != 1 || e.Values[0].TimeOfDay {
		return from, until
	}
	lo, hi := wire.Time(e.Values[0].Lo), wire.Time(e.Values[0].Hi)
	atMost := func(t wire.Time) {
		if until == 0 || t < until {
			until = max(t, 1) // 0 would be open; a case that begins at 0 has no beginning, and no comparison holds
		}
	}
	switch e.Op {
	case query.Ge:
		from = max(from, lo)
	case query.Gt:
		from = max(from, hi)
	case query.Lt:
		atMost(lo)
	case query.Le:
		atMost(hi)
	case query.Eq:
		from = max(from, lo)
		atMost(hi)
	}
	return from, until
}
