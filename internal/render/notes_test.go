package render

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/render/schema"
	"sipcause/internal/route"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

func logged(ms float64, text string) wire.Note {
	return wire.Note{Ref: ref(uint64(1000 + ms)), Time: at(ms), Flow: wire.Flow{Transport: wire.UDP, Src: addr(proxy)}, Kind: wire.NoteLog, Text: []byte(text)}
}

func rtcpNote(ms float64, ssrc, loss, jitter int) wire.Note {
	return wire.Note{
		Ref: ref(uint64(2000 + ms)), Time: at(ms), Kind: wire.NoteRTCP, Flow: wire.Flow{Transport: wire.UDP, Src: addr("203.0.113.31:30001"), Dst: addr("192.0.2.10:40001")},
		Text: fmt.Appendf(nil, `{"ssrc":9,"type":201,"report_blocks":[{"source_ssrc":%d,"fraction_lost":%d,"packets_lost":3,"ia_jitter":%d,"lsr":0,"dlsr":0}]}`, ssrc, loss, jitter),
	}
}

// servedCases are cases as a server has them.
func servedCases() []*view.Case {
	open := failoverCase()
	open.Verdict.Revision, open.Verdict.Final = 2, false
	open.Ways = route.Ways{In: "pbx", Out: []string{"carrier-a", "", "carrier-b"}, Maker: "carrier-b"}
	open.Notes = []wire.Note{logged(20005, "second"), logged(20001, "first, Authorization: Basic YWxpY2U6c2VjcmV0")}
	done := answeredCase()
	done.Verdict.Revision = 3
	done.Ways = route.Ways{In: "pbx", Out: []string{"203.0.113.31"}}
	done.Notes = []wire.Note{
		rtcpNote(70000, 7, 13, 80), rtcpNote(75000, 7, 26, 160), rtcpNote(70000, 77, 0, 400),
		{Time: at(91000), Kind: wire.NoteQuality, Text: []byte(`{"INC_MOS":410,"INC_RVAL":8300,"INC_RTP_PK":990,"INC_RTP_PK_LOSS":10,"INC_RTP_AVG_JITTER":8,"INC_RTP_MAX_JITTER":22,"INC_RTCP_AVG_LAT":30}`)},
		{Time: at(91000), Kind: wire.NoteQuality, Text: []byte("PS=1")},
	}
	for i := range 300 {
		done.Notes = append(done.Notes, logged(float64(60000+i), fmt.Sprintf("line %d", i)))
	}
	ongoing := bareCase()
	ongoing.Verdict = verdict(ongoing.Call, nil)
	ongoing.Call.Outcome = call.Ongoing
	ongoing.Verdict.Revision, ongoing.Verdict.Final = 1, false
	return []*view.Case{open, done, ongoing}
}

// TestServedGolden: what a server knows beside the capture stands in every report.
func TestServedGolden(t *testing.T) {
	opt := Options{All: true, Brief: true}
	for format, name := range map[string]string{"text": "txt", "markdown": "md"} {
		testkit.Golden(t, "served."+name, report(t, format, opt, servedCases(), &view.Summary{}))
	}
	doc := report(t, "json", opt, servedCases(), &view.Summary{})
	if err := schema.ValidateJSON(doc); err != nil {
		t.Error(err)
	}
	if err := schema.ValidateNDJSON(report(t, "ndjson", opt, servedCases(), &view.Summary{})); err != nil {
		t.Error(err)
	}
	var got struct {
		Calls []struct {
			Revision int
			Final    *bool
			Routes   *struct {
				In, Maker *string
				Out       []*string
			}
			Reported []struct {
				SSRC         *int
				Src, Way, By *string
				Reports      int
				Jitter       *float64 `json:"jitter_ms"`
				Ticks        *float64 `json:"jitter_ticks"`
				MOS          *float64
			}
			Log     []struct{ Text string }
			LeftOut int `json:"log_left_out"`
			Unread  int `json:"reports_unread"`
		}
	}
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	open, done := got.Calls[0], got.Calls[1]
	if open.Revision != 2 || *open.Final || *open.Routes.In != "pbx" || len(open.Routes.Out) != 3 || open.Routes.Out[1] != nil || *open.Routes.Maker != "carrier-b" ||
		len(open.Log) != 2 || open.Log[1].Text != "second" {
		t.Errorf("%+v", open)
	}
	if done.Revision != 3 || !*done.Final || len(done.Log) != maxLogKept || done.LeftOut != 100 || done.Unread != 1 || len(done.Reported) != 3 {
		t.Fatalf("%+v", done)
	}
	if r := done.Reported; *r[0].Src != "192.0.2.10:40000" || *r[0].Jitter != 15 || *r[0].SSRC != 7 || r[1].Src != nil || r[1].Jitter != nil || *r[1].Ticks != 400 || *r[2].Way != "incoming" || *r[2].MOS != 4.1 {
		t.Errorf("%+v", r)
	}
	html := string(report(t, "html", opt, servedCases(), &view.Summary{}))
	for _, want := range []string{"500 Server Internal Error (so far)", "revision 2, not final: more may come", "revision 3, final", "<dt>Routes</dt>", "came by pbx; sent on by carrier-a (no final response), then carrier-b (500); decided by carrier-b", "line 199", "… 100 more", "jitter 15.0 ms"} {
		if !strings.Contains(html, want) {
			t.Errorf("html lacks %q", want)
		}
	}
	if strings.Contains(html, "line 200") || strings.Contains(html, "YWxpY2U6") {
		t.Error("html has more than it should")
	}
	if mermaid := string(report(t, "mermaid", opt, servedCases(), &view.Summary{})); !strings.Contains(mermaid, "(so far)") {
		t.Error("mermaid does not say that the case goes on")
	}
}

// TestNothingServed: of a case of analyze there is none of it.
func TestNothingServed(t *testing.T) {
	for _, format := range []string{"text", "json", "html", "markdown"} {
		out := string(report(t, format, Options{All: true}, cases(), summary()))
		for _, bad := range []string{"so far", "evision", "Routes", "REPORTED", "reported", `"log"`, "<dt>Log</dt>", "**Log**"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s has %q", format, bad)
			}
		}
	}
}

// TestHostileNotes: an agent may send anything.
func TestHostileNotes(t *testing.T) {
	secrets := []string{"hunter2", "YWxpY2U6", "7587245234b3434cc3412213e5f113a5", "WVNfX19zZW1jdGwg"}
	c := busyCase()
	c.Ways = route.Ways{In: payload, Out: []string{payload}, Maker: payload}
	c.Verdict.Revision, c.Verdict.Final = 1, false
	for _, text := range []string{
		payload, "</dd></dl><script>alert(1)</script>\x1b]0;x\x07", "```\n# head\n| a | b |\n<img src=x>", "\xff\xfe\x00", "", strings.Repeat("é", 5000),
		"proxy-authorization = Basic YWxpY2U6aHVudGVyMg==", `{"Authorization":"Bearer hunter2"}`, "Authorization: Digest username=\"a\", response=\"7587245234b3434cc3412213e5f113a5\"",
		"digest of a: response=7587245234b3434cc3412213e5f113a5", "uri sips:alice:hunter2@example.com", "db_password='hunter2' passwd: hunter2; secret => \"hunter2\" ha1=7587245234b3434cc3412213e5f113a5",
		"INVITE sip:b@example.com SIP/2.0\r\nAuthorization: Basic YWxpY2U6\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwg|2^20\r\na=ice-pwd:hunter2hunter2\r\nk=clear:hunter2",
	} {
		c.Notes = append(c.Notes, logged(100, text))
	}
	for _, text := range []string{
		`{"MOS":"` + payload + `","SRC_IP":"<img>"}`, `{"INC_MOS":1e308,"INC_RTP_PK":-1}`, strings.Repeat("[", 9000), `{"report_blocks":[{"source_ssrc":-1,"fraction_lost":-1}]}`, payload,
	} {
		c.Notes = append(c.Notes, wire.Note{Kind: wire.NoteQuality, Text: []byte(text)}, wire.Note{Kind: wire.NoteRTCP, Text: []byte(text)})
	}
	known := tags(string(report(t, "html", Options{All: true}, append(cases(), servedCases()...), summary())))
	for _, f := range Formats() {
		out := string(report(t, f.Name, Options{All: true}, []*view.Case{c}, summary()))
		for _, bad := range append(secrets, "\x1b", "\x00", "\x07", "\u202e", "\xff") {
			if strings.Contains(out, bad) {
				t.Errorf("%s holds %q", f.Name, bad)
			}
		}
		if strings.Count(out, "é") > 2*maxLogText {
			t.Errorf("%s does not cut a long line", f.Name)
		}
		switch f.Name {
		case "json":
			if err := schema.ValidateJSON([]byte(out)); err != nil {
				t.Error(err)
			}
		case "html":
			for tag := range tags(out) {
				if !known[tag] {
					t.Errorf("tag %q does not come from a template", tag)
				}
			}
		}
	}
}

func TestMaskLog(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"nothing: to see, response=200 at 192.0.2.1:5060", "nothing: to see, response=200 at 192.0.2.1:5060"},
		{"authorization failed for alice", "authorization failed for alice"},
		{"Authorization: Basic abc", "Authorization: Basic " + masked},
		{"x Authorization: Digest realm=\"r\", response=\"abc\"\r\nVia: y", "x Authorization: Digest realm=\"r\", response=" + masked + "\r\nVia: y"},
		{"user_password=abc&x=1", "user_password=" + masked + "&x=1"},
		{"sip:alice:abc@example.com", "sip:alice:" + masked + "@example.com"},
		{"inline:abc|2^20", "inline:" + masked + "|2^20"},
	} {
		in := []byte(c.in)
		if got := string(maskLog(in)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
		if string(in) != c.in {
			t.Errorf("%q was changed", c.in)
		}
	}
}

// TestRoutesText has one route once when it failed several times in turn, and few of many.
func TestRoutesText(t *testing.T) {
	c := &view.Case{Call: &call.Call{}}
	if got := routesText(c); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	for i := range 40 {
		c.Call.Attempts = append(c.Call.Attempts, call.Attempt{Target: netip.MustParseAddrPort(carrier), Code: 503})
		c.Ways.Out = append(c.Ways.Out, fmt.Sprint("r", i/2))
	}
	got := routesText(c)
	if !strings.HasPrefix(got, "sent on by r0 (503), then r1 (503), ") || !strings.HasSuffix(got, "then r11 (503), then …") {
		t.Errorf("got %q", got)
	}
}
