package peer

import (
	"cmp"
	"net/netip"
	"slices"

	"sipcause/internal/wire"
)

// AccountState says how an address of record stands at the end of the capture, worst first.
type AccountState uint8

// States of an account. In all but the last two, calls to it cannot arrive.
const (
	AccountRefused  AccountState = iota // no REGISTER of it was granted, and the last one failed
	AccountExpired                      // its bindings ran out and no refresh was captured
	AccountSilent                       // bound, but OPTIONS to each contact's address go unanswered
	AccountRemoved                      // unregistered
	AccountTroubled                     // bound, and its last REGISTER failed
	AccountBound                        // bound
)

var accountStateNames = [...]string{"failed", "expired", "silent", "removed", "troubled", "registered"}

// String returns the name used in output.
func (s AccountState) String() string { return accountStateNames[s] }

// Reachable says whether calls to the account can arrive, as far as its registrar knows.
func (s AccountState) Reachable() bool { return s >= AccountTroubled }

// Refusal is a registration that failed.
type Refusal struct {
	Time   wire.Time // of the response; without one, when the registration ended
	Code   int       // 0 none came
	Cause  string    // finding ID of its root cause; "" unknown
	CallID string
	Source netip.AddrPort // where the REGISTER came from
	Server netip.AddrPort
}

// AddRefusal notes a registration that failed; of those of one AOR the last counts. The strings are the ledger's.
func (l *Ledger) AddRefusal(aor string, r Refusal) {
	k := Key(aor)
	if old, ok := l.refusals.Get(k); ok && old.Time > r.Time {
		return
	}
	l.refusals.Add(k, refused{aor, r})
}

type refused struct {
	aor string
	Refusal
}

// Contact is one binding of an account.
type Contact struct {
	URI     string
	Source  netip.AddrPort // where its last REGISTER came from
	Server  netip.AddrPort
	Since   wire.Time // of the last answer that granted it
	Until   wire.Time // when it runs out, or was removed; 0 unknown
	Expires int       // seconds granted, -1 unknown
	State   BindingState
	Silent  wire.Time // since when OPTIONS to Source go unanswered; 0 they do not
}

// Account is what the capture knows of one address of record at its end.
type Account struct {
	AOR      string
	State    AccountState
	Contacts []Contact // those bound first, then by AOR's history; of an account with many refreshes the latest
	Failure  *Refusal  // the last failure; nil when there was none
}

// silentPings is how many OPTIONS in a row have to go unanswered.
const silentPings = 2

// Estate returns the accounts as of the end, the worst first, each state by AOR. It is known of an account what its last
// answers say.
func (l *Ledger) Estate() []Account {
	silent := map[netip.AddrPort]wire.Time{}
	for _, w := range l.Ways() {
		if w.Pings.N >= silentPings {
			silent[w.Server] = w.Pings.First
		}
	}
	out := make([]Account, 0, l.bindings.Len()+l.refusals.Len())
	seen := make(map[uint64]bool, l.bindings.Len())
	for _, k := range l.bindings.Keys() {
		list, _ := l.bindings.Peek(k)
		a := Account{AOR: list[0].AOR}
		a.contacts(list, l.End, silent)
		if r, ok := l.refusals.Peek(k); ok && (a.Failure == nil || r.Time >= a.Failure.Time) {
			a.Failure = &r.Refusal
		}
		seen[k] = true
		if len(a.Contacts) > 0 || a.Failure != nil {
			a.judge()
			out = append(out, a)
		}
	}
	for _, k := range l.refusals.Keys() {
		if !seen[k] {
			r, _ := l.refusals.Peek(k)
			out = append(out, Account{AOR: r.aor, Failure: &r.Refusal, State: AccountRefused})
		}
	}
	slices.SortFunc(out, func(a, b Account) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.AOR, b.AOR))
	})
	return out
}

// contacts follows the answers of a registrar about one AOR (RFC 3261 §10.3).
func (a *Account) contacts(list []Binding, end wire.Time, silent map[netip.AddrPort]wire.Time) {
	for i := range list {
		b := &list[i]
		switch {
		case b.Code >= 300:
			a.Failure = &Refusal{Time: b.Time, Code: b.Code, CallID: b.CallID, Source: b.Source, Server: b.Server}
		case b.Removed:
			for k := range a.Contacts {
				if c := &a.Contacts[k]; b.Contact == "" || c.URI == b.Contact {
					c.State, c.Until = Removed, b.Time
				}
			}
			if len(a.Contacts) == 0 {
				a.Contacts = append(a.Contacts, Contact{URI: b.Contact, Source: b.Source, Server: b.Server, Until: b.Time, Expires: -1, State: Removed})
			}
		case b.Contact != "": // without one it only asks (RFC 3261 §10.2.3)
			c := Contact{URI: b.Contact, Source: b.Source, Server: b.Server, Since: b.Time, Until: b.Until, Expires: b.Expires, State: Bound}
			k := slices.IndexFunc(a.Contacts, func(o Contact) bool { return o.URI == b.Contact })
			if k < 0 {
				a.Contacts = append(a.Contacts, c)
			} else {
				a.Contacts[k] = c
			}
		}
	}
	for k := range a.Contacts {
		c := &a.Contacts[k]
		if c.State != Bound {
			continue
		}
		if c.Until != 0 && c.Until < end {
			c.State = Lapsed
		}
		if at := silent[c.Source]; at > c.Since {
			c.Silent = at
		}
	}
	slices.SortStableFunc(a.Contacts, func(x, y Contact) int { return cmp.Compare(x.State, y.State) })
}

// judge sets the state by the contacts and the last failure.
func (a *Account) judge() {
	bound, silent, last := 0, 0, wire.Time(0)
	for i := range a.Contacts {
		c := &a.Contacts[i]
		last = max(last, c.Since)
		if c.State == Bound {
			bound++
			if c.Silent != 0 {
				silent++
			}
		}
	}
	switch {
	case bound > 0 && silent == bound:
		a.State = AccountSilent
	case bound > 0 && a.Failure != nil && a.Failure.Time > last:
		a.State = AccountTroubled
	case bound > 0:
		a.State = AccountBound
	case len(a.Contacts) == 0:
		a.State = AccountRefused
	case slices.ContainsFunc(a.Contacts, func(c Contact) bool { return c.State == Lapsed }):
		a.State = AccountExpired
	default:
		a.State = AccountRemoved
	}
}
