package render

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/render/schema"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

func TestJSONGolden(t *testing.T) {
	testkit.Golden(t, "report.json", report(t, "json", Options{}, cases(), summary()))
	testkit.Golden(t, "report.ndjson", report(t, "ndjson", Options{}, cases(), summary()))
}

func TestJSONSchema(t *testing.T) {
	all := append(append(cases(), ladderCases()...), hostileCase(), headersCase(), bareCase())
	for name, list := range map[string][]*view.Case{"all": all, "none": nil} {
		if err := schema.ValidateJSON(report(t, "json", Options{}, list, summary())); err != nil {
			t.Errorf("%s: json: %v", name, err)
		}
		if err := schema.ValidateNDJSON(report(t, "ndjson", Options{}, list, summary())); err != nil {
			t.Errorf("%s: ndjson: %v", name, err)
		}
	}
	if err := schema.ValidateJSON(report(t, "json", Options{}, nil, &view.Summary{})); err != nil {
		t.Errorf("empty summary: %v", err)
	}
}

// bareCase is a call of which nothing is known.
func bareCase() *view.Case {
	return &view.Case{Call: &call.Call{Legs: []*call.Leg{{}}, Final: call.NoMsg}}
}

func TestSchemaRejects(t *testing.T) {
	doc := string(report(t, "json", Options{}, cases(), summary()))
	for _, c := range []struct{ name, old, new string }{
		{"unknown member of a call", `"outcome":"busy"`, `"outcome":"busy","colour":1`},
		{"unknown member of the document", `"kpi":`, `"extra":1,"kpi":`},
		{"unknown member of source", `"packets":1024`, `"packets":1024,"extra":1`},
		{"unknown outcome", `"outcome":"busy"`, `"outcome":"engaged"`},
		{"time without nanoseconds", `"started":"2026-03-14T03:02:11.123456789Z"`, `"started":"2026-03-14T03:02:11Z"`},
		{"no such date", `"started":"2026-03-14T03:02:11.123456789Z"`, `"started":"2026-02-30T03:02:11.123456789Z"`},
		{"address without port", `"src":"192.0.2.10:5060"`, `"src":"192.0.2.10"`},
		{"empty reason", `"reason":"Busy Here"`, `"reason":""`},
		{"code zero", `"code":486,"reason"`, `"code":0,"reason"`},
		{"missing origin", `"origin":null`, `"origins":null`},
		{"frame zero", `"frame":1,`, `"frame":0,`},
	} {
		bad := strings.Replace(doc, c.old, c.new, 1)
		if bad == doc {
			t.Errorf("%s: nothing replaced", c.name)
		} else if schema.ValidateJSON([]byte(bad)) == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", `""`},
		{`plain text`, `"plain text"`},
		{`a"b\c`, `"a\"b\\c"`},
		{"\x00\x01\t\n\r\x1b\x7f", `"\u0000\u0001\t\n\r\u001b\u007f"`},
		{"é漢😀", `"é漢😀"`},
		{"a\xffb", `"a` + "\uFFFD" + `b"`},
		{"\xe6\xbc", `"` + "\uFFFD\uFFFD" + `"`},
		{"\xed\xa0\x80", `"` + "\uFFFD\uFFFD\uFFFD" + `"`},
		{"x\u2028\u202e\u0085\u061c\u2066", `"x\u2028\u202e\u0085\u061c\u2066"`},
		{"\uFFFD", `"` + "\uFFFD" + `"`},
	} {
		if got := string(appendString(nil, c.in)); got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add([]byte(payload))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := appendString(nil, b)
		if !json.Valid(got) || !utf8.Valid(got) {
			t.Fatalf("%q: not JSON: %q", b, got)
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(string(b), ""); len(want) == len(b) && back != want {
			t.Fatalf("%q came back as %q", b, back)
		}
	})
}

func TestStartLine(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{"INVITE sip:bob@example.com SIP/2.0\r\nVia: x", "INVITE sip:bob@example.com"},
		{"SIP/2.0 486 Busy Here\r\n", "486 Busy Here"},
		{"\r\n\r\nSIP/2.0 200 OK\n", "200 OK"},
		{"SIP/2.0 200 \r\n", "200 "},
		{"OPTIONS sip:a b@example.com sip/7.0", "OPTIONS sip:a b@example.com"},
		{"INVITE", "INVITE"},
		{"", ""},
	} {
		if got := string(startLine([]byte(c.raw))); got != c.want {
			t.Errorf("%q: got %q, want %q", c.raw, got, c.want)
		}
	}
	long := startLine([]byte("INVITE sip:" + strings.Repeat("é", 4000) + " SIP/2.0\r\n"))
	if len(long) > maxStartLine || !utf8.Valid(long) {
		t.Errorf("long start line: %d bytes, valid %v", len(long), utf8.Valid(long))
	}
}

func TestMessagesInOrder(t *testing.T) {
	c := answeredCase().Call
	var got []uint64
	for _, m := range appendMessages(nil, c) {
		got = append(got, c.Sighting(m.MsgRef).Ref.Number)
	}
	want := []uint64{301, 302, 310, 311, 312, 313, 401, 402}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// TestNDJSONAllocs holds that a case costs no allocation once the buffers have grown, unless it failed after a
// challenge: those are read again for what they were made of.
func TestNDJSONAllocs(t *testing.T) {
	r := newNDJSON(io.Discard, Options{})
	list := slices.DeleteFunc(cases(), func(c *view.Case) bool { return deep(c) && anatomy.Rounds(c.Call) != nil })
	n := testing.AllocsPerRun(200, func() {
		for _, c := range list {
			if err := r.Case(c); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per run of %d cases, want 0", n, len(list))
	}
}

func TestJSONLeavesOutBeyondTheSpool(t *testing.T) {
	var out strings.Builder
	r := newJSON(&out, Options{}).(*document)
	r.txns.limit = 3000
	for n := range 10 {
		if err := r.Case(keepaliveCase(n, gateway1, 200)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.End(summary()); err != nil {
		t.Fatal(err)
	}
	if err := schema.ValidateJSON([]byte(out.String())); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Transactions []json.RawMessage
		Source       struct {
			LeftOut int `json:"transactions_left_out"`
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Transactions) == 0 || doc.Source.LeftOut == 0 || len(doc.Transactions)+doc.Source.LeftOut != 10 {
		t.Errorf("%d kept, %d left out, want 10 in all", len(doc.Transactions), doc.Source.LeftOut)
	}
}

// BenchmarkNDJSON renders calls of ten messages: the load of a 1 M message capture per 100 k iterations.
func BenchmarkNDJSON(b *testing.B) {
	c := benchCase()
	r := newNDJSON(io.Discard, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Case(c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c.Call.Legs[0].Sightings)), "ns/message")
}

func benchCase() *view.Case {
	f := newFlow(call.KindCall, "a84b4c76e66710@192.0.2.10", "sip:alice@example.com", "sip:bob@example.com")
	for _, m := range []string{"INVITE sip:bob@example.com", "100 Trying/INVITE", "180 Ringing/INVITE", "486 Busy Here/INVITE", "ACK sip:bob@example.com"} {
		for k, hop := range [][2]string{{alice, proxy}, {proxy, gateway1}} {
			src, dst := hop[0], hop[1]
			if m[0] < 'A' {
				src, dst = dst, src
			}
			f.msg(float64(len(f.leg.Sightings)*10+k), src, dst, m)
		}
	}
	v := busyCase()
	c := f.call()
	c.Outcome, c.Code, c.Reason, c.Origin, c.Timings, c.Attempts = v.Call.Outcome, 486, "Busy Here", v.Call.Origin, v.Call.Timings, v.Call.Attempts
	return &view.Case{Call: c, Verdict: v.Verdict}
}
