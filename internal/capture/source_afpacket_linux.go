package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
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

	fd     int
	index  int // of the interface that fd is bound to
	ring   []byte
	block  int // bytes of each
	next   int // the block that is read next
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

// fanoutGroup is what the members of one interface share.
type fanoutGroup struct {
	mu    sync.Mutex
	made  bool
	index int // of the interface that id is of
	id    int // may be 0
}

// OpenAFPacket begins to capture on an interface, AnyInterface for all. It takes CAP_NET_RAW, running it does not. The
// sources, one without Fanout, each need a decoder. Run releases what a source holds, even with a ctx that has ended.
func OpenAFPacket(iface string, opt AFPacketOptions) ([]Live, error) {
	members, err := openMembers(iface, opt)
	if err != nil {
		for _, a := range members {
			a.release()
		}
		return nil, fmt.Errorf("capture on %s: %w", iface, err)
	}
	list := make([]Live, len(members))
	for i, a := range members {
		list[i] = a
	}
	return list, nil
}

func openMembers(iface string, opt AFPacketOptions) (members []*afpacket, err error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	index, cooked, err := lookUp(iface)
	if err != nil {
		return nil, err
	}
	code, err := opt.Filter.program(cooked, opt.Snap)
	if err != nil {
		return nil, err
	}
	filter, err := assemble(skipLoop(code))
	if err != nil {
		return nil, err
	}
	var group *fanoutGroup
	if opt.Fanout > 1 {
		group = &fanoutGroup{}
	}
	for i := range opt.Fanout {
		a := &afpacket{iface: iface, title: "af_packet " + iface, opt: opt, source: opt.Source + uint32(i), cooked: cooked, code: filter, group: group, fd: -1}
		if i > 0 {
			a.title += fmt.Sprintf(" #%d", i+1)
		}
		if opt.Points != nil && iface != AnyInterface {
			a.point = opt.Points(iface)
		}
		members = append(members, a)
		if err := a.attach(index); err != nil {
			return members, err
		}
	}
	for _, a := range members { // now that each packet goes to one of them
		if err := a.setFilter(a.code); err != nil {
			return members, err
		}
	}
	return members, nil
}

// complete puts the defaults in and checks the rest.
func (o *AFPacketOptions) complete() error {
	if o.Snap == 0 {
		o.Snap = maxCaptured
	}
	if o.Ring == 0 {
		o.Ring = ringBytes
	}
	o.Fanout = max(o.Fanout, 1)
	page := os.Getpagesize()
	switch {
	case o.Snap < 64 || o.Snap > maxCaptured:
		return fmt.Errorf("snap length %d is not within 64 and %d bytes", o.Snap, maxCaptured)
	case o.Ring < 4*page || o.Ring > maxRing:
		return fmt.Errorf("ring of %d bytes is not within %d and %d", o.Ring, 4*page, maxRing)
	case o.Fanout > maxFanout:
		return fmt.Errorf("fanout of %d; no more than %d are possible", o.Fanout, maxFanout)
	}
	return nil
}

// lookUp returns the index of an interface, and whether its link headers are left to the kernel to cook: all but those of
// Ethernet are.
func lookUp(iface string) (index int, cooked bool, err error) {
	if iface == AnyInterface {
		return 0, true, nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, false, fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	index, _, err = interfaceState(fd, iface)
	if err != nil {
		return 0, false, fmt.Errorf("no such interface; there are: %s", interfaceNames())
	}
	req, err := unix.NewIfreq(iface)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, req)
	}
	if err != nil {
		return 0, false, fmt.Errorf("ask what the interface is: %w", err)
	}
	kind := req.Uint16() // sa_family
	return index, kind != unix.ARPHRD_ETHER && kind != unix.ARPHRD_LOOPBACK, nil
}

func interfaceNames() string {
	list, _ := net.Interfaces()
	names := make([]string, len(list), len(list)+1)
	for i, n := range list {
		names[i] = n.Name
	}
	return strings.Join(append(names, AnyInterface), ", ")
}

// interfaceState asks in the network namespace of fd for the index of an interface and whether it is up.
func interfaceState(fd int, iface string) (index int, up bool, err error) {
	req, err := unix.NewIfreq(iface)
	if err != nil {
		return 0, false, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return 0, false, err
	}
	index = int(req.Uint32())
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return 0, false, err
	}
	return index, req.Uint16()&unix.IFF_UP != 0, nil
}

func assemble(code []bpf.Instruction) ([]unix.SockFilter, error) {
	raw, err := bpf.Assemble(code)
	if err != nil {
		return nil, fmt.Errorf("build filter: %w", err)
	}
	list := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		list[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return list, nil
}

func (a *afpacket) setFilter(code []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.SetsockoptSockFprog(a.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return fmt.Errorf("set filter: %w", err)
	}
	return nil
}

// attach opens the socket with its ring and joins the group. The filter lets nothing through yet: until all members have
// joined, each would get every packet.
func (a *afpacket) attach(index int) error {
	kind := unix.SOCK_RAW
	if a.cooked {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0) // protocol 0: nothing comes before bind
	if err != nil {
		return explainPrivileges(err)
	}
	a.fd, a.next, a.counted = fd, 0, now()
	for _, o := range []struct{ name, value int }{{unix.PACKET_VERSION, unix.TPACKET_V3}, {unix.PACKET_RESERVE, ringReserve}} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, o.name, o.value); err != nil {
			return fmt.Errorf("set up ring: %w", err)
		}
	}
	if err := a.makeRing(); err != nil {
		return err
	}
	none, err := assemble(reject())
	if err != nil {
		return err
	}
	if err := a.setFilter(none); err != nil {
		return err
	}
	if err := a.bind(index); err != nil {
		return err
	}
	return a.join()
}

// makeRing asks for a ring of the size wanted, of half of it and so on where the kernel has no memory.
func (a *afpacket) makeRing() error {
	page := os.Getpagesize()
	size := a.opt.Ring
	for {
		a.block = min(ringBlock, size/4/page*page)
		n := size / a.block
		req := unix.TpacketReq3{
			Block_size: uint32(a.block), Block_nr: uint32(n), Frame_size: ringFrame, Frame_nr: uint32(n * a.block / ringFrame),
			Retire_blk_tov: uint32(retireAfter / time.Millisecond),
		}
		err := unix.SetsockoptTpacketReq3(a.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req)
		if err == nil {
			a.ring, err = unix.Mmap(a.fd, 0, n*a.block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			if err != nil {
				return fmt.Errorf("map ring: %w", err)
			}
			return nil
		}
		if size /= 2; !errors.Is(err, unix.ENOMEM) || size < 4*page {
			return fmt.Errorf("set up ring: %w", err)
		}
	}
}

func (a *afpacket) bind(index int) error {
	to := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: index}
	if err := unix.Bind(a.fd, to); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	a.index = index
	if a.opt.Promiscuous && index != 0 {
		m := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(a.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
			return fmt.Errorf("set promiscuous mode: %w", err)
		}
	}
	return nil
}

func networkOrder(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

// join makes the socket a member of the group of its interface. Its flag to put fragments together is not wanted: what is
// lost of a datagram would be lost without a trace, and the kernel hashes all fragments of a datagram alike, by their
// addresses.
func (a *afpacket) join() error {
	if a.group == nil {
		return nil
	}
	a.group.mu.Lock()
	defer a.group.mu.Unlock()
	fresh := !a.group.made || a.group.index != a.index
	arg := a.group.id | unix.PACKET_FANOUT_HASH<<16
	if fresh {
		arg = (unix.PACKET_FANOUT_HASH | unix.PACKET_FANOUT_FLAG_UNIQUEID) << 16
	}
	err := unix.SetsockoptInt(a.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, arg)
	if err == nil && fresh {
		arg, err = unix.GetsockoptInt(a.fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
		a.group.made, a.group.id, a.group.index = err == nil, arg&0xffff, a.index
	}
	if err != nil {
		return fmt.Errorf("join fanout: %w", err)
	}
	return nil
}

// explainPrivileges says what to do when the kernel does not let us open a packet socket.
func explainPrivileges(err error) error {
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("open packet socket: %w", err)
	}
	program, _ := os.Executable()
	return fmt.Errorf("CAP_NET_RAW is missing: run as root, or \"setcap cap_net_raw+ep %s\", or in a systemd unit \"AmbientCapabilities=CAP_NET_RAW\" (open packet socket: %w)", program, err)
}

// Name implements Live.
func (a *afpacket) Name() string { return a.title }

// State implements Live.
func (a *afpacket) State() LiveState {
	s := LiveState{Packets: a.packets.Load(), Bytes: a.bytes.Load(), Dropped: []Dropped{{"kernel", a.drops.Load()}}}
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
	index, up, err := interfaceState(a.fd, a.iface)
	switch {
	case err != nil:
		a.trouble("interface " + a.iface + " is gone")
		return nil
	case index != a.index:
		from := a.counted
		if err := a.reattach(index); err != nil {
			return err
		}
		gap(wire.Gap{Kind: wire.GapDrops, Point: a.point, From: from, Until: now(), Where: a.title + ": the interface came back as another one"})
	}
	if !up {
		a.trouble("interface " + a.iface + " is down")
		return nil
	}
	a.problem.Store(nil)
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
	a.release()
	if err := a.attach(index); err != nil {
		return fmt.Errorf("interface came back: %w", err)
	}
	return a.setFilter(a.code)
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

func (a *afpacket) release() {
	if a.ring != nil {
		_ = unix.Munmap(a.ring)
		a.ring = nil
	}
	if a.fd >= 0 {
		_ = unix.Close(a.fd)
		a.fd = -1
	}
}

func now() wire.Time { return wire.Time(time.Now().UnixNano()) }
