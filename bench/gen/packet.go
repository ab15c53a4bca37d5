package main

import (
	"encoding/binary"
	"io"
)

// Lengths of the headers before a payload.
const (
	lenRecord = 16
	lenEther  = 14
	lenIP     = 20
	lenUDP    = 8
	lenTCP    = 20
)

// output collects pcap records (microseconds, Ethernet) and writes them in blocks.
type output struct {
	w    io.Writer
	buf  []byte
	last int64 // time of the last record, µs
	ids  [hostCount]uint16
	err  error
}

const block = 1 << 20

func newOutput(w io.Writer) *output {
	o := &output{w: w, buf: make([]byte, 0, block+1<<16)}
	o.buf = binary.LittleEndian.AppendUint32(o.buf, 0xa1b2c3d4)
	o.buf = append(o.buf, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0) // version 2.4, snap length 262144, Ethernet
	return o
}

func (o *output) finish() error {
	o.write()
	return o.err
}

func (o *output) write() {
	if o.err == nil {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

// header is a record header, Ethernet and IPv4, with zeros where seal writes.
var header = [lenRecord + lenEther + lenIP]byte{
	lenRecord: 0x02, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0x08, 0x00,
	lenRecord + lenEther: 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 0,
}

// open begins a record and returns where it begins.
func (o *output) open() int {
	n := len(o.buf)
	o.buf = append(o.buf, header[:]...)
	return n
}

// seal fills in the headers of the record that begins at n, once its transport header and payload stand behind them.
// sum is the place of the transport checksum, counted from the transport header.
func (o *output) seal(n int, at int64, from, to uint8, protocol byte, check int) {
	at = max(at, o.last)
	o.last = at
	b := o.buf[n:]
	le, be := binary.LittleEndian, binary.BigEndian
	le.PutUint32(b[0:], uint32(at/1e6))
	le.PutUint32(b[4:], uint32(at%1e6))
	size := uint32(len(b) - lenRecord)
	le.PutUint32(b[8:], size)
	le.PutUint32(b[12:], size)
	b[lenRecord+5], b[lenRecord+11] = to, from
	ip := b[lenRecord+lenEther:]
	be.PutUint16(ip[2:], uint16(len(ip)))
	o.ids[from]++
	be.PutUint16(ip[4:], o.ids[from])
	ip[9] = protocol
	copy(ip[12:16], hosts[from][:])
	copy(ip[16:20], hosts[to][:])
	be.PutUint16(ip[10:], fold(words(ip[:lenIP])))
	pseudo := words(ip[12:20]) + uint64(protocol) + uint64(len(ip)-lenIP)
	be.PutUint16(ip[lenIP+check:], fold(pseudo+words(ip[lenIP:])))
	if len(o.buf) >= block {
		o.write()
	}
}

// words adds up 32-bit words: the Internet checksum before it is folded (RFC 1071 §2).
func words(b []byte) (s uint64) {
	for ; len(b) >= 8; b = b[8:] {
		v := binary.BigEndian.Uint64(b)
		s += v>>32 + v&0xffffffff
	}
	if len(b) > 0 {
		var tail [8]byte
		copy(tail[:], b)
		v := binary.BigEndian.Uint64(tail[:])
		s += v>>32 + v&0xffffffff
	}
	return s
}

func fold(s uint64) uint16 {
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}

const sipPort = 5060

// udp sends one message per datagram.
type udp struct{ out *output }

func (u *udp) flush() {}

func (u *udp) send(at int64, from, to uint8, t *template, f *[fields][]byte) {
	o := u.out
	n := o.open()
	o.buf = append(o.buf, sipPort>>8, sipPort&0xff, sipPort>>8, sipPort&0xff, 0, 0, 0, 0)
	o.buf = t.render(o.buf, f)
	h := o.buf[n+lenRecord+lenEther+lenIP:]
	binary.BigEndian.PutUint16(h[4:], uint16(len(h)))
	o.seal(n, at, from, to, 17, 6)
}
