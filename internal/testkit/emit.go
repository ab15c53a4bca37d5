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

// emission is one thing that a line puts on the wire.
type emission struct {
	at       time.Duration
	kind     emitKind
	flow     wire.Flow
	data     []byte
	ipid     uint16
	unseen   bool // happens, but is not captured
	snap     int  // capture only so much of the packet; 0 = all
	loseFrag int  // the fragment that is lost, from 1
	conn     *conn
	icmp     icmpKind
	from     netip.Addr // of an ICMP error
	media    wire.Media
	gap      *wire.Gap
}

type emitKind uint8

const (
	emitMessage emitKind = iota
	emitICMP
	emitSYN // without answer
	emitSYNRefused
	emitRST
	emitFIN
	emitRTP
	emitGap
)

// conn is a TCP connection between two elements.
type conn struct {
	client, server netip.AddrPort
	opened         bool
	seq            [2]uint32 // next of client and server
}

// addrs returns where a line's message really comes from and goes to.
func (s *player) addrs(st *stmt) (src, dst netip.AddrPort) {
	src, dst = st.src.addr, st.dst.addr
	if c := s.conn(st.src, st.dst); c != nil {
		src, dst = c.client, c.server
		if src.Addr() != st.src.addr.Addr() {
			src, dst = dst, src
		}
	}
	return src, dst
}

// conn returns the connection of a pair that uses TCP, opened by a if there is none.
func (s *player) conn(a, b *element) *conn {
	k := pairOf(a, b)
	if !s.tcp[k] {
		return nil
	}
	c := s.conns[k]
	if c == nil {
		s.ports++
		c = &conn{client: netip.AddrPortFrom(a.addr.Addr(), 40000+uint16(s.ports)), server: b.addr}
		c.seq = [2]uint32{uint32(1000 * s.ports), uint32(500000 * s.ports)}
		s.conns[k] = c
	}
	return c
}

// emit puts a message on the wire, and its retransmissions when the line asks for them.
func (s *player) emit(st *stmt, data []byte, hash string) error {
	e := emission{at: s.now, data: data, unseen: st.has("unseen"), conn: s.conn(st.src, st.dst)}
	e.flow.Transport = wire.UDP
	e.flow.Src, e.flow.Dst = s.addrs(st)
	if e.conn != nil {
		e.flow.Transport = wire.TCP
		if e.unseen || st.has("dup") || st.has("src") || st.has("dst") || st.has("snap") || st.has("losefrag") {
			return fmt.Errorf("unseen, dup, src, dst, snap and losefrag are for UDP only")
		}
	}
	for k, a := range map[string]*netip.AddrPort{"src": &e.flow.Src, "dst": &e.flow.Dst} {
		if v, ok := st.opts[k]; ok {
			addr, err := parseAddr(v)
			if err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
			*a = addr
		}
	}
	if err := oneFamily(e.flow.Src.Addr(), e.flow.Dst.Addr()); err != nil {
		return err
	}
	for k, n := range map[string]*int{"snap": &e.snap, "losefrag": &e.loseFrag} {
		if v, ok := st.opts[k]; ok {
			i, err := strconv.Atoi(v)
			if err != nil || i < 1 {
				return fmt.Errorf("%s=%s: want a number from 1", k, v)
			}
			*n = i
		}
	}
	e.ipid = s.nextIPID(e.flow.Src.Addr())
	s.log = append(s.log, sent{st, hash, e})
	s.out = append(s.out, e)
	if v := st.opts["resend"]; v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 20 {
			return fmt.Errorf("resend=%s: want 1 to 20", v)
		}
		s.retransmit(e, n, st.method == "INVITE" && st.code == 0)
	}
	return nil
}

// retransmit repeats a message as Timer A, E or G does (RFC 3261 §17): after T1 = 500 ms, then twice as long
// each time, but for INVITE requests never more than T2 = 4 s.
func (s *player) retransmit(e emission, n int, invite bool) {
	wait := 500 * time.Millisecond
	for range n {
		e.at += wait
		e.ipid = s.nextIPID(e.flow.Src.Addr())
		s.out = append(s.out, e)
		if wait *= 2; !invite {
			wait = min(wait, 4*time.Second)
		}
	}
}

func (s *player) nextIPID(a netip.Addr) uint16 {
	if a.Is6() {
		return 0
	}
	s.ipid[a]++
	return s.ipid[a]
}

// again sends, or captures, the last message of a line's kind once more.
func (s *player) again(st *stmt) error {
	kind := st.method
	if st.code != 0 {
		kind = itoa(st.code)
	}
	for _, l := range slices.Backward(s.log) {
		if l.st.src != st.src || l.st.dst != st.dst || !strings.HasPrefix(l.hash, kind+" ") {
			continue
		}
		if k := st.opts["callid"]; k != "" && l.hash != kind+" "+k {
			continue
		}
		e := l.emit
		e.at, e.unseen = s.now, st.has("unseen")
		if !st.has("dup") {
			e.ipid = s.nextIPID(e.flow.Src.Addr())
		}
		s.log = append(s.log, sent{l.st, l.hash, e})
		s.out = append(s.out, e)
		return nil
	}
	return fmt.Errorf("%s: %s has not sent %s one before", kind, st.src.name, st.dst.name)
}
