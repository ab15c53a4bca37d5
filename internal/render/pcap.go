package render

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// Pcap writes what is kept of a case, in order of time, as a capture file (nanoseconds, raw IP) that other programs
// read too. Messages over UDP are datagrams again, with lengths and checksums right; those over TCP are segments of a
// stream without its beginning. TLS, WebSocket and SCTP are not to be had from what was inside them: their messages
// stand in TCP segments between the same sockets. Of events there are ICMP errors, refused and broken connections and
// SYNs without an answer; what agents noted is no packet. What lacks an address is left out.
func Pcap(w io.Writer, messages []record.Message) error {
	p := &pcapFile{w: w, next: map[wire.Flow]uint32{}}
	p.buf = binary.LittleEndian.AppendUint32(p.buf, 0xa1b23c4d)
	p.buf = append(p.buf, 2, 0, 4, 0)
	p.buf = append(p.buf, make([]byte, 8)...)
	p.buf = binary.LittleEndian.AppendUint32(p.buf, pcapSnap)
	p.buf = binary.LittleEndian.AppendUint32(p.buf, linkRaw)
	for i := range messages {
		m := &messages[i]
		if !sameFamily(m.Flow.Src.Addr(), m.Flow.Dst.Addr()) {
			continue
		}
		switch m.What {
		case record.SIP:
			p.message(m)
		case record.Event:
			if err := p.event(m); err != nil {
				return fmt.Errorf("write capture: %w", err)
			}
		}
		if len(p.buf) >= flushAt {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return p.flush()
}

const (
	linkRaw  = 101 // LINKTYPE_RAW (tcpdump.org/linktypes.html)
	pcapSnap = 262144

	protoICMP, protoTCP, protoUDP, protoICMPv6 = 1, 6, 17, 58

	flagFIN, flagSYN, flagRST, flagPSH, flagACK = 1, 2, 4, 8, 16 // RFC 9293 §3.1

	largestDatagram = 65507 // bytes of data: RFC 768 in RFC 791 §3.1
	largestSegment  = 65000
)

// pcapFile gathers packets. next is the sequence number that follows in each direction of a connection.
type pcapFile struct {
	w    io.Writer
	buf  []byte
	next map[wire.Flow]uint32
	ip   []byte // scratch
}

func (p *pcapFile) flush() error {
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}

func sameFamily(a, b netip.Addr) bool { return a.IsValid() && b.IsValid() && a.Is4() == b.Is4() }

// message writes a SIP message. Of a truncated one a byte is missing: how many there were is not known.
func (p *pcapFile) message(m *record.Message) {
	missing := 0
	if m.Truncated {
		missing = 1
	}
	if m.Flow.Transport == wire.UDP || m.Flow.Transport == wire.UnknownTransport {
		p.datagram(m.Time, m.Flow, m.IPID, m.Data, missing)
		return
	}
	for data := m.Data; len(data) > 0; {
		n := min(len(data), largestSegment)
		p.segment(m.Time, m.Flow, flagPSH|flagACK, data[:n])
		data = data[n:]
	}
	p.next[stream(m.Flow)] += uint32(missing)
}

// datagram writes a UDP datagram; missing bytes at its end are announced, counted as zeros in the checksum, and not
// there.
func (p *pcapFile) datagram(at wire.Time, f wire.Flow, id uint16, data []byte, missing int) {
	data = data[:min(len(data), largestDatagram-missing)]
	length := 8 + len(data) + missing
	b := p.header(f, protoUDP, id, length)
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, f.Src.Port())
	b = binary.BigEndian.AppendUint16(b, f.Dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(append(b, 0, 0), data...)
	b = append(b, make([]byte, missing)...)
	sum := internetSum(b[start:], pseudoSum(f, protoUDP, length))
	if sum == 0 {
		sum = 0xffff // 0 means none (RFC 768)
	}
	binary.BigEndian.PutUint16(b[start+6:], sum)
	p.packet(at, b, missing)
}

// stream is the key of a direction of a connection, whatever was inside it.
func stream(f wire.Flow) wire.Flow {
	f.Transport = wire.TCP
	return f
}

// segment writes a TCP segment that follows those before it.
func (p *pcapFile) segment(at wire.Time, f wire.Flow, flags byte, data []byte) {
	own, other := stream(f), stream(f.Reverse())
	for _, d := range []wire.Flow{own, other} {
		if p.next[d] == 0 {
			p.next[d] = 1
		}
	}
	b := p.header(f, protoTCP, 0, 20+len(data))
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, f.Src.Port())
	b = binary.BigEndian.AppendUint16(b, f.Dst.Port())
	b = binary.BigEndian.AppendUint32(b, p.next[own])
	ack := uint32(0)
	if flags&flagACK != 0 {
		ack = p.next[other]
	}
	b = binary.BigEndian.AppendUint32(b, ack)
	b = append(b, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[start+16:], internetSum(b[start:], pseudoSum(f, protoTCP, len(b)-start)))
	p.packet(at, b, 0)
	p.next[own] += uint32(len(data))
	if flags&(flagSYN|flagFIN) != 0 {
		p.next[own]++
	}
}

// event writes the packets that made decode see an event, for the kinds of which that can be said.
func (p *pcapFile) event(m *record.Message) error {
	var e wire.Event
	if err := record.DecodeEvent(m, &e); err != nil {
		return err
	}
	f := e.Flow
	if e.From == f.Dst.Addr() && e.From != f.Src.Addr() && (e.Kind == wire.EventTCPReset || e.Kind == wire.EventTCPClosed) {
		f = f.Reverse()
	}
	switch e.Kind {
	case wire.EventICMP, wire.EventICMPTooBig:
		p.icmp(&e)
	case wire.EventTCPRefused:
		p.segment(e.Time, f, flagSYN, nil)
		p.segment(e.Time, f.Reverse(), flagRST|flagACK, nil)
	case wire.EventTCPReset:
		p.segment(e.Time, f, flagRST|flagACK, nil)
	case wire.EventTCPClosed:
		p.segment(e.Time, f, flagFIN|flagACK, nil)
	case wire.EventSYNTimeout:
		at := e.Time
		for wait := time.Second; wait == time.Second || wait <= time.Minute && at <= e.Until; wait *= 2 {
			delete(p.next, stream(f)) // the same number again
			p.segment(at, f, flagSYN, nil)
			at = at.Add(wait)
		}
	}
	return nil
}

// icmp writes an ICMP error that quotes what is kept of the packet.
func (p *pcapFile) icmp(e *wire.Event) {
	f := e.Flow
	if !sameFamily(e.From, f.Src.Addr()) {
		return
	}
	quoted := &pcapFile{next: map[wire.Flow]uint32{}}
	if f.Transport == wire.UDP || f.Transport == wire.UnknownTransport {
		quoted.datagram(e.Time, f, 0, e.Quote, 0)
	} else {
		quoted.segment(e.Time, f, flagPSH|flagACK, e.Quote[:min(len(e.Quote), largestSegment)])
	}
	body := append([]byte{e.ICMPType, e.ICMPCode, 0, 0, 0, 0, 0, 0}, quoted.ip...)
	body = body[:min(len(body), largestSegment)]
	back := wire.Flow{Src: netip.AddrPortFrom(e.From, 0), Dst: f.Src}
	if e.From.Is6() {
		binary.BigEndian.PutUint16(body[2:], internetSum(body, pseudoSum(back, protoICMPv6, len(body))))
		p.packet(e.Time, append(p.header(back, protoICMPv6, 0, len(body)), body...), 0)
		return
	}
	binary.BigEndian.PutUint16(body[2:], internetSum(body, 0))
	p.packet(e.Time, append(p.header(back, protoICMP, 0, len(body)), body...), 0)
}

// header begins an IP packet with a payload of so many bytes, in p.ip.
func (p *pcapFile) header(f wire.Flow, proto byte, id uint16, payload int) []byte {
	b := p.ip[:0]
	if f.Src.Addr().Is6() {
		b = append(b, 6<<4, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(payload))
		b = append(b, proto, 64)
		b = append(b, f.Src.Addr().AsSlice()...)
		return append(b, f.Dst.Addr().AsSlice()...)
	}
	b = append(b, 4<<4|5, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+payload))
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0, 0, 64, proto, 0, 0)
	b = append(b, f.Src.Addr().AsSlice()...)
	b = append(b, f.Dst.Addr().AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], internetSum(b, 0))
	return b
}

// packet appends a record. The last missing bytes of ip are not written, but counted in the length on the wire.
func (p *pcapFile) packet(at wire.Time, ip []byte, missing int) {
	p.ip = ip
	there := len(ip) - missing
	p.buf = binary.LittleEndian.AppendUint32(p.buf, uint32(at/1e9))
	p.buf = binary.LittleEndian.AppendUint32(p.buf, uint32(at%1e9))
	p.buf = binary.LittleEndian.AppendUint32(p.buf, uint32(there))
	p.buf = binary.LittleEndian.AppendUint32(p.buf, uint32(len(ip)))
	p.buf = append(p.buf, ip[:there]...)
}

// pseudoSum begins a checksum with the pseudo header.
func pseudoSum(f wire.Flow, proto byte, length int) uint32 {
	sum := uint32(proto) + uint32(length)
	for _, a := range [][]byte{f.Src.Addr().AsSlice(), f.Dst.Addr().AsSlice()} {
		for i := 0; i < len(a); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(a[i:]))
		}
	}
	return sum
}

// internetSum is the checksum of IP and what it carries (RFC 791 §3.1).
func internetSum(b []byte, sum uint32) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
