package peer

import (
	"net/netip"

	"sipcause/internal/wire"
)

// FactKind says what a Fact is of.
type FactKind uint8

// Kinds of facts.
const (
	FactBinding  FactKind = iota // Server answered a REGISTER of From: Account is the AOR, Detail the contact
	FactLogin                    // Server answered Code to credentials of the account Key
	FactNonce                    // Server issued the nonce Key in the realm Detail
	FactLost                     // Server denied a dialog with 481 that it had confirmed at Began
	FactInvite                   // Server answered an INVITE of From between the parties Key; Detail is the callee's Prefix
	FactAnswered                 // Server answered another request of From outside a dialog: OPTIONS, MESSAGE, SUBSCRIBE, PUBLISH
)

// Fact is one thing that correlate learned from a message, for the ledger. Its strings are its own.
type Fact struct {
	Kind    FactKind
	Removed bool  // of a binding: unregistered
	First   bool  // of an INVITE: the originator's own, not a relayed branch
	Lead    Lead  // of an answered INVITE: how the number in its Request-URI begins
	Message int32 // its index into the batch that it came in
	Code    int
	Seconds int // of a granted binding: -1 unknown; of any other answer: Retry-After, 0 not said
	Time    wire.Time
	Began   wire.Time // of an INVITE: when it was sent
	Ref     wire.PacketRef
	From    netip.AddrPort
	Server  netip.AddrPort
	Key     uint64 // what the fact is about, where the ledger only looks it up
	Callee  uint64 // of an INVITE: the To URI
	Account string // of an answered INVITE: the host of its Request-URI
	Detail  string
	CallID  string
	FinalMS float64
}

// Apply enters a fact. Facts come in order of Time, then Ref.
func (l *Ledger) Apply(f *Fact) {
	l.widen(f.Time)
	switch f.Kind {
	case FactBinding:
		b := Binding{
			Time: f.Time, Ref: f.Ref, CallID: f.CallID, AOR: f.Account, Contact: f.Detail, Source: f.From, Server: f.Server,
			Code: f.Code, Expires: f.Seconds, Removed: f.Removed,
		}
		if f.Code >= 300 {
			b.Expires = -1
		} else if f.Seconds > 0 {
			b.Until = f.Time + wire.Time(f.Seconds)*wire.Time(1e9)
		}
		l.AddBinding(b)
		l.answered(f)
	case FactLogin:
		l.AddLogin(f.Key, Login{Time: f.Time, Ref: f.Ref, From: f.From, CallID: f.CallID, Accepted: f.Code < 300 || f.Code > 403 && f.Code != 407, Code: f.Code})
	case FactNonce:
		l.answered(f)
		l.AddNonce(f.Key, Nonce{Time: f.Time, Ref: f.Ref, Server: f.Server, Realm: f.Detail})
	case FactLost:
		l.AddLost(f.Server, Lost{Time: f.Time, Confirmed: f.Began, Ref: f.Ref, CallID: f.CallID})
	case FactInvite:
		l.invite(f)
	case FactAnswered:
		l.answeredOutside(f)
		if f.Seconds > 0 {
			l.server(f.Server).told(f)
		}
	}
}

// answered enters an answer under who asked and who answered.
func (l *Ledger) answered(f *Fact) (*server, *pair) {
	s := l.server(f.Server)
	p := l.pair(f.Server, f.From.Addr())
	l.client(s, p, f.From.Addr(), f.Time, f.Code)
	s.told(f)
	return s, p
}

// told notes what Retry-After asked for (RFC 3261 §20.33).
func (s *server) told(f *Fact) {
	if f.Seconds > 0 && f.Code >= 300 {
		s.busy = push(s.busy, RetryAfter{Time: f.Time, Ref: f.Ref, Seconds: f.Seconds, Code: f.Code, CallID: f.CallID, To: f.From}, maxFacts)
	}
}

// invite enters a finished INVITE transaction under everything it tells about: the server as a route, the
// relaying element's targets, the caller's tries, and what Retry-After asked for.
func (l *Ledger) invite(f *Fact) {
	s, p := l.answered(f)
	if f.Began >= l.Whole {
		s.route.add(f.Began, f.Code, f.FinalMS)
	}
	if f.Code == 401 || f.Code == 407 {
		return
	}
	l.dialled(p, f.Detail, f.Began, f.Time, f.Code)
	if f.Code >= 200 && f.Code < 300 {
		s.form(f.Lead, f.Account, f.Time, f.Ref)
	}
	if f.First {
		l.AddAttempt(f.Key, Attempt{
			Time: f.Began, Ended: f.Time, Ref: f.Ref, CallID: f.CallID, Server: f.Server, Code: f.Code, RetryAfter: f.Seconds,
		})
		return
	}
	l.AddTarget(f.From, f.Detail, f.Server, f.Callee, f.Began, f.Time, f.Code < 300)
}

// Prefix is how destinations are grouped when routes are compared: the first four digits of a number without
// '+', or else the domain. The result is a part of uri.
func Prefix[T ~string | ~[]byte](uri T) T {
	rest := uri[cut(uri, ':'):]
	at := cut(rest, '@')
	user, host := rest[:max(at-1, 0)], rest[at:]
	if at == 0 {
		user, host = rest, rest[:0]
	}
	if len(user) > 0 && user[0] == '+' {
		user = user[1:]
	}
	n := 0
	for n < len(user) && n < 4 && user[n] >= '0' && user[n] <= '9' {
		n++
	}
	if n >= 3 {
		return user[:n]
	}
	return host
}

// cut returns the index behind the first c in text, 0 when there is none.
func cut[T ~string | ~[]byte](text T, c byte) int {
	for i := range len(text) {
		if text[i] == c {
			return i + 1
		}
	}
	return 0
}
