package diagnose

import (
	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/sip"
)

// unansweredOffer: the called side made the offer in its 2xx, and the ACK has no answer (RFC 3261 §13.2.2.4): no media
// were agreed. For a call with an early offer nothing is read.
func (x *Case) unansweredOffer() *report {
	if x.Outcome != call.Answered || !x.Final.Valid() || !x.Sighting(x.Final).HasSDP || x.Sighting(x.Final).Txn == call.None {
		return nil
	}
	invite := x.RequestRef(call.TxnRef{Leg: x.Final.Leg, Txn: x.Sighting(x.Final).Txn})
	if !invite.Valid() || x.Sighting(invite).HasSDP || x.Sighting(invite).Truncated {
		return nil
	}
	e := anatomy.MissingAnswer(x.offers.Of(x.Call))
	if e == nil || x.bothWays() {
		return nil
	}
	ack := x.Msg(e.Answer.Msg)
	if n, said := ack.ContentLength(); said && n > 0 || len(ack.Body) > 0 || ack.Count(sip.HeaderContentType) > 0 {
		return nil // a body that cannot be read, or was left out of the trace
	}
	caller := x.Legs[e.Answer.Msg.Leg].FlowOf(x.Sighting(e.Answer.Msg)).Src
	r := x.report("media.none", 0.9, "The INVITE had no session description, the called side made the offer in its 2xx (%s), and the ACK of %s has no answer to it: no media were agreed.", streams(e.Offer.Session), caller).
		do("Look at %s, which sent the ACK: it has to put its answer into the ACK (RFC 3261 §13.2.2.4). A B2BUA or call control there got none from its other side in time: follow that leg.", caller).
		do("Until then let it send its offer in the INVITE (early offer): then the ACK needs none.").
		see(invite, "INVITE without an offer").see(e.Offer.Msg, "the offer: %s", streams(e.Offer.Session)).see(e.Answer.Msg, "ACK without an answer").
		suspect(caller, call.RoleUAC)
	if d := x.Legs[e.Answer.Msg.Leg]; len(d.Dialogs) > 0 && d.Dialogs[0].Bye != call.None {
		bye := call.TxnRef{Leg: e.Answer.Msg.Leg, Txn: d.Dialogs[0].Bye}
		r.add(" %s ended the call %.1f s later.", x.Txn(bye).Client, Seconds(x.Sighting(e.Answer.Msg).Time, x.Start(bye)))
	}
	return r.tell("The call was answered, but the two sides agreed on no sound.")
}

// bothWays says whether RTP was seen in more than one direction: then something was agreed in some way.
func (x *Case) bothWays() bool {
	for i := range x.Media {
		for k := range i {
			if a, b := &x.Media[i], &x.Media[k]; !a.RTCP && !b.RTCP && a.Src.Addr() == b.Dst.Addr() {
				return true
			}
		}
	}
	return false
}
