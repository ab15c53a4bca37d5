package record

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/query"
	"sipcause/internal/wire"
)

// TestEveryFieldIsAnswered asks for each field of the language twice: what holds, and what does not.
func TestEveryFieldIsAnswered(t *testing.T) {
	span := func(d time.Duration) *time.Duration { return &d }
	alice, gw, next := netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("203.0.113.61:5061"), netip.MustParseAddrPort("[2001:db8::7]:5060")
	c := &Case{
		ID: "a@example.com", Kind: call.KindRegistration, Began: wire.Time(time.Date(2026, 1, 15, 22, 30, 0, 0, time.UTC).UnixNano()),
		CallIDs: []string{"a@example.com", "b@example.com"}, From: "sip:alice@example.com", To: "sip:+4930555@example.com", Numbers: []string{"alice", "+4930555"},
		Code: 503, Reason: "Full", Outcome: call.Failed, Cause: "server.capacity", Findings: []string{"server.capacity", "isup.cause"}, Severity: "error",
		Origin: gw, OriginRole: "proxy", Suspect: next, Servers: []string{"gate 2"}, UAs: []string{"phone 1", "phone 2"}, Methods: []string{"INVITE", "BYE"},
		Transports: []string{"udp", "tls"}, Realms: []string{"gw.example"}, Src: []netip.AddrPort{alice, gw}, Dst: []netip.AddrPort{gw, next},
		PDD: span(1500 * time.Millisecond), Setup: span(0), Duration: span(time.Hour), Ring: span(time.Second), Attempts: 2, Messages: 17, HungUpBy: "callee", Gap: true,
		RouteIn: "office", RoutesOut: []string{"carrier-a", "carrier-b"},
	}
	filters := map[query.Field][2]string{
		query.ID:            {"id = a@example.com", "id = b@example.com"},
		query.CallID:        {"callid = b@example.com", "callid = c@example.com"},
		query.From:          {"from = sip:alice@example.com", "from = sip:bob@example.com"},
		query.To:            {"to ~ 4930", "to ~ alice"},
		query.Numbers:       {"number = +4930*", "number = +4931*"},
		query.Code:          {"code = 503", "code != 503"},
		query.Reason:        {"reason = full", "reason = busy"},
		query.Outcome:       {"outcome = failed", "outcome = busy"},
		query.Cause:         {"cause = server.capacity", "cause = isup.cause"},
		query.Finding:       {"finding = isup.cause", "finding = auth.*"},
		query.Severity:      {"severity >= warning", "severity > error"},
		query.Origin:        {"origin = 203.0.113.61:5061", "origin = 192.0.2.10"},
		query.OriginRole:    {"origin.role = proxy", "origin.role = uas"},
		query.Suspect:       {"suspect = 2001:db8::/32", "suspect = 203.0.113.61"},
		query.Server:        {`server = "gate 2"`, `server = "phone 1"`},
		query.UA:            {`ua = "phone 2"`, `ua = "gate 2"`},
		query.Method:        {"method = bye", "method = refer"},
		query.Src:           {"src = 203.0.113.61", "src = 2001:db8::7"},
		query.Dst:           {"dst = 2001:db8::7", "dst = 192.0.2.10"},
		query.IP:            {"ip = 192.0.2.10 and ip = 2001:db8::7", "ip = 198.51.100.1"},
		query.Transport:     {"transport = tls", "transport = tcp"},
		query.Route:         {"route = office and route = carrier-b and route = in:office and route = out:carrier-b and route != out:office", "route = in:carrier-b or route != in:office"},
		query.Start:         {"start = 22:30", "start = 22:31"},
		query.PDD:           {"pdd = 1500ms", "pdd < 1500ms"},
		query.Setup:         {"setup = 0s", "setup > 0s"},
		query.TotalDuration: {"duration = 1h", "duration < 1h"},
		query.Ring:          {"ring = 1s", "ring > 1s"},
		query.Attempts:      {"attempts = 2", "attempts = 0"},
		query.Messages:      {"messages = 17", "messages = 2"},
		query.Realm:         {"realm = gw.example", "realm = example.com"},
		query.Kind:          {"kind = registration", "kind = call"},
		query.HungUpBy:      {"hung-up-by = callee", "hung-up-by = caller"},
		query.Gap:           {"gap = true", "gap = false"},
		query.Open:          {"open = true", "open = false"},
	}
	for _, f := range query.Fields() {
		for i, want := range []bool{true, false} {
			e, err := query.Parse(filters[f][i])
			if err != nil {
				t.Errorf("%s: %v", f, err)
				continue
			}
			if got := e.Match(c, time.UTC); got != want {
				t.Errorf("%s is %v", filters[f][i], got)
			}
		}
	}
	if len(c.Src) != 2 || !reflect.DeepEqual(c.RoutesOut, []string{"carrier-a", "carrier-b"}) {
		t.Error("asking changed the case")
	}
}

// TestUnknownIsUnknown: what a case does not say, no field makes up.
func TestUnknownIsUnknown(t *testing.T) {
	known := map[query.Field]bool{query.Outcome: true, query.Kind: true, query.Attempts: true, query.Messages: true, query.Gap: true, query.Open: true}
	for _, f := range query.Fields() {
		e, err := query.Parse("exists " + f.String())
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Match(&Case{}, nil); got != known[f] {
			t.Errorf("exists %s is %v", f, got)
		}
	}
}
