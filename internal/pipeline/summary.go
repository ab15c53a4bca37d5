package pipeline

import (
	"cmp"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/correlate"
	"sipcause/internal/decode"
	"sipcause/internal/diagnose"
	"sipcause/internal/view"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// maxGapsKept bounds the gaps that a report lists; further ones are merged by kind.
const maxGapsKept = 64

// gapList keeps the first gaps and merges the rest, one per kind.
type gapList struct {
	kept   []wire.Gap
	merged map[wire.GapKind]int // index into kept of the gap that takes the rest
}

func (g *gapList) add(gap wire.Gap) {
	if len(g.kept) < maxGapsKept {
		g.kept = append(g.kept, gap)
		return
	}
	if i, ok := g.merged[gap.Kind]; ok {
		m := &g.kept[i]
		m.From, m.Until = min(m.From, gap.From), max(m.Until, gap.Until)
		m.Lost += max(gap.Lost, 1)
		m.Bytes += gap.Bytes
		return
	}
	if g.merged == nil {
		g.merged = map[wire.GapKind]int{}
	}
	gap.Where = "several places"
	gap.Flow = wire.Flow{}
	gap.Lost = max(gap.Lost, 1)
	g.merged[gap.Kind] = len(g.kept)
	g.kept = append(g.kept, gap)
}

// sortedGaps returns the gaps of the capture and our own in order of time: some are known only at the end of their
// file.
func (e *Engine) sortedGaps() []wire.Gap {
	for _, g := range e.judge.panics.kept {
		e.gaps.add(g)
	}
	slices.SortStableFunc(e.gaps.kept, func(a, b wire.Gap) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Until, b.Until))
	})
	return e.gaps.kept
}

// summary says what the capture was, when all of it was read.
func (e *Engine) summary(src *capture.Source, d decode.Stats) *view.Summary {
	s := &view.Summary{
		Files: src.Files(), Packets: e.packets, Bytes: e.bytes, First: e.read.first, Last: e.read.last, Gaps: e.sortedGaps(),
		Keepalives: d.Keepalives, RTP: d.RTP, RTCP: d.RTCP,
	}
	s.Undecoded, s.Events = ranked(d.Undecoded), ranked(d.Events)
	if e.discard {
		s.Messages = e.texts
		for _, n := range d.Payloads {
			s.Messages += n
		}
		return s
	}
	var st correlate.Stats
	for _, sh := range e.shards {
		one := sh.Stats()
		st.Add(&one)
	}
	s.Messages, s.Codes, s.CodeOther = st.Messages, st.Codes, st.CodeOther
	s.Retransmissions, s.Duplicates, s.Unparsable, s.Defective, s.Evicted = st.Repeats, st.Duplicates, st.Unparsable, st.Defective, st.Evicted
	for i, n := range st.Methods {
		if n > 0 {
			s.Methods = append(s.Methods, view.Count{Name: sip.Method(i).String(), N: n})
		}
	}
	slices.SortFunc(s.Methods, byRank)
	j := &e.judge
	s.Stray, s.MediaEvicted = st.Stray, j.media.Evicted
	s.Calls, s.Registrations, s.Transactions = j.calls[call.KindCall], j.calls[call.KindRegistration], j.calls[call.KindTransaction]
	s.KPIs = j.meter.KPIs()
	s.Findings = diagnose.Capture(j.ledger)
	s.Estate, s.Retries = j.ledger.Estate(), j.retry.Report()
	s.Points = j.points
	s.Certificates, s.CertificatesEvicted = e.certs.list(), e.certs.evicted
	return s
}

// ranked returns the counts of a map, largest first.
func ranked(counts map[string]uint64) []view.Count {
	var list []view.Count
	for name, n := range counts {
		list = append(list, view.Count{Name: name, N: n})
	}
	slices.SortFunc(list, byRank)
	return list
}

func byRank(a, b view.Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) }
