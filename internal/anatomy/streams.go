package anatomy

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/sdp"
)

// Stream is one m= line of an offer beside its counterpart. Answer is nil when there is none.
type Stream struct {
	sdp.MediaMatch
	Events Events
}

// Events says whose description of a stream lists telephone-event (RFC 4733).
type Events uint8

// Who lists it, with the names of the report. What RTP does not carry has no events.
const (
	EventsNowhere Events = iota
	EventsOffer          // only the offer: digits as events will not be understood, or not be sent
	EventsAnswer         // only the answer
	EventsBoth
)

var eventNames = [...]string{"none", "offer", "answer", "both"}

// String returns the name used in output.
func (e Events) String() string { return eventNames[e] }

// compare fills what the exchanges say of streams, holding and change.
func (d *Dialog) compare() {
	var before *Exchange
	for i := range d.Exchanges {
		e := &d.Exchanges[i]
		answer := e.Answer.Session
		if answer == nil {
			answer = e.Preview.Session
		}
		e.streams(e.Offer.Session, answer)
		switch {
		case e.Result != Unanswered:
		case e.Answer.Session == nil && e.Preview.Session != nil:
			e.Result = EarlyOnly
		case e.Answer.Session != nil:
			e.Result = Nothing
			for k := range e.Streams {
				if e.Streams[k].Result == sdp.Accepted {
					e.Result = Agreed
				}
			}
		}
		e.hold(before)
		e.Change = e.against(before)
		if e.Result == Agreed {
			before = e
		} else if before != nil {
			e.Held = before.Held // what was not agreed changes nothing (RFC 3264 §8)
		}
	}
}

// events counts the RTP packets of the dialog's leg that carry telephone-event.
func (d *Dialog) events(c *call.Call) {
	for i := range c.Media {
		s := &c.Media[i]
		if s.RTP == nil || (!s.To.Valid() || s.To.Leg != d.Leg) && (!s.From.Valid() || s.From.Leg != d.Leg) {
			continue
		}
		for _, t := range s.RTP.Types {
			if t.Packets > 0 && d.eventType(int(t.PT)) {
				d.Events += t.Packets
			}
		}
	}
}

// eventType says whether a description of the dialog gives a payload type to telephone-event.
func (d *Dialog) eventType(pt int) bool {
	for i := range d.Exchanges {
		for k := range d.Exchanges[i].Streams {
			s := &d.Exchanges[i].Streams[k]
			if s.Offer.DTMF == pt || s.Answer != nil && s.Answer.DTMF == pt {
				return true
			}
		}
	}
	return false
}

// streams puts the m= lines of an offer beside those of its answer, nil when there is none.
func (e *Exchange) streams(offer, answer *sdp.Session) {
	e.Streams = e.Streams[:0]
	if answer == nil {
		for i := range offer.Media {
			e.Streams = append(e.Streams, Stream{MediaMatch: sdp.MediaMatch{Index: i, Offer: &offer.Media[i], Result: sdp.Unanswered}})
		}
	} else {
		for _, mm := range sdp.Compare(offer, answer).Media {
			e.Streams = append(e.Streams, Stream{MediaMatch: mm})
		}
	}
	for i := range e.Streams {
		s := &e.Streams[i]
		if s.Offer.DTMF >= 0 {
			s.Events = EventsOffer
		}
		if s.Answer != nil && s.Answer.DTMF >= 0 {
			s.Events += EventsAnswer
		}
	}
}

// hold says who holds, on all streams that were accepted: a side that does not take what the other would send
// (RFC 3264 §8.4). Who answers an offer that sends nothing goes on as before.
func (e *Exchange) hold(before *Exchange) {
	if e.Answer.Session == nil {
		return
	}
	live, offerer, answerer := false, true, true
	for i := range e.Streams {
		s := &e.Streams[i]
		if s.Result != sdp.Accepted {
			continue
		}
		live = true
		offerer = offerer && s.Offer.Held()
		answerer = answerer && s.Answer.Held() && (s.Offer.Direction.Sends() || s.Answer.ZeroAddress() || before != nil && before.Held[e.Answer.By])
	}
	e.Held[e.Offer.By] = live && offerer
	e.Held[e.Answer.By] = live && answerer
}

// against says what the exchange changes; before is the one agreed last, nil when there is none.
func (e *Exchange) against(before *Exchange) Change {
	if before == nil {
		return FirstExchange
	}
	held := e.Held
	if e.Answer.Session == nil { // what it asked for
		held = before.Held
		held[e.Offer.By] = e.Offer.Session.Held()
	}
	switch {
	case e.fax() && !before.fax():
		return Fax
	case held[Caller] && !before.Held[Caller] || held[Callee] && !before.Held[Callee]:
		return Hold
	case held != before.Held:
		return Resume
	case !sameMedia(e, before):
		return StreamsChanged
	case !same(e, before, sameCodec):
		return CodecChanged
	case !same(e, before, sameAddress):
		return AddressChanged
	}
	return Refreshed
}

// fax says whether a T.38 stream is asked for (ITU-T T.38 Annex D).
func (e *Exchange) fax() bool {
	for i := range e.Streams {
		if o := e.Streams[i].Offer; o.Profile == sdp.ProfileUDPTL && !o.Rejected() {
			return true
		}
	}
	return false
}

func sameMedia(e, before *Exchange) bool {
	if len(e.Streams) != len(before.Streams) {
		return false
	}
	for i := range e.Streams {
		a, b := e.Streams[i].Offer, before.Streams[i].Offer
		if !a.Type.Is(b.Type.String()) || a.Rejected() != b.Rejected() || a.Profile != b.Profile {
			return false
		}
	}
	return true
}

// same compares what each side says of each stream with what it said before.
func same(e, before *Exchange, equal func(a, b *sdp.Media) bool) bool {
	for i := range e.Streams {
		for side := Caller; side <= Callee; side++ {
			if a, b := e.side(i, side), before.side(i, side); a != nil && b != nil && !equal(a, b) {
				return false
			}
		}
	}
	return true
}

// side returns what a side says of stream i, nil: nothing.
func (e *Exchange) side(i, side int) *sdp.Media {
	if e.Offer.By == side {
		return e.Streams[i].Offer
	}
	return e.Streams[i].Answer
}

// sameCodec compares the codec preferred: an offer lists more than an answer does.
func sameCodec(a, b *sdp.Media) bool {
	if len(a.Formats) == 0 || len(b.Formats) == 0 {
		return len(a.Formats) == len(b.Formats)
	}
	return bytes.EqualFold(a.Formats[0].Encoding, b.Formats[0].Encoding)
}

func sameAddress(a, b *sdp.Media) bool {
	return a.Connection.Addr == b.Connection.Addr && a.Port == b.Port
}

// Media returns the description that a side gave of the stream, nil: none.
func (e *Exchange) Media(stream, side int) *sdp.Media { return e.side(stream, side) }

// Agreed returns the codec that both sides will use for the stream: the first of the answer that the offer has, too
// (RFC 3264 §6.1, §7); nil: none.
func (s *Stream) Agreed() *sdp.Format {
	for i := range s.Common {
		if !s.Common[i].Auxiliary() {
			return &s.Common[i]
		}
	}
	return nil
}

// MissingAnswer returns the delayed offer with which a dialog began and that an ACK without a session description left
// unanswered (RFC 3261 §13.2.2.4); nil: none.
func MissingAnswer(list []Dialog) *Exchange {
	for i := range list {
		if d := &list[i]; len(d.Exchanges) > 0 && d.Exchanges[0].Result == MissingInACK {
			return &d.Exchanges[0]
		}
	}
	return nil
}
