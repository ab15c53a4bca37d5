package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

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
		a := &afpacket{iface: iface, title: "af_packet " + iface, opt: opt, source: opt.Source + uint32(i), cooked: cooked, code: filter, group: group, packetSocket: packetSocket{fd: -1}}
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
