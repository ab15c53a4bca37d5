package diagnose

import (
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/sdp"
)

// mediaPayloadMismatch: RTP has a payload type that its receiver did not list, or a codec that its sender did not
// agree to (RFC 3264 §5.1, §6.1).
func mediaPayloadMismatch(x *Case) *report {
	if !x.hasRTP() {
		return nil
	}
	hops := x.mediaHops()
	for i := range hops {
		h := &hops[i]
		if h.answered == 0 {
			continue
		}
		for to := range h.sides {
			for _, s := range x.toward(h, to).streams {
				if s.Last < h.answered {
					continue // early media may use any format of the offer
				}
				for _, t := range s.RTP.Types {
					if t.Packets < enoughPackets/4 || t.PT == 13 || t.PT == 19 {
						continue // comfort noise is sent unasked (RFC 3389)
					}
					if r := x.foreignType(h, to, s, t.PT, t.Packets); r != nil {
						return r
					}
				}
			}
		}
	}
	return nil
}

// foreignType reports a payload type that was not agreed.
func (x *Case) foreignType(h *mediaHop, to int, s *call.Stream, pt uint8, packets uint64) *report {
	receiver, sender := &h.sides[to], &h.sides[1-to]
	f := receiver.format(pt)
	if f != nil && (f.Auxiliary() || len(f.Encoding) == 0 || sender.speaks(f)) {
		return nil
	}
	own := sender.format(pt)
	if f == nil && own != nil && own.Auxiliary() {
		return nil // media.dtmf-mismatch
	}
	target, source := receiver.last(), sender.last()
	r := x.report("media.payload-mismatch", 0.9, "")
	switch {
	case f != nil:
		r.add("%s sends %s (payload type %d, %d packets) to %s, though its own description lists only %s.", s.Src, clean(f), pt, packets, s.Dst, codecs(source.m))
	case own != nil:
		r.add("%s sends payload type %d (%d packets), which is its own number for %s; %s listed %s.", s.Src, pt, packets, clean(own), s.Dst, typesOf(target.m))
	default:
		name := fmt.Sprintf("payload type %d", pt)
		if codec, rate, _, ok := sdp.Static(int(pt)); ok {
			name += fmt.Sprintf(", %s/%d", codec, rate)
		}
		r.add("%s sends %s (%d packets), which %s did not list: it takes %s.", s.Src, name, packets, s.Dst, typesOf(target.m))
	}
	return r.do("Ask whether that side is heard at all: most receivers drop a payload type that they did not list.").
		do("Correct the sender at %s: it must send what the other side listed, by the other side's numbers; a relay that changes descriptions must keep both in step.", s.Src.Addr()).
		see(target.ref, "takes %s", typesOf(target.m)).see(source.ref, "lists %s", typesOf(source.m)).
		suspect(s.Src, call.RoleUnknown)
}

// format returns what a payload type stands for in the latest of a side's descriptions that has it. All streams are
// looked at: with BUNDLE (RFC 9143) they share a socket.
func (s *mediaSide) format(pt uint8) *sdp.Format {
	for i := len(s.said) - 1; i >= 0; i-- {
		for n := range s.said[i].all.Media {
			formats := s.said[i].all.Media[n].Formats
			for k := range formats {
				if f := &formats[k]; f.PayloadType == int(pt) {
					return f
				}
			}
		}
	}
	return nil
}

// speaks says whether a side has listed the codec, under whatever number.
func (s *mediaSide) speaks(f *sdp.Format) bool {
	for i := range s.said {
		for n := range s.said[i].all.Media {
			formats := s.said[i].all.Media[n].Formats
			for k := range formats {
				if o := &formats[k]; o.Same(f) || len(o.Encoding) == 0 && o.PayloadType >= 0 {
					return true
				}
			}
		}
	}
	return false
}

func clean(f *sdp.Format) string { return call.Clean([]byte(f.String())) }

// typesOf lists a stream's formats with their payload types: "0 PCMU/8000, 101 telephone-event/8000".
func typesOf(m *sdp.Media) string {
	var list []string
	for i := range m.Formats {
		f := &m.Formats[i]
		list = append(list, call.Clean(f.Name)+" "+clean(f))
	}
	return strings.Join(list, ", ")
}
