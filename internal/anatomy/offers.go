package anatomy

import (
	"bytes"
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sdp"
	"sipcause/sip"
)

// Dialog is what the two sides of one dialog offered and answered each other (RFC 3264, RFC 6337), as the side that
// sent each request saw it.
type Dialog struct {
	Leg       int   // index into Call.Legs
	Dialog    int32 // index into that leg's Dialogs; None when the INVITE made none
	Exchanges []Exchange
	Cut       int     // exchanges beyond maxExchanges
	Early     []Early // provisional responses that bear on early media
	Digits    int     // INFO requests with digits (application/dtmf-relay and the like)
	Events    uint64  // RTP packets seen with a payload type that a description gives to telephone-event (RFC 4733)
}

// Exchange is one offer and what became of it.
type Exchange struct {
	Offer, Answer Description
	Preview       Description // the answer in an unreliable provisional response (RFC 6337 §3.1.1); Msg is NoMsg: none
	Result        Result
	Code          int       // of the response of 300 and above, 0: none came
	At            wire.Time // of that response; 0: none came
	Delayed       bool      // the request had none: its response offers (RFC 3261 §13.2.1, RFC 6337 §2.2)
	Change        Change    // against the exchange agreed before
	Held          [2]bool   // who holds after it: Caller, Callee
	Streams       []Stream  // m= line by m= line; of the offer alone when it has no answer

	txn int32 // whose request, or a response to it, has the offer
}

// The sides of a dialog, as indices.
const (
	Caller = 0
	Callee = 1
)

// SideName names a side in output.
func SideName(side int) string { return [...]string{"caller", "callee"}[side] }

// Description is a session description in a message.
type Description struct {
	Msg     call.MsgRef // NoMsg: none
	By      int         // Caller or Callee
	From    netip.AddrPort
	Method  sip.Method // of its request; with Status 0 the message is that request
	Status  int
	Session *sdp.Session // valid until the next Of
}

// Result is what became of an offer.
type Result uint8

// The results, with the names of the report.
const (
	Unanswered    Result = iota // no answer and no final response was seen
	EarlyOnly                   // answered in an unreliable provisional response alone (RFC 6337 §3.1.1)
	Agreed                      // answered, and a stream was accepted
	Nothing                     // answered, and every stream was rejected
	Refused                     // a final response that refuses the offer: 406, 415, 488, 580, 606
	RequestFailed               // another final response of 300 and above
	MissingInACK                // the 2xx offered, and the ACK has no answer (RFC 3261 §13.2.2.4)
	MissingIn2xx                // the INVITE or UPDATE offered, and its 2xx has no answer (RFC 3261 §13.2.1)
)

var resultNames = [...]string{"unanswered", "early", "agreed", "all-rejected", "refused", "request-failed", "no-answer-in-ack", "no-answer-in-2xx"}

// String returns the name used in output.
func (r Result) String() string { return resultNames[r] }

// Change says what an exchange changed.
type Change uint8

// The changes, with the names of the report; the most telling one is given.
const (
	FirstExchange  Change = iota
	Refreshed             // the same streams again
	Hold                  // a side holds that did not
	Resume                // a side does not hold any more
	Fax                   // to T.38 (RFC 3362)
	StreamsChanged        // another number of streams, or other media
	CodecChanged
	AddressChanged // where media goes, to one side at least
)

var changeNames = [...]string{"first", "refresh", "hold", "resume", "t38", "streams", "codec", "address"}

// String returns the name used in output.
func (c Change) String() string { return changeNames[c] }

// Early is a provisional response with a session description or P-Early-Media (RFC 5009).
type Early struct {
	Msg        call.MsgRef
	Status     int
	SDP        bool
	Reliable   bool   // RFC 3262
	EarlyMedia []byte // P-Early-Media, nil: none
}

// Bounds of what is read of a call.
const (
	maxExchanges = 64 // of one dialog
	maxSessions  = 32 // dialogs of one call
	maxEarly     = 16 // provisional responses of one dialog
	maxDescribed = 96 // session descriptions of one call

	keptSessions = 8 // memory of session descriptions kept for the next call
)

// Offers reads the offers and answers of calls. It keeps memory for the next call only; the zero Offers is ready.
type Offers struct {
	dialogs  []Dialog
	sessions []*sdp.Session
	used     int
}

// Of returns the dialogs of a call in which a session was described, and the INVITEs outside a dialog with an offer.
// It is valid until the next Of, and as long as the call is.
func (o *Offers) Of(c *call.Call) []Dialog {
	o.dialogs, o.used = o.dialogs[:0], 0
	if len(o.sessions) > keptSessions {
		clear(o.sessions[keptSessions:])
		o.sessions = o.sessions[:keptSessions]
	}
	if c.Kind != call.KindCall {
		return nil
	}
	for k, l := range c.Legs {
		for d := range l.Dialogs {
			if len(o.dialogs) < maxSessions {
				o.dialog(c, k, int32(d))
			}
		}
		o.refused(c, k)
	}
	o.drop()
	return o.dialogs
}

// drop takes out the dialogs of a fork that say nothing but what another says: the offer, and no answer to it.
func (o *Offers) drop() {
	n := 0
	for i := range o.dialogs {
		if d := &o.dialogs[i]; !d.bare() || !o.told(i) {
			o.dialogs[n], o.dialogs[i] = o.dialogs[i], o.dialogs[n]
			n++
		}
	}
	o.dialogs = o.dialogs[:n]
}

// bare says whether there is an offer and nothing more.
func (d *Dialog) bare() bool {
	return len(d.Exchanges) == 1 && len(d.Early) == 0 && !d.Exchanges[0].Answer.Msg.Valid() && !d.Exchanges[0].Preview.Msg.Valid()
}

// told says whether another dialog has the offer of bare dialog i: one with an answer, or an earlier one.
func (o *Offers) told(i int) bool {
	for k := range o.dialogs {
		d := &o.dialogs[k]
		if k != i && len(d.Exchanges) > 0 && d.Exchanges[0].Offer.Msg == o.dialogs[i].Exchanges[0].Offer.Msg && (k < i || !d.bare()) {
			return true
		}
	}
	return false
}

// next returns a Dialog to fill, with the memory of an earlier one.
func (o *Offers) next(leg int, dialog int32) *Dialog {
	if n := len(o.dialogs); n < cap(o.dialogs) {
		o.dialogs = o.dialogs[:n+1]
	} else {
		o.dialogs = append(o.dialogs, Dialog{})
	}
	d := &o.dialogs[len(o.dialogs)-1]
	*d = Dialog{Leg: leg, Dialog: dialog, Exchanges: d.Exchanges[:0], Early: d.Early[:0]}
	return d
}

// keep takes the last Dialog back when nothing was found for it.
func (o *Offers) keep(c *call.Call, d *Dialog) {
	if len(d.Exchanges) == 0 && len(d.Early) == 0 {
		o.dialogs = o.dialogs[:len(o.dialogs)-1]
		return
	}
	d.compare()
	d.events(c)
}

// dialog reads one dialog of a leg.
func (o *Offers) dialog(c *call.Call, leg int, di int32) {
	l := c.Legs[leg]
	dl := &l.Dialogs[di]
	r := reading{offers: o, call: c, leg: leg, at: di, invite: topOf(c, leg, dl), d: o.next(leg, di), caller: dl.CallerTag, callee: dl.CalleeTag}
	for i := range l.Sightings {
		s := &l.Sightings[i]
		if s.Txn == call.None || s.Repeat != call.First || !r.mine(s.Txn) {
			continue
		}
		r.message(int32(i), s)
	}
	o.keep(c, r.d)
}

// refused reads the INVITEs outside a dialog that made none: those that were answered with a challenge count only
// when nothing came after them.
func (o *Offers) refused(c *call.Call, leg int) {
	l := c.Legs[leg]
	tries := l.Tries()
	for n, ti := range tries {
		t := &l.Txns[ti]
		if t.Method != sip.MethodInvite || t.InDialog || len(o.dialogs) == maxSessions || madeDialog(c, leg, ti) {
			continue
		}
		if code := l.FinalStatus(t); (code == 401 || code == 407) && n+1 < len(tries) {
			continue
		}
		r := reading{offers: o, call: c, leg: leg, at: call.None, invite: ti, d: o.next(leg, call.None)}
		for i := range l.Messages(t) {
			if s := &l.Sightings[i]; s.Repeat == call.First {
				r.message(i, s)
			}
		}
		o.keep(c, r.d)
	}
}

// topOf returns the INVITE that made a dialog as its caller sent it: the most upstream hop with the dialog's From
// tag.
func topOf(c *call.Call, leg int, d *call.Dialog) int32 {
	l, ti := c.Legs[leg], d.Invite
	for range maxHops {
		p := l.Txns[ti].Parent
		if p == call.None {
			break
		}
		m := c.Msg(call.MsgRef{Leg: leg, Msg: l.Txns[p].First})
		if m == nil || !bytes.Equal(m.FromTag(), d.CallerTag) {
			break
		}
		ti = p
	}
	return ti
}

const maxHops = 70 // Max-Forwards starts there (RFC 3261 §8.1.1.6)

// madeDialog says whether an INVITE made a dialog.
func madeDialog(c *call.Call, leg int, ti int32) bool {
	l := c.Legs[leg]
	for d := range l.Dialogs {
		if topOf(c, leg, &l.Dialogs[d]) == ti {
			return true
		}
	}
	return false
}

// reading is the state of reading one dialog.
type reading struct {
	offers         *Offers
	call           *call.Call
	leg            int
	at             int32 // the dialog, None
	invite         int32 // the INVITE that made it, on its caller's hop
	d              *Dialog
	caller, callee []byte // its tags
}

// mine says whether a transaction is of the dialog and of its sender's hop.
func (r *reading) mine(ti int32) bool {
	l := r.call.Legs[r.leg]
	t := &l.Txns[ti]
	switch t.Method {
	case sip.MethodInvite, sip.MethodAck, sip.MethodPrack, sip.MethodUpdate, sip.MethodInfo:
	default:
		return false
	}
	if ti == r.invite {
		return true
	}
	return t.Dialog == r.at && t.InDialog && (t.Parent == call.None || l.Txns[t.Parent].Dialog != r.at)
}

// message takes one message of the dialog.
func (r *reading) message(i int32, s *call.Sighting) {
	ref := call.MsgRef{Leg: r.leg, Msg: i}
	switch {
	case s.Method == sip.MethodInfo:
		if s.IsRequest() {
			r.info(ref)
		}
	case s.IsRequest():
		r.request(ref, s)
	case !s.HasSDP && s.Status < 200 && s.Status != 180 && s.Status != 183:
	default:
		m := r.call.Msg(ref)
		if m == nil || s.Txn == r.invite && r.at != call.None && s.Status < 300 && !bytes.Equal(m.ToTag(), r.callee) {
			return // of another branch of the fork
		}
		r.response(ref, s, m)
	}
}

// describe returns the session description of a message; its Session is nil when it has none that can be read.
func (r *reading) describe(ref call.MsgRef, s *call.Sighting, m *sip.Message) Description {
	l := r.call.Legs[r.leg]
	d := Description{Msg: ref, Method: s.Method, Status: int(s.Status), From: l.FlowOf(s).Src}
	asked := Caller
	if r.at != call.None && bytes.Equal(m.FromTag(), r.callee) {
		asked = Callee // the callee sent the request
	}
	if d.By = asked; s.Status != 0 {
		d.By = 1 - asked
	}
	if s.HasSDP {
		d.Session = r.offers.parse(m)
	}
	return d
}

// parse returns the session description of a message, nil when it has none that can be read.
func (o *Offers) parse(m *sip.Message) *sdp.Session {
	body, ok := sdp.FindSDP(m.Header(sip.HeaderContentType), m.Body)
	if !ok || o.used == maxDescribed {
		return nil
	}
	if o.used == len(o.sessions) {
		o.sessions = append(o.sessions, new(sdp.Session))
	}
	s := o.sessions[o.used]
	if !s.Parse(body) {
		return nil
	}
	o.used++
	return s
}

// digitTypes begin the content types of digits in INFO (Cisco's dtmf-relay, draft-choudhuri-sip-info-digit).
var digitTypes = []byte("application/dtmf")

func (r *reading) info(ref call.MsgRef) {
	if m := r.call.Msg(ref); m != nil && bytes.HasPrefix(bytes.ToLower(m.Header(sip.HeaderContentType)), digitTypes) {
		r.d.Digits++
	}
}

// open returns the last exchange when its offer waits for an answer.
func (r *reading) open() *Exchange {
	if n := len(r.d.Exchanges); n > 0 {
		if e := &r.d.Exchanges[n-1]; e.Result == Unanswered && !e.Answer.Msg.Valid() {
			return e
		}
	}
	return nil
}

// offer begins an exchange.
func (r *reading) offer(d Description, ti int32, delayed bool) {
	if len(r.d.Exchanges) == maxExchanges {
		r.d.Cut++
		return
	}
	if n := len(r.d.Exchanges); n < cap(r.d.Exchanges) {
		r.d.Exchanges = r.d.Exchanges[:n+1]
	} else {
		r.d.Exchanges = append(r.d.Exchanges, Exchange{})
	}
	e := &r.d.Exchanges[len(r.d.Exchanges)-1]
	none := Description{Msg: call.NoMsg}
	*e = Exchange{Offer: d, Answer: none, Preview: none, Delayed: delayed, txn: ti, Streams: e.Streams[:0]}
}

// request takes an INVITE, UPDATE, PRACK or ACK. A PRACK or ACK answers the offer that its response made.
func (r *reading) request(ref call.MsgRef, s *call.Sighting) {
	answers := s.Method == sip.MethodAck || s.Method == sip.MethodPrack
	e := r.open()
	if !s.HasSDP && !answers || s.Method == sip.MethodAck && e == nil {
		return
	}
	m := r.call.Msg(ref)
	if m == nil {
		return
	}
	d := r.describe(ref, s, m)
	if d.Session == nil && s.HasSDP && r.offers.used == maxDescribed && !answers {
		r.d.Cut++
	}
	switch waits := e != nil && e.Delayed && e.Offer.By != d.By; {
	case d.Session != nil && answers && waits:
		e.Answer = d
	case !s.HasSDP && !s.Truncated && s.Method == sip.MethodAck && waits && e.Offer.Status/100 == 2:
		e.Answer, e.Result = d, MissingInACK
	case d.Session != nil && s.Method != sip.MethodAck:
		r.offer(d, s.Txn, false)
	}
}

// response takes a response to one of those.
func (r *reading) response(ref call.MsgRef, s *call.Sighting, m *sip.Message) {
	d := r.describe(ref, s, m)
	_, reliable := m.RSeq()
	if s.Status < 200 && s.Method == sip.MethodInvite {
		r.early(d, m, reliable)
	}
	e := r.of(s.Txn)
	switch {
	case s.Status >= 300:
		if e != nil && e.Result == Unanswered && !e.Answer.Msg.Valid() {
			e.Result, e.Code, e.At = RequestFailed, int(s.Status), s.Time
			if refusesOffer(e.Code) {
				e.Result = Refused
			}
		}
	case d.Session == nil:
		if s.Status >= 200 && e != nil && !e.Delayed && e.Result == Unanswered && !e.Answer.Msg.Valid() && !s.HasSDP && !s.Truncated {
			e.Answer, e.Result = d, MissingIn2xx
		}
	case e == nil || e.Offer.Msg == ref:
		if e == nil && (s.Status >= 200 || reliable) && r.offerless(s.Txn) {
			r.offer(d, s.Txn, true)
		}
	case e.Answer.Msg.Valid(): // a 2xx repeats the answer of a reliable provisional response
	case e.Delayed: // so it does the offer
	case s.Status >= 200 || reliable:
		e.Answer = d
	case !e.Preview.Msg.Valid():
		e.Preview = d
	}
}

// offerless says whether a request is known to have had no session description.
func (r *reading) offerless(ti int32) bool {
	s := r.call.Legs[r.leg].At(r.call.Legs[r.leg].Txns[ti].Request)
	return s != nil && !s.HasSDP && !s.Truncated
}

// refusesOffer says whether a status is one that an offer is refused with.
func refusesOffer(status int) bool {
	switch status {
	case 406, 415, 488, 580, 606:
		return true
	}
	return false
}

// of returns the latest exchange that a transaction began, nil when it began none.
func (r *reading) of(ti int32) *Exchange {
	for i := len(r.d.Exchanges) - 1; i >= 0; i-- {
		if e := &r.d.Exchanges[i]; e.txn == ti {
			return e
		}
	}
	return nil
}

// early notes what a provisional response has of early media.
func (r *reading) early(d Description, m *sip.Message, reliable bool) {
	pem := m.Header(sip.HeaderPEarlyMedia)
	if d.Session == nil && pem == nil || len(r.d.Early) == maxEarly {
		return
	}
	r.d.Early = append(r.d.Early, Early{Msg: d.Msg, Status: d.Status, SDP: d.Session != nil, Reliable: reliable, EarlyMedia: pem})
}
