package view

import (
	"net/netip"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/query"
	"sipcause/internal/route"
	"sipcause/internal/wire"
)

func full() *Case {
	ms := func(v float64) *float64 { return &v }
	alice, gw := netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("203.0.113.61:5061")
	request := "INVITE sip:bob@example.com SIP/2.0\r\nUser-Agent: phone 1\r\nServer: not this\r\nCSeq: 1 INVITE\r\n\r\n"
	challenge := "SIP/2.0 407 Proxy Authentication Required\r\nServer: gate 2\r\nUser-Agent: not this\r\nCSeq: 1 INVITE\r\nProxy-Authenticate: Digest realm=\"gw.example\", nonce=\"1\"\r\n\r\n"
	return &Case{
		Ways: route.Ways{In: "pbx", Out: []string{"carrier-a", "carrier-b"}, Maker: "carrier-b"},
		Call: &call.Call{
			ID: "a@example.com", Kind: call.KindCall, From: "sip:alice@example.com", To: "sip:bob@example.com",
			Began: wire.Time(time.Date(2026, 1, 15, 22, 30, 0, 0, time.UTC).UnixNano()), Outcome: call.Failed, Code: 503, Reason: "Full",
			Origin: &call.Origin{Address: gw, Role: call.RoleProxy}, Attempts: make([]call.Attempt, 2), HungUpBy: "callee",
			Gaps:    []wire.Gap{{Kind: wire.GapTCP}},
			Timings: call.Timings{PDD: ms(1500), Setup: ms(2500), Duration: ms(3500), Ring: ms(4500)},
			Legs: []*call.Leg{
				{
					CallID: "a@example.com", Flows: []wire.Flow{{Src: alice, Dst: gw, Transport: wire.UDP}, {Src: gw, Dst: alice, Transport: wire.UDP}},
					Sightings: []call.Sighting{{Raw: []byte(request)}, {Raw: []byte(challenge), Status: 407}, {}},
				},
				{CallID: "b@example.com", Flows: []wire.Flow{{Src: alice, Dst: gw, Transport: wire.TLS}}},
			},
		},
		Verdict: &finding.Verdict{
			Root: &finding.Finding{ID: "server.capacity"}, Suspect: &finding.Suspect{Address: gw},
			Findings: []finding.Finding{{ID: "server.capacity", Severity: finding.Error}, {ID: "isup.cause", Severity: finding.Info}},
		},
	}
}

// TestEveryFieldIsRead asks for each field twice: what holds, and what does not.
func TestEveryFieldIsRead(t *testing.T) {
	filters := map[query.Field][2]string{
		query.ID:            {"id = a@example.com", "id = b@example.com"},
		query.CallID:        {"callid = b@example.com", "callid = c@example.com"},
		query.From:          {"from = sip:alice@example.com", "from = sip:bob@example.com"},
		query.To:            {"to = sip:bob@example.com", "to = sip:alice@example.com"},
		query.Numbers:       {"number = bob", "number = carol"},
		query.IP:            {"ip = 192.0.2.10", "ip = 198.51.100.1"},
		query.Route:         {"route = carrier-b and route = in:pbx and route = out:carrier-b", "route = carrier-c or route = in:carrier-b"},
		query.Code:          {"code = 503", "code = 407"},
		query.Reason:        {"reason = full", "reason = busy"},
		query.Outcome:       {"outcome = failed", "outcome = busy"},
		query.Cause:         {"cause = server.capacity", "cause = isup.cause"},
		query.Finding:       {"finding = isup.cause", "finding = auth.*"},
		query.Severity:      {"severity = error", "severity = info"},
		query.Origin:        {"origin = 203.0.113.61:5061", "origin = 192.0.2.10"},
		query.OriginRole:    {"origin.role = proxy", "origin.role = uas"},
		query.Suspect:       {"suspect = 203.0.113.61", "suspect = 192.0.2.10"},
		query.Server:        {`server = "gate 2"`, `server = "not this"`},
		query.UA:            {`ua = "phone 1"`, `ua = "not this"`},
		query.Method:        {"method = invite", "method = bye"},
		query.Src:           {"src = 203.0.113.61", "src = 198.51.100.1"},
		query.Dst:           {"dst = 192.0.2.10", "dst = 198.51.100.1"},
		query.Transport:     {"transport = tls", "transport = tcp"},
		query.Start:         {"start = 22:30", "start = 22:31"},
		query.PDD:           {"pdd = 1500ms", "pdd < 1500ms"},
		query.Setup:         {"setup = 2500ms", "setup < 2500ms"},
		query.TotalDuration: {"duration = 3500ms", "duration < 3500ms"},
		query.Ring:          {"ring = 4500ms", "ring < 4500ms"},
		query.Attempts:      {"attempts = 2", "attempts = 0"},
		query.Messages:      {"messages = 3", "messages = 2"},
		query.Realm:         {"realm = gw.example", "realm = example.com"},
		query.Kind:          {"kind = call", "kind = registration"},
		query.HungUpBy:      {"hung-up-by = callee", "hung-up-by = caller"},
		query.Gap:           {"gap = true", "gap = false"},
		query.Open:          {"open = true", "open = false"},
	}
	var s Subject
	c := full()
	for _, f := range query.Fields() {
		for i, want := range []bool{true, false} {
			e, err := query.Parse(filters[f][i])
			if err != nil {
				t.Errorf("%s: %v", f, err)
				continue
			}
			if got := e.Match(s.Of(c), time.UTC); got != want {
				t.Errorf("%s is %v", filters[f][i], got)
			}
		}
	}
}

// TestUnknownIsUnknown: what a case does not say, no field makes up.
func TestUnknownIsUnknown(t *testing.T) {
	known := map[query.Field]bool{query.Outcome: true, query.Kind: true, query.Attempts: true, query.Messages: true, query.Gap: true, query.Open: true}
	var s Subject
	empty := &Case{Call: &call.Call{}, Verdict: &finding.Verdict{}}
	for _, f := range query.Fields() {
		e, err := query.Parse("exists " + f.String())
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Match(s.Of(empty), time.UTC); got != known[f] {
			t.Errorf("exists %s is %v", f, got)
		}
	}
}
