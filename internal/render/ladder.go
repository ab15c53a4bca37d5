package render

import (
	"net/netip"
	"slices"
	"strconv"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// ladder is a call drawn as who sent what to whom: columns are elements, rows are messages and events.
type ladder struct {
	elements []element
	rows     []row
	start    wire.Time
	dups     int // duplicates of the capture, not drawn
	cut      int // rows beyond the limit
}

// element is one device: an address, or a socket where devices share an address (loopback).
type element struct {
	addr  netip.Addr
	port  uint16 // 0: all ports of addr
	ports []uint16
}

// name returns the address, with the port where that tells elements apart.
func (e *element) name() string {
	if e.port != 0 {
		return netip.AddrPortFrom(e.addr, e.port).String()
	}
	return e.addr.String()
}

// row is one message or event between two columns.
type row struct {
	time     wire.Time
	ref      wire.PacketRef
	src, dst int // columns
	status   int // 0 = request
	label    string
	repeat   call.Repeat
	more     int       // retransmissions that follow without anything between, folded into this row
	until    wire.Time // when the last of them was sent
	deciding bool
	event    bool
	msg      call.MsgRef // NoMsg for an event
}

const maxLadderRows = 400 // rows of one ladder; a leg's messages are capped before, at more than anyone reads

// newLadder draws c. No row is without its two columns.
func newLadder(c *call.Call, limit int) *ladder {
	l := &ladder{start: c.Began}
	refs := appendMessages(nil, c)
	events := eventsOf(c)
	split := sharedAddresses(c)
	deciding := decidingMessage(c)
	for _, m := range refs {
		for len(events) > 0 && events[0].Time < m.time {
			l.event(c, &events[0], split)
			events = events[1:]
		}
		leg := c.Legs[m.Leg]
		s := &leg.Sightings[m.Msg]
		if s.Repeat == call.Duplicate {
			l.dups++
			continue
		}
		f := leg.FlowOf(s)
		l.add(row{
			time: s.Time, ref: s.Ref, src: l.column(f.Src, split), dst: l.column(f.Dst, split), status: int(s.Status),
			label: shortLabel(c, m.MsgRef), repeat: s.Repeat, deciding: m.MsgRef == deciding, msg: m.MsgRef,
		}, c, limit)
	}
	for i := range events {
		l.event(c, &events[i], split)
	}
	return l
}

// add appends a row, or folds it into the one before when both repeat the same message.
func (l *ladder) add(r row, c *call.Call, limit int) {
	if n := len(l.rows); n > 0 && r.repeat == call.Retransmission {
		p := &l.rows[n-1]
		if p.repeat == call.Retransmission && !p.event && p.msg.Leg == r.msg.Leg && c.Sighting(p.msg).Of == c.Sighting(r.msg).Of {
			p.more++
			p.until = r.time
			return
		}
	}
	if len(l.rows) >= limit && !r.deciding {
		l.cut++
		return
	}
	l.rows = append(l.rows, r)
}

// eventWords are what a ladder calls an event. A forward one is drawn from the sender whose packet it is about,
// the others from whoever reported it.
var eventWords = map[wire.EventKind]struct {
	words   string
	forward bool
}{
	wire.EventICMP: {"ICMP", false}, wire.EventICMPTooBig: {"ICMP", false},
	wire.EventTCPReset: {"TCP reset", false}, wire.EventTCPRefused: {"TCP refused", false},
	wire.EventSYNTimeout: {"TCP SYN unanswered", true}, wire.EventTCPClosed: {"TCP closed", true},
	wire.EventTLSHello: {"TLS hello", true}, wire.EventTLSCert: {"TLS certificate", false}, wire.EventTLSAlert: {"TLS alert", false},
	wire.EventTLSClientCert: {"TLS client certificate", true}, wire.EventTLSResumed: {"TLS session resumed", false},
	wire.EventFragLost: {"fragments lost", true},
}

func (l *ladder) event(c *call.Call, e *call.Event, split map[netip.Addr]bool) {
	w, known := eventWords[e.Kind]
	if !known {
		w.words = e.Kind.String()
	}
	src, dst := e.Flow.Dst, e.Flow.Src
	if w.forward || e.From == e.Flow.Src.Addr() {
		src, dst = dst, src
	}
	label := w.words
	if e.Detail != "" {
		label += " " + e.Detail
	}
	if !w.forward && e.From.IsValid() && e.From != src.Addr() {
		label += " (from " + e.From.String() + ")"
	}
	l.add(row{time: e.Time, ref: e.Ref, src: l.column(src, split), dst: l.column(dst, split), label: label, event: true, msg: call.NoMsg}, c, maxLadderRows)
}

// column returns the column of a socket and makes it when it is new.
func (l *ladder) column(a netip.AddrPort, split map[netip.Addr]bool) int {
	want := element{addr: a.Addr()}
	if split[a.Addr()] {
		want.port = a.Port()
	}
	for i := range l.elements {
		if e := &l.elements[i]; e.addr == want.addr && e.port == want.port {
			if !slices.Contains(e.ports, a.Port()) {
				e.ports = append(e.ports, a.Port())
			}
			return i
		}
	}
	want.ports = []uint16{a.Port()}
	l.elements = append(l.elements, want)
	return len(l.elements) - 1
}

// sharedAddresses returns the addresses that send to themselves: several elements live there, told apart by port.
func sharedAddresses(c *call.Call) map[netip.Addr]bool {
	shared := map[netip.Addr]bool{}
	for _, l := range c.Legs {
		for _, f := range l.Flows {
			if f.Src.Addr() == f.Dst.Addr() {
				shared[f.Src.Addr()] = true
			}
		}
	}
	return shared
}

// decidingMessage returns the response that decided, as it left its origin; NoMsg when there is none.
func decidingMessage(c *call.Call) call.MsgRef {
	if c.Origin != nil {
		return c.Origin.Msg
	}
	return c.Final
}

// eventsOf returns the events of all legs in order of time.
func eventsOf(c *call.Call) []call.Event {
	var all []call.Event
	for _, l := range c.Legs {
		all = append(all, l.Events...)
	}
	slices.SortStableFunc(all, func(a, b call.Event) int {
		switch {
		case a.Time < b.Time, a.Time == b.Time && a.Ref.Less(b.Ref):
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	return all
}

// shortLabel returns a method, or a code with its phrase.
func shortLabel(c *call.Call, r call.MsgRef) string {
	l := c.Legs[r.Leg]
	s := &l.Sightings[r.Msg]
	line := call.Clean(startLine(l.Raw(r.Msg)))
	if !s.IsRequest() {
		if line == "" {
			line = strconv.Itoa(int(s.Status))
		}
		if s.Method != sip.MethodInvite && s.Method != sip.MethodUnknown && len(l.Txns) > 1 {
			line += " " + s.Method.String() // whose answer it is, where more than one waits for theirs
		}
		if s.HasSDP {
			line += " sdp"
		}
		return line
	}
	name := methodName(l, &call.Txn{Method: s.Method, Request: r.Msg})
	if s.HasSDP {
		name += " sdp"
	}
	if s.HasAuth {
		name += " auth"
	}
	return name
}
