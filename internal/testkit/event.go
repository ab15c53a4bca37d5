package testkit

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// icmpKind is an error by its numbers in both versions (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3).
type icmpKind struct {
	name        string
	typ4, code4 uint8
	words4      string
	typ6, code6 uint8
	words6      string
	mtu         uint16
}

var icmpKinds = []icmpKind{
	{name: "port-unreachable", typ4: 3, code4: 3, words4: "port unreachable", typ6: 1, code6: 4, words6: "port unreachable"},
	{name: "host-unreachable", typ4: 3, code4: 1, words4: "host unreachable", typ6: 1, code6: 3, words6: "address unreachable"},
	{name: "net-unreachable", typ4: 3, code4: 0, words4: "network unreachable", typ6: 1, code6: 0, words6: "no route to destination"},
	{name: "admin-prohibited", typ4: 3, code4: 13, words4: "communication administratively prohibited", typ6: 1, code6: 1, words6: "communication with destination administratively prohibited"},
	{name: "ttl-exceeded", typ4: 11, code4: 0, words4: "time exceeded in transit", typ6: 3, code6: 0, words6: "hop limit exceeded in transit"},
	{name: "too-big", typ4: 3, code4: 4, words4: "fragmentation needed, MTU 1280", typ6: 2, code6: 0, words6: "packet too big, MTU 1280", mtu: 1280},
}

// eventLine reads the lines that are no message: gap, icmp, rst, fin, syn, refuse, rtp, rtcp.
func (p *parser) eventLine(st *stmt, w []word) error {
	name := w[0].text
	w = w[1:]
	for _, t := range w {
		st.args = append(st.args, t.text)
	}
	switch name {
	case "gap":
		st.kind = stmtGap
		return nil
	case "icmp":
		st.kind = stmtICMP
		return nil
	case "rtp", "rtcp":
		st.kind = stmtRTP
		st.method = name
	default:
		st.kind = stmtTCP
		st.method = name
	}
	if len(w) == 0 {
		return fmt.Errorf("%s: want two elements: %s alice > proxy", name, name)
	}
	rest, err := p.ends(st, w)
	st.args = nil
	for _, t := range rest {
		st.args = append(st.args, t.text)
	}
	return err
}

// event plays such a line.
func (s *player) event(st *stmt) error {
	switch st.kind {
	case stmtGap:
		return s.gap(st)
	case stmtICMP:
		return s.icmpLine(st)
	case stmtRTP:
		return s.mediaLine(st)
	}
	return s.tcpLine(st)
}

// gap reads "gap 500ms [lost=N] [kind] [a>b]": so much time in which packets were lost, everywhere or on one flow. The
// clock moves on by it.
func (s *player) gap(st *stmt) error {
	g := wire.Gap{Kind: wire.GapDrops, Where: s.name}
	for i, a := range st.args {
		k, v, valued := strings.Cut(a, "=")
		switch {
		case i == 0:
			d, err := time.ParseDuration(a)
			if err != nil || d <= 0 {
				return fmt.Errorf("gap %s: want a duration", a)
			}
			g.From = base.Add(s.now)
			s.now += d
			g.Until = base.Add(s.now)
		case valued && k == "lost":
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				return fmt.Errorf("gap: lost=%s: want a number", v)
			}
			g.Lost = n
		case strings.Contains(a, ">"):
			src, dst, _ := strings.Cut(a, ">")
			x, y := s.elements[src], s.elements[dst]
			if x == nil || y == nil {
				return fmt.Errorf("gap: %s: want two elements of the flow", a)
			}
			g.Flow = wire.Flow{Transport: wire.UDP, Src: x.addr, Dst: y.addr}
			g.Where = x.addr.String() + " -> " + y.addr.String()
		default:
			kind, ok := gapKind(a)
			if !ok {
				return fmt.Errorf("gap: %q: want lost=N or a kind such as %s", a, wire.GapDrops)
			}
			g.Kind = kind
		}
	}
	if g.Until == 0 {
		return fmt.Errorf("gap: want a duration: gap 500ms")
	}
	s.out = append(s.out, emission{at: s.now, kind: emitGap, gap: &g})
	return nil
}

func gapKind(name string) (wire.GapKind, bool) {
	for k := wire.GapTruncated; k <= wire.GapPanic; k++ {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}

// icmpLine reads "icmp KIND from ELEMENT|ADDRESS for last|SRC>DST".
func (s *player) icmpLine(st *stmt) error {
	a := st.args
	if len(a) < 5 || a[1] != "from" || a[3] != "for" {
		return fmt.Errorf("icmp: want: icmp port-unreachable from bob for last")
	}
	i := slices.IndexFunc(icmpKinds, func(k icmpKind) bool { return k.name == a[0] })
	if i < 0 {
		var names []string
		for _, k := range icmpKinds {
			names = append(names, k.name)
		}
		return fmt.Errorf("icmp %s: not known: want one of %s", a[0], strings.Join(names, " "))
	}
	var from netip.Addr
	if e, ok := s.elements[a[2]]; ok {
		from = e.addr.Addr()
	} else if addr, err := netip.ParseAddr(a[2]); err == nil && addr.Zone() == "" {
		from = addr.Unmap()
	} else {
		return fmt.Errorf("icmp: from %q: want an element of the flow or an address", a[2])
	}
	target := strings.Join(a[4:], "")
	for _, l := range slices.Backward(s.log) {
		if target != "last" && target != l.st.src.name+">"+l.st.dst.name {
			continue
		}
		if err := oneFamily(from, l.emit.flow.Src.Addr()); err != nil {
			return fmt.Errorf("icmp: %w", err)
		}
		s.out = append(s.out, emission{at: s.now, kind: emitICMP, flow: l.emit.flow, data: l.emit.data, ipid: l.emit.ipid, icmp: icmpKinds[i], from: from})
		return nil
	}
	return fmt.Errorf("icmp: for %q: no such message was sent: want last or alice>proxy", target)
}

// tcpLine reads "rst a > b", "fin a > b", "syn a > b [n]" (n SYNs without an answer, 4 unless told) and "refuse a > b" (a SYN of a, a RST of b).
func (s *player) tcpLine(st *stmt) error {
	e := emission{at: s.now}
	e.flow.Transport = wire.TCP
	k := pairOf(st.src, st.dst)
	switch st.method {
	case "rst", "fin":
		if len(st.args) > 0 {
			return fmt.Errorf("%s: %q: nothing more is wanted", st.method, st.args[0])
		}
		e.conn = s.conns[k]
		if e.conn == nil || !s.tcp[k] {
			return fmt.Errorf("%s: %s and %s have no TCP connection", st.method, st.src.name, st.dst.name)
		}
		e.kind = emitRST
		e.flow.Src, e.flow.Dst = s.addrs(st)
		if st.method == "fin" {
			e.kind = emitFIN
		}
		delete(s.conns, k)
		s.out = append(s.out, e)
		return nil
	}
	n := 1
	e.kind = emitSYNRefused
	if st.method == "syn" {
		n, e.kind = 4, emitSYN
		if len(st.args) > 0 {
			var err error
			if n, err = strconv.Atoi(st.args[0]); err != nil || n < 1 || n > 7 {
				return fmt.Errorf("syn: %q: want how many, 1 to 7", st.args[0])
			}
		}
	}
	s.tcp[k] = true
	delete(s.conns, k)
	e.conn = s.conn(st.src, st.dst)
	delete(s.conns, k)
	e.flow.Src, e.flow.Dst = e.conn.client, e.conn.server
	wait := time.Second // RFC 6298 §2.1
	for i := range n {
		s.out = append(s.out, e)
		e.at += wait << i
	}
	return nil
}
