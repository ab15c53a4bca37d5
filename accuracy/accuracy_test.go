package accuracy

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// unreadToo is for the day on which the rules are frozen: whoever looks earlier has no unread third any more.
var unreadToo = flag.Bool("unread", false, "print the misses of the unread third as well: only after the rules are frozen")

// What the diagnosis owes, in each part of the labels: in percent of the cases with a cause, of the labelled
// origins, and cases.
const (
	minRight  = 95
	maxWrong  = 2
	minOrigin = 95

	minTextRight = 80
	textSure     = 0.7 // a wrong cause of a text trace may not be surer
)

// TestAccuracy holds what sipcause says against every label.
func TestAccuracy(t *testing.T) {
	labels, err := readLabels()
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(repository, sharedDir))
	corpora := err == nil
	lib, absent := newLibrary(), 0
	read, held := part{name: "read part"}, part{name: "unread third"}
	for i := range labels {
		l := &labels[i]
		if l.shared() && !corpora {
			absent++
			continue
		}
		a, err := lib.of(l)
		if err != nil {
			t.Errorf("%s: %s: %v", l.where, l.name, err)
			continue
		}
		sc, err := compare(l, a)
		if err != nil {
			t.Errorf("%s: %s: %v", l.where, l.name, err)
			continue
		}
		p := &read
		if l.unread() {
			p = &held
		}
		p.scores = append(p.scores, sc)
	}
	t.Logf("%d labels of %d files; %d left out because ../shared/corpora is absent%s%s",
		len(labels), len(lib.hashes), absent, read.report(true), held.report(*unreadToo))
	for _, p := range []*part{&read, &held} {
		for _, s := range p.failures() {
			t.Errorf("%s: %s", p.name, s)
		}
	}
	for _, s := range textFailures(&read, &held) {
		t.Errorf("text traces: %s", s)
	}
}

// bounds collects which of them are not kept.
type bounds []string

func (b *bounds) hold(ok bool, format string, args ...any) {
	if !ok {
		*b = append(*b, fmt.Sprintf(format, args...))
	}
}

// failures says which of the bounds for captures and flows the part does not keep.
func (p *part) failures() (out bounds) {
	var rest tally
	for i := range p.scores {
		if sc := &p.scores[i]; sc.label.set != textSet {
			rest.add(sc)
		}
	}
	n := rest.failing()
	out.hold(100*rest.right >= minRight*n, "root cause right in %d of %d (%s), want %d %%", rest.right, n, percent(rest.right, n), minRight)
	out.hold(100*rest.wrong <= maxWrong*n, "root cause wrong in %d of %d (%s), want at most %d %%", rest.wrong, n, percent(rest.wrong, n), maxWrong)
	out.hold(100*rest.originRight >= minOrigin*rest.origins, "origin right in %d of %d (%s), want %d %%",
		rest.originRight, rest.origins, percent(rest.originRight, rest.origins), minOrigin)
	out.hold(rest.excess == 0, "something above info in %d of %d healthy cases", rest.excess, rest.clean)
	return out
}

// textFailures says which of the bounds for text traces the parts together do not keep: a third of so few would hang on
// a single one.
func textFailures(parts ...*part) (out bounds) {
	var text, shown tally // shown: traces whose messages show the cause
	for _, p := range parts {
		for i := range p.scores {
			sc := &p.scores[i]
			if sc.label.set != textSet {
				continue
			}
			text.add(sc)
			if !sc.label.wants(unknown) {
				shown.add(sc)
			}
		}
	}
	n := shown.failing()
	out.hold(100*shown.right >= minTextRight*n, "root cause right in %d of %d (%s), want %d %%", shown.right, n, percent(shown.right, n), minTextRight)
	out.hold(text.confident == 0, "%d wrong with more than %v", text.confident, textSure)
	out.hold(text.excess == 0, "something above info in %d of %d healthy cases", text.excess, text.clean)
	return out
}
