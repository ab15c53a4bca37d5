package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/sip"
)

// mediaDTMFMismatch: the two sides signal digits in different ways: RTP events (RFC 4733) that were not agreed, or
// INFO against events. That only one side lists events is a guess.
func mediaDTMFMismatch(x *Case) *report {
	if x.Outcome != call.Answered {
		return nil
	}
	if r := x.unagreedEvents(); r != nil {
		return r
	}
	if r := x.digitsByINFO(); r != nil {
		return r
	}
	return x.eventsListedOnce()
}

// unagreedEvents: events as RTP that their receiver never listed.
func (x *Case) unagreedEvents() *report {
	if !x.hasRTP() {
		return nil
	}
	hops := x.mediaHops()
	for i := range hops {
		h := &hops[i]
		for to := range h.sides {
			receiver, sender := &h.sides[to], &h.sides[1-to]
			for _, s := range x.toward(h, to).streams {
				for _, t := range s.RTP.Types {
					own := sender.format(t.PT)
					if t.Packets < 3 || own == nil || !own.Encoding.Is("telephone-event") {
						continue
					}
					f := receiver.format(t.PT)
					if f != nil && f.Encoding.Is("telephone-event") {
						continue
					}
					target := receiver.last()
					r := x.report("media.dtmf-mismatch", 0.9, "%s sends its digits as RTP events (payload type %d, %d packets); ", s.Src, t.PT, t.Packets)
					if target.m.DTMF >= 0 {
						r.add("%s takes them as payload type %d.", s.Dst, target.m.DTMF)
					} else {
						r.add("%s did not list telephone-event: it expects tones in the audio, or INFO.", s.Dst)
					}
					return r.do("Set the same DTMF mode at both sides: RFC 4733 (RFC 2833) where both can, with the number that the receiver lists.").
						see(target.ref, "takes %s", typesOf(target.m)).see(sender.last().ref, "lists %s", typesOf(sender.last().m)).
						suspect(s.Src, call.RoleUnknown)
				}
			}
		}
	}
	return nil
}

// digitsByINFO: digits in INFO (draft-choudhuri-sip-info-digit, never an RFC) that the other side refuses, or though
// it asked for RTP events.
func (x *Case) digitsByINFO() *report {
	for r, t := range x.Txns() {
		if t.Method != sip.MethodInfo || t.Parent != call.None {
			continue
		}
		m := x.Request(r)
		if m == nil || !bytes.HasPrefix(bytes.ToLower(m.Header(sip.HeaderContentType)), []byte("application/dtmf")) {
			continue
		}
		if status := x.Status(r); status >= 400 && status != 408 && status != 481 && status != 401 && status != 407 {
			return x.report("media.dtmf-mismatch", 0.85, "%s sends digits in INFO and %s refuses them with %d: the sides use different DTMF modes.", t.Client, t.Server, status).
				do("Set the same DTMF mode at both sides: RFC 4733 events, or INFO where %s takes it.", t.Server).
				see(x.RequestRef(r), "digits in INFO").see(x.FinalRef(r), "refused").
				suspect(t.Client, call.RoleUnknown)
		}
		hops := x.mediaHops()
		for i := range hops {
			h := &hops[i]
			from := callerSide
			if x.byCallee(r.Leg, t, x.RequestRef(r)) {
				from = calleeSide
			}
			receiver, sender := h.sides[1-from].last(), h.sides[from].last()
			if h.leg != r.Leg || receiver.m.DTMF < 0 || sender.m.DTMF >= 0 {
				continue
			}
			return x.report("media.dtmf-mismatch", 0.7, "%s sends digits in INFO, while %s asked for RTP events (payload type %d): it may take no notice of the INFO.", t.Client, receiver.at, receiver.m.DTMF).
				do("Press a digit and see whether it is understood; set the same DTMF mode at both sides.").
				see(x.RequestRef(r), "digits in INFO").see(receiver.ref, "takes %s", typesOf(receiver.m)).
				suspect(t.Client, call.RoleUnknown)
		}
	}
	return nil
}

// eventsListedOnce: one description lists telephone-event and its answer does not. For a healthy call
// nothing is parsed.
func (x *Case) eventsListedOnce() *report {
	if !x.Final.Valid() || !x.Sighting(x.Final).HasSDP || x.Sighting(x.Final).Txn == call.None {
		return nil
	}
	invite := x.RequestRef(call.TxnRef{Leg: x.Final.Leg, Txn: x.Sighting(x.Final).Txn})
	if !invite.Valid() || !x.Sighting(invite).HasSDP {
		return nil
	}
	if answer := x.Sighting(x.Final); !x.Sighting(invite).Events || answer.Events || answer.Rejected {
		return nil
	}
	offer, answer := x.Session(invite), x.Session(x.Final)
	if offer == nil || answer == nil || len(answer.Media) == 0 || !answer.Media[0].Type.Is("audio") || len(offer.Media) == 0 || offer.Media[0].DTMF < 0 {
		return nil
	}
	return x.report("media.dtmf-mismatch", 0.4, "The caller offered digits as RTP events (telephone-event) and the answer leaves them out: digits work only as tones in the audio, which compressed codecs distort, or by INFO.").
		do("Only if digits are not understood: set RFC 4733 (RFC 2833) at the side of %s.", x.Legs[x.Final.Leg].FlowOf(x.Sighting(x.Final)).Src).
		see(invite, "offers %s", typesOf(&offer.Media[0])).see(x.Final, "answers %s", typesOf(&answer.Media[0]))
}
