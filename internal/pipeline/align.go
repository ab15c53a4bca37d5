package pipeline

import (
	"bytes"
	"context"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/capture"
	"sipcause/internal/clocks"
	"sipcause/internal/decode"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// How much is looked at before the run to tell capture points and their clocks: of all lanes together, and of one at
// least and at most; messages remembered of all lanes, and of one at least and at most.
const (
	maxHeadBytes = 512 << 20
	minLaneBytes = 1 << 20
	maxLaneBytes = 128 << 20
	maxMarks     = 1 << 19
	minLaneMarks = 256
	maxLaneMarks = 1 << 16
)

// align looks at the beginnings of the files of a source that has several, or of the interfaces of one, and puts what
// was captured at different points on one clock. nil when it was all captured at one point.
func align(ctx context.Context, src *capture.Source, opt decode.Options) (*clocks.Points, error) {
	lanes := src.Lanes()
	if lanes == nil {
		return nil, nil
	}
	budget := min(max(maxHeadBytes/int64(len(lanes)), minLaneBytes), maxLaneBytes)
	seen := make([]clocks.Lane, len(lanes))
	for i := range lanes {
		h := head{most: min(max(maxMarks/len(lanes), minLaneMarks), maxLaneMarks), below: ^uint64(0)}
		dec := decode.New(&h, opt)
		err := src.Head(ctx, lanes[i], budget, func(p *wire.Packet) error {
			h.widen(p.Time)
			dec.Packet(p)
			return nil
		}, func(p *wire.Payload) error {
			if p.Time.Absolute() {
				h.widen(p.Time)
				h.Payload(p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		seen[i] = clocks.Lane{Stem: lanes[i].Stem, Text: lanes[i].Text, First: h.first, Last: h.last, Marks: h.marks}
	}
	found, links := clocks.Align(seen)
	if found == nil {
		return nil, nil
	}
	fix := make([]capture.Correction, len(lanes))
	names := make([][]string, len(found))
	for p := range found {
		c := &found[p]
		for _, lane := range c.Lanes {
			names[p] = append(names[p], lanes[lane].Name)
			fix[lane].Point = uint16(p)
			if c.Applied {
				fix[lane].Right = c.Right
			}
		}
	}
	src.Correct(lanes, fix)
	return clocks.NewPoints(found, names, links), nil
}

// head keeps the marks of the first messages of one lane: those of all, or of the transactions whose hash is below a
// bound that falls as more come, so that what is kept of two lanes is the same share.
type head struct {
	span
	marks   []clocks.Mark
	share   []uint64 // parallel to marks: the hash that decides
	below   uint64
	most    int
	msg     sip.Message
	digest  xxhash.Digest
	aliases map[string]string // Call-ID to that of the other leg of a B2BUA
}

func (h *head) Event(*wire.Event) {}
func (h *head) Gap(wire.Gap)      {}
func (h *head) Media(*wire.Media) {}

// Payload notes one message.
func (h *head) Payload(p *wire.Payload) {
	m := &h.msg
	if p.Truncated || p.Time == 0 || m.Parse(p.Data) != nil {
		return
	}
	top, bottom := m.Branch(), m.Branch()
	for d := 1; d < maxViaDepth; d++ {
		v, ok := m.Via(d)
		if !ok {
			break
		}
		bottom = v.Branch
	}
	if len(bottom) == 0 {
		return
	}
	h.digest.Reset()
	h.digest.Write(bottom)
	share := h.digest.Sum64()
	if share > h.below {
		return
	}
	cseq, _ := m.CSeq()
	h.digest.Write(m.MethodName())
	h.digest.Write([]byte{byte(cseq >> 24), byte(cseq >> 16), byte(cseq >> 8), byte(cseq), byte(m.Status >> 8), byte(m.Status), byte(m.Method)})
	h.digest.Write(m.FromTag())
	h.digest.Write(m.ToTag())
	hop, back := clocks.HopOf(p.Flow.Src, p.Flow.Dst)
	h.marks = append(h.marks, clocks.Mark{At: p.Time, ID: h.digest.Sum64(), Talk: h.talk(m), Top: xxhash.Sum64(top), Hop: hop, Back: back, Mint: mintOf(p)})
	h.share = append(h.share, share)
	for len(h.marks) > h.most && h.below > 1 {
		h.thin()
	}
}

// mintOf is clocks.Mark.Mint of a message: the IP identification of a datagram, the ports of a connection.
func mintOf(p *wire.Payload) uint16 {
	if p.Flow.Transport.Reliable() {
		return p.Flow.Src.Port() ^ p.Flow.Dst.Port()
	}
	return p.IPID
}

// maxAliases bounds the Call-IDs of which it is remembered that a B2BUA made them of another.
const maxAliases = 1 << 14

// talk is what a message is known by on both sides of a B2BUA: Session-ID (RFC 7989 §6), or the Call-ID that the
// B2BUA names as that of its other leg; 0 for what is not of an INVITE.
func (h *head) talk(m *sip.Message) uint64 {
	if m.Method != sip.MethodInvite || m.Status == 100 {
		return 0
	}
	h.digest.Reset()
	id := m.CallID()
	if local, remote, ok := m.SessionID(); ok {
		if bytes.Compare(local, remote) > 0 {
			local, remote = remote, local
		}
		h.digest.Write(local)
		h.digest.Write(remote)
	} else {
		other := m.HeaderByName("X-Call-ID")
		if len(other) == 0 {
			other = m.HeaderByName("X-CID")
		}
		if len(other) > 0 && len(h.aliases) < maxAliases {
			if h.aliases == nil {
				h.aliases = map[string]string{}
			}
			h.aliases[string(id)] = string(other)
		}
		if first, ok := h.aliases[string(id)]; ok {
			id = []byte(first)
		}
		h.digest.Write(id)
	}
	h.digest.Write([]byte{byte(m.Status >> 8), byte(m.Status)})
	return h.digest.Sum64()
}

// maxViaDepth bounds how far down a Via stack the originator is looked for.
const maxViaDepth = 16

// thin halves the share that is kept.
func (h *head) thin() {
	h.below /= 2
	n := 0
	for i := range h.marks {
		if h.share[i] <= h.below {
			h.marks[n], h.share[n] = h.marks[i], h.share[i]
			n++
		}
	}
	h.marks, h.share = h.marks[:n], h.share[:n]
}

// span is the time from the first packet to the last.
type span struct{ first, last wire.Time }

func (s *span) widen(t wire.Time) {
	if t <= 0 {
		return
	}
	if s.first == 0 || t < s.first {
		s.first = t
	}
	s.last = max(s.last, t)
}

// places tells the engine of the capture points before anything else; nil: there is one.
func (e *Engine) places(p *clocks.Points) {
	if p != nil {
		e.spans = make([]span, len(p.Clocks))
		e.judge.points = p
	}
}
