package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sipcause/internal/wire"
)

const (
	linkEthernet wire.LinkType = 1
	linkSLL      wire.LinkType = 113

	retireAfter = 50 * time.Millisecond  // a block that is not full is handed over then
	pollEvery   = 100 * time.Millisecond // the longest wait until ctx is looked at
	lookEvery   = time.Second            // between two looks at drops and the interface; pollEvery while it is away

	ringBytes = 32 << 20
	ringBlock = 1 << 20
	ringFrame = 2048 // the kernel only wants it to be there
	// maxRing bounds what is asked of the kernel for one source.
	maxRing = 1 << 30

	sllHeader  = 16
	vlanTag    = 4
	defaultTag = 0x8100
	// ringReserve is kept free before each packet for what is put before it: a cooked header and a VLAN tag.
	ringReserve = 32

	maxFanout = 64
	// maxNamed bounds the interfaces of "any" whose names are known.
	maxNamed = 1024
)

// packetSocket is a socket and its ring.
type packetSocket struct {
	fd    int
	index int // of the interface that it is bound to
	ring  []byte
	block int // bytes of each
	next  int // the block that is read next
}

// afpacket is one PACKET_MMAP ring of version 3 (Documentation/networking/packet_mmap.rst). All but State is for one
// goroutine.
type afpacket struct {
	iface  string
	title  string
	opt    AFPacketOptions
	source uint32
	cooked bool
	code   []unix.SockFilter
	group  *fanoutGroup // nil without fanout

	packetSocket
	poll   [1]unix.PollFd
	packet wire.Packet
	point  uint16
	points map[int32]uint16 // of "any", by interface index

	number  uint64
	looked  time.Time
	counted wire.Time // when drops were counted last

	packets, bytes, drops atomic.Uint64
	last                  atomic.Int64
	problem               atomic.Pointer[string]
}

// Name implements Live.
func (a *afpacket) Name() string { return a.title }

// State implements Live.
func (a *afpacket) State() LiveState {
	s := LiveState{Packets: a.packets.Load(), Bytes: a.bytes.Load(), Dropped: []Dropped{{Reason: "kernel", Count: a.drops.Load()}}}
	if at := a.last.Load(); at != 0 {
		s.Last = wire.Time(at).Std()
	}
	if p := a.problem.Load(); p != nil {
		s.Problem = *p
	}
	return s
}

// Run implements Live. When ctx ends it takes what is in the ring at that time.
func (a *afpacket) Run(ctx context.Context, packet func(p *wire.Packet), gap func(g wire.Gap)) error {
	defer a.release()
	var until time.Time // the end of the ring's last block
	for {
		at := time.Now()
		if ctx.Err() != nil {
			if until.IsZero() {
				until = at.Add(2 * retireAfter)
			}
			if at.After(until) {
				break
			}
		}
		every := lookEvery
		if a.problem.Load() != nil {
			every = pollEvery
		}
		if at.Sub(a.looked) >= every {
			a.looked = at
			if err := a.look(gap); err != nil {
				return fmt.Errorf("capture on %s: %w", a.iface, err)
			}
		}
		if !a.readBlock(packet) {
			a.wait(until)
		}
	}
	a.countDrops(gap)
	return nil
}

// wait returns when a block may be there, or after a time that is short enough.
func (a *afpacket) wait(until time.Time) {
	timeout := pollEvery
	if !until.IsZero() {
		timeout = min(timeout, max(time.Until(until), time.Millisecond))
	}
	a.poll[0] = unix.PollFd{Fd: int32(a.fd), Events: unix.POLLIN}
	n, err := unix.Poll(a.poll[:], int(timeout/time.Millisecond))
	if err == nil && n > 0 && a.poll[0].Revents&unix.POLLERR != 0 { // the interface went down
		_, _ = unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR) // takes the error away
		a.looked = time.Time{}
	}
}

// readBlock hands on the packets of the next block, if the kernel is done with it, and gives it back.
func (a *afpacket) readBlock(packet func(p *wire.Packet)) bool {
	if a.ring == nil {
		return false
	}
	b := a.ring[a.next*a.block : (a.next+1)*a.block]
	h := (*unix.TpacketHdrV1)(unsafe.Pointer(&(*unix.TpacketBlockDesc)(unsafe.Pointer(&b[0])).Hdr))
	if atomic.LoadUint32(&h.Block_status)&unix.TP_STATUS_USER == 0 {
		return false
	}
	var bytes uint64
	at := int(h.Offset_to_first_pkt)
	for range h.Num_pkts {
		f := (*unix.Tpacket3Hdr)(unsafe.Pointer(&b[at]))
		a.frame(b, at, f)
		bytes += uint64(len(a.packet.Data))
		next := int(f.Next_offset)
		packet(&a.packet)
		at += next
	}
	if n := uint64(h.Num_pkts); n > 0 {
		a.packets.Add(n)
		a.bytes.Add(bytes)
		a.last.Store(int64(a.packet.Time))
	}
	atomic.StoreUint32(&h.Block_status, unix.TP_STATUS_KERNEL)
	a.next = (a.next + 1) % (len(a.ring) / a.block)
	return true
}

// frame fills a.packet from the frame at an offset of block b. What the kernel took out of the packet or did not give is
// put before it: the VLAN tag, the cooked header (tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html).
func (a *afpacket) frame(b []byte, at int, f *unix.Tpacket3Hdr) {
	a.number++
	p := &a.packet
	p.Ref = wire.PacketRef{Source: a.source, Number: a.number}
	p.Time = wire.Time(f.Sec)*1e9 + wire.Time(f.Nsec)
	p.Link, p.Point, p.WireLen = linkEthernet, a.point, int(f.Len)
	start := at + int(f.Mac)
	end := start + int(f.Snaplen)
	tagged := f.Status&unix.TP_STATUS_VLAN_VALID != 0
	tpid := uint16(defaultTag)
	if f.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = f.Hv1.Vlan_tpid
	}
	switch {
	case a.cooked:
		from := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&b[at+unix.SizeofTpacket3Hdr]))
		if a.iface == AnyInterface {
			p.Point = a.pointOf(from.Ifindex)
		}
		proto := networkOrder(from.Protocol)
		if tagWithin(b[start:end], proto, p.WireLen) {
			proto = defaultTag
		}
		if tagged {
			start -= vlanTag
			p.WireLen += vlanTag
			binary.BigEndian.PutUint16(b[start:], uint16(f.Hv1.Vlan_tci))
			binary.BigEndian.PutUint16(b[start+2:], proto)
			proto = tpid
		}
		start -= sllHeader
		p.Link, p.WireLen = linkSLL, p.WireLen+sllHeader
		h, addr := b[start:start+sllHeader], from.Addr
		binary.BigEndian.PutUint16(h, uint16(from.Pkttype))
		binary.BigEndian.PutUint16(h[2:], from.Hatype)
		binary.BigEndian.PutUint16(h[4:], uint16(from.Halen))
		copy(h[6:14], addr[:])
		binary.BigEndian.PutUint16(h[14:], proto)
	case tagged && f.Snaplen >= 12:
		copy(b[start-vlanTag:], b[start:start+12])
		start -= vlanTag
		p.WireLen += vlanTag
		binary.BigEndian.PutUint16(b[start+12:], tpid)
		binary.BigEndian.PutUint16(b[start+14:], uint16(f.Hv1.Vlan_tci))
	}
	p.Data = b[start:end:end]
}

// tagWithin says whether a cooked packet begins with a VLAN tag that nothing tells of: Linux from 6.10 on names the
// protocol behind it. A tag ends in that protocol's number, and the packet of that version follows.
func tagWithin(b []byte, proto uint16, sent int) bool {
	if len(b) < 5 || binary.BigEndian.Uint16(b[2:]) != proto {
		return false
	}
	switch proto {
	case 0x0800:
		return b[4]>>4 == 4 && (b[0]>>4 != 4 || sent != 0x0800) // without a tag, that is IPv4's total length
	case 0x86dd:
		return b[4]>>4 == 6 // without, it has some 25000 bytes and an unlikely flow label
	}
	return false
}

// pointOf returns the capture point of an interface of "any".
func (a *afpacket) pointOf(index int32) uint16 {
	point, ok := a.points[index]
	if ok || a.opt.Points == nil {
		return point
	}
	name := AnyInterface
	req := struct {
		name  [unix.IFNAMSIZ]byte
		index int32
		_     [20]byte
	}{index: index}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(a.fd), unix.SIOCGIFNAME, uintptr(unsafe.Pointer(&req))); errno == 0 && len(a.points) < maxNamed {
		name = unix.ByteSliceToString(req.name[:])
	}
	point = a.opt.Points(name)
	if len(a.points) < maxNamed {
		if a.points == nil {
			a.points = map[int32]uint16{}
		}
		a.points[index] = point
	}
	return point
}

// look counts drops and sees to the interface: one that came back is bound again.
func (a *afpacket) look(gap func(g wire.Gap)) error {
	a.countDrops(gap)
	if a.iface == AnyInterface {
		return nil
	}
	index, up := 0, false
	if i, is, err := interfaceState(a.fd, a.iface); err == nil {
		index, up = i, is
	}
	if index != 0 && index != a.index {
		from := a.counted
		if err := a.reattach(index); err != nil {
			return err
		}
		if a.index == index {
			gap(wire.Gap{Kind: wire.GapDrops, Point: a.point, From: from, Until: now(), Where: a.title + ": the interface came back as another one"})
		}
	}
	switch {
	case index == 0:
		a.trouble("interface " + a.iface + " is gone")
	case index != a.index: // told by reattach
	case !up:
		a.trouble("interface " + a.iface + " is down")
	default:
		a.problem.Store(nil)
	}
	return nil
}

func (a *afpacket) trouble(words string) {
	if p := a.problem.Load(); p == nil || *p != words {
		a.problem.Store(&words)
	}
}

// reattach goes on with an interface of the same name. A member of a group cannot be bound again and needs a new socket,
// which takes CAP_NET_RAW anew.
func (a *afpacket) reattach(index int) error {
	if a.group == nil {
		if err := a.bind(index); err != nil {
			a.trouble(fmt.Sprintf("interface %s came back, but: %v", a.iface, err))
		}
		return nil
	}
	old := a.packetSocket
	a.packetSocket = packetSocket{fd: -1}
	err := a.attach(index)
	if err == nil {
		err = a.setFilter(a.code)
	}
	if err == nil {
		old.release()
		return nil
	}
	a.release()
	a.packetSocket = old
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("interface came back: %w", err)
	}
	a.trouble(fmt.Sprintf("interface %s came back, but: %v", a.iface, err))
	return nil
}

// countDrops hands on what the kernel dropped since the last time: it counts from 0 again.
func (a *afpacket) countDrops(gap func(g wire.Gap)) {
	if a.fd < 0 {
		return
	}
	s, err := unix.GetsockoptTpacketStatsV3(a.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	at := now()
	if err == nil && s.Drops > 0 {
		a.drops.Add(uint64(s.Drops))
		gap(wire.Gap{
			Kind: wire.GapDrops, Point: a.point, Ref: wire.PacketRef{Source: a.source, Number: a.number},
			From: a.counted, Until: at, Where: a.title, Lost: uint64(s.Drops),
		})
	}
	a.counted = at
}

func (s *packetSocket) release() {
	if s.ring != nil {
		_ = unix.Munmap(s.ring)
		s.ring = nil
	}
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

func now() wire.Time { return wire.Time(time.Now().UnixNano()) }
