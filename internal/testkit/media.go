package testkit

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// rtpOptions are the keys of an rtp or rtcp line.
type rtpOptions struct {
	flow          wire.Flow
	pt, loss      int
	jitter, every time.Duration
	after         time.Duration
	ssrc          uint32
	seq           uint16
}

// mediaLine reads "rtp a > b N CODEC option=value …": N packets of 20 ms, and "rtcp a > b N option=value …": N
// receiver reports of a about what b sends. The clock does not move.
func (s *player) mediaLine(st *stmt) error {
	o := rtpOptions{every: 20 * time.Millisecond, ssrc: 0x5150 + uint32(st.src.index), seq: 1}
	want, form := 2, "rtp: want how many packets and a codec: rtp alice > bob 50 PCMU"
	shift := uint16(0)
	if st.method == "rtcp" {
		want, form, shift = 1, "rtcp: want how many reports: rtcp bob > alice 5", 1
		o.every = 5 * time.Second
	}
	if len(st.args) < want || strings.Contains(st.args[want-1], "=") {
		return fmt.Errorf("%s", form)
	}
	n, err := strconv.Atoi(st.args[0])
	if err != nil || n < 1 || n > 5000 {
		return fmt.Errorf("%s: %q: want 1 to 5000 packets", st.method, st.args[0])
	}
	if st.method == "rtp" {
		c, ok := codecs[st.args[1]]
		if !ok {
			return fmt.Errorf("rtp: codec %q: not known", st.args[1])
		}
		o.pt = c.pt
	}
	o.flow = wire.Flow{
		Transport: wire.UDP,
		Src:       netip.AddrPortFrom(st.src.addr.Addr(), uint16(st.src.mediaPort())+shift),
		Dst:       netip.AddrPortFrom(st.dst.addr.Addr(), uint16(st.dst.mediaPort())+shift),
	}
	for _, a := range st.args[want:] {
		if err := o.set(a); err != nil {
			return fmt.Errorf("%s: %s: %w", st.method, a, err)
		}
	}
	if err := oneFamily(o.flow.Src.Addr(), o.flow.Dst.Addr()); err != nil {
		return err
	}
	about := 0x5150 + uint32(st.dst.index)
	for i := range n {
		if o.loss > 0 && st.method == "rtp" && i%100 != 0 && i*o.loss/100 != (i+1)*o.loss/100 {
			continue // spread evenly, never the first
		}
		at := s.now + o.after + time.Duration(i)*o.every
		m := wire.Media{Flow: o.flow, PT: uint8(o.pt), Marker: i == 0, Seq: o.seq + uint16(i), TS: uint32(160 * (i + 1)), SSRC: o.ssrc, Bytes: 172}
		if st.method == "rtcp" {
			m = o.report(i, about)
		} else if i%2 == 1 {
			at += o.jitter
		}
		s.out = append(s.out, emission{at: at, kind: emitRTP, flow: o.flow, media: m})
	}
	return nil
}

// set reads one option.
func (o *rtpOptions) set(arg string) error {
	k, v, _ := strings.Cut(arg, "=")
	var err error
	number := func(limit int) int {
		n, e := strconv.Atoi(v)
		if e != nil || n < 0 || n > limit {
			err = fmt.Errorf("want a number, 0 to %d", limit)
		}
		return n
	}
	duration := func() time.Duration {
		d, e := time.ParseDuration(v)
		if e != nil || d < 0 {
			err = fmt.Errorf("want a duration")
		}
		return d
	}
	socket := func() netip.AddrPort {
		a, e := parseAddr(v)
		if e != nil {
			err = e
		}
		return a
	}
	switch k {
	case "pt":
		o.pt = number(127)
	case "loss":
		o.loss = number(99)
	case "port":
		o.flow.Src = netip.AddrPortFrom(o.flow.Src.Addr(), uint16(number(65535)))
	case "dstport":
		o.flow.Dst = netip.AddrPortFrom(o.flow.Dst.Addr(), uint16(number(65535)))
	case "src":
		o.flow.Src = socket()
	case "dst":
		o.flow.Dst = socket()
	case "ssrc":
		o.ssrc = uint32(number(1 << 31))
	case "seq":
		o.seq = uint16(number(65535))
	case "jitter":
		o.jitter = duration()
	case "after":
		o.after = duration()
	case "every":
		o.every = duration()
	default:
		err = fmt.Errorf("not known: want pt, loss, port, dstport, src, dst, ssrc, seq, jitter, after or every")
	}
	return err
}

// report makes the i-th receiver report about a stream (RFC 3550 §6.4.2).
func (o *rtpOptions) report(i int, about uint32) wire.Media {
	b := []byte{2<<6 | 1, 201, 0, 7}
	b = binary.BigEndian.AppendUint32(b, o.ssrc)
	b = binary.BigEndian.AppendUint32(b, about)
	lost := uint32(i+1) * 250 * uint32(o.loss) / 100
	b = binary.BigEndian.AppendUint32(b, uint32(o.loss*256/100)<<24|lost)
	b = binary.BigEndian.AppendUint32(b, uint32(i+1)*250)
	b = binary.BigEndian.AppendUint32(b, uint32(o.jitter.Milliseconds()*8))
	b = append(b, make([]byte, 8)...)
	return wire.Media{Flow: o.flow, RTCP: true, PT: 201, SSRC: o.ssrc, Bytes: len(b), Data: b}
}
