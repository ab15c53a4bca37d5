package peer

import (
	"net/netip"
	"time"

	"sipcause/internal/wire"
)

// maxLost bounds the lost dialogs kept of one server: further ones are not kept, unless the first of them are of another
// trouble, longer ago than lostTogether.
const (
	maxLost      = 32
	lostTogether = time.Hour
)

// Lost is a dialog that a server had confirmed and later denied with 481.
type Lost struct {
	Time      wire.Time // of the 481
	Confirmed wire.Time // of its 2xx
	Ref       wire.PacketRef
	CallID    string
}

// AddLost notes that server denied a dialog of its own.
func (l *Ledger) AddLost(server netip.AddrPort, d Lost) {
	list, _ := l.lost.Get(server)
	if len(list) == maxLost && d.Time.Sub(list[0].Time) > lostTogether {
		list = list[1:]
	}
	if len(list) < maxLost {
		l.lost.Add(server, append(list, d))
	}
}

// LostDialogs yields the servers that denied dialogs of their own, with those in order of time, as of the end.
func (l *Ledger) LostDialogs(yield func(netip.AddrPort, []Lost) bool) {
	for _, server := range l.lost.Keys() {
		list, _ := l.lost.Peek(server)
		if !yield(server, list) {
			return
		}
	}
}
