// Package decode turns packets into application payloads, events and gaps: link layers and tunnels, IP
// fragments, UDP, TCP streams, SCTP, WebSocket frames, HEP, and TLS, as far as it is in the clear or its keys are known.
// Its one rule: bad traffic is counted by a named reason or handed on as an event or a gap; nothing fails,
// and nothing that traffic can make grow is without a cap.
package decode

import (
	"bytes"
	"net/netip"

	"sipcause/internal/wire"
	"sipcause/sip"
)

// Sink takes what the decoder finds, on the goroutine that calls Packet or Flush and in the order found.
// Pointers and everything they refer to are valid only during the call. A Sink must not call the decoder.
type Sink interface {
	Payload(p *wire.Payload)
	Event(e *wire.Event)
	Gap(g wire.Gap)
	Media(m *wire.Media)
}

// NoteSink is a Sink that also takes what capture agents say of calls beside their messages; as Sink.
type NoteSink interface {
	Note(n *wire.Note)
}

// maxDepth bounds how many layers may follow each other in one packet: tags, labels and tunnels together.
const maxDepth = 16

// Decoder holds the state of one capture: fragments and connections. It is for one goroutine.
type Decoder struct {
	sink  Sink
	opt   Options
	cur   frame
	stats counters

	links  map[wire.LinkType]*layer
	ethers map[uint16]*layer
	protos [256]*layer
	ports  map[uint16]*layer
	probes []*layer // recognised by content on any UDP port

	frags fragments
	tcp   streams
	sctps associations
	peers endpoints

	agents agents
	unzip  unzipper
	notes  NoteSink // the sink, if it takes them

	payload wire.Payload
	media   wire.Media
	heard   wire.Note
}

// stamp names a packet and its time.
type stamp struct {
	ref  wire.PacketRef
	time wire.Time
}

// frame is the state of the packet at hand; layers fill it as they go down.
type frame struct {
	stamp
	src, dst netip.Addr // of the innermost IP header read so far
	point    uint16
	ipid     uint16
	viaHEP   bool
	sender   uint32    // of live HEP
	received wire.Time // of live HEP; 0 else
	frags    int
	missing  int // bytes of the innermost IP payload that were on the wire but are not captured
	depth    int
}

// New returns a decoder that hands on to sink. Zero fields of opt stand for the defaults.
func New(sink Sink, opt Options) *Decoder {
	d := &Decoder{sink: sink, opt: opt.withDefaults()}
	d.indexLayers()
	d.frags.init()
	d.tcp.init()
	d.sctps.init()
	d.peers.init()
	d.agents.init()
	d.notes, _ = sink.(NoteSink)
	return d
}

// Packet decodes one packet. p and its data are not kept. It never fails: see Stats for what was not understood.
func (d *Decoder) Packet(p *wire.Packet) {
	d.stats.packets++
	d.cur = frame{stamp: stamp{p.Ref, p.Time}, point: p.Point, sender: p.Sender}
	if d.frags.order.head != nil {
		d.expireFragments(p.Time)
	}
	if d.tcp.waiting() {
		d.expireStreams(p.Time)
	}
	d.cur.point = p.Point // what expired may have been seen elsewhere
	if p.Link == linkEthernet {
		d.ethernet(p.Data)
		return
	}
	l := d.links[p.Link]
	if l == nil {
		d.stats.unknownLinks[p.Link]++
		return
	}
	l.decode(d, p.Data)
}

// Reached says that time went on to at without a packet: what waited too long is given up and reported.
func (d *Decoder) Reached(at wire.Time) {
	d.cur = frame{stamp: stamp{d.cur.ref, at}, point: d.cur.point}
	if d.frags.order.head != nil {
		d.expireFragments(at)
	}
	if d.tcp.waiting() {
		d.expireStreams(at)
	}
}

// Flush ends the capture at the given time: what is still partial is given up and reported, streams with
// a hole are delivered beyond it. The decoder may be used on afterwards, as on a new capture.
func (d *Decoder) Flush(at wire.Time) {
	d.cur = frame{stamp: stamp{d.cur.ref, at}, point: d.cur.point}
	d.flushFragments(at)
	d.flushStreams(at)
	d.flushAssociations(at)
}

// enter counts a layer below another; false when a packet nests deeper than any honest one.
func (d *Decoder) enter() bool {
	d.cur.depth++
	if d.cur.depth > maxDepth {
		d.skip(reasonTooDeep)
		return false
	}
	return true
}

// deliver hands on one application message.
func (d *Decoder) deliver(data []byte, flow wire.Flow, at stamp, truncated bool) {
	p := &d.payload
	// One by one: a composite would be put together elsewhere and waited for when copied here.
	p.Ref, p.Time, p.Point, p.Flow = at.ref, at.time, d.cur.point, flow
	p.Data, p.Truncated, p.ViaHEP = data, truncated, d.cur.viaHEP
	p.IPID, p.Fragments = 0, 0
	if flow.Transport == wire.UDP && !d.cur.viaHEP {
		p.IPID, p.Fragments = d.cur.ipid, d.cur.frags
	}
	d.stats.payloads[flow.Transport]++
	if truncated {
		d.stats.truncated++
		p.Data = wholeFields(data)
	}
	if flow.Transport == wire.UDP {
		d.peers.learn(flow)
	}
	d.sink.Payload(p)
}

// wholeFields takes the last line off a message that the capture cut inside its header: half a Call-ID would
// be taken for another one. The start line stays, whole or not.
func wholeFields(b []byte) []byte {
	if bytes.Contains(b, []byte("\r\n\r\n")) || bytes.Contains(b, []byte("\n\n")) {
		return b
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	return b
}

func (d *Decoder) event(e *wire.Event) {
	d.stats.events[e.Kind]++
	d.sink.Event(e)
}

func (d *Decoder) gap(g wire.Gap) {
	d.stats.gaps[g.Kind]++
	d.sink.Gap(g)
}

// keepalive says whether b is what user agents send to keep a NAT binding open and nothing else
// (RFC 5626 §4.4.1 CRLF; single NULs and groups of four are common in the field).
func keepalive(b []byte) bool {
	if len(b) > 8 {
		return false
	}
	for _, c := range b {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return true
}

func isSIP(b []byte) bool { return sip.Probe(b) }
