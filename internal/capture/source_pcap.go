package capture

import (
	"encoding/binary"

	"sipcause/internal/wire"
)

// The classic format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and their data.
const (
	pcapHeader = 24
	pcapRecord = 16

	// maxCaptured is the largest captured length that is believed, as in libpcap and Wireshark.
	maxCaptured = 256 << 10

	pcapMicro = 0xa1b2c3d4
	pcapNano  = 0xa1b23c4d
)

// pcap reads a classic capture.
type pcap struct {
	stream
	big   bool
	scale wire.Time // nanoseconds in a unit of the fraction
	link  wire.LinkType
}

// looksPcap says whether b begins with the header of a classic capture.
func looksPcap(b []byte) bool {
	if len(b) < pcapHeader {
		return false
	}
	_, scale := pcapMagic(b)
	return scale != 0
}

// pcapMagic reads the magic: byte order, and nanoseconds per unit of the fraction, 0 if it is none.
func pcapMagic(b []byte) (big bool, scale wire.Time) {
	switch {
	case binary.LittleEndian.Uint32(b) == pcapMicro:
		return false, 1000
	case binary.BigEndian.Uint32(b) == pcapMicro:
		return true, 1000
	case binary.LittleEndian.Uint32(b) == pcapNano:
		return false, 1
	case binary.BigEndian.Uint32(b) == pcapNano:
		return true, 1
	}
	return false, 0
}

// newPcap reads the header of s, which is there.
func newPcap(s stream) *pcap {
	r := &pcap{stream: s}
	r.header()
	return r
}

// header reads the header of a file and says whether one is there.
func (r *pcap) header() bool {
	h := r.peek(pcapHeader)
	if !looksPcap(h) {
		return false
	}
	r.big, r.scale = pcapMagic(h)
	r.link = wire.LinkType(r.u32(h[20:])) // upper bits tell of a frame check sequence
	r.take(pcapHeader)
	return true
}

func (r *pcap) u32(b []byte) uint32 {
	if r.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *pcap) next(p *wire.Packet) error {
	for {
		h := r.peek(pcapRecord)
		if len(h) < pcapRecord {
			return r.finish(r.offset())
		}
		if !r.possible(h) {
			if !r.resync() {
				return r.finish(r.offset())
			}
			continue
		}
		n := int(r.u32(h[8:]))
		if _, scale := pcapMagic(h); n == 0 && scale != 0 && r.header() { // files one after the other in one
			continue
		}
		want := pcapRecord + n
		look := want
		if !r.live {
			look += pcapRecord // the next header shows whether this one's length can be
		}
		b := r.peek(look)
		if len(b) < want || len(b) == want+pcapRecord && !r.possible(b[want:]) {
			if r.lostStep(min(want, len(b))) {
				continue
			}
			if b = r.peek(want); len(b) < want {
				return r.finish(r.offset())
			}
		}
		sent := int(r.u32(b[12:]))
		at := wire.Time(r.u32(b))*1e9 + wire.Time(r.u32(b[4:]))*r.scale
		r.take(want)
		r.deliver(p, r.link, at, b[pcapRecord:want:want], sent)
		return nil
	}
}

// possible says whether h can be a record's header where one is due. Zeros are the tail of a file that was
// never written.
func (r *pcap) possible(h []byte) bool {
	n := r.u32(h[8:])
	return n <= maxCaptured && (n != 0 || r.u32(h[12:])|r.u32(h)|r.u32(h[4:]) != 0)
}

// likely says whether h looks like a record's header where none need be.
func (r *pcap) likely(h []byte) bool {
	n, sent := r.u32(h[8:]), r.u32(h[12:])
	if n == 0 || n > maxCaptured || sent < n || sent > 16*maxCaptured {
		return false
	}
	if wire.Time(r.u32(h[4:]))*r.scale >= 1e9 {
		return false
	}
	at := wire.Time(r.u32(h)) * 1e9
	const year = 366 * 86400e9
	return r.last == 0 || at-r.last < year && r.last-at < year
}

const (
	chainRecords = 3               // likely headers in a row that make a record
	chainSpan    = 2 * maxCaptured // bytes in which they must lie
)

// chain says whether b begins with likely records one after the other, up to the end of the file if ended.
func (r *pcap) chain(b []byte, ended bool) bool {
	for n := range chainRecords {
		if len(b) == 0 && n > 0 {
			return ended
		}
		if len(b) < pcapRecord {
			return ended && n > 1
		}
		if !r.likely(b) {
			return false
		}
		size := pcapRecord + int(r.u32(b[8:]))
		if size > len(b) {
			return ended && n > 1
		}
		b = b[size:]
	}
	return true
}

// lostStep looks within the next n bytes, one record by its own account, for records: if there are, its
// length is wrong, and the reader goes on with them.
func (r *pcap) lostStep(n int) bool {
	at := r.offset()
	b := r.peek(n + chainSpan)
	for i := pcapRecord; i < n; i++ {
		if r.chain(b[i:], r.ended()) {
			r.take(i)
			r.bad(at, int64(i))
			return true
		}
	}
	return false
}

// resync passes over what is no record until one is found.
func (r *pcap) resync() bool {
	return r.find(pcapRecord, func(b []byte) bool { return r.likely(b) && r.chain(b, r.ended()) })
}
