package compare

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

func TestProduct(t *testing.T) {
	for agent, want := range map[string][2]string{
		"Yealink SIP-T46S 66.84.0.15":                      {"Yealink SIP-T46S", "66.84.0.15"},
		"Yealink SIP-T20P 9.72.0.1 00:15:65:00:00:00":      {"Yealink SIP-T20P", "9.72.0.1"},
		"Grandstream GXP2140 1.0.9.69":                     {"Grandstream GXP2140", "1.0.9.69"},
		"Grandstream HT-502  V1.2A 1.0.1.57":               {"Grandstream HT-502", "1.2A"},
		"PolycomVVX-VVX_411-UA/5.9.0.9373":                 {"PolycomVVX-VVX_411-UA", "5.9.0.9373"},
		"Cisco-SIPGateway/IOS-15.2.4.M6":                   {"Cisco-SIPGateway/IOS", "15.2.4.M6"},
		"FPBX-14.0.13(13.22.0)":                            {"FPBX", "14.0.13"},
		"Asterisk PBX 16.2.1~dfsg-1":                       {"Asterisk PBX", "16.2.1~dfsg-1"},
		"kamailio (5.5.1 (x86_64/linux))":                  {"kamailio", "5.5.1"},
		"Linphone/3.6.1 (eXosip2/4.0.0)":                   {"Linphone", "3.6.1"},
		"Zoiper rv2.10.9":                                  {"Zoiper", "2.10.9"},
		"MicroSIP/3.20.5":                                  {"MicroSIP", "3.20.5"},
		"snom370/8.7.5.35":                                 {"snom370", "8.7.5.35"},
		"IPP/v.6.20A.027.012":                              {"IPP", "6.20A.027.012"},
		"lab-uac/1":                                        {"lab-uac", "1"},
		"friendly-scanner":                                 {"friendly-scanner", ""},
		"FreeSWITCH-mod_sofia/1.10.7-release~64bit (more)": {"FreeSWITCH-mod_sofia", "1.10.7-release~64bit"},
		"":            {"?", ""},
		"1.2.3":       {"?", "1.2.3"},
		"////((((":    {"?", ""},
		"T46G 2 line": {"T46G 2 line", ""},
	} {
		if name, version := product(agent); name != want[0] || version != want[1] {
			t.Errorf("%q is %q, %q; want %q, %q", agent, name, version, want[0], want[1])
		}
	}
}

// TestExact: values worked out with the hypergeometric distribution by hand (tea tasting, 1 of 10 against 11 of 14)
// and the limits.
func TestExact(t *testing.T) {
	for _, c := range []struct {
		a, na, b, nb uint64
		want         float64
	}{
		{3, 4, 1, 4, 2 * 17.0 / 70},
		{1, 10, 11, 14, 2 * (10*364.0 + 91) / 2704156},
		{0, 20, 0, 20, 1},
		{5, 20, 5, 20, 1},
		{20, 20, 0, 20, 2 / 137846528820.0},
		{0, 0, 5, 10, 1},
	} {
		for _, got := range []float64{exact(c.a, c.na, c.b, c.nb), exact(c.b, c.nb, c.a, c.na)} {
			if math.Abs(got-c.want) > 1e-9+1e-6*c.want {
				t.Errorf("%d of %d against %d of %d: %v, want %v", c.a, c.na, c.b, c.nb, got, c.want)
			}
		}
	}
	if p := exact(100_000, 1_000_000, 101_500, 1_000_000); p > 0.001 || p < 1e-5 {
		t.Errorf("a million on both sides: %v", p) // z = 3.5: 0.0004
	}
	if p := exact(500_000, 1_000_000, 0, 1_000_000); math.IsNaN(p) || p != 0 {
		t.Errorf("half against none: %v", p)
	}
}

func ms(v float64) *float64 { return &v }

// add counts n calls with a code, a root cause ("" none) and a time to the answer.
func add(t *Tally, n, code int, root finding.ID, agent string, setup float64) {
	for range n {
		k := &call.Call{ID: fmt.Sprintf("%d.%d", code, t.Cases[call.KindCall]), Code: code, UserAgent: agent, Began: 1e18, Ended: 1e18 + 5e9, Final: call.NoMsg, Outcome: call.Failed}
		v := &finding.Verdict{}
		if code == 200 {
			k.Outcome = call.Answered
			k.Timings.Setup = ms(setup)
		}
		if root != "" {
			d, _ := finding.Lookup(root)
			v.Root = &finding.Finding{ID: root, Severity: d.Severity}
		}
		t.Add(&view.Case{Call: k, Verdict: v})
	}
}

func find(t *testing.T, rows []Row, name string) *Row {
	t.Helper()
	for i := range rows {
		if rows[i].Name == name {
			return &rows[i]
		}
	}
	t.Fatalf("no row %s", name)
	return nil
}

func TestCompare(t *testing.T) {
	var a, b Tally
	add(&a, 95, 200, "", "Phone 1.0.1", 1000)
	add(&a, 5, 404, "routing.unknown-user", "Phone 1.0.1", 0)
	add(&b, 40, 200, "", "Phone 1.0.1", 3000)
	add(&b, 20, 503, "server.overload", "Phone 2.0.0", 0)
	add(&b, 2, 404, "routing.unknown-user", "Phone 1.0.1", 0)
	r := Compare(&a, &b)
	for _, c := range []struct {
		rows []Row
		name string
		want Judgement
		a, b [2]uint64
	}{
		{r.Outcomes, "answered", Worse, [2]uint64{95, 100}, [2]uint64{40, 62}},
		{r.Outcomes, "failed", Worse, [2]uint64{5, 100}, [2]uint64{22, 62}},
		{r.Codes, "503", Worse, [2]uint64{0, 100}, [2]uint64{20, 62}},
		{r.Codes, "404", Same, [2]uint64{5, 100}, [2]uint64{2, 62}},
		{r.Causes, "server.overload", Worse, [2]uint64{0, 100}, [2]uint64{20, 62}},
		{r.Callers, "Phone", Worse, [2]uint64{5, 100}, [2]uint64{22, 62}},
		{r.Versions, "Phone 2.0.0", TooFew, [2]uint64{0, 0}, [2]uint64{20, 20}},
		{r.Versions, "Phone 1.0.1", Same, [2]uint64{5, 100}, [2]uint64{2, 42}},
	} {
		row := find(t, c.rows, c.name)
		if row.Judgement != c.want || row.A.N != c.a[0] || row.A.Of != c.a[1] || row.B.N != c.b[0] || row.B.Of != c.b[1] {
			t.Errorf("%s: %v, %d of %d, then %d of %d (chance %v)", c.name, row.Judgement, row.A.N, row.A.Of, row.B.N, row.B.Of, row.Chance)
		}
	}
	if got := find(t, r.Codes, "503").B.Examples; len(got) != maxExamples || !strings.HasPrefix(got[0], "503.") {
		t.Errorf("examples %q", got)
	}
	if len(r.Times) != 1 || r.Times[0].Judgement != Worse || math.Abs(r.Times[0].B.Median-3000) > 40 || r.Times[0].A.N != 95 {
		t.Errorf("times %+v", r.Times)
	}
	var order []string
	for _, w := range r.Worse {
		if w.Row != nil {
			order = append(order, w.Row.Name)
		} else {
			order = append(order, w.Times.Name)
		}
	}
	if got := strings.Join(order, " "); got != "setup server.overload 503 failed answered Phone" {
		t.Errorf("worse: %s", got)
	}
	// The other way round the same rows are better, and nothing is worse.
	if back := Compare(&b, &a); len(back.Worse) != 0 || find(t, back.Causes, "server.overload").Judgement != Better || back.Times[0].Judgement != Better {
		t.Errorf("the other way round: %+v", back.Worse)
	}
	// A side against itself differs in nothing.
	if same := Compare(&a, &a); len(same.Worse) != 0 || find(t, same.Outcomes, "failed").Chance != 1 {
		t.Error("a side differs from itself")
	}
}

// TestFewAreNotJudged: 19 of 19 against 0 of 1000 is shown and not judged; the kind is named.
func TestFewAreNotJudged(t *testing.T) {
	var a, b Tally
	add(&a, 1000, 200, "", "", 100)
	add(&b, MinPopulation-1, 500, "server.internal-error", "", 0)
	r := Compare(&a, &b)
	if row := find(t, r.Codes, "500"); row.Judgement != TooFew || len(r.Worse) != 0 || len(r.Few) != 1 || r.Few[0] != call.KindCall {
		t.Errorf("%+v, worse %v, few %v", row, r.Worse, r.Few)
	}
	add(&b, 1, 500, "server.internal-error", "", 0)
	if r := Compare(&a, &b); find(t, r.Codes, "500").Judgement != Worse || len(r.Few) != 0 {
		t.Error("20 cases are enough")
	}
}

func leg(id, message string) *call.Leg {
	return &call.Leg{CallID: id, Sightings: []call.Sighting{{Raw: []byte(message), Of: call.None}}}
}

func TestNews(t *testing.T) {
	message := func(extra string) string {
		return "OPTIONS sip:x@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nv: SIP/2.0/UDP 192.0.2.2\r\n" + extra + "\r\n"
	}
	side := func(messages ...string) *Tally {
		var tally Tally
		for i, m := range messages {
			tally.Add(&view.Case{Verdict: &finding.Verdict{}, Call: &call.Call{Kind: call.KindTransaction, Final: call.NoMsg, Legs: []*call.Leg{leg(fmt.Sprint(i), m)}}})
		}
		return &tally
	}
	r := Compare(side(message("X-Old: 1\r\nUser-Agent: A/1\r\n")), side(message("x-new: 1\r\nX-NEW: 2\r\nUser-Agent: A/1\r\n"), message("X-New: 1\r\nServer: B/2\r\n")))
	if got := fmt.Sprint(r.Headers); got != "{[{x-new 2 [0 1]} {Server 1 [1]}] [{x-old 1 [0]}]}" {
		t.Errorf("headers %s", got)
	}
	if got := fmt.Sprint(r.Agents); got != "{[{B/2 1 [1]}] []}" {
		t.Errorf("agents %s", got)
	}
}

// TestFlood: names that never end are counted under no name, and what is new is then not said.
func TestFlood(t *testing.T) {
	var a, b Tally
	for i := range 3 * maxNames {
		add(&b, 1, 200, "", fmt.Sprintf("Phone%dx 1.%d", i, i), 10)
		b.Add(&view.Case{Verdict: &finding.Verdict{}, Call: &call.Call{Kind: call.KindTransaction, Final: call.NoMsg, Legs: []*call.Leg{
			leg(fmt.Sprint(i), fmt.Sprintf("OPTIONS sip:x SIP/2.0\r\nX-%d: 1\r\nUser-Agent: a%d\r\n\r\n", i, i)),
		}}})
	}
	for name, s := range map[string]*shelf{"callers": &b.callers, "versions": &b.versions, "headers": &b.headers, "agents": &b.agents} {
		if len(s.counts) != maxNames || s.rest == 0 {
			t.Errorf("%s: %d kept, %d beyond", name, len(s.counts), s.rest)
		}
	}
	add(&a, 1, 200, "", "Phone 1.0", 10)
	if r := Compare(&b, &a); len(r.Headers.New) != 0 || r.UnlistedA == 0 || r.UnlistedB != 0 {
		t.Errorf("%d new, %d and %d unlisted", len(r.Headers.New), r.UnlistedA, r.UnlistedB)
	}
}

func TestPeriods(t *testing.T) {
	zone := time.FixedZone("", 3600)
	first := wire.Time(time.Date(2026, 1, 14, 23, 30, 0, 0, time.UTC).UnixNano()) // the 15th in zone
	at := func(text string) wire.Time {
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return wire.Time(v.UnixNano())
	}
	for text, want := range map[string]Period{
		"09:00..10:30":                                {at("2026-01-15T08:00:00Z"), at("2026-01-15T09:30:00Z")},
		"..09:00:00.5":                                {0, at("2026-01-15T08:00:00.5Z")},
		"23:00..01:00":                                {at("2026-01-15T22:00:00Z"), at("2026-01-16T00:00:00Z")},
		"2026-01-15T09:00:00Z..2026-01-15 10:00":      {at("2026-01-15T09:00:00Z"), at("2026-01-15T09:00:00Z") + 0},
		"2026-01-14..2026-01-15":                      {at("2026-01-13T23:00:00Z"), at("2026-01-14T23:00:00Z")},
		" 2026-01-15T09:00 .. ":                       {at("2026-01-15T08:00:00Z"), 0},
		"2026-01-15T09:00:00+02:00..2026-01-15T12:00": {at("2026-01-15T07:00:00Z"), at("2026-01-15T11:00:00Z")},
	} {
		s, err := ParseSpan(text, zone)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		p, err := s.On(first, zone)
		if want.Until != 0 && want.Until <= want.From {
			if err == nil {
				t.Errorf("%s: accepted though it ends before it begins", text)
			}
			continue
		}
		if err != nil || p != want {
			t.Errorf("%s: %v, want %v (%v)", text, p, want, err)
		}
	}
	for _, text := range []string{"", "..", "09:00", "9..10", "09:00..25:00", "yesterday.."} {
		if _, err := ParseSpan(text, zone); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	p := Period{10, 20}
	if p.Contains(9) || !p.Contains(10) || p.Contains(20) || p.Overlaps(Period{20, 0}) || !p.Overlaps(Period{0, 11}) || p.Overlaps(Period{0, 10}) || !p.Overlaps(Period{}) {
		t.Error("a period has its beginning and not its end")
	}
}
