package capture

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"sipcause/internal/wire"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng §4, and its registry §10.1).
const (
	ngSection   = 0x0a0d0d0a
	ngInterface = 1
	ngOldPacket = 2
	ngSimple    = 3
	ngNames     = 4
	ngStats     = 5
	ngPacket    = 6
	ngJournal   = 9
	ngSecrets   = 10
	ngCustom    = 0x00000bad
	ngCustomNo  = 0x40000bad // not to be copied
	ngOrder     = 0x1a2b3c4d // byte-order magic
	ngTLSKeys   = 0x544c534b // secrets type: a TLS key log (§4.7)
)

// Options (§3.5, §4.2, §4.3, §4.6).
const (
	optEnd        = 0
	optResolution = 9 // if_tsresol
	optOffset     = 14
	optDropCount  = 4 // epb_dropcount
	optIfDrop     = 5 // isb_ifdrop
	optOSDrop     = 7 // isb_osdrop
)

const (
	maxBlock      = 1 << 20  // of a packet, or of a type not known
	maxLongBlock  = 16 << 20 // of names, secrets and the like
	maxInterfaces = 1 << 16  // of one section
)

// ngInterfaceInfo is an interface of the section at hand.
type ngInterfaceInfo struct {
	link    wire.LinkType
	snap    uint32
	units   clock
	offset  int64     // seconds to be added to every timestamp
	dropped uint64    // packets reported as dropped so far
	counted wire.Time // when they were counted last
}

// clock says how timestamps count: units of 10^-n or 2^-n seconds.
type clock struct {
	mul, div uint64 // nanoseconds = units * mul / div; div 0 for a power of two
	shift    uint8  // of that: seconds = units >> shift
}

// microseconds is the clock of an interface that names none (§4.2).
var microseconds = clock{mul: 1000, div: 1}

// clockOf reads if_tsresol; a resolution finer than can be told apart counts as no time at all.
func clockOf(resolution byte) clock {
	n := resolution & 0x7f
	switch {
	case resolution&0x80 != 0:
		return clock{shift: min(n, 63)}
	case n <= 9:
		return clock{mul: pow10(9 - n), div: 1}
	case n <= 9+19:
		return clock{mul: 1, div: pow10(n - 9)}
	}
	return clock{mul: 0, div: 1}
}

func pow10(n uint8) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// time returns the nanoseconds since the epoch, exact but for what is finer than one; beyond what Time can
// hold it is the last instant.
func (c clock) time(units uint64, offset int64) wire.Time {
	var hi, ns uint64
	if c.div == 0 { // a power of two
		hi, ns = bits.Mul64(units>>c.shift, 1e9)
		fh, fl := bits.Mul64(units&(1<<c.shift-1), 1e9)
		ns += fh<<(64-c.shift) | fl>>c.shift
	} else {
		hi, ns = bits.Mul64(units, c.mul)
		if c.div > 1 {
			ns /= c.div
		}
	}
	if hi != 0 || ns > math.MaxInt64 {
		return math.MaxInt64
	}
	return wire.Time(int64(ns) + offset*1e9)
}

// pcapng reads sections of blocks.
type pcapng struct {
	stream
	big bool
	ifs []ngInterfaceInfo

	iface uint32 // of the packet at hand
}

// looksPcapng says whether b begins with a section header block.
func looksPcapng(b []byte) bool {
	return len(b) >= 12 && binary.BigEndian.Uint32(b) == ngSection && (binary.BigEndian.Uint32(b[8:]) == ngOrder || binary.LittleEndian.Uint32(b[8:]) == ngOrder)
}

func newPcapng(s stream) *pcapng { return &pcapng{stream: s} }

func (r *pcapng) u16(b []byte) uint16 {
	if r.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (r *pcapng) u32(b []byte) uint32 {
	if r.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *pcapng) u64(b []byte) uint64 {
	if r.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *pcapng) next(p *wire.Packet) error {
	for {
		h := r.peek(12)
		if len(h) < 12 {
			return r.finish(r.offset())
		}
		typ := r.u32(h)
		if typ == ngSection && !r.order(h[8:]) {
			if !r.resync() {
				return r.finish(r.offset())
			}
			continue
		}
		size := padded(r.u32(h[4:]))
		if size > maxBlock && size <= maxLongBlock && longBlock(typ) {
			at := r.offset()
			if !r.longBlock(typ, int(size)) {
				return r.finish(at)
			}
			continue
		}
		if size < 12 || size > maxBlock {
			if !r.resync() {
				return r.finish(r.offset())
			}
			continue
		}
		b := r.peek(int(size))
		whole := len(b) == int(size)
		if whole && r.u32(b[4:]) != r.u32(b[size-4:]) || !whole && r.blockWithin(b) {
			if !r.resync() {
				return r.finish(r.offset())
			}
			continue
		}
		if !whole {
			return r.finish(r.offset())
		}
		at := r.offset()
		r.take(int(size))
		if read := ngReaders(typ); read != nil && read(r, b[8:size-4], p, at) {
			return nil
		}
	}
}

// padded returns a block's length with its padding, which some writers leave out of it.
func padded(n uint32) int64 { return (int64(n) + 3) &^ 3 }

// order reads the byte-order magic of a section header.
func (r *pcapng) order(b []byte) bool {
	r.big = binary.BigEndian.Uint32(b) == ngOrder
	return r.big || binary.LittleEndian.Uint32(b) == ngOrder
}

// ngReaders returns what reads a block of a type, its body at hand; true from it when it filled *p. Types of
// no use give nil. Packets come first: nearly all blocks are.
func ngReaders(typ uint32) func(r *pcapng, body []byte, p *wire.Packet, at int64) bool {
	switch typ {
	case ngPacket:
		return (*pcapng).packet
	case ngSimple:
		return (*pcapng).simple
	case ngOldPacket:
		return (*pcapng).oldPacket
	case ngSection:
		return (*pcapng).section
	case ngInterface:
		return (*pcapng).newInterface
	case ngStats:
		return (*pcapng).stats
	case ngSecrets:
		return (*pcapng).secrets
	}
	if numbered(typ) {
		return (*pcapng).numberedBlock
	}
	return nil
}

// numbered says whether Wireshark shows a block that is no packet as a frame of its own: journal entries,
// custom blocks and the events of sysdig.
func numbered(typ uint32) bool {
	switch typ {
	case ngJournal, ngCustom, ngCustomNo, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222, 0x223:
		return true
	}
	return false
}

func (r *pcapng) numberedBlock([]byte, *wire.Packet, int64) bool {
	r.number++
	return false
}

func (r *pcapng) section([]byte, *wire.Packet, int64) bool {
	r.ifs = r.ifs[:0]
	return false
}

func (r *pcapng) newInterface(b []byte, _ *wire.Packet, at int64) bool {
	if len(b) < 8 || len(r.ifs) >= maxInterfaces {
		r.bad(at, int64(len(b)+12))
		return false
	}
	i := ngInterfaceInfo{link: wire.LinkType(r.u16(b)), snap: r.u32(b[4:]), units: microseconds}
	for code, v := range r.options(b[8:]) {
		switch {
		case code == optResolution && len(v) >= 1:
			i.units = clockOf(v[0])
		case code == optOffset && len(v) >= 8:
			i.offset = int64(r.u64(v))
		}
	}
	r.ifs = append(r.ifs, i)
	return false
}

// options yields code and value of each option up to the end or the first that does not fit.
func (r *pcapng) options(b []byte) func(yield func(uint16, []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			code, n := r.u16(b), int(r.u16(b[2:]))
			if code == optEnd || 4+n > len(b) || !yield(code, b[4:4+n]) {
				return
			}
			b = b[min(len(b), 4+(n+3)&^3):]
		}
	}
}

// packet reads an Enhanced Packet Block (§4.3).
func (r *pcapng) packet(b []byte, p *wire.Packet, at int64) bool {
	if len(b) < 20 {
		r.bad(at, int64(len(b)+12))
		return false
	}
	return r.captured(r.u32(b), b[4:], p, at)
}

// oldPacket reads a Packet Block (Appendix A), which has the interface and the drops in 16 bits each.
func (r *pcapng) oldPacket(b []byte, p *wire.Packet, at int64) bool {
	if len(b) < 20 {
		r.bad(at, int64(len(b)+12))
		return false
	}
	iface := uint32(r.u16(b))
	if drops := r.u16(b[2:]); drops != 0 && drops != 0xffff && int(iface) < len(r.ifs) { // the latter: unknown
		r.drops(&r.ifs[iface], uint64(drops), r.last)
	}
	return r.captured(iface, b[4:], p, at)
}

// captured reads what both have in common: timestamp, lengths, data, options.
func (r *pcapng) captured(iface uint32, b []byte, p *wire.Packet, at int64) bool {
	n := int64(r.u32(b[8:]))
	if int64(iface) >= int64(len(r.ifs)) || n > maxCaptured || n > int64(len(b)-16) {
		r.bad(at, int64(len(b)+16))
		return false
	}
	i := &r.ifs[iface]
	when := i.units.time(uint64(r.u32(b))<<32|uint64(r.u32(b[4:])), i.offset)
	if tail := (n + 3) &^ 3; int64(len(b)-16) > tail {
		for code, v := range r.options(b[16+tail:]) {
			if code == optDropCount && len(v) >= 8 {
				r.drops(i, r.u64(v), when)
			}
		}
	}
	r.iface = iface
	r.deliver(p, i.link, when, b[16:16+n:16+n], int(r.u32(b[12:])))
	return true
}

// simple reads a Simple Packet Block (§4.4): of the first interface, without a time.
func (r *pcapng) simple(b []byte, p *wire.Packet, at int64) bool {
	if len(b) < 4 || len(r.ifs) == 0 {
		r.bad(at, int64(len(b)+12))
		return false
	}
	i := &r.ifs[0]
	sent := int64(r.u32(b))
	n := min(sent, int64(len(b)-4))
	if i.snap != 0 {
		n = min(n, int64(i.snap))
	}
	last := r.last
	r.iface = 0
	r.deliver(p, i.link, 0, b[4:4+n:4+n], int(sent))
	r.last = last
	return true
}

// drops reports n packets more that the capturing side dropped before a packet.
func (r *pcapng) drops(i *ngInterfaceInfo, n uint64, until wire.Time) {
	if n == 0 {
		return
	}
	i.dropped += n
	r.report(wire.Gap{Kind: wire.GapDrops, From: r.last, Until: until, Lost: n}, -1)
}

// stats reads an Interface Statistics Block (§4.6). Its counts are since the capture began: what was reported
// before is not lost again.
func (r *pcapng) stats(b []byte, _ *wire.Packet, at int64) bool {
	if len(b) < 12 || int64(r.u32(b)) >= int64(len(r.ifs)) {
		r.bad(at, int64(len(b)+12))
		return false
	}
	index := r.u32(b)
	i := &r.ifs[index]
	var dropped uint64
	for code, v := range r.options(b[12:]) {
		if (code == optIfDrop || code == optOSDrop) && len(v) >= 8 {
			dropped += r.u64(v)
		}
	}
	when := i.units.time(uint64(r.u32(b[4:]))<<32|uint64(r.u32(b[8:])), i.offset)
	from := i.counted
	if from == 0 {
		from = r.first
	}
	i.counted = when
	if dropped > i.dropped {
		r.report(wire.Gap{
			Kind: wire.GapDrops, From: from, Until: when, Where: ngInterfaceName(r.name, index), Lost: dropped - i.dropped,
		}, -1)
		i.dropped = dropped
	}
	return false
}

// ngInterfaceName names an interface of a file.
func ngInterfaceName(file string, index uint32) string {
	return fmt.Sprintf("%s interface %d", file, index)
}

// secrets keeps a Decryption Secrets Block (§4.7): type, length, data.
func (r *pcapng) secrets(b []byte, _ *wire.Packet, at int64) bool {
	if len(b) < 8 || int64(r.u32(b[4:])) > int64(len(b)-8) {
		r.bad(at, int64(len(b)+12))
		return false
	}
	if r.u32(b) == ngTLSKeys {
		r.keep(append([]byte(nil), b[8:8+r.u32(b[4:])]...))
	}
	return false
}

func (r *pcapng) keep(secret []byte) {
	if !r.to.secret(secret) {
		r.report(wire.Gap{
			Kind: wire.GapEvicted, From: r.last, Until: r.last, Where: r.name + " decryption secrets", Bytes: uint64(len(secret)),
		}, -1)
	}
}

// longBlock says whether a block of this type may honestly be larger than any packet.
func longBlock(typ uint32) bool {
	return typ == ngNames || typ == ngSecrets || typ == ngSection || numbered(typ)
}

// longBlock passes over such a block without ever holding it, but for secrets. False at the end of the file.
func (r *pcapng) longBlock(typ uint32, size int) bool {
	at := r.offset()
	var secret []byte
	if typ == ngSecrets {
		h := r.peek(16)
		if len(h) < 16 {
			return false
		}
		n := min(int(min(r.u32(h[12:]), maxLongBlock)), size-20)
		if r.u32(h[8:]) != ngTLSKeys {
			n = 0
		}
		r.take(16)
		size -= 16
		for len(secret) < n {
			b := r.peek(min(n-len(secret), maxBlock/4))
			if len(b) == 0 {
				return false
			}
			secret = append(secret, b...)
			r.take(len(b))
			size -= len(b)
		}
	}
	if !r.skip(size - 4) {
		return false
	}
	b := r.peek(4)
	if len(b) < 4 {
		return false
	}
	if r.offset()+4-at != padded(r.u32(b)) {
		r.bad(at, r.offset()-at)
		return r.resync()
	}
	r.take(4)
	switch {
	case typ == ngSecrets && secret != nil:
		r.keep(secret)
	case typ == ngSection:
		r.section(nil, nil, at)
	case numbered(typ):
		r.number++
	}
	return true
}

// likely says whether b begins with a whole block of a type that is known, its length said twice.
func (r *pcapng) likely(b []byte) bool {
	typ := r.u32(b)
	switch typ {
	case ngSection:
		return len(b) >= 12 && (binary.BigEndian.Uint32(b[8:]) == ngOrder || binary.LittleEndian.Uint32(b[8:]) == ngOrder)
	case ngInterface, ngOldPacket, ngSimple, ngNames, ngStats, ngPacket, ngJournal, ngSecrets, ngCustom, ngCustomNo:
	default:
		return false
	}
	size := int64(r.u32(b[4:]))
	return size >= 16 && size%4 == 0 && size <= int64(len(b)) && r.u32(b[size-4:]) == uint32(size)
}

// blockWithin says whether in what should be one block another is found: then its length is wrong.
func (r *pcapng) blockWithin(b []byte) bool {
	for i := 4; i+12 <= len(b); i++ {
		if r.likely(b[i:]) {
			return true
		}
	}
	return false
}

// resync passes over what is no block until one is found.
func (r *pcapng) resync() bool { return r.find(12, r.likely) }
