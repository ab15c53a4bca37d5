package diagnose

import (
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/media"
)

// Bounds of a good call.
const (
	poorLoss   = 0.03
	poorJitter = 50.0 // ms
	poorMOS    = 3.5
	fairSample = 200 // packets; 4 s of usual audio
)

// mediaQuality: over the call more than 3 % of a stream was lost, its jitter was above 50 ms, or the estimated MOS
// below 3.5: at the capture point, or at the receiver as RTCP tells it (RFC 3550 §6.4, RFC 3611 §4.7). Of several
// poor streams the surest is reported, then the worst.
func mediaQuality(x *Case) *report {
	var worst *call.Stream
	var sure, worse float64
	for i := range x.Media {
		s := &x.Media[i]
		if s.RTCP || s.Packets < fairSample || !x.own(s) {
			continue
		}
		if bad := badness(s); bad > 1 {
			if c := x.poorness(s); worst == nil || c > sure || c == sure && bad > worse {
				worst, sure, worse = s, c, bad
			}
		}
	}
	if worst == nil {
		return nil
	}
	return x.poor(worst, sure)
}

// poorness is how sure it is that a stream was as poor as its measures say. What the receiver reports was so. What
// only the capture shows may be the capture's own doing: when the receiver, who is further down the way, saw
// nothing of it, when packets are known to be missing, or when the other direction has its share of it.
func (x *Case) poorness(s *call.Stream) float64 {
	loss, jitter := s.RTP.LossShare(), localJitter(s)
	if m := remoteOf(s); m != nil {
		if m.LossMean > poorLoss || remoteJitter(s) > poorJitter {
			return 0.9
		}
		if loss > poorLoss && m.LossMean < loss/3 || jitter > poorJitter && s.RTP.Pauses == 0 && remoteJitter(s) < jitter/3 {
			return 0.3
		}
	}
	if mos := xrMOS(s); mos > 0 && mos < poorMOS {
		return 0.9
	}
	if x.Ledger.Loss(s.First, s.Last, s.Src.Addr(), s.Dst.Addr()) > 0 {
		return 0.4
	}
	for i := range x.Media {
		o := &x.Media[i]
		if o.RTCP || o.Src.Addr() != s.Dst.Addr() || o.Packets < enoughPackets/2 {
			continue
		}
		if loss > poorLoss && o.RTP.LossShare() > loss/4 || jitter > poorJitter && localJitter(o) > jitter/4 {
			return 0.45
		}
	}
	return 0.75
}

// badness is by how much the worst of a stream's measures exceeds its bound.
func badness(s *call.Stream) float64 {
	bad := max(s.RTP.LossShare()/poorLoss, localJitter(s)/poorJitter)
	if s.MOS > 0 {
		bad = max(bad, 1+poorMOS-s.MOS)
	}
	if m := remoteOf(s); m != nil {
		bad = max(bad, m.LossMean/poorLoss, remoteJitter(s)/poorJitter)
	}
	if mos := xrMOS(s); mos > 0 {
		bad = max(bad, 1+poorMOS-mos)
	}
	return bad
}

// videoClock is the clock rate of video (RFC 3551 §5): its frames come in bursts, which is no trouble of the network.
const videoClock = 90000

// localJitter returns the mean jitter in ms at the capture point; -1 unknown, and of video.
func localJitter(s *call.Stream) float64 {
	if s.ClockRate == videoClock {
		return -1
	}
	return s.Jitter
}

// remoteOf returns the receiver's reports when there are enough of them to speak for the call.
func remoteOf(s *call.Stream) *media.Report {
	if s.Remote != nil && s.Remote.Reports >= 2 {
		return s.Remote
	}
	return nil
}

// remoteJitter returns the mean jitter in ms that the receiver reported; -1 unknown, and after pauses of the sender,
// which many receivers take for jitter.
func remoteJitter(s *call.Stream) float64 {
	if m := remoteOf(s); m != nil && s.ClockRate > 0 && s.ClockRate != videoClock && s.RTP.Pauses == 0 {
		return m.JitterSum / float64(m.Reports) / float64(s.ClockRate) * 1000
	}
	return -1
}

// xrMOS returns the opinion score that the receiver reported; 0 unknown.
func xrMOS(s *call.Stream) float64 {
	if s.Remote == nil || s.Remote.XR == 0 {
		return 0
	}
	if s.Remote.VoIP.MOSCQ > 0 {
		return s.Remote.VoIP.MOSCQ
	}
	return s.Remote.VoIP.MOSLQ
}

// poor reports a stream.
func (x *Case) poor(s *call.Stream, confidence float64) *report {
	var words []string
	here, there := false, false // lost before the capture point; behind it
	loss := s.RTP.LossShare()
	if loss > poorLoss {
		here = true
		words = append(words, fmt.Sprintf("%.1f %% of %d packets lost before the capture point", 100*loss, s.RTP.Expected()))
	}
	if j := localJitter(s); j > poorJitter {
		here = true
		words = append(words, fmt.Sprintf("jitter %.0f ms at the capture point", j))
	}
	if m := remoteOf(s); m != nil {
		if m.LossMean > poorLoss {
			there = true
			words = append(words, fmt.Sprintf("%.1f %% lost as its receiver reports", 100*m.LossMean))
		}
		if j := remoteJitter(s); j > poorJitter {
			there = true
			words = append(words, fmt.Sprintf("jitter %.0f ms as its receiver reports", j))
		}
	}
	if mos := xrMOS(s); mos > 0 && mos < poorMOS {
		there = true
		words = append(words, fmt.Sprintf("MOS %.1f as its receiver reports", mos))
	}
	if s.MOS > 0 && s.MOS < poorMOS {
		words = append(words, fmt.Sprintf("estimated MOS %.1f", s.MOS))
	}
	r := x.report("media.quality", confidence, "The RTP from %s to %s is poor: %s.", s.Src, s.Dst, strings.Join(words, ", "))
	switch {
	case confidence < finding.Plausible:
		r.add(" The capture itself may have lost or delayed the packets: the receiver does not confirm it.").
			do("Look at the capture's own drop counter, and at RTCP of the receiver.")
	case here:
		r.do("The trouble is on the way from %s to the capture point: look at its uplink, Wi-Fi and queues first.", s.Src.Addr())
	case there:
		r.do("It was good at the capture point: look at the way from there to %s, its downlink and Wi-Fi.", s.Dst.Addr())
	default:
		r.do("Look at the codec and the delay between %s and %s.", s.Src.Addr(), s.Dst.Addr())
	}
	if localJitter(s) > poorJitter || remoteJitter(s) > poorJitter {
		r.do("Give voice its priority queue (DSCP EF) and enlarge the receiver's jitter buffer.")
	}
	return r.do("Compare with other calls of the same hosts at that time: many poor ones mean the link, one means the device.").
		seeStream(s, "%d packets of RTP", s.Packets).suspect(s.Src, call.RoleUnknown)
}
