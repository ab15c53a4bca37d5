package capture

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// HEPOptions say what a HEP source takes. Zero: what everyone sends.
type HEPOptions struct {
	Allow    []netip.Prefix // senders; none: all
	Key      string         // that packets must show; "": none is asked for, and one shown is ignored
	Rate     int            // packets a second taken of one address; 0: any number
	CertFile string         // of tls: certificate chain and key, PEM; read again when the files change
	KeyFile  string
	MaxConns int           // connections at a time, of tcp and tls: 1024
	Idle     time.Duration // after which a silent connection is closed: 10 minutes
	Buffer   int           // of udp: receive buffer of the socket, bytes, as far as the kernel allows: 32 MiB
	Source   uint32        // of the packets' references
	Point    uint16        // of the packets; agents that name themselves are told apart by decode
}

const (
	maxHEPSenders  = 8192      // addresses whose rate is known
	maxHEPJunk     = 256 << 10 // bytes of one connection that are no HEP before it is closed
	hepPacketBytes = 64 << 10  // no packet is longer: its length has 16 bits
)

func (o HEPOptions) withDefaults() HEPOptions {
	if o.MaxConns <= 0 {
		o.MaxConns = 1024
	}
	if o.Idle <= 0 {
		o.Idle = 10 * time.Minute
	}
	if o.Buffer <= 0 {
		o.Buffer = 32 << 20
	}
	return o
}

// refusal is why something was not taken.
type refusal uint8

const (
	refusedKernel refusal = iota
	refusedAddress
	refusedKey
	refusedRate
	refusedNoHEP
	refusedConns
	refusedTLS
	refusedKinds
	notRefused = refusedKinds
)

// refusalNames are what State calls them; of conns and tls connections are counted, else packets.
var refusalNames = [refusedKinds]string{"kernel", "address", "key", "rate", "not-hep", "connections", "tls"}

// hepSource receives HEP on one socket.
type hepSource struct {
	name string
	opt  HEPOptions
	udp  *net.UDPConn
	tcp  net.Listener
	tls  *tls.Config

	buffer int // of udp: bytes that the kernel gave

	mu     sync.Mutex // held while packet or gap is called; guards what follows
	packet func(p *wire.Packet)
	gap    func(g wire.Gap)
	next   wire.Packet
	rates  *simplelru.LRU[netip.Addr, *bucket]
	over   overRate

	packets, bytes atomic.Uint64
	refused        [refusedKinds]atomic.Uint64
	refusedMu      sync.Mutex // guards what follows
	refusedLast    [refusedKinds]netip.Addr
	last           atomic.Int64
	problem        atomic.Pointer[string]
}

// OpenHEP listens for HEP at udp://host:port (versions 1 to 3), tcp://host:port or tls://host:port (version 3); the
// port is 9060 where none is named, of tls 9061.
func OpenHEP(spec string, opt HEPOptions) (Live, error) {
	scheme, addr, err := hep.Address(spec)
	if err != nil {
		return nil, err
	}
	s := &hepSource{name: "hep " + scheme + "://" + addr, opt: opt.withDefaults()}
	if s.rates, err = simplelru.NewLRU[netip.Addr, *bucket](maxHEPSenders, nil); err != nil {
		return nil, err
	}
	if scheme == "tls" {
		if s.tls, err = serverTLS(opt.CertFile, opt.KeyFile); err != nil {
			return nil, fmt.Errorf("open %s: %w", s.name, err)
		}
	}
	if scheme == "udp" {
		err = s.listenUDP(addr)
	} else {
		s.tcp, err = net.Listen("tcp", addr)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: another program receives there, perhaps another server; name another address, or receive no HEP with --hep off", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.name, err)
	}
	return s, nil
}

// Name is "hep udp://127.0.0.1:9060".
func (s *hepSource) Name() string { return s.name }

// Addr returns where the source listens: the port is known where 0 was asked for.
func (s *hepSource) Addr() net.Addr {
	if s.udp != nil {
		return s.udp.LocalAddr()
	}
	return s.tcp.Addr()
}

// State returns what was taken and refused so far.
func (s *hepSource) State() LiveState {
	st := LiveState{Packets: s.packets.Load(), Bytes: s.bytes.Load()}
	for i, name := range refusalNames {
		st.Dropped = append(st.Dropped, Dropped{Reason: name, Count: s.refused[i].Load()})
	}
	s.refusedMu.Lock()
	for i, a := range s.refusedLast {
		if a.IsValid() {
			st.Dropped[i].Last = "from " + a.String()
		}
	}
	s.refusedMu.Unlock()
	if at := s.last.Load(); at != 0 {
		st.Last = time.Unix(0, at)
	}
	if p := s.problem.Load(); p != nil {
		st.Problem = *p
	}
	return st
}

// Run receives until ctx ends. Packets carry the time of receipt.
func (s *hepSource) Run(ctx context.Context, packet func(p *wire.Packet), gap func(g wire.Gap)) error {
	s.packet, s.gap = packet, gap
	s.next = wire.Packet{Ref: wire.PacketRef{Source: s.opt.Source}, Point: s.opt.Point, Link: wire.LinkHEP}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var told sync.WaitGroup
	told.Go(func() { s.tell(ctx) })
	err := s.receive(ctx)
	stop()
	told.Wait()
	if s.udp != nil {
		s.udp.Close() // not before: the kernel counts what it drops until then
	}
	return err
}

func (s *hepSource) receive(ctx context.Context) error {
	if s.udp != nil {
		return s.readUDP(ctx)
	}
	return s.accept(ctx)
}

// tellEvery is how often drops are looked for and told.
const tellEvery = 200 * time.Millisecond

// tell hands on gaps for what the kernel dropped and for what was over the rate.
func (s *hepSource) tell(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	from, before := time.Now(), uint32(0)
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
		}
		now, lost := time.Now(), uint64(0)
		if s.udp != nil {
			if drops, ok := kernelDrops(s.udp); ok {
				lost = uint64(drops - before) // wraps as the kernel's does
				before = drops
			}
		}
		s.mu.Lock()
		g := wire.Gap{Point: s.opt.Point, Ref: s.next.Ref, From: wire.Time(from.UnixNano()), Until: wire.Time(now.UnixNano()), Where: s.name}
		if lost > 0 {
			s.refused[refusedKernel].Add(lost)
			g.Kind, g.Lost = wire.GapDrops, lost
			s.gap(g)
		}
		if s.over.lost > 0 {
			g.Kind, g.Lost, g.Where = wire.GapQueue, s.over.lost, s.name+": over the rate, "+s.over.first.String()+" first"
			s.gap(g)
			s.over = overRate{}
		}
		s.mu.Unlock()
		from = now
	}
}

// sender is who packets come from.
type sender struct {
	addr netip.Addr
	id   uint32
}

func senderOf(a net.Addr) sender {
	var addr netip.Addr
	switch a := a.(type) {
	case *net.UDPAddr:
		addr = a.AddrPort().Addr().Unmap()
	case *net.TCPAddr:
		addr = a.AddrPort().Addr().Unmap()
	}
	b := addr.As16()
	return sender{addr.WithZone(""), crc32.ChecksumIEEE(b[:])}
}

// allowed says whether packets of a are wanted at all.
func (s *hepSource) allowed(a netip.Addr) bool {
	return len(s.opt.Allow) == 0 || slices.ContainsFunc(s.opt.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// take hands on one packet that came at now. s.mu is held.
func (s *hepSource) take(from sender, b []byte, now wire.Time) {
	if why := s.judge(from, b, now); why != notRefused {
		s.refuse(why, from)
		return
	}
	p := &s.next
	p.Ref.Number++
	p.Time, p.Sender, p.WireLen, p.Data = now, from.id, len(b), b
	s.packets.Add(1)
	s.bytes.Add(uint64(len(b)))
	s.last.Store(int64(now))
	s.packet(p)
}

// refuse counts what was not taken of a sender.
func (s *hepSource) refuse(why refusal, from sender) {
	s.refused[why].Add(1)
	s.refusedMu.Lock()
	s.refusedLast[why] = from.addr
	s.refusedMu.Unlock()
}

// judge says whether b is taken, and why not. The sender is allowed.
func (s *hepSource) judge(from sender, b []byte, now wire.Time) refusal {
	switch {
	case len(b) < hep.HeaderLen || b[0] != 1 && b[0] != 2 && string(b[:len(hep.Magic)]) != hep.Magic:
		return refusedNoHEP
	case s.opt.Key != "" && subtle.ConstantTimeCompare(hep.Key(b), []byte(s.opt.Key)) == 0:
		return refusedKey
	case s.opt.Rate > 0 && !s.within(from.addr, now):
		return refusedRate
	}
	return notRefused
}

// overRate is what was refused of those who send too much, since it was told last.
type overRate struct {
	lost  uint64
	first netip.Addr
}

// bucket is filled with the packets that an address may still send (a token bucket of one second).
type bucket struct {
	tokens float64
	at     wire.Time
}

// within takes a packet out of the bucket of a; false when it is empty. A new address has a full one.
func (s *hepSource) within(a netip.Addr, now wire.Time) bool {
	full := float64(s.opt.Rate)
	k, ok := s.rates.Get(a)
	if !ok {
		k = &bucket{tokens: full, at: now}
		s.rates.Add(a, k)
	}
	k.tokens = min(full, k.tokens+max(0, now.Sub(k.at).Seconds())*full)
	k.at = now
	if k.tokens < 1 {
		if s.over.lost++; s.over.lost == 1 {
			s.over.first = a
		}
		return false
	}
	k.tokens--
	return true
}

func (s *hepSource) trouble(err error) {
	if err == nil {
		s.problem.Store(nil)
		return
	}
	text := err.Error()
	s.problem.Store(&text)
}

// ended says whether err is what reading a closed socket gives.
func ended(err error) bool { return errors.Is(err, net.ErrClosed) }
