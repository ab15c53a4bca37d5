package sdp

// Result is what became of one offered stream.
type Result uint8

// The results, as RFC 3264 §6 names them.
const (
	Accepted   Result = iota
	Rejected          // the answer has port 0
	Unanswered        // the answer has fewer m= lines than the offer: not allowed
	NotOffered        // the offer itself has port 0
)

var resultNames = [...]string{"accepted", "rejected", "unanswered", "not offered"}

// String returns the result in words.
func (r Result) String() string { return nameOf(resultNames[:], int(r)) }

// TransportMatch says how the two sides' transports fit.
type TransportMatch uint8

// The ways in which transports differ, the gravest that holds. An m= line offers one transport, and its
// answer can take no other (RFC 5939 §1), so that any but TransportSame explains a rejection.
const (
	TransportSame     TransportMatch = iota
	TransportFeedback                // AVP against AVPF, or SAVP against SAVPF (RFC 4585, RFC 5124)
	TransportKeying                  // both SRTP, keys agreed in different ways: DTLS against SDES
	TransportSecurity                // RTP against SRTP
	TransportProtocol                // different protocols: RTP against udptl, say
)

var transportNames = [...]string{"same", "feedback", "keying", "security", "protocol"}

// String returns a stable word.
func (t TransportMatch) String() string { return nameOf(transportNames[:], int(t)) }

// MediaMatch is one m= line of the offer beside its counterpart. Offer and Answer point into the sessions
// compared; Answer is nil when Result is Unanswered.
type MediaMatch struct {
	Index          int
	Offer, Answer  *Media
	Result         Result
	Common         []Format // the answer's formats that the offer has too, in the answer's order
	Transport      TransportMatch
	Direction      Direction // what the offerer may do as a result; Inactive unless accepted
	BadDirection   bool      // the answer's direction is not one that the offer allows (RFC 3264 §6.1)
	FamilyMismatch bool      // one side has IPv4, the other IPv6
	TypeMismatch   bool      // audio against video: the lines do not belong together
}

// Match is an offer beside its answer.
type Match struct {
	Media []MediaMatch
	Extra int // m= lines of the answer that the offer does not have: not allowed (RFC 3264 §6)
}

// Compare puts each stream of the offer beside the answer's at the same place (RFC 3264 §6). It may also be
// used on two offers, to see whether two sides could have agreed.
func Compare(offer, answer *Session) Match {
	match := Match{
		Media: make([]MediaMatch, len(offer.Media)),
		Extra: max(0, len(answer.Media)-len(offer.Media)),
	}
	for i := range offer.Media {
		mm := &match.Media[i]
		mm.Index, mm.Offer, mm.Direction = i, &offer.Media[i], Inactive
		if i >= len(answer.Media) {
			mm.Result = Unanswered
			continue
		}
		mm.Answer = &answer.Media[i]
		mm.compare()
	}
	return match
}

func (mm *MediaMatch) compare() {
	o, a := mm.Offer, mm.Answer
	mm.TypeMismatch = !sameFold(o.Type, a.Type)
	mm.Transport = compareTransport(o, a)
	if x, y := o.Connection.Family(), a.Connection.Family(); x != 0 && y != 0 {
		mm.FamilyMismatch = x != y
	}
	for i := range a.Formats {
		for j := range o.Formats {
			if a.Formats[i].Same(&o.Formats[j]) {
				mm.Common = append(mm.Common, a.Formats[i])
				break
			}
		}
	}
	switch {
	case o.Rejected():
		mm.Result = NotOffered
	case a.Rejected():
		mm.Result = Rejected
	default:
		mm.BadDirection = a.Direction.Sends() && !o.Direction.Receives() || a.Direction.Receives() && !o.Direction.Sends()
		mm.Direction = makeDirection(o.Direction.Sends() && a.Direction.Receives(), o.Direction.Receives() && a.Direction.Sends())
	}
}

// Same says whether two formats are the same codec: encoding name (case aside), clock rate and channels;
// their payload type numbers may differ (RFC 3264 §5.1). A number without a meaning equals nothing.
func (f *Format) Same(g *Format) bool {
	if len(f.Encoding) == 0 || len(g.Encoding) == 0 {
		return false
	}
	return sameName(f.Encoding, g.Encoding) && f.ClockRate == g.ClockRate && max(f.Channels, 1) == max(g.Channels, 1)
}

func compareTransport(o, a *Media) TransportMatch {
	x, y := factsOf(o), factsOf(a)
	switch {
	case o.Profile == ProfileOther || a.Profile == ProfileOther:
		if sameFold(o.Proto, a.Proto) {
			return TransportSame
		}
		return TransportProtocol
	case x.rtp != y.rtp || !x.rtp && o.Profile != a.Profile:
		return TransportProtocol
	case x.secure != y.secure:
		return TransportSecurity
	case x.secure && !shareKeying(o, a):
		return TransportKeying
	case x.feedback != y.feedback:
		return TransportFeedback
	}
	return TransportSame
}

// transportFacts is what of a stream's transport must agree.
type transportFacts struct{ rtp, secure, feedback bool }

func factsOf(m *Media) transportFacts {
	for i := range profileFacts {
		if f := &profileFacts[i]; f.profile == m.Profile {
			return transportFacts{f.rtp, f.secure, f.feedback}
		}
	}
	return transportFacts{}
}

// shareKeying says whether both sides know one way of agreeing keys. A side that names none (a rejected
// stream needs no keys) is given the benefit of the doubt, unless its proto says DTLS.
func shareKeying(o, a *Media) bool {
	if o.Keying() == KeyingNone || a.Keying() == KeyingNone {
		return true
	}
	for _, k := range [...]Keying{KeyingDTLS, KeyingSDES, KeyingMIKEY, KeyingZRTP} {
		if o.offersKeying(k) && a.offersKeying(k) {
			return true
		}
	}
	return false
}

func (m *Media) offersKeying(k Keying) bool {
	switch k {
	case KeyingDTLS:
		return len(m.Fingerprint.Hash) > 0 || m.Profile == ProfileDTLS || m.Profile == ProfileDTLSF
	case KeyingSDES:
		return len(m.Crypto) > 0
	case KeyingMIKEY:
		return m.KeyMgmt
	case KeyingZRTP:
		return m.ZRTP
	}
	return false
}

// Codecs counts the common formats that carry a medium (Format.Auxiliary aside).
func (mm *MediaMatch) Codecs() int {
	n := 0
	for i := range mm.Common {
		if !mm.Common[i].Auxiliary() {
			n++
		}
	}
	return n
}

// AllRejected says whether there was a stream on offer and none was accepted.
func (m Match) AllRejected() bool {
	offered := false
	for i := range m.Media {
		switch m.Media[i].Result {
		case Accepted:
			return false
		case Rejected, Unanswered:
			offered = true
		}
	}
	return offered
}

// CodecList returns the stream's formats as people write them, in order of preference.
func CodecList(m *Media) []string {
	list := make([]string, len(m.Formats))
	for i := range m.Formats {
		list[i] = m.Formats[i].String()
	}
	return list
}

// CommonCodecs returns the codecs of a that b has too, in a's order, without those that carry no medium of
// their own (Format.Auxiliary). Nil means that the two cannot talk.
func CommonCodecs(a, b *Media) []string {
	var list []string
	for i := range a.Formats {
		f := &a.Formats[i]
		if f.Auxiliary() {
			continue
		}
		for j := range b.Formats {
			if f.Same(&b.Formats[j]) {
				list = append(list, f.String())
				break
			}
		}
	}
	return list
}
