package pipeline

import (
	"net/netip"
	"slices"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sipcause/internal/media"
	"sipcause/internal/wire"
)

// Bounds of what is remembered of RTP and RTCP, for the whole capture.
const (
	maxStreams          = 1 << 15 // streams; the socket idle longest goes first
	maxStreamsPerSocket = 16      // streams to one socket; the one idle longest gives way
	maxMediaPaths       = 1 << 14 // pairs of hosts between which RTP was seen; the least recently used goes
)

const (
	touchEvery  = 64              // packets of a stream between two notes that its socket is in use
	pathPackets = 50              // from so many packets on a stream counts as one between its hosts
	newRun      = wire.Time(2e9)  // so long after the last packet an SSRC that does not go on is a new stream
	mediaSlack  = wire.Time(32e9) // 64·T1: how long after a call's last message, when no BYE ended it, its media may begin
)

// mediaTable counts RTP and RTCP by stream, whatever call they may belong to: which that is, its session
// descriptions say when it is judged (see bind). A packet costs one look-up at most, and memory only when its
// stream is new.
type mediaTable struct {
	byDst    *simplelru.LRU[netip.AddrPort, *mediaSocket]
	recent   [1 << 12]*mediaStream // by SSRC: spares most packets the look-up
	paths    *simplelru.LRU[mediaPath, int]
	streams  int
	Evicted  uint64    // streams dropped by a bound
	cut      wire.Time // the last packet of those: a call before that time may miss a stream
	compound media.Compound
	binder   binder
}

// mediaSocket is where streams arrive.
type mediaSocket struct{ streams []*mediaStream }

// mediaStream is one SSRC from one source.
type mediaStream struct {
	src, dst netip.AddrPort
	ssrc     uint32
	point    uint16 // where it is counted: the capture point of its first packet
	rtcp     bool
	gone     bool           // dropped from the table
	kind     uint8          // packet type of the first RTCP packet
	count    media.Counter  // for RTCP only packets, bytes and times
	control  *media.Control // of RTCP
}

// mediaPath is two hosts, in the order in which one sent to the other.
type mediaPath struct{ src, dst netip.Addr }

func (t *mediaTable) init() {
	var err error
	t.byDst, err = simplelru.NewLRU(maxStreams, func(_ netip.AddrPort, s *mediaSocket) {
		t.streams -= len(s.streams)
		t.Evicted += uint64(len(s.streams))
		for _, one := range s.streams {
			t.drop(one)
		}
	})
	if err == nil {
		t.paths, err = simplelru.NewLRU[mediaPath, int](maxMediaPaths, nil)
	}
	if err != nil {
		panic(err) // only for a size below 1
	}
}

// add counts one packet.
func (t *mediaTable) add(m *wire.Media) {
	s := t.stream(m)
	if m.Point != s.point {
		return // the same packet further on
	}
	if m.RTCP {
		t.control(s, m)
		return
	}
	s.count.Add(&media.Packet{Time: m.Time, TS: m.TS, Seq: m.Seq, PT: m.PT, Marker: m.Marker, Bytes: m.Bytes})
	if s.count.Packets == pathPackets {
		p := mediaPath{m.Flow.Src.Addr(), m.Flow.Dst.Addr()}
		n, _ := t.paths.Get(p)
		t.paths.Add(p, n+1)
	}
}

// is says whether a packet belongs to the stream. An SSRC that was silent and then does not go on is another
// stream: a call before used the same sockets and SSRC.
func (s *mediaStream) is(m *wire.Media) bool {
	return s.ssrc == m.SSRC && s.rtcp == m.RTCP && s.src == m.Flow.Src && s.dst == m.Flow.Dst &&
		(m.RTCP || m.Time-s.count.Last <= newRun || s.count.Continues(m.Seq))
}

// stream returns the stream that a packet belongs to.
func (t *mediaTable) stream(m *wire.Media) *mediaStream {
	recent := &t.recent[(m.SSRC^uint32(m.Flow.Dst.Port()))%uint32(len(t.recent))]
	s := *recent
	if s == nil || s.gone || !s.is(m) {
		s = t.find(m)
		*recent = s
	}
	if s.count.Packets%touchEvery == 0 {
		t.byDst.Get(m.Flow.Dst)
	}
	return s
}

func (t *mediaTable) find(m *wire.Media) *mediaStream {
	socket, ok := t.byDst.Peek(m.Flow.Dst)
	if !ok {
		socket = &mediaSocket{}
		t.byDst.Add(m.Flow.Dst, socket)
	}
	for _, s := range socket.streams {
		if s.is(m) {
			return s
		}
	}
	return t.newStream(socket, m)
}

func (t *mediaTable) newStream(socket *mediaSocket, m *wire.Media) *mediaStream {
	t.byDst.Get(m.Flow.Dst) // the newest: not the one to go
	if len(socket.streams) == maxStreamsPerSocket {
		oldest := 0
		for i, s := range socket.streams {
			if s.count.Last < socket.streams[oldest].count.Last {
				oldest = i
			}
		}
		t.drop(socket.streams[oldest])
		socket.streams = slices.Delete(socket.streams, oldest, oldest+1)
		t.streams--
		t.Evicted++
	}
	for t.streams >= maxStreams {
		t.byDst.RemoveOldest()
	}
	s := &mediaStream{src: m.Flow.Src, dst: m.Flow.Dst, ssrc: m.SSRC, rtcp: m.RTCP, kind: m.PT, point: m.Point}
	if m.RTCP {
		s.control = &media.Control{}
	}
	socket.streams = append(socket.streams, s)
	t.streams++
	return s
}

func (t *mediaTable) drop(s *mediaStream) {
	s.gone = true
	t.cut = max(t.cut, s.count.Last)
}

// control counts a packet of RTCP and reads its reports.
func (t *mediaTable) control(s *mediaStream, m *wire.Media) {
	c := &s.count
	if c.Packets == 0 {
		c.First = m.Time
	}
	c.Packets++
	c.Bytes += uint64(m.Bytes)
	c.First, c.Last = min(c.First, m.Time), max(c.Last, m.Time)
	if !t.compound.Parse(m.Data) {
		return
	}
	s.control.Sent(t.compound.NTP, m.Time)
	for i := range t.compound.Blocks {
		b := &t.compound.Blocks[i]
		s.control.Hear(b, m.Time, t.sentAt(m.Flow.Src, b))
	}
	for i := range t.compound.VoIP {
		s.control.HearVoIP(&t.compound.VoIP[i])
	}
}

// sentAt returns when the sender report that a block answers passed on its way to the block's sender, 0 unknown.
func (t *mediaTable) sentAt(receiver netip.AddrPort, b *media.Block) wire.Time {
	if b.LSR == 0 {
		return 0
	}
	socket, _ := t.byDst.Peek(receiver)
	if socket == nil {
		return 0
	}
	for _, s := range socket.streams {
		if s.rtcp && s.ssrc == b.SSRC {
			return s.control.SentAt(b.LSR)
		}
	}
	return 0
}

// keepRTCP copies what a batch keeps of a packet beyond the call that hands it on: the bytes of RTCP.
func (b *batch) keepRTCP(m *wire.Media) {
	if len(m.Data) > 0 {
		b.rtcp = append(b.rtcp, m.Data...)
		n := len(b.rtcp)
		m.Data = b.rtcp[n-len(m.Data) : n : n] // stays right when b.rtcp moves: the old bytes stay where they are
	}
}
