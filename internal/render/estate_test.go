package render

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sipcause/internal/peer"
	"sipcause/internal/render/schema"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// estateOf renders a summary that has n accounts, of which the first is silent and hostile.
func estateOf(t *testing.T, format string, n int, all bool) string {
	t.Helper()
	at := netip.MustParseAddrPort("192.0.2.10:5060")
	s := &view.Summary{Files: []string{"a.pcap"}, First: 1768478400e9, Last: 1768482000e9}
	for i := range n {
		a := peer.Account{
			AOR: fmt.Sprintf("sip:%d@example.com", i), State: peer.AccountBound,
			Contacts: []peer.Contact{{URI: "sip:x", Source: at, Server: at, Until: s.Last + 60e9, State: peer.Bound, Expires: 3600}},
		}
		if i == 0 {
			a.AOR, a.State, a.Contacts[0].Silent = "sip:<b>\x1b[31m|@example.com", peer.AccountSilent, s.First+wire.Time(60e9)
			a.Failure = &peer.Refusal{Time: s.First, Code: 403, Cause: "policy.forbidden", CallID: "x", Source: at, Server: at}
		}
		s.Estate = append(s.Estate, a)
	}
	var b bytes.Buffer
	r, err := New(format, &b, Options{All: all})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEstate(t *testing.T) {
	text := estateOf(t, "text", 25, false)
	for _, want := range []string{
		`silent     sip:<b>\x1b[31m|@example.com`, "until 13:01:00.000, but", "unanswered since", "last failure: 403 Forbidden, policy.forbidden",
		"sip:19@example.com", "and 5 more accounts: 5 registered",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "sip:20@") || strings.ContainsRune(text, 0x1b) {
		t.Error("more accounts than are to be shown, or a control character")
	}
	if all := estateOf(t, "text", 25, true); !strings.Contains(all, "sip:24@") || strings.Contains(all, "more account") {
		t.Error("--all does not show all")
	}
	if strings.Contains(estateOf(t, "text", 0, false), "REGISTRATIONS AT") {
		t.Error("a section without accounts")
	}
	if page := estateOf(t, "html", 25, false); !strings.Contains(page, `sip:&lt;b&gt;\x1b[31m|@example.com`) || !strings.Contains(page, "and 5 more accounts") {
		t.Error("the page lacks the accounts, or does not escape them")
	}
	if md := estateOf(t, "markdown", 25, false); !strings.Contains(md, "Registrations at the end") || !strings.Contains(md, "`sip:<b>\\x1b[31m\\x7c@example.com`") {
		t.Error("markdown lacks the accounts, or does not escape them")
	}
	if err := schema.ValidateJSON([]byte(estateOf(t, "json", 25, false))); err != nil {
		t.Error(err)
	}
	if err := schema.ValidateNDJSON([]byte(estateOf(t, "ndjson", 25, false))); err != nil {
		t.Error(err)
	}
}
