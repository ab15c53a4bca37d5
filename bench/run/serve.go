package main

import (
	"errors"
	"fmt"
	"strings"
)

// The targets of the server, on two cores that it shares with the sender.
const (
	loadRate   = 40_000  // messages a second without a drop
	maxOnDisk  = 200     // bytes per message
	maxMemory  = 500     // MB
	pathRate   = 100_000 // without a store over UDP, nothing lost
	pathTCP    = 300_000 // without a store
	pathMemory = 67      // MB, queues and all: 64 MiB
)

// schemes are what HEP is sent over.
var schemes = []string{"tcp", "udp"}

// served measures the server: its load, its limits, its history, beside the floors of the same run. It returns which
// counts do not add up.
func (b *bench) served() (bad []string, err error) {
	for _, t := range []struct {
		name string
		path *string
	}{{"send", &b.sender}, {"recv", &b.receiver}, {"fill", &b.filler}, {"floor", &b.floor}} {
		if *t.path, err = b.tool(t.name); err != nil {
			return nil, err
		}
	}
	fastest, err := b.floors()
	if err != nil {
		return nil, err
	}
	p, err := b.receivePath()
	if err != nil {
		return nil, err
	}
	bad = append(bad, p.bad...)
	list := []target{
		{fmt.Sprintf("receive path: lost of UDP at %d/s", pathRate), p.udpLost, 0, "messages", false},
		{"receive path: UDP sent", p.udpRate, (1 - maxShort) * pathRate, "messages/s", true},
		{"receive path: resident at most", p.peak, pathMemory, "MB", false},
		{"receive path: TCP", p.tcpRate, pathTCP, "messages/s", true},
	}
	for _, scheme := range schemes {
		l, err := b.load(scheme, b.rate, b.large)
		if err != nil {
			return nil, err
		}
		l.print()
		rate, unbalanced, err := b.climb(scheme, fastest[scheme])
		if err != nil {
			return nil, err
		}
		bad = append(append(bad, l.imbalance()...), unbalanced...)
		list = append(list,
			target{scheme + ": dropped at " + fmt.Sprint(b.rate) + " messages/s", float64(l.lost()), 0, "", false},
			target{scheme + ": received", l.sending.rate(), (1 - maxShort) * float64(b.rate), "messages/s", true},
			target{scheme + ": highest rate without a drop", float64(rate), loadRate, "messages/s", true},
			target{scheme + ": on disk", l.perMessage(), maxOnDisk, "bytes per message", false},
			target{scheme + ": resident at most", l.usage.peak, maxMemory, "MB", false})
	}
	answers, err := b.history()
	if err != nil {
		return nil, err
	}
	for i := range answers {
		a := &answers[i]
		list = append(list, target{a.what + ", p95", a.at(0.95), a.limit, "ms", false})
	}
	fmt.Printf("\ntargets of the server, for two cores shared with the sender, %d messages sent, %d stored\n", b.large, b.stored)
	printTargets(list)
	return bad, nil
}

// addUp makes an error of counts that do not.
func addUp(bad []string) error {
	if len(bad) == 0 {
		return nil
	}
	return errors.New("counts do not add up:\n  " + strings.Join(bad, "\n  "))
}
