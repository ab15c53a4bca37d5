package diagnose

import (
	"bytes"
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/sdp"
	"sipcause/sip"
)

// refusedOffer is an offer that was not taken (RFC 3264 §6, RFC 3261 §21.4.26), beside what the refuser showed of
// itself.
type refusedOffer struct {
	status   int
	txn      call.TxnRef
	request  call.MsgRef  // with the offer, as the refuser received it
	response call.MsgRef  // as the refuser sent it
	offer    *sdp.Session // nil: none, none that can be read, or a status that is no refusal of one
	from     call.MsgRef  // where own stands
	own      *sdp.Session // a description by the refuser; nil when the case has none
}

// refusedOffer returns the INVITE that failed, or the answer that rejects every stream; ok is false for others.
// A healthy call is told by the look of its answer: nothing is parsed.
func (x *Case) refusedOffer() (f refusedOffer, ok bool) {
	if !x.Final.Valid() || x.Code/100 == 2 && !x.Sighting(x.Final).Rejected {
		return f, false
	}
	if f.status, f.txn, ok = x.deciding(); !ok || x.Txn(f.txn).Method != sip.MethodInvite || f.status < 200 {
		return f, false
	}
	f.response, f.request = x.DecidingRef(), x.RequestRef(f.txn)
	if !f.refusesMedia() && f.status != 400 {
		return f, f.request.Valid() // whatever was refused, it was not the offer: nothing is parsed
	}
	f.offer = x.Session(f.request)
	if f.own = x.Session(f.response); f.own != nil {
		f.from = f.response
	} else {
		f.own, f.from = x.describedBy(f.txn)
	}
	return f, f.request.Valid()
}

// describedBy returns the latest session description that the server of r made in this case: one in a response
// of its own, not one that it relayed.
func (x *Case) describedBy(r call.TxnRef) (*sdp.Session, call.MsgRef) {
	server := x.Txn(r).Server.Addr()
	found, at := (*sdp.Session)(nil), call.NoMsg
	for o, t := range x.Txns() {
		if o == r || t.Server.Addr() != server || t.Method != sip.MethodInvite || len(x.Downstream(o)) > 0 {
			continue
		}
		l := x.Legs[o.Leg]
		for i := range l.Messages(t) {
			s := &l.Sightings[i]
			if ref := (call.MsgRef{Leg: o.Leg, Msg: i}); s.HasSDP && !s.IsRequest() && s.Repeat == call.First {
				if d := x.Session(ref); d != nil {
					found, at = d, ref
				}
			}
		}
	}
	return found, at
}

// refusesMedia says whether the status is one that an offer is refused with.
func (f *refusedOffer) refusesMedia() bool {
	switch f.status {
	case 406, 415, 488, 606:
		return true
	}
	return f.status/100 == 2
}

// counterpart returns the refuser's stream of the same type as m, nil when its description has none.
func (f *refusedOffer) counterpart(m *sdp.Media) *sdp.Media {
	if f.own == nil || m.Rejected() {
		return nil
	}
	for i := range f.own.Media {
		if o := &f.own.Media[i]; bytes.EqualFold(o.Type, m.Type) {
			return o
		}
	}
	return nil
}

// proof is how sure a comparison with the refuser's description is: what the refusal itself says of the
// refuser's capabilities proves it (RFC 3261 §21.4.26), what it sent on another occasion does not quite.
func (f *refusedOffer) proof() float64 {
	if f.from == f.response {
		return 0.95
	}
	return 0.8
}

// codecs lists the formats of a stream for people.
func codecs(m *sdp.Media) string {
	if len(m.Formats) == 0 {
		return "no format"
	}
	return call.Clean([]byte(strings.Join(sdp.CodecList(m), ", ")))
}

// streams lists the streams of a description for people: "audio PCMU/8000, PCMA/8000 over RTP/AVP".
func streams(s *sdp.Session) string {
	var list []string
	for i := range s.Media {
		m := &s.Media[i]
		list = append(list, fmt.Sprintf("%s %s over %s", call.Clean(m.Type), codecs(m), call.Clean(m.Proto)))
	}
	return strings.Join(list, "; ")
}

// refuser names who refused and with what: "uas 192.0.2.31:5060 refused the offer with 488 Not Acceptable Here".
func (x *Case) refuser(f *refusedOffer) string {
	if f.status < 300 {
		return fmt.Sprintf("%s answered the call but rejected every stream of the offer", x.Txn(f.txn).Server)
	}
	code, words := x.said()
	return fmt.Sprintf("%s refused the offer with %d %s", x.originName(), code, words)
}

// warned adds the Warning that a report rests on.
func (x *Case) warned(r *report, codes ...int) {
	if w, ref, ok := x.Warning(codes...); ok {
		r.add(" Its Warning says %d %q.", w.Code, call.Clean(w.Text)).
			see(ref, "Warning: %d %s", w.Code, call.Clean(w.Text))
	}
}
