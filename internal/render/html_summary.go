package render

import (
	"fmt"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// pageTop is what stands above the list. All texts have passed visible.
type pageTop struct {
	Title, Range, Read   string
	Outcomes             []pageOutcomes
	Causes               []pageBar
	Responses            []pageBar
	MoreCodes, MorePeers string
	Timeline             *pageTimeline
	Peers                []pagePeer
	Accounts             []pageState
	MoreAccounts         string
	Retries              []pageRetries
	MoreRetries          int
	Cascades             string
	Certificates         []pageState
	MoreCertificates     string
	Findings             []pageFinding
	Measures             []pageMeasure
	Missing              []string
	Cases                uint64
}

type pageOutcomes struct {
	Title string
	Parts []pagePart
}

// pagePart is a part of a bar of 600.
type pagePart struct {
	Class, Name, N string
	X, W           int
}

// pageBar is a row of a ranking with a bar of at most 200.
type pageBar struct {
	N, ID, Title, Code, Phrase, Class string
	W                                 int
}

type pagePeer struct{ Peer, Sent, Answered, Unanswered, State, Class string }

// pageState is an account at the end of the capture, or a certificate.
type pageState struct {
	State, Name, Class string
	Lines              []string
}

// pageRetries is what one source did after failures.
type pageRetries struct {
	Source string
	Lines  []string
}

type pageMeasure struct{ Name, Value, Of string }

type pageTimeline struct {
	Bars                    []timeBar
	From, Until, Each, Most string
}

type timeBar struct{ X, W, OKY, OKH, BadY, BadH int }

// outcomeClass is the colour of an outcome: people's choices are no faults.
var outcomeClass = map[string]string{
	call.Answered.String(): "ok", call.Failed.String(): "error", call.Challenged.String(): "warning", call.Redirected.String(): "warning",
	call.Busy.String(): "info", call.Declined.String(): "info", call.NoAnswer.String(): "info", call.Cancelled.String(): "info",
}

const maxBars = 14 // rows of a ranking

func (r *page) top(s *view.Summary) *pageTop {
	t := &pageTop{
		Title: cells.Visible(filesText(s.Files)), Read: strings.Join(append([]string{strings.Join(append(readParts(s), oddParts(s)...), ", ")}, clockTexts(s)...), "; "),
		Timeline: r.times.page(r.opt.Zone), Cases: r.listed,
	}
	if s.First != 0 {
		t.Range = rangeText(s, r.opt.Zone)
	}
	for kind, title := range [...]string{"Calls", "Registrations", "Transactions"} {
		if o := r.outcomes(call.Kind(kind), title); o.Parts != nil {
			t.Outcomes = append(t.Outcomes, o)
		}
	}
	t.Causes = r.causes()
	t.Responses, t.MoreCodes = responses(s)
	r.peers(t, s.Last)
	for i := range s.Findings {
		t.Findings = append(t.Findings, r.makeFinding(&s.Findings[i]))
	}
	for _, m := range measures(s.KPIs) {
		t.Measures = append(t.Measures, pageMeasure{cells.Visible(m.name), cells.Visible(m.value), cells.Visible(m.of)})
	}
	t.Missing = missing(s, r.opt.Zone)
	sources, moreSources := retrySources(s, r.opt.All)
	t.MoreRetries, t.Cascades = moreSources, strings.Join(cascadeLines(s, r.opt.All), "\n")
	for _, row := range sources {
		t.Retries = append(t.Retries, pageRetries{row.name, visibles(row.lines)})
	}
	rows, more := accounts(s, r.opt)
	t.Accounts, t.MoreAccounts = pageStates(rows), more
	rows, more = certificateRows(s, r.opt.Zone)
	t.Certificates, t.MoreCertificates = pageStates(rows), more
	return t
}

func pageStates(rows []stateRow) (list []pageState) {
	for _, row := range rows {
		list = append(list, pageState{row.state, cells.Visible(row.name), row.class, visibles(row.lines)})
	}
	return list
}

func (r *page) outcomes(kind call.Kind, title string) pageOutcomes {
	list := r.tally.byOutcome(kind)
	total := uint64(0)
	for _, n := range list {
		total += n.N
	}
	o := pageOutcomes{Title: fmt.Sprintf("%s: %s", title, thousands(total))}
	done := uint64(0)
	for _, n := range list {
		class := outcomeClass[n.Name]
		if class == "" {
			class = "open"
		}
		x := int(600 * done / total)
		done += n.N
		o.Parts = append(o.Parts, pagePart{Class: class, Name: n.Name, N: thousands(n.N), X: x, W: max(2, int(600*done/total)-x-1)})
	}
	return o
}

func (r *page) causes() (list []pageBar) {
	ids := r.tally.byCause()
	for i, id := range ids {
		if i == maxBars {
			break
		}
		k := r.tally.causes[id]
		b := pageBar{N: thousands(k.n), ID: cells.Visible(string(id)), Class: k.severity.String(), W: barWidth(k.n, r.tally.causes[ids[0]].n)}
		if d, ok := finding.Lookup(id); ok {
			b.Title = d.Title
		}
		list = append(list, b)
	}
	return list
}

func barWidth(n, most uint64) int { return max(2, int(200*n/max(1, most))) }

var codeClass = [...]string{1: "open", 2: "ok", 3: "warning", 4: "error", 5: "error", 6: "error"}

func responses(s *view.Summary) (list []pageBar, more string) {
	most, rows := uint64(0), 0
	for class := 1; class <= 6; class++ {
		codes, _ := codesOf(s, class)
		for _, n := range codes {
			most = max(most, n.N)
		}
		rows += len(codes)
	}
	for class := 1; class <= 6; class++ {
		codes, _ := codesOf(s, class)
		for _, n := range codes {
			if len(list) < 2*maxBars {
				number, phrase, _ := strings.Cut(n.Name, " ")
				list = append(list, pageBar{N: thousands(n.N), Code: number, Phrase: phrase, Class: codeClass[class], W: barWidth(n.N, most)})
			}
		}
	}
	if n := rows - len(list); n > 0 {
		more = fmt.Sprintf("and %d more codes", n)
	}
	if s.CodeOther > 0 {
		more = strings.TrimPrefix(more+fmt.Sprintf(", %s outside 100 to 699", thousands(s.CodeOther)), ", ")
	}
	return list, more
}

func (r *page) peers(t *pageTop, last wire.Time) {
	list := r.tally.byPeer()
	for i, k := range list {
		if i == maxPeersShown {
			t.MorePeers = fmt.Sprintf("and %d more peers", len(list)-i)
			break
		}
		p := pagePeer{Peer: k.name, Sent: thousands(k.sent), Answered: thousands(k.answered), Unanswered: thousands(k.unanswered), State: "answers", Class: "ok"}
		switch {
		case k.silentSince != 0:
			p.State, p.Class = "silent since "+moment(k.silentSince, last, r.opt.Zone), "error"
		case k.unanswered > 0:
			p.State, p.Class = "answers again", "warning"
		case k.answered == 0:
			p.State, p.Class = "open", "open"
		}
		if k.code >= 300 {
			p.State += fmt.Sprintf(", last with %d", k.code)
		}
		t.Peers = append(t.Peers, p)
	}
}

func missing(s *view.Summary, zone *time.Location) (list []string) {
	for _, e := range s.Events {
		list = append(list, cells.Visible(fmt.Sprintf("%s of the wire: %s", count(e.N, "event"), e.Name)))
	}
	for _, u := range s.Undecoded {
		list = append(list, cells.Visible(fmt.Sprintf("%s not read: %s", count(u.N, "packet"), u.Name)))
	}
	list = append(list, visibles(gapTexts(s.Gaps, zone))...)
	if s.Evicted > 0 {
		list = append(list, count(s.Evicted, "dialog")+" given up because a limit of memory was reached")
	}
	if s.MediaEvicted > 0 {
		list = append(list, count(s.MediaEvicted, "RTP or RTCP stream")+" given up because a limit of memory was reached")
	}
	return list
}

const timelineHeight = 100

// page returns the bars, nil when there is nothing to compare.
func (t *timeline) page(zone *time.Location) *pageTimeline {
	last, most := -1, uint64(0)
	for i := range t.ok {
		if n := t.ok[i] + t.bad[i]; n > 0 {
			last, most = i, max(most, n)
		}
	}
	if last < 1 {
		return nil
	}
	p := &pageTimeline{
		From: moment(t.start, 0, zone), Until: moment(t.start+wire.Time(int64(last+1)*t.each), 0, zone),
		Each: duration(time.Duration(t.each)), Most: thousands(most),
	}
	step := 1200 / (last + 1)
	for i := range last + 1 {
		ok, bad := int(timelineHeight*t.ok[i]/most), int(timelineHeight*t.bad[i]/most)
		if bad == 0 && t.bad[i] > 0 {
			bad = 1
		}
		p.Bars = append(p.Bars, timeBar{X: i * step, W: max(1, min(step-1, 60)), OKY: 102 - ok, OKH: ok, BadY: 102 - ok - bad, BadH: bad})
	}
	return p
}
