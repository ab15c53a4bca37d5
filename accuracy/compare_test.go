package accuracy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sipcause/internal/finding"
)

// mark is how what was said compares with the label.
type mark uint8

const (
	unsaid mark = iota // the label says nothing of it
	right
	wrong
	honest // unknown: nothing specific was said
)

var markNames = [...]string{"", "right", "wrong", "unknown"}

// score compares one label with what was said.
type score struct {
	label         *label
	cause, origin mark
	outcome       mark // and code
	suspect       mark
	sure          float64 // of a wrong cause
	excess        []finding.Finding
	got           string // for a miss
}

// the bounds of the findings' weights between which a finding says what the code says by itself (the band
// "general" of internal/finding).
const generalFrom, generalTo = 300, 500

// specific says whether a finding names a cause, as something that could be right or wrong.
func specific(f *finding.Finding) bool {
	return f.Confidence >= finding.Plausible && !strings.HasPrefix(string(f.ID), "code.")
}

func general(f *finding.Finding) bool {
	d, ok := finding.Lookup(f.ID)
	return ok && d.Weight >= generalFrom && d.Weight < generalTo
}

func aboveInfo(list []finding.Finding) (out []finding.Finding) {
	for i := range list {
		if list[i].Severity > finding.Info {
			out = append(out, list[i])
		}
	}
	return out
}

// compare scores a label against the analysis of its file.
func compare(l *label, a *analysis) (score, error) {
	sc := score{label: l}
	if l.pick == all || l.kind == captureCol {
		sc.ofCapture(a)
		return sc, nil
	}
	s, err := a.find(l)
	switch {
	case err == errKind:
		sc.lost(err.Error())
	case err != nil:
		return sc, err
	case s == nil && a.refused != "":
		sc.lost(a.refused)
	case s == nil:
		sc.lost(fmt.Sprintf("no such case among %d", len(a.cases)))
	default:
		sc.ofCase(s)
	}
	return sc, nil
}

// lost scores a case that did not come out.
func (sc *score) lost(why string) {
	sc.cause, sc.got = honest, why
	if sc.label.wants(unknown) {
		sc.cause = right // nothing was said
	}
	if sc.label.origin != "" && sc.label.origin != none {
		sc.origin = honest
	}
}

// ofCapture scores a label of all cases, or of the capture as a whole.
func (sc *score) ofCapture(a *analysis) {
	if !sc.label.clean() {
		sc.cause = causeMark(sc.label, nil, a.capture, &sc.sure)
		sc.got = describe(nil, a.capture)
		return
	}
	for i := range a.cases {
		sc.excess = append(sc.excess, aboveInfo(a.cases[i].findings)...)
	}
	sc.excess = append(sc.excess, aboveInfo(a.capture)...)
	if sc.cause = right; len(sc.excess) > 0 || a.refused != "" {
		sc.cause = wrong
	}
	sc.got = a.refused + describe(nil, sc.excess)
}

func (sc *score) ofCase(s *said) {
	l := sc.label
	sc.cause = causeMark(l, s.root, s.findings, &sc.sure)
	if l.clean() {
		if sc.excess = aboveInfo(s.findings); len(sc.excess) > 0 {
			sc.cause = wrong
		}
	}
	sc.origin = addressMark(l.origin, s.origin, s.sure)
	sc.suspect = addressMark(l.suspect, s.suspect, 1)
	if l.outcome != "" || l.code >= 0 {
		sc.outcome = right
		if l.outcome != "" && l.outcome != s.outcome || l.code >= 0 && l.code != s.code {
			sc.outcome = wrong
		}
	}
	sc.got = fmt.Sprintf("%s %d, %s, origin %s, suspect %s", s.outcome, s.code, describe(s.root, s.findings), addr(s.origin), addr(s.suspect))
}

// causeMark compares the root cause. Where nothing failed there is none: then what was found above info is
// what was said.
func causeMark(l *label, root *finding.Finding, list []finding.Finding, sure *float64) mark {
	var claims []finding.Finding
	if root != nil {
		claims = []finding.Finding{*root}
	} else {
		claims = aboveInfo(list)
	}
	if l.wants(none) {
		if root == nil {
			return right
		}
		*sure = root.Confidence
		return wrong
	}
	if slices.ContainsFunc(claims, func(f finding.Finding) bool { return f.Confidence >= finding.Plausible && l.wants(string(f.ID)) }) {
		return right
	}
	for i := range claims {
		f := &claims[i]
		if specific(f) && !(l.wants(unknown) && (general(f) || root == nil)) {
			*sure = max(*sure, f.Confidence)
		}
	}
	switch {
	case *sure > 0:
		return wrong
	case l.wants(unknown):
		return right
	}
	return honest
}

// addressMark compares an element's address with the label's.
func addressMark(want string, got netip.AddrPort, sure float64) mark {
	switch {
	case want == "":
		return unsaid
	case want == none && !got.IsValid(), want == addr(got):
		return right
	case !got.IsValid(), sure < finding.Plausible:
		return honest
	}
	return wrong
}

func addr(a netip.AddrPort) string {
	if !a.IsValid() {
		return none
	}
	return a.String()
}

// describe writes the root cause, or without one what was found above info, with its evidence.
func describe(root *finding.Finding, list []finding.Finding) string {
	claims := aboveInfo(list)
	if root != nil {
		claims = []finding.Finding{*root}
	}
	if len(claims) == 0 {
		return "nothing above info"
	}
	var out []string
	for i := range claims {
		f := &claims[i]
		var at []string
		for _, e := range f.Evidence {
			at = append(at, strings.TrimSpace(strconv.FormatUint(e.Ref.Number, 10)+" "+e.Note))
		}
		out = append(out, fmt.Sprintf("%s (%s, %.2f): %s [%s]", f.ID, f.Severity, f.Confidence, f.Summary, strings.Join(at, "; ")))
	}
	return strings.Join(out, " + ")
}

// missed says whether anything of the score is a miss.
func (sc *score) missed() bool {
	for _, m := range [...]mark{sc.cause, sc.origin, sc.outcome, sc.suspect} {
		if m == wrong || m == honest {
			return true
		}
	}
	return false
}
