package peer

import (
	"net/netip"

	"sipcause/internal/wire"
)

// Way is the way from one host to one server: whether what was sent there was answered. Only what concerns silence is
// kept: OPTIONS, which keep the way watched, and requests that nobody answered.
type Way struct {
	Client netip.Addr
	Server netip.AddrPort
	Heard  bool // something came back that was no final response outside a dialog
	// Answered is the last response to an OPTIONS, or to another request outside a dialog but INVITE and REGISTER.
	Answered    wire.Time
	AnsweredRef wire.PacketRef
	answers     []wire.Time // the latest
	Pings       Silence     // OPTIONS without a response, since Answered
	ended       Silence     // the latest such run that an answer ended
	longest     Silence     // of those before it
	Calls       Silence     // calls, registrations and transactions with a request that had no response at all, ever
	Retried     int         // of these, with a request that was repeated
	Followed    int         // of these, gone on by the client as if it had been answered (ACK for a 2xx, requests in the dialog)
}

// Silence is a run of requests without a response.
type Silence struct {
	N           int
	First, Last wire.Time // when the first and the last of them were sent
	FirstRef    wire.PacketRef
	LastRef     wire.PacketRef
	Back        wire.Time // when an answer ended the run; 0 it has not
}

func (s *Silence) add(at wire.Time, ref wire.PacketRef) {
	if s.N == 0 || at < s.First {
		s.First, s.FirstRef = at, ref
	}
	if at >= s.Last {
		s.Last, s.LastRef = at, ref
	}
	s.N++
}

// Unanswered is a request that had no response at all when its call had ended.
type Unanswered struct {
	Client   netip.Addr
	Server   netip.AddrPort
	Time     wire.Time // when it was first sent
	Ref      wire.PacketRef
	Options  bool // an OPTIONS outside a dialog
	First    bool // nothing of its call came back this way, and no earlier request of it is noted
	Retried  bool
	Followed bool
}

// AddUnanswered notes a request without a response. It is told when the request's call ends: answers of later requests
// may be known already.
func (l *Ledger) AddUnanswered(u Unanswered) {
	w := l.way(u.Server, u.Client)
	if u.First {
		w.Calls.add(u.Time, u.Ref)
		if u.Retried {
			w.Retried++
		}
		if u.Followed {
			w.Followed++
		}
	}
	if u.Options {
		w.unanswered(u)
	}
}

// unanswered puts an OPTIONS into the run that it belongs to, by the first answer after it.
func (w *Way) unanswered(u Unanswered) {
	for _, back := range w.answers {
		if back <= u.Time {
			continue
		}
		if w.ended.Back != back {
			w.end(Silence{Back: back})
		}
		w.ended.add(u.Time, u.Ref)
		return
	}
	w.Pings.add(u.Time, u.Ref)
}

// end makes s the latest run that ended.
func (w *Way) end(s Silence) {
	if w.ended.N > w.longest.N {
		w.longest = w.ended
	}
	w.ended = s
}

// Outage is the longest run of OPTIONS without a response that an answer ended.
func (w *Way) Outage() Silence {
	if w.ended.N > w.longest.N {
		return w.ended
	}
	return w.longest
}

// AddHeard notes that something came back on the way from client to server.
func (l *Ledger) AddHeard(server netip.AddrPort, client netip.Addr) {
	l.way(server, client).Heard = true
}

// answeredOutside notes an answer that the tables of INVITEs and bindings do not hold.
func (l *Ledger) answeredOutside(f *Fact) {
	w := l.way(f.Server, f.From.Addr())
	if w.Pings.N > 0 && f.Time > w.Pings.Last {
		w.Pings.Back = f.Time
		w.end(w.Pings)
		w.Pings = Silence{}
	}
	w.answers = push(w.answers, f.Time, maxFacts)
	if f.Time > w.Answered {
		w.Answered, w.AnsweredRef = f.Time, f.Ref
	}
}

// AnsweredOutside returns when server last answered an OPTIONS of client, or another request outside a dialog but INVITE
// and REGISTER, between from and until, among the latest answers.
func (l *Ledger) AnsweredOutside(server netip.AddrPort, client netip.Addr, from, until wire.Time) (last wire.Time, ok bool) {
	w, known := l.ways.Peek(pairKey{server, client})
	if !known {
		return 0, false
	}
	for _, t := range w.answers {
		if t >= from && t <= until {
			last, ok = max(last, t), true
		}
	}
	return last, ok
}

func (l *Ledger) way(server netip.AddrPort, client netip.Addr) *Way {
	key := pairKey{server, client}
	w, ok := l.ways.Get(key)
	if !ok {
		w = &Way{Client: client, Server: server}
		l.ways.Add(key, w)
	}
	return w
}

// Ways yields what is known of ways as of the end, for rules about the capture as a whole, oldest use first.
func (l *Ledger) Ways() []*Way { return l.ways.Values() }

// Hosts is a direction between two hosts.
type Hosts struct{ From, To netip.Addr }

// Replies returns between which hosts a response is known to have gone, as of the end, and which hosts sent anything at
// all. complete is false when some of that may have been forgotten.
func (l *Ledger) Replies() (replies map[Hosts]bool, senders map[netip.Addr]bool, complete bool) {
	replies, senders = map[Hosts]bool{}, map[netip.Addr]bool{}
	for _, half := range [...]map[pairKey]*pair{l.pairs.young, l.pairs.old} {
		for k := range half {
			replies[Hosts{k.server.Addr(), k.host}] = true
		}
	}
	for _, w := range l.Ways() {
		if w.Answered != 0 || w.Heard {
			replies[Hosts{w.Server.Addr(), w.Client}] = true
		}
	}
	for _, half := range [...]map[netip.AddrPort]*socket{l.sockets.young, l.sockets.old} {
		for a := range half {
			senders[a.Addr()] = true
		}
	}
	return replies, senders, len(l.pairs.old) == 0 && len(l.sockets.old) == 0 && l.ways.Len() < maxEntries
}
