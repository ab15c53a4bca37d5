package capture

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// What the filter looks at (EtherTypes of IEEE 802, IP protocol numbers of IANA).
var (
	vlanTypes = []uint32{0x8100, 0x88a8, 0x9100, 0x9200}
	// tunnelTypes are let through whole: PPPoE sessions and MPLS.
	tunnelTypes = []uint32{0x8864, 0x8847, 0x8848}
	portProtos  = []uint32{6, 17, 132}
	// wholeProtos are let through whatever is in them: ICMP and ICMPv6; extension headers of IPv6, fragments first; IP in
	// IP, GRE, MPLS, ESP and AH.
	wholeProtos = []uint32{1, 58, 44, 0, 43, 60, 4, 41, 47, 137, 50, 51}
)

const (
	filterTags = 2 // VLAN tags in the frame that the filter gets over, beside the one that the kernel took out

	loopbackType   = 772 // ARPHRD_LOOPBACK
	outgoingPacket = 4   // PACKET_OUTGOING

	scratch      = 0 // for A while it counts
	scratchProto = 1 // the IP protocol
)

// filterProgram is BPF in the making: jumps name labels.
type filterProgram struct {
	code   []bpf.Instruction
	labels map[string]int
	jumps  map[int]string // by index in code
	accept bpf.Instruction
}

// reject lets nothing through.
func reject() []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{Val: 0}} }

// program returns the instructions of f. Cooked ones see packets from the network header on. A packet let through is cut
// at snap bytes. What leaves a loopback interface is not let through: it comes in there again.
func (f Filter) program(cooked bool, snap int) ([]bpf.Instruction, error) {
	p := &filterProgram{labels: map[string]int{}, jumps: map[int]string{}, accept: bpf.RetConstant{Val: uint32(snap)}}
	if f.All {
		return []bpf.Instruction{p.accept}, nil
	}
	ports := f.Ports
	if len(ports) == 0 {
		ports = DefaultPorts()
	}
	if len(ports) > maxFilterPorts {
		return nil, fmt.Errorf("build filter: %d port ranges; no more than %d are possible", len(ports), maxFilterPorts)
	}
	p.link(cooked)
	p.network()
	p.transport(ports, f.RTP)
	return p.resolve(), nil
}

// skipLoop is put before a program to drop what leaves a loopback interface.
func skipLoop(code []bpf.Instruction) []bpf.Instruction {
	return append([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: outgoingPacket, SkipTrue: 3},
		bpf.LoadExtension{Num: bpf.ExtLinkLayerType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: loopbackType, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}, code...)
}

// link leaves the EtherType in A, and in X where its packet begins.
func (p *filterProgram) link(cooked bool) {
	if cooked {
		p.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: 0}, bpf.LoadExtension{Num: bpf.ExtProto})
	} else {
		p.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: 14}, bpf.LoadAbsolute{Off: 12, Size: 2})
	}
	for i := range filterTags {
		tag, over := fmt.Sprint("tag", i), fmt.Sprint("over", i)
		p.jumpOn(vlanTypes, tag)
		p.jump(over)
		p.label(tag)
		p.emit(bpf.LoadIndirect{Off: 2, Size: 2})
		p.advance(4)
		p.label(over)
	}
}

// network goes from the EtherType in A to the IP protocol, and to what follows its header.
func (p *filterProgram) network() {
	p.jumpOn([]uint32{0x0800}, "ipv4")
	p.jumpOn([]uint32{0x86dd}, "ipv6")
	p.acceptOn(tunnelTypes)
	p.emit(bpf.RetConstant{Val: 0})

	p.label("ipv4")
	p.emit(
		bpf.LoadIndirect{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: 0x3fff, SkipTrue: 1}, // more fragments, or an offset
		p.accept,
		bpf.LoadIndirect{Off: 9, Size: 1},
		bpf.StoreScratch{Src: bpf.RegA, N: scratchProto},
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.TAX{},
	)
	p.jump("proto")

	p.label("ipv6")
	p.emit(bpf.LoadIndirect{Off: 6, Size: 1}, bpf.StoreScratch{Src: bpf.RegA, N: scratchProto})
	p.advance(40)

	p.label("proto")
	p.emit(bpf.LoadScratch{Dst: bpf.RegA, N: scratchProto})
	p.jumpOn(portProtos, "ports")
	p.acceptOn(wholeProtos)
	p.emit(bpf.RetConstant{Val: 0})
}

// transport looks at both ports, and at what may be RTP.
func (p *filterProgram) transport(ports []PortRange, rtp bool) {
	p.label("ports")
	for _, side := range []uint32{0, 2} {
		p.emit(bpf.LoadIndirect{Off: side, Size: 2})
		for _, r := range ports {
			p.emit(
				bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(r.First), SkipTrue: 2},
				bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: uint32(r.Last), SkipTrue: 1},
				p.accept,
			)
		}
	}
	if rtp {
		p.emit(
			bpf.LoadScratch{Dst: bpf.RegA, N: scratchProto},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 17, SkipTrue: 4},
			bpf.LoadIndirect{Off: 8, Size: 1},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xc0},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x80, SkipTrue: 1},
			p.accept,
		)
	}
	p.emit(bpf.RetConstant{Val: 0})
}

func (p *filterProgram) emit(code ...bpf.Instruction) { p.code = append(p.code, code...) }

func (p *filterProgram) label(name string) { p.labels[name] = len(p.code) }

func (p *filterProgram) jump(to string) {
	p.jumps[len(p.code)] = to
	p.emit(bpf.Jump{})
}

// jumpOn jumps when A is one of values.
func (p *filterProgram) jumpOn(values []uint32, to string) {
	for _, v := range values {
		p.emit(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: 1})
		p.jump(to)
	}
}

// acceptOn lets the packet through when A is one of values.
func (p *filterProgram) acceptOn(values []uint32) {
	for _, v := range values {
		p.emit(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: 1}, p.accept)
	}
}

// advance adds n to X and keeps A.
func (p *filterProgram) advance(n uint32) {
	p.emit(
		bpf.StoreScratch{Src: bpf.RegA, N: scratch},
		bpf.TXA{},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: n},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: scratch},
	)
}

// resolve puts distances in place of labels.
func (p *filterProgram) resolve() []bpf.Instruction {
	for at, name := range p.jumps {
		p.code[at] = bpf.Jump{Skip: uint32(p.labels[name] - at - 1)}
	}
	return p.code
}
