package pipeline

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/decode"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

func host(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}) }

// rtpPacket is packet n of stream s.
func rtpPacket(s, n int) wire.Media {
	return wire.Media{
		Time: wire.Time(1e9 + n*20e6), Seq: uint16(n), TS: uint32(160 * n), SSRC: uint32(s), Bytes: 172,
		Flow: wire.Flow{Transport: wire.UDP, Src: netip.AddrPortFrom(host(1), uint16(10000+2*s)), Dst: netip.AddrPortFrom(host(2), uint16(20000+2*s))},
	}
}

// TestMediaAllocatesNothing: a packet of a stream that is known costs no memory.
func TestMediaAllocatesNothing(t *testing.T) {
	var table mediaTable
	table.init()
	n := 0
	add := func() {
		n++
		for s := range 50 {
			m := rtpPacket(s, n)
			table.add(&m)
		}
	}
	for range pathPackets + 1 {
		add()
	}
	if got := testing.AllocsPerRun(200, add); got != 0 {
		t.Errorf("%v allocations for 50 packets", got)
	}
}

// TestMediaFlood: streams without end, to many sockets and to one, stay within the bounds and are counted, and a
// stream that goes on is kept.
func TestMediaFlood(t *testing.T) {
	var table mediaTable
	table.init()
	const flood = 4 * maxStreams
	for i := range flood {
		m := rtpPacket(0, i)
		m.SSRC = uint32(i)
		m.Flow.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(113 + i>>24), byte(i >> 16)}), uint16(i))
		m.Flow.Src = netip.AddrPortFrom(host(9), uint16(i))
		table.add(&m)
		if i%64 == 0 {
			keep := rtpPacket(7, i/64)
			table.add(&keep)
		}
	}
	if table.streams > maxStreams || table.byDst.Len() > maxStreams || table.paths.Len() > maxMediaPaths {
		t.Errorf("%d streams to %d sockets, %d paths", table.streams, table.byDst.Len(), table.paths.Len())
	}
	if want := uint64(flood + 1 - maxStreams); table.Evicted != want {
		t.Errorf("%d evicted, want %d", table.Evicted, want)
	}
	if s, ok := table.byDst.Peek(rtpPacket(7, 0).Flow.Dst); !ok || s.streams[0].count.Packets != flood/64 {
		t.Errorf("the stream that goes on was dropped")
	}
	before := table.Evicted
	for i := range 1000 {
		m := rtpPacket(3, i)
		m.SSRC = uint32(1000 + i)
		table.add(&m)
	}
	s, _ := table.byDst.Peek(rtpPacket(3, 0).Flow.Dst)
	if len(s.streams) != maxStreamsPerSocket || s.streams[len(s.streams)-1].ssrc != 1999 {
		t.Errorf("%d streams to one socket, the last %d", len(s.streams), s.streams[len(s.streams)-1].ssrc)
	}
	if table.Evicted-before < 1000-maxStreamsPerSocket {
		t.Errorf("%d evicted", table.Evicted-before)
	}
}

// TestMediaSocketsUsedAgain: calls one after another that use the same sockets and SSRC, as load generators do, have
// streams of their own; each call gets its own.
func TestMediaSocketsUsedAgain(t *testing.T) {
	var table mediaTable
	table.init()
	for k := range 3 {
		for n := range 300 {
			m := rtpPacket(1, n)
			m.Time += wire.Time(k) * 20e9
			table.add(&m)
		}
	}
	s, _ := table.byDst.Peek(rtpPacket(1, 0).Flow.Dst)
	if len(s.streams) != 3 || s.streams[1].count.Packets != 300 || s.streams[1].count.Lost() != 0 {
		t.Fatalf("%d streams", len(s.streams))
	}
	c := &call.Call{Began: 20e9, Ended: 27e9, Legs: []*call.Leg{{Dialogs: []call.Dialog{{Bye: 1}}}}}
	for _, one := range s.streams {
		table.bindStream(c, one)
	}
	if len(c.Media) != 1 || c.Media[0].First != 21e9 {
		t.Errorf("bound %+v", c.Media)
	}
}

// rtcpPacket is a datagram of words from one socket to another.
func rtcpPacket(at wire.Time, src, dst netip.AddrPort, words ...uint32) wire.Media {
	m := wire.Media{Time: at, RTCP: true, PT: uint8(words[0] >> 16), SSRC: words[1], Flow: wire.Flow{Transport: wire.UDP, Src: src, Dst: dst}}
	for _, w := range words {
		m.Data = binary.BigEndian.AppendUint32(m.Data, w)
	}
	m.Bytes = len(m.Data)
	return m
}

// TestReports: a receiver's reports are timed against the sender report that they quote, survive the batch, and
// are bound to the stream that they are about.
func TestReports(t *testing.T) {
	var table mediaTable
	table.init()
	var b batch
	flow := rtpPacket(1, 0).Flow
	control := wire.Flow{Src: netip.AddrPortFrom(flow.Src.Addr(), flow.Src.Port()+1), Dst: netip.AddrPortFrom(flow.Dst.Addr(), flow.Dst.Port()+1)}
	keep := func(m wire.Media) {
		b.keepRTCP(&m)
		b.media = append(b.media, m)
	}
	for n := range 300 {
		m := rtpPacket(1, n)
		keep(m)
	}
	rr := []uint32{0x81<<24 | 201<<16 | 7, 99, 1, 13<<24 | 9, 300, 80, 0x20003000, 1 << 16}
	keep(rtcpPacket(1e9, control.Dst, control.Src, rr...))
	keep(rtcpPacket(2e9, control.Src, control.Dst, 0x80<<24|200<<16|6, 1, 0x10002000, 0x30004000, 160, 1, 172))
	scratch := rtcpPacket(5.07e9, control.Dst, control.Src, append(rr[:len(rr):len(rr)], 0x80<<24|207<<16|10, 99, 7<<24|8, 1, 0, 0, 100<<16, 0, 80<<24|127<<16|40<<8|38, 0, 0)...)
	keep(scratch)
	clear(scratch.Data) // the packet's bytes are gone when the call that handed them on is over
	for i := range b.media {
		table.add(&b.media[i])
	}
	c := &call.Call{Began: 1e9, Ended: 9e9}
	for _, at := range []netip.AddrPort{flow.Dst, control.Src, control.Dst} {
		socket, _ := table.byDst.Peek(at)
		for _, s := range socket.streams {
			table.bindStream(c, s)
		}
	}
	for i := range c.Media {
		table.finish(c, &c.Media[i])
	}
	s := &c.Media[0]
	if s.Remote == nil || s.Remote.Heard != 2 || s.Remote.Reports != 1 || s.Remote.LossMean != 13.0/256 || s.Remote.Lost != 9 {
		t.Fatalf("%+v", s.Remote)
	}
	if s.Remote.RoundTrip != 2.07e9 || s.Remote.VoIP.RoundTrip != 100 || s.Remote.VoIP.MOSCQ != 3.8 {
		t.Errorf("round trip %v, VoIP metrics %+v", s.Remote.RoundTrip, s.Remote.VoIP)
	}
	if s.Codec != "PCMU" || s.Jitter != 0 || s.MOS == 0 || s.MOS > 3 {
		t.Errorf("%s, jitter %v, MOS %v: a round trip of two seconds is no good call", s.Codec, s.Jitter, s.MOS)
	}
}

// BenchmarkMedia is what one RTP packet of 1000 calls under way costs the judge.
func BenchmarkMedia(b *testing.B) {
	var table mediaTable
	table.init()
	const streams = 2000
	packets := make([]wire.Media, streams)
	for s := range packets {
		packets[s] = rtpPacket(s, 0)
	}
	n, s := 0, 0
	for b.Loop() {
		m := &packets[s]
		m.Seq, m.TS, m.Time = uint16(n), uint32(160*n), wire.Time(1e9+n*20e6)
		table.add(m)
		if s++; s == streams {
			s, n = 0, n+1
		}
	}
}

// BenchmarkRTP is what one RTP packet costs from its frame to its stream, decoder and engine together.
func BenchmarkRTP(b *testing.B) {
	e := NewEngine(Options{Workers: 1}, func(*view.Case) error { return nil })
	d := decode.New(e, decode.Options{})
	const streams = 2000
	random := rand.New(rand.NewPCG(1, 2))
	frames := make([][]byte, streams)
	for s := range frames {
		m := rtpPacket(s, 0)
		m.SSRC = random.Uint32()
		frames[s] = testkit.Ethernet(testkit.UDP(m.Flow.Src, m.Flow.Dst, 0, testkit.RTP(&m, 160)))
	}
	const rtp = 14 + 20 + 8 // where it begins in a frame
	p := wire.Packet{Link: 1}
	n, s := 0, 0
	for b.Loop() {
		p.Data = frames[s]
		p.Ref.Number++
		p.Time, p.WireLen = wire.Time(1e18+n*20e6), len(p.Data)
		binary.BigEndian.PutUint16(p.Data[rtp+2:], uint16(n))
		binary.BigEndian.PutUint32(p.Data[rtp+4:], uint32(160*n))
		e.packet(&p)
		d.Packet(&p)
		if s++; s == streams {
			s, n = 0, n+1
		}
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	if got := e.judge.media.streams; got != streams || e.judge.media.Evicted != 0 {
		b.Errorf("%d streams, %d evicted", got, e.judge.media.Evicted)
	}
}
