package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/correlate"
	"sipcause/internal/pipeline"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// keptCase is a case as it was shown when it was first seen, and what is kept of it.
type keptCase struct {
	shown   map[string]string // by format
	rec     record.Case
	bytes   int // of the record without Doc
	healthy bool
	media   int
}

// how cases are recorded and shown: with which caps, in which formats (nil: all).
type how struct {
	caps    correlate.Options
	formats []string
}

// recorded analyses a capture as the recorder of a server does: what is kept of its cases and messages.
func recorded(t testing.TB, path string, h how) (cases []keptCase, messages []record.Message) {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s view.Subject
	opt := pipeline.Options{Correlate: h.caps, Serial: h.caps.LookAfter > 0, Record: func(seen *pipeline.Seen) { messages = append(messages, kept(seen)...) }}
	_, err = pipeline.Run(context.Background(), src, opt, func(c *view.Case) error {
		c.Call.Points = nil // what lies between capture points needs the clocks of the whole capture: it is not kept
		one := keptCase{shown: shown(t, c, h), rec: view.Record(c, &s)}
		one.rec.Keys = pipeline.KeysOf(c.Call)
		sameAnswers(t, path, c, &one.rec)
		one.healthy, one.media = len(c.Verdict.Findings) == 0 && !c.Call.Outcome.Bad() && len(c.Call.Legs) == 1, len(c.Call.Media)
		b := record.AppendCase(nil, &one.rec)
		was := one.rec
		if err := record.DecodeCase(b, &one.rec); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(was.Doc, one.rec.Doc) {
			t.Fatal("the document is another after the codec")
		}
		one.bytes = len(b) - len(one.rec.Doc)
		cases = append(cases, one)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A store gives messages back in this order; those that are equal in it in the one in which they were written.
	slices.SortStableFunc(messages, func(a, b record.Message) int { return cmp.Or(cmp.Compare(a.Time, b.Time), a.Ref.Compare(b.Ref)) })
	return cases, messages
}

func kept(s *pipeline.Seen) (messages []record.Message) {
	for i := range s.Payloads {
		p := &s.Payloads[i]
		messages = append(messages, record.Message{
			Key: s.Keys[i], Time: p.Time, Ref: p.Ref, Flow: p.Flow, Point: strconv.Itoa(int(p.Point)), IPID: p.IPID, Fragments: uint8(p.Fragments),
			Truncated: p.Truncated, ViaHEP: p.ViaHEP, Data: bytes.Clone(p.Data),
		})
	}
	for i := range s.Events {
		e := &s.Events[i]
		messages = append(messages, record.Message{
			Key: pipeline.KeyOfEvent(e), Time: e.Time, Ref: e.Ref, Flow: e.Flow, What: record.Event, Data: record.EncodeEvent(nil, e),
		})
	}
	for i := range s.Notes {
		n := &s.Notes[i]
		messages = append(messages, record.Message{
			Key: correlate.KeyOfCallID(n.CallID), Time: n.Time, Ref: n.Ref, Flow: n.Flow, What: record.Note, Data: record.EncodeNote(nil, n),
		})
	}
	return messages
}

// shown returns what each format shows of a case.
func shown(t testing.TB, c *view.Case, h how) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range render.Formats() {
		if h.formats != nil && !slices.Contains(h.formats, f.Name) {
			continue
		}
		var out bytes.Buffer
		files := []string{"capture.pcap"}
		r, err := render.New(f.Name, &out, render.Options{All: true, Files: files})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Case(c); err != nil {
			t.Fatal(err)
		}
		if err := r.End(&view.Summary{Files: files}); err != nil {
			t.Fatal(err)
		}
		all[f.Name] = out.String()
	}
	return all
}

// sameAnswers compares what a case and its record say to each field of a filter: the same values, each once.
func sameAnswers(t testing.TB, name string, c *view.Case, rec *record.Case) {
	t.Helper()
	var s view.Subject
	s.Of(c)
	for _, f := range query.Fields() {
		was, is := s.Value(f), rec.Value(f)
		a, b := slices.Sorted(slices.Values(was.Strings())), slices.Sorted(slices.Values(is.Strings()))
		if len(a) > 0 || len(b) > 0 {
			if f == query.CallID { // parallel to the legs, of which several may have one
				b = slices.Compact(b)
			}
			if a = slices.Compact(a); !slices.Equal(a, b) {
				t.Errorf("%s: %s: %s: the case says %q, its record %q", name, rec.ID, f, a, b)
			}
			continue
		}
		if f == query.IP { // the same addresses in another order
			sameAddresses(t, name, c, rec)
			continue
		}
		if !reflect.DeepEqual(was, is) {
			t.Errorf("%s: %s: %s: the case says %v, its record %v", name, rec.ID, f, was, is)
		}
	}
}

func sameAddresses(t testing.TB, name string, c *view.Case, rec *record.Case) {
	t.Helper()
	was, is := map[netip.AddrPort]bool{}, map[netip.AddrPort]bool{}
	for _, l := range c.Call.Legs {
		for _, f := range l.Flows {
			was[f.Src], was[f.Dst] = true, true
		}
	}
	for i := range rec.Src {
		is[rec.Src[i]], is[rec.Dst[i]] = true, true
	}
	if !maps.Equal(was, is) {
		t.Errorf("%s: %s: addresses %v, in the record %v", name, rec.ID, was, is)
	}
}

// of returns the messages that a store has of a record.
func of(t testing.TB, rec *record.Case, messages []record.Message) (mine []record.Message) {
	t.Helper()
	from, until, err := pipeline.Window(rec)
	if err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		if m := &messages[i]; slices.Contains(rec.Keys, m.Key) && m.Time >= from && (until == 0 || m.Time <= until) {
			mine = append(mine, *m)
		}
	}
	return mine
}

func reopened(t *testing.T, rec *record.Case, messages []record.Message, h how) (all map[string]string) {
	t.Helper()
	if err := pipeline.Reopen(rec, messages, pipeline.Options{Correlate: h.caps}, func(c *view.Case) error {
		all = shown(t, c, h)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// recordings are the captures of the repository.
func recordings(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"../../testdata/captures/*/capture.pcap*", "../../testdata/lab/*.pcap*", "../../testdata/traces/*.txt", "testdata/golden/notes/*.pcap"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Fatalf("no recording is %s", pattern)
		}
		names = append(names, found...)
	}
	return names
}

// TestReopenedIsTheSame: what a store gives back of a case is shown as the case was, in every format, and its record
// answers filters as it did.
func TestReopenedIsTheSame(t *testing.T) {
	var sizes sizes
	for _, path := range recordings(t) {
		cases, messages := recorded(t, path, how{})
		for i := range cases {
			c := &cases[i]
			sizes.add(c)
			compareShown(t, path+": "+c.rec.ID, c.shown, reopened(t, &c.rec, of(t, &c.rec, messages), how{}))
		}
	}
	sizes.log(t)
}

// TestReopenedFlows is TestReopenedIsTheSame of the flows that the rules are tested with.
func TestReopenedFlows(t *testing.T) {
	dir := t.TempDir()
	for file, flows := range testkit.ReadFlows(t, "../diagnose/testdata/flows/*.txtar") {
		for i := range flows {
			path := filepath.Join(dir, "flow.pcap")
			if err := os.WriteFile(path, flows[i].Pcap(), 0o600); err != nil {
				t.Fatal(err)
			}
			cases, messages := recorded(t, path, how{})
			for k := range cases {
				c := &cases[k]
				compareShown(t, file+": "+flows[i].Name+": "+c.rec.ID, c.shown, reopened(t, &c.rec, of(t, &c.rec, messages), how{}))
			}
		}
	}
}

// TestReopenedAmongOthers: the cases of all those flows as one capture, in which many share a Call-ID; of one in which
// legs are given up and go on as others; and with the revisions of calls that were still open.
func TestReopenedAmongOthers(t *testing.T) {
	for name, caps := range map[string]correlate.Options{"roomy": {}, "caps biting": tight, "open": {LookAfter: time.Second}} {
		t.Run(name, func(t *testing.T) {
			h := how{caps, []string{"ndjson"}}
			cases, messages := recorded(t, write(t, allFlows(t))[0], h)
			open := false
			for i := range cases {
				c := &cases[i]
				compareShown(t, c.rec.ID, c.shown, reopened(t, &c.rec, of(t, &c.rec, messages), h))
				open = open || !c.rec.Final
			}
			if open != (caps.LookAfter > 0) {
				t.Errorf("a case is open: %v", open)
			}
		})
	}
}

func compareShown(t *testing.T, name string, was, is map[string]string) {
	t.Helper()
	for _, f := range render.Formats() {
		if a, b := was[f.Name], is[f.Name]; a != b {
			at := 0
			for at < len(a) && at < len(b) && a[at] == b[at] {
				at++
			}
			from := max(at-120, 0)
			t.Errorf("%s: %s differs\nwas …%s\nis  …%s", name, f.Name, a[from:min(at+200, len(a))], b[from:min(at+200, len(b))])
			return
		}
	}
}

// TestReopenedWithoutMessages: when the messages have expired, what was said is still there in every format, and what
// is missing is said. The same when some of them have.
func TestReopenedWithoutMessages(t *testing.T) {
	for _, path := range recordings(t) {
		cases, messages := recorded(t, path, how{})
		for i := range cases {
			c := &cases[i]
			gone := reopened(t, &c.rec, nil, how{})
			expired(t, path, c, gone)
			mine := slices.DeleteFunc(of(t, &c.rec, messages), func(m record.Message) bool { return m.What != record.SIP || m.Time > c.rec.Ended })
			if len(mine) > 1 {
				expired(t, path, c, reopened(t, &c.rec, mine[len(mine)/2:], how{}))
				expired(t, path, c, reopened(t, &c.rec, mine[:len(mine)-1], how{}))
			}
		}
	}
}

// expired holds what must be left when messages are not.
func expired(t *testing.T, path string, c *keptCase, is map[string]string) {
	t.Helper()
	line, _, _ := strings.Cut(is["ndjson"], "\n")
	was, _, _ := strings.Cut(c.shown["ndjson"], "\n")
	if !strings.Contains(line, `"messages-expired"`) {
		t.Errorf("%s: %s: nothing says that messages have expired", path, c.rec.ID)
	}
	for _, member := range []string{`"id":`, `"call_ids":`, `"links":`, `"from":`, `"to":`, `"started":`, `"outcome":`, `"code":`, `"reason":`, `"origin":`, `"timings":`, `"hung_up_by":`, `"attempts":`, `"suspect":`, `"aor":`} {
		if a, b := memberOf(was, member), memberOf(line, member); a != b {
			t.Errorf("%s: %s: %s was %s, is %s", path, c.rec.ID, member, a, b)
		}
	}
	if c.rec.Cause != "" && !strings.Contains(line, `"root_cause":{"id":"`+c.rec.Cause+`"`) {
		t.Errorf("%s: %s: the cause is gone", path, c.rec.ID)
	}
}

// memberOf returns the value of the first member of that name as it is written, as far as a comparison needs it.
func memberOf(line, name string) string {
	i := strings.Index(line, name)
	if i < 0 {
		return ""
	}
	v := line[i+len(name):]
	depth, quoted := 0, false
	for k := 0; k < len(v); k++ {
		switch ch := v[k]; {
		case quoted:
			if ch == '\\' {
				k++
			}
			quoted = ch != '"'
		case ch == '"':
			quoted = true
		case ch == '{' || ch == '[':
			depth++
		case ch == '}' || ch == ']' || ch == ',':
			if depth == 0 {
				return v[:k]
			}
			if ch != ',' {
				depth--
			}
		}
	}
	return v
}

// sizes sums up how much cases take.
type sizes struct {
	healthy, healthyDoc, healthyRow, failed, failedDoc, failedRow, streams, streamDoc, most int
}

func (s *sizes) add(c *keptCase) {
	doc := len(c.rec.Doc)
	switch {
	case c.healthy && c.media > 0:
		s.streams += c.media
		s.streamDoc += doc
	case c.healthy && c.rec.Kind == call.KindCall:
		s.healthy++
		s.healthyDoc += doc
		s.healthyRow += c.bytes
		s.most = max(s.most, doc)
	case !c.healthy:
		s.failed++
		s.failedDoc += doc
		s.failedRow += c.bytes
	}
}

func (s *sizes) log(t *testing.T) {
	t.Helper()
	t.Logf("%d healthy calls of one leg without media: documents of %d bytes in the mean, %d at most, beside records of %d", s.healthy, s.healthyDoc/max(s.healthy, 1), s.most, s.healthyRow/max(s.healthy, 1))
	t.Logf("%d cases with findings: documents of %d bytes, beside records of %d; %d bytes per media stream", s.failed, s.failedDoc/max(s.failed, 1), s.failedRow/max(s.failed, 1), s.streamDoc/max(s.streams, 1))
	if s.healthy == 0 || s.healthyDoc/s.healthy > 60 {
		t.Errorf("a healthy call takes %d bytes beside its record", s.healthyDoc/max(s.healthy, 1))
	}
}

// TestFilesOf: sources are named by the points that they captured at.
func TestFilesOf(t *testing.T) {
	at := func(source uint32, point string) record.Message {
		return record.Message{Ref: wire.PacketRef{Source: source, Number: 1}, Point: point}
	}
	got := pipeline.FilesOf([]record.Message{at(2, "hep:2001"), at(0, "eth0"), at(1<<31, "far")})
	if want := []string{"eth0", "", "hep:2001"}; !slices.Equal(got[:3], want) || len(got) > 1<<13 {
		t.Errorf("files %q, want %q", got, want)
	}
}

// TestRecordAllocations: to keep a healthy call takes few allocations.
func TestRecordAllocations(t *testing.T) {
	path := "../../testdata/captures/generated-udp/capture.pcap"
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s view.Subject
	tried := 0
	_, err = pipeline.Run(context.Background(), src, pipeline.Options{}, func(c *view.Case) error {
		if c.Call.Kind != call.KindCall || c.Call.Outcome != call.Answered || len(c.Verdict.Findings) > 0 || tried > 0 {
			return nil
		}
		tried++
		n := testing.AllocsPerRun(20, func() { _ = view.Record(c, &s) })
		t.Logf("%.0f allocations", n)
		if n > 30 {
			t.Errorf("to record a healthy call takes %.0f allocations", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if tried == 0 {
		t.Fatal("no healthy call there")
	}
}
