package view

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"sipcause/code/playbooks"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/wire"
)

// exchange is a call of one leg: an INVITE of the caller, and the response that ended it.
func exchange(response string, cause finding.ID, code int, server string) *Case {
	alice, gw := netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("203.0.113.61:5061")
	head := "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>%s\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
	raw := response + "\r\n" + fmt.Sprintf(head, ";tag=2")
	if server != "" {
		raw += "Server: " + server + "\r\n"
	}
	if code == 403 {
		raw += "X-Twilio-Error: 32204 Invalid\r\nReason: Q.850;cause=21;text=\"x\"\r\n"
	}
	leg := &call.Leg{
		Flows: []wire.Flow{{Src: alice, Dst: gw}, {Src: gw, Dst: alice}},
		Sightings: []call.Sighting{
			{Raw: []byte("INVITE sip:b@example.com SIP/2.0\r\n" + fmt.Sprintf(head, "") + "User-Agent: Linphone/3.6.1\r\n\r\n"), Txn: call.None},
			{Raw: []byte(raw + "\r\n"), Status: uint16(code), Flow: 1, Txn: call.None},
		},
	}
	return &Case{
		Call: &call.Call{
			Legs: []*call.Leg{leg}, Code: code, Outcome: call.Failed, UserAgent: "Linphone/3.6.1", Final: call.MsgRef{Msg: 1},
			Origin: &call.Origin{Address: gw, Server: server, Code: code, Msg: call.MsgRef{Msg: 1}},
		},
		Verdict: &finding.Verdict{Root: &finding.Finding{ID: cause}, Suspect: &finding.Suspect{Address: alice}},
	}
}

// asteriskCase is a call by an Asterisk, whose tag says which of its drivers made it.
func asteriskCase(tag string) *Case {
	c := exchange("SIP/2.0 500 No", "nat.private-sdp", 500, "gateway")
	s := &c.Call.Legs[0].Sightings[0]
	s.Raw = []byte(strings.NewReplacer("Linphone/3.6.1", "Asterisk PBX 16.8.0", ";tag=1", ";tag="+tag).Replace(string(s.Raw)))
	return c
}

func advised(a *Adviser, c *Case) (ids []string) {
	a.Advise(c)
	for _, p := range c.Playbooks {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestAdvise(t *testing.T) {
	const suspect = `version: 1
entries:
  - {id: s.suspect, match: {code: 606, vendor: linphone, of: suspect}, cause: c, checks: [c]}
`
	book, err := playbooks.Load(fstest.MapFS{"a.yaml": {Data: []byte(suspect)}}, "my", playbooks.Known{})
	if err != nil {
		t.Fatal(err)
	}
	a := NewAdviser(func() *playbooks.Book { return book })
	for _, c := range []struct {
		what string
		c    *Case
		want string
	}{
		{"origin", exchange("SIP/2.0 477 Unfortunately", "transport.send-failed", 477, "kamailio (5.8.2)"), "kamailio.send-failed"},
		{"its Reason and a header", exchange("SIP/2.0 403 No", "policy.forbidden", 403, ""), "map.cause-21 twilio.caller-id"},
		{"anybody", exchange("SIP/2.0 500 No", "nat.private-contact", 500, ""), "linphone.nat"},
		{"whose own tag is in From", asteriskCase("as57971bd1"), "asterisk.chan-sip-nat-media"},
		{"or is another", asteriskCase("26a2392c-d416-4fe6-8d52-e661e640d74c"), "asterisk.pjsip-nat-media"},
		{"suspect", exchange("SIP/2.0 606 No", "server.capacity", 606, "softswitch"), "s.suspect"},
		{"nobody", exchange("SIP/2.0 486 Busy", "callee.busy", 486, "softswitch"), ""},
	} {
		if got := strings.Join(advised(a, c.c), " "); got != c.want && !strings.HasPrefix(got, c.want+" ") {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// TestNoAdviceWithoutACause: nothing failed, or nothing is known of it; the book stays closed.
func TestNoAdviceWithoutACause(t *testing.T) {
	a := NewAdviser(func() *playbooks.Book { panic("the book was opened") })
	for _, c := range []*Case{
		{Call: &call.Call{}, Playbooks: make([]playbooks.Advice, 1)},
		{Call: &call.Call{}, Verdict: &finding.Verdict{}, Playbooks: make([]playbooks.Advice, 1)},
	} {
		if a.Advise(c); c.Playbooks != nil {
			t.Error("advice of the case before")
		}
	}
}

// TestAdviceIsBounded: a call of many messages and flows, each with another name.
func TestAdviceIsBounded(t *testing.T) {
	c := exchange("SIP/2.0 408 Timeout", "nat.private-contact", 408, "x")
	l := c.Call.Legs[0]
	for i := range 4 * maxAsked {
		l.Flows = append(l.Flows, l.Flows[0])
		s := l.Sightings[0]
		s.Flow = uint16(len(l.Flows) - 1)
		s.Raw = []byte(strings.Replace(string(s.Raw), "Linphone", fmt.Sprintf("ua%d", i), 1))
		l.Sightings = append(l.Sightings, s)
	}
	a := NewAdviser(playbooks.Builtin)
	a.Advise(c)
	if n := len(a.facts.Any); n == 0 || n > maxAsked || n > 2*maxFlows {
		t.Errorf("%d names", n)
	}
}

// TestHealthyCallsCostNothing, and failed ones a few small strings.
func TestHealthyCallsCostNothing(t *testing.T) {
	healthy := &Case{Call: &call.Call{}, Verdict: &finding.Verdict{}}
	failed := exchange("SIP/2.0 408 Timeout", "timeout.request", 408, "kamailio (5.8.2)")
	a := NewAdviser(playbooks.Builtin)
	a.Advise(failed)
	if n := testing.AllocsPerRun(100, func() { a.Advise(healthy) }); n != 0 {
		t.Errorf("healthy: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { a.Advise(failed) }); n > 8 || len(failed.Playbooks) == 0 {
		t.Errorf("failed: %v allocations, %d playbooks", n, len(failed.Playbooks))
	}
}
