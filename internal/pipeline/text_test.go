package pipeline_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// said is what is said of a case.
type said struct {
	all    string // outcome and findings
	alarms []string
}

// verdicts runs payloads, or a text when there are none, through the pipeline.
func verdicts(t *testing.T, payloads []wire.Payload, text string) map[string]said {
	t.Helper()
	out := map[string]said{}
	emit := func(c *view.Case) error {
		key := fmt.Sprint(c.Call.Kind, " ", c.Call.Legs[0].CallID)
		s := out[key]
		var ids []string
		for i := range c.Verdict.Findings {
			f := &c.Verdict.Findings[i]
			if ids = append(ids, string(f.ID)); f.Severity > finding.Info && !strings.HasPrefix(string(f.ID), "code.") { // that names no cause
				s.alarms = append(s.alarms, string(f.ID))
			}
		}
		slices.Sort(ids)
		s.all += fmt.Sprintf("%s %v;", c.Call.Outcome, ids)
		out[key] = s
		return nil
	}
	if payloads != nil {
		e := pipeline.NewEngine(pipeline.Options{}, emit)
		for i := range payloads {
			e.Reached(payloads[i].Time)
			e.Payload(&payloads[i])
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	src, err := capture.Open([]string{"-"}, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Run(context.Background(), src, pipeline.Options{}, emit); err != nil {
		t.Fatal(err)
	}
	return out
}

// textLoses are flows of which a text cannot show what the wire did: a body that does not fit its
// Content-Length looks like one that was shortened, one that is no session description like a log's line,
// two branches of a fork whose targets a log does not say like one, and a response to a wrong port as one to the right
// one where the log of an element does not say its own port.
var textLoses = []string{
	"content-length", "no-sdp-at-all", "forked",
	"cut-on-the-way", "cut-unanswered", "length-too-great", "rewritten-both-sides", "rewritten-outside", "odd-length",
	"misrouted-port", "misrouted-answer", "misrouted-gap", "misrouted-asked", "untranslated-port", "untranslated-gap",
}

// textScore counts the cases of a logger.
type textScore struct{ cases, same, alarms int }

// TestTextEqualsCapture writes the flows that the rules are tested with in every dialect, and diagnoses the
// messages and the text. A log of the wire with dates gives the same; one without a date differs only where a
// rule compares times with those in messages; the log of one element that does not say its own address, or no
// address at all, in few; a log without times in those that rest on time. None raises an alarm about a case
// that has none.
func TestTextEqualsCapture(t *testing.T) {
	score := map[string]*textScore{}
	for _, l := range loggers {
		score[l.name] = &textScore{}
	}
	for file, flows := range testkit.ReadFlows(t, "../diagnose/testdata/flows/*.txtar") {
		for i := range flows {
			if whole, hosts := written(&flows[i]); len(whole) > 0 && !slices.Contains(textLoses, flows[i].Name) {
				logAll(t, file+" "+flows[i].Name, whole, hosts, score)
			}
		}
	}
	for _, l := range loggers {
		s := score[l.name]
		t.Logf("%s: %d of %d cases the same, %d false alarms", l.name, s.same, s.cases, s.alarms)
		if s.cases < 500 || s.same*1000 < s.cases*l.permille || s.alarms > 0 {
			t.Errorf("%s: %d of %d cases the same, %d false alarms; want %d in a thousand, and none", l.name, s.same, s.cases, s.alarms, l.permille)
		}
	}
}

// written returns the messages of a flow as a log has them, none if some were cut, and the hosts in order.
func written(f *testkit.Flow) (whole []wire.Payload, hosts []netip.Addr) {
	for _, it := range f.Items {
		if it.Payload == nil {
			continue
		}
		p := *it.Payload
		if p.Truncated {
			return nil, nil
		}
		p.IPID, p.Fragments = 0, 0
		whole = append(whole, p)
		hosts = append(hosts, p.Flow.Src.Addr(), p.Flow.Dst.Addr())
	}
	slices.SortFunc(hosts, netip.Addr.Compare)
	return whole, slices.Compact(hosts)
}

// logAll writes the messages in every dialect: those on the wire once, those of elements by each host.
func logAll(t *testing.T, name string, whole []wire.Payload, hosts []netip.Addr, score map[string]*textScore) {
	all := verdicts(t, whole, "")
	for _, l := range loggers {
		if !l.own {
			logOne(t, l, name, netip.Addr{}, whole, all, score[l.name])
		}
	}
	for _, own := range hosts {
		var part []wire.Payload
		for _, p := range whole {
			if p.Flow.Src.Addr() == own || p.Flow.Dst.Addr() == own {
				part = append(part, p)
			}
		}
		seen := verdicts(t, part, "")
		for _, l := range loggers {
			if l.own {
				logOne(t, l, name, own, part, seen, score[l.name])
			}
		}
	}
}

func logOne(t *testing.T, l logger, name string, own netip.Addr, part []wire.Payload, want map[string]said, score *textScore) {
	var text strings.Builder
	for i := range part {
		text.WriteString(l.write(&part[i], part[i].Flow.Src.Addr() == own, false))
	}
	have := verdicts(t, nil, text.String())
	for k, w := range want {
		h := have[k]
		if score.cases++; h.all == w.all {
			score.same++
			continue
		}
		if testing.Verbose() {
			t.Logf("%s, %s, log of %s: %s: %s, want %s", l.name, name, own, k, h.all, w.all)
		}
		if len(w.alarms) == 0 && len(h.alarms) > 0 {
			score.alarms++
			t.Logf("false alarm: %s, %s, log of %s: %s: %s, want %s", l.name, name, own, k, h.all, w.all)
		}
	}
}
