package peer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

var (
	phone     = netip.MustParseAddrPort("192.0.2.10:5060")
	registrar = netip.MustParseAddrPort("198.51.100.1:5060")
)

const sec = wire.Time(1e9)

// describe writes an estate in a line per account.
func describe(list []Account) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "%s %s", a.State, a.AOR)
		for _, c := range a.Contacts {
			fmt.Fprintf(&b, " %s:%d@%d", c.URI, c.State, c.Until/sec)
		}
		if a.Failure != nil {
			fmt.Fprintf(&b, " %d %s", a.Failure.Code, a.Failure.Cause)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestEstate(t *testing.T) {
	l := New()
	bind := func(aor, contact string, at, expires wire.Time, code int) {
		l.Apply(&Fact{Kind: FactBinding, Account: aor, Detail: contact, Time: at * sec, Seconds: int(expires), Code: code, Removed: expires == 0 && code < 300, From: phone, Server: registrar})
	}
	bind("bound", "a", 10, 3600, 200)
	bind("expired", "a", 10, 60, 200)
	bind("expired", "a", 60, 60, 200)
	bind("removed", "a", 10, 3600, 200)
	bind("removed", "a", 20, 0, 200)
	bind("two", "a", 10, 60, 200)
	bind("two", "b", 10, 3600, 200)
	bind("all-removed", "a", 10, 3600, 200)
	bind("all-removed", "b", 10, 3600, 200)
	bind("all-removed", "", 20, 0, 200)
	bind("again", "a", 10, 0, 200)
	bind("again", "a", 20, 3600, 200)
	bind("refused", "a", 10, 60, 403)
	bind("troubled", "a", 10, 3600, 200)
	bind("troubled", "a", 500, 60, 503)
	bind("recovered", "a", 10, 60, 503)
	bind("recovered", "a", 20, 3600, 200)
	bind("query", "", 20, 3600, 200)
	l.AddRefusal("wrong", Refusal{Time: 20 * sec, Code: 401, Cause: "auth.wrong-credentials"})
	l.AddRefusal("wrong", Refusal{Time: 10 * sec, Code: 403})
	l.AddRefusal("refused", Refusal{Time: 10 * sec, Code: 403, Cause: "policy.forbidden"})
	l.Saw(registrar, 1000*sec)
	want := `failed refused 403 policy.forbidden
failed wrong 401 auth.wrong-credentials
expired expired a:2@120
removed all-removed a:3@20 b:3@20
removed removed a:3@20
troubled troubled a:1@3610 503 
registered again a:1@3620
registered bound a:1@3610
registered recovered a:1@3620 503 
registered two b:1@3610 a:2@70
`
	if got := describe(l.Estate()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestEstateSilent: two OPTIONS in a row without an answer after the registration make a contact silent, one does not,
// and not when they were answered again or came before it.
func TestEstateSilent(t *testing.T) {
	for name, c := range map[string]struct {
		pings    []wire.Time
		answered wire.Time
		want     AccountState
	}{
		"two":      {[]wire.Time{100, 130}, 0, AccountSilent},
		"one":      {[]wire.Time{100}, 0, AccountBound},
		"none":     {nil, 0, AccountBound},
		"answered": {[]wire.Time{100, 130}, 160, AccountBound},
		"before":   {[]wire.Time{2, 5}, 0, AccountBound},
	} {
		l := New()
		l.Apply(&Fact{Kind: FactBinding, Account: "sip:a@example.com", Detail: "c", Time: 10 * sec, Seconds: 3600, Code: 200, From: phone, Server: registrar})
		for _, at := range c.pings {
			l.AddUnanswered(Unanswered{Client: registrar.Addr(), Server: phone, Time: at * sec, Options: true})
		}
		if c.answered != 0 {
			l.Apply(&Fact{Kind: FactAnswered, Time: c.answered * sec, Code: 200, From: registrar, Server: phone})
		}
		if got := l.Estate(); len(got) != 1 || got[0].State != c.want || got[0].State.Reachable() != (c.want == AccountBound) {
			t.Errorf("%s: %s", name, describe(got))
		}
	}
}

// TestEstateFlood: a scan over accounts that are not there stays within the bounds, and is counted.
func TestEstateFlood(t *testing.T) {
	l := New()
	for i := range maxEntries + 100 {
		l.AddRefusal(fmt.Sprintf("sip:%d@example.com", i), Refusal{Time: wire.Time(i), Code: 404})
	}
	if n := len(l.Estate()); n != maxEntries || l.Evicted != 100 {
		t.Errorf("%d accounts, %d evicted", n, l.Evicted)
	}
}
