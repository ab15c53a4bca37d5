package render

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/retry"
	"sipcause/internal/view"
)

// Sources listed, and lines of a tree, in reports for people; how many more there are is said.
const (
	sourcesShown  = 12
	cascadesShown = 40
)

// retrySource is what one source did, in words.
type retrySource struct {
	name  string
	lines []string
}

// socket writes an address; without a port it stands for all of its host.
func socket(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

// retrySources returns what is said of the sources, and how many more there are.
func retrySources(s *view.Summary, all bool) (rows []retrySource, more int) {
	for i := range s.Retries.Sources {
		if i == sourcesShown && !all {
			return rows, len(s.Retries.Sources) - i
		}
		rows = append(rows, retrySource{socket(s.Retries.Sources[i].Address), sourceLines(&s.Retries.Sources[i])})
	}
	return rows, 0
}

func sourceLines(s *retry.Source) (lines []string) {
	if s.Failures > 0 {
		l := count(s.Failures, "failure")
		switch {
		case s.Retries == 0:
			l += ", not retried"
		case s.Retries == 1:
			l += ", 1 retry"
		default:
			l += ", " + thousands(s.Retries) + " retries"
		}
		if s.Retries > 0 {
			l += fmt.Sprintf(" (%.1f tries for each failure)", s.Amplification())
		}
		if s.Recovered > 0 {
			l += ", " + thousands(s.Recovered) + " cured by it"
		}
		lines = append(lines, l)
	}
	if s.Most > 1 {
		lines = append(lines, fmt.Sprintf("longest run: %d tries (%s), %s, Call-ID %s", s.Most, codesText(s.Codes), shapeText(s), s.CallID))
	}
	var told []string
	if s.Told > 0 {
		told = append(told, fmt.Sprintf("Retry-After: told %s, waited %s", thousands(s.Told), thousands(s.Honoured)))
	}
	for _, n := range []struct {
		n    uint64
		what string
	}{{s.Ignored, "tried too soon after Retry-After"}, {s.Useless, "retried what no retry cures"}, {s.Storms, "part of a retry storm"}} {
		if n.n > 0 {
			told = append(told, n.what+" ×"+thousands(n.n))
		}
	}
	if told != nil {
		lines = append(lines, strings.Join(told, "; "))
	}
	return append(lines, proxyLines(s)...)
}

func proxyLines(s *retry.Source) (lines []string) {
	if s.Failovers > 0 {
		l := fmt.Sprintf("as a proxy: %s sent on with a failure, %s for these, %s", count(s.Requests, "request"), branchText(s.Branches), count(s.Failovers, "failover"))
		if s.Unwise > 0 {
			u := &s.Unneeded
			l += fmt.Sprintf(", %s of them unwise: the code speaks for the callee (%d from %s, then to %s, Call-ID %s)", thousands(s.Unwise), u.Code, u.From, u.To, u.CallID)
		}
		lines = append(lines, l)
	}
	if s.Missed > 0 {
		lines = append(lines, "as a proxy: another route was not tried ×"+thousands(s.Missed))
	}
	return lines
}

func branchText(n uint64) string {
	if n == 1 {
		return "1 branch"
	}
	return thousands(n) + " branches"
}

var shapeWords = map[retry.Shape]string{
	retry.ShapeUnknown: "too few to say how it backs off", retry.ShapeNone: "no back-off", retry.ShapeConstant: "at constant intervals", retry.ShapeLinear: "linear back-off",
	retry.ShapeExponential: "exponential back-off", retry.ShapeJittered: "back-off with jitter", retry.ShapeIrregular: "at no regular intervals",
}

const intervalsShown = 6

func shapeText(s *retry.Source) string {
	var list []string
	for i, d := range s.Intervals {
		if i == intervalsShown {
			list = append(list, "…")
			break
		}
		list = append(list, duration(d))
	}
	return shapeWords[s.Shape] + " (" + strings.Join(list, ", ") + ")"
}

// codesText counts the codes of a run: "503 ×4, no response ×1".
func codesText(codes []int) string {
	var parts []string
	var done []int
	for _, c := range codes {
		if slices.Contains(done, c) {
			continue
		}
		done = append(done, c)
		n := 0
		for _, o := range codes {
			if o == c {
				n++
			}
		}
		name := strconv.Itoa(c)
		if c == 0 {
			name = "no response"
		}
		parts = append(parts, fmt.Sprintf("%s ×%d", name, n))
	}
	return strings.Join(parts, ", ")
}

// cascadeLines draws who handed 503s on: trees in which somebody did.
func cascadeLines(s *view.Summary, all bool) (lines []string) {
	for _, n := range s.Retries.Cascades {
		if !slices.ContainsFunc(n.Next, func(k *retry.Node) bool { return len(k.Next) > 0 || k.Became != nil }) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s made %s", socket(n.Address), thousands(n.N)))
		lines = branchLines(lines, n.Next, "")
	}
	if len(lines) > cascadesShown && !all {
		more := len(lines) - cascadesShown
		lines = append(lines[:cascadesShown], fmt.Sprintf("and %d more lines", more))
	}
	return lines
}

func branchLines(lines []string, list []*retry.Node, indent string) []string {
	for i, n := range list {
		stem, below := "├─ ", "│  "
		if i == len(list)-1 {
			stem, below = "└─ ", "   "
		}
		l := indent + stem + socket(n.Address) + " ×" + thousands(n.N)
		for k, o := range n.Became {
			if l += ","; k == 0 {
				l += " became"
			}
			l += fmt.Sprintf(" %d ×%s", o.Code, thousands(o.N))
		}
		lines = branchLines(append(lines, l), n.Next, indent+below)
	}
	return lines
}

// retries writes what clients and proxies did after failures.
func (r *text) retries(s *view.Summary) {
	if rows, more := retrySources(s, r.opt.All); len(rows) > 0 {
		r.heading("RETRIES (after failures, by who tried again)")
		for _, row := range rows {
			r.line("  ", r.paint(bold, row.name))
			for _, l := range row.lines {
				r.item(4, "", normal, l)
			}
		}
		if more > 0 {
			r.line(fmt.Sprintf("  and %d more", more))
		}
	}
	if lines := cascadeLines(s, r.opt.All); lines != nil {
		r.heading("503 CASCADES (who made it, and who handed it on to whom)")
		for _, l := range lines {
			r.line("  ", l)
		}
	}
}

// retries writes what clients and proxies did after failures.
func (r *markdown) retries(s *view.Summary) {
	if rows, more := retrySources(s, r.opt.All); len(rows) > 0 {
		r.heading("Retries ", "(after failures, by who tried again)")
		var cells [][]string
		for _, row := range rows {
			cells = append(cells, []string{markdownText(row.name), markdownText(strings.Join(row.lines, "; "))})
		}
		r.rows([]string{"who", "what it did"}, "ll", cells)
		if more > 0 {
			r.para("", fmt.Sprintf("and %d more", more))
		}
	}
	if lines := cascadeLines(s, r.opt.All); lines != nil {
		r.heading("503 cascades ", "(who made it, and who handed it on to whom)")
		r.fence(lines)
	}
}

// retries appends what clients and proxies did after failures.
func (e *encoder) retries(s *view.Summary) {
	each(e, "retries", s.Retries.Sources, e.retrySource)
	e.key("cascades")
	e.cascades(s.Retries.Cascades)
	e.uint("retries_unlisted", s.Retries.Unlisted)
}

func (e *encoder) retrySource(s *retry.Source) {
	e.raw("{")
	e.text("source", socket(s.Address))
	e.uint("failures", s.Failures)
	e.uint("retries", s.Retries)
	e.uint("recovered", s.Recovered)
	if s.Failures == 0 {
		e.null("amplification")
	} else {
		e.float("amplification", s.Amplification())
	}
	if s.Most == 0 {
		e.null("longest")
	} else {
		e.key("longest")
		e.raw("{")
		e.uint("tries", uint64(s.Most))
		e.text("shape", s.Shape.String())
		e.key("intervals_ms")
		e.raw("[")
		for _, d := range s.Intervals {
			e.next()
			e.buf = appendFloat(e.buf, float64(d)/float64(time.Millisecond))
		}
		e.raw("]")
		e.key("codes")
		e.raw("[")
		for _, c := range s.Codes {
			e.next()
			if c == 0 {
				e.raw("null")
			} else {
				e.buf = strconv.AppendInt(e.buf, int64(c), 10)
			}
		}
		e.raw("]")
		e.textOrNull("call_id", s.CallID)
		e.raw("}")
	}
	e.key("retry_after")
	e.raw("{")
	e.uint("told", s.Told)
	e.uint("honoured", s.Honoured)
	e.uint("ignored", s.Ignored)
	e.raw("}")
	e.uint("pointless", s.Useless)
	e.uint("storms", s.Storms)
	e.key("proxy")
	e.raw("{")
	e.uint("requests", s.Requests)
	e.uint("branches", s.Branches)
	e.uint("failovers", s.Failovers)
	e.uint("unwise", s.Unwise)
	e.uint("missed", s.Missed)
	if u := &s.Unneeded; s.Unwise == 0 {
		e.null("unwise_example")
	} else {
		e.key("unwise_example")
		e.raw("{")
		e.code("code", u.Code)
		e.addr("from", u.From)
		e.addr("to", u.To)
		e.textOrNull("call_id", u.CallID)
		e.raw("}")
	}
	e.raw("}}")
}

func (e *encoder) cascades(list []*retry.Node) {
	e.raw("[")
	for _, n := range list {
		e.next()
		e.raw("{")
		e.text("element", socket(n.Address))
		e.uint("n", n.N)
		each(e, "became", n.Became, func(o *retry.Became) {
			e.raw("{")
			e.code("code", o.Code)
			e.uint("n", o.N)
			e.raw("}")
		})
		e.textOrNull("call_id", n.CallID)
		e.key("next")
		e.cascades(n.Next)
		e.raw("}")
	}
	e.raw("]")
}
