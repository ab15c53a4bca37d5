package render

import (
	"fmt"
	"strconv"
	"strings"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/sdp"
)

const maxExchangesShown = 8 // of one dialog

// offerExhibits say what each side offered and answered: a table per exchange, which compares the two sides stream by
// stream.
func offerExhibits(c *call.Call, dialogs []anatomy.Dialog, opt Options) (list []exhibit) {
	for i := range dialogs {
		d := &dialogs[i]
		for k := range d.Exchanges {
			if k == maxExchangesShown {
				list[len(list)-1].Notes = append(list[len(list)-1].Notes, count(uint64(len(d.Exchanges)-k+d.Cut), "more exchange"))
				break
			}
			x := exchangeExhibit(c, &d.Exchanges[k], opt)
			if k == 0 && d.Leg > 0 {
				x.Title = "Call-ID " + c.Legs[d.Leg].CallID + ": " + x.Title
			}
			list = append(list, x)
		}
		if len(d.Exchanges) == 0 {
			list = append(list, exhibit{Label: "Offer", Title: "none was seen"})
		}
		last := &list[len(list)-1]
		for _, e := range d.Early {
			last.Notes = append(last.Notes, earlyText(c, &e, opt))
		}
		if d.Digits > 0 {
			last.Notes = append(last.Notes, "Digits in INFO: "+times(d.Digits)+".")
		}
		if d.Events > 0 {
			last.Notes = append(last.Notes, "Digits as RTP events (RFC 4733): "+count(d.Events, "packet")+".")
		}
	}
	return list
}

func earlyText(c *call.Call, e *anatomy.Early, opt Options) string {
	var parts []string
	if e.SDP {
		parts = append(parts, "a session description")
	}
	if e.EarlyMedia != nil {
		parts = append(parts, "P-Early-Media: "+call.Clean(e.EarlyMedia))
	}
	if e.Reliable {
		parts = append(parts, "sent reliably")
	}
	return fmt.Sprintf("Early media: %d in frame %s with %s.", e.Status, frameText(c.Sighting(e.Msg).Ref, opt.Files), strings.Join(parts, ", "))
}

func exchangeExhibit(c *call.Call, e *anatomy.Exchange, opt Options) exhibit {
	x := exhibit{Label: "Offer", Title: exchangeTitle(c, e, opt), Heads: []string{"", anatomy.SideName(anatomy.Caller), anatomy.SideName(anatomy.Callee), "both"}}
	for i := range e.Streams {
		x.Rows = append(x.Rows, streamRows(e, i)...)
	}
	for side, held := range e.Held {
		if held {
			x.Notes = append(x.Notes, "On hold by the "+anatomy.SideName(side)+".")
		}
	}
	switch e.Result {
	case anatomy.MissingInACK:
		x.Notes = append(x.Notes, "The ACK has no answer to the offer of the 2xx: there is no session (RFC 3261 §13.2.2.4).")
	case anatomy.MissingIn2xx:
		x.Notes = append(x.Notes, "The 2xx has no answer to the offer (RFC 3261 §13.2.1).")
	}
	return x
}

var changeWords = map[anatomy.Change]string{
	anatomy.Refreshed: "again the same", anatomy.Hold: "hold", anatomy.Resume: "resume", anatomy.Fax: "to T.38",
	anatomy.StreamsChanged: "other streams", anatomy.CodecChanged: "other codec", anatomy.AddressChanged: "other address",
}

var resultWords = map[anatomy.Result]string{
	anatomy.Unanswered: "no answer was seen", anatomy.EarlyOnly: "answered before the call was", anatomy.Agreed: "agreed",
	anatomy.Nothing: "every stream was rejected", anatomy.Refused: "refused", anatomy.RequestFailed: "the request failed",
	anatomy.MissingInACK: "no answer in the ACK", anatomy.MissingIn2xx: "no answer in the 2xx",
}

func exchangeTitle(c *call.Call, e *anatomy.Exchange, opt Options) string {
	t := descriptionText(c, &e.Offer, opt)
	if e.Delayed {
		t += " (delayed offer)"
	}
	if w := changeWords[e.Change]; w != "" {
		t += " (" + w + ")"
	}
	switch {
	case e.Answer.Session != nil:
		t += ", " + descriptionText(c, &e.Answer, opt)
	case e.Preview.Session != nil:
		t += ", " + descriptionText(c, &e.Preview, opt)
	}
	t += ": " + resultWords[e.Result]
	if e.Code != 0 {
		t += " with " + strconv.Itoa(e.Code)
	}
	return t
}

// descriptionText names the message with a description: "INVITE of the caller (frame 1)".
func descriptionText(c *call.Call, d *anatomy.Description, opt Options) string {
	t := d.Method.String()
	if d.Status != 0 {
		t = strconv.Itoa(d.Status)
		if d.Method.String() != "INVITE" {
			t += " to " + d.Method.String()
		}
	}
	return fmt.Sprintf("%s of the %s (frame %s)", t, anatomy.SideName(d.By), frameText(c.Sighting(d.Msg).Ref, opt.Files))
}

// streamRows compares what the two sides say of one stream. Rows in which both say what is usual are left out.
func streamRows(e *anatomy.Exchange, i int) (rows [][]string) {
	s := &e.Streams[i]
	sides := [2]*sdp.Media{e.Media(i, anatomy.Caller), e.Media(i, anatomy.Callee)}
	for _, f := range streamFacts {
		row := []string{f.name, "", "", ""}
		shown := f.usual == always
		for k, m := range sides {
			if m != nil {
				row[1+k] = f.say(m)
				shown = shown || row[1+k] != f.usual
			}
		}
		if !shown {
			continue
		}
		if s.Answer != nil || s.Result != sdp.Unanswered {
			row[3] = f.both(s)
		}
		rows = append(rows, row)
	}
	rows[0][0] = call.Clean(s.Offer.Type)
	return rows
}

const always = "\x00" // what no fact is: its row is shown always

// streamFacts are the rows of a stream: what each side says, what is usual, and what becomes of both.
var streamFacts = []struct {
	name, usual string
	say         func(*sdp.Media) string
	both        func(*anatomy.Stream) string
}{
	{"", always, mediaAddress, bothFamilies},
	{"codecs", always, mediaCodecs, bothCodecs},
	{"protocol", "RTP/AVP", func(m *sdp.Media) string { return call.Clean(m.Proto) }, bothTransports},
	{"direction", "sendrecv", func(m *sdp.Media) string { return m.Direction.String() }, nothing},
	{"digits", "", mediaDigits, bothDigits},
	{"keys", "", mediaKeys, nothing},
	{"ICE", "", mediaICE, nothing},
	{"packets", "", mediaPackets, nothing},
}

func nothing(*anatomy.Stream) string { return "" }

func bothFamilies(s *anatomy.Stream) string {
	if s.FamilyMismatch && s.Result == sdp.Accepted {
		return "IPv4 / IPv6"
	}
	return ""
}

func bothCodecs(s *anatomy.Stream) string {
	if s.Result != sdp.Accepted {
		return s.Result.String()
	}
	if f := s.Agreed(); f != nil {
		return f.String()
	}
	return "none in common"
}

func bothTransports(s *anatomy.Stream) string {
	if s.Result == sdp.NotOffered || s.Transport == sdp.TransportSame {
		return ""
	}
	return "differ in " + s.Transport.String()
}

func bothDigits(s *anatomy.Stream) string {
	if s.Result == sdp.Accepted && s.Events != anatomy.EventsBoth {
		return "one side only"
	}
	return ""
}

func mediaAddress(m *sdp.Media) string {
	if m.Rejected() {
		return "port 0"
	}
	host := call.Clean(m.Connection.Host)
	if m.Connection.Addr.Is6() {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(m.Port)
}

// mediaCodecs lists the formats that carry a medium.
func mediaCodecs(m *sdp.Media) string {
	var list []string
	for i := range m.Formats {
		if f := &m.Formats[i]; !f.Auxiliary() {
			list = append(list, f.String())
		}
	}
	if list == nil {
		return "none"
	}
	return call.Clean([]byte(strings.Join(list, ", ")))
}

func mediaDigits(m *sdp.Media) string {
	if m.DTMF < 0 {
		return ""
	}
	return fmt.Sprintf("telephone-event %d", m.DTMF)
}

func mediaKeys(m *sdp.Media) string {
	k := m.Keying()
	if k == sdp.KeyingNone {
		return ""
	}
	parts := []string{k.String()}
	for i := range m.Crypto {
		parts = append(parts, call.Clean(m.Crypto[i].Suite))
	}
	if len(m.Fingerprint.Hash) > 0 {
		parts = append(parts, call.Clean(m.Fingerprint.Hash))
	}
	if m.Setup != sdp.SetupUnset {
		parts = append(parts, "setup "+m.Setup.String())
	}
	return strings.Join(parts, ", ")
}

func mediaICE(m *sdp.Media) string {
	if len(m.ICE.Ufrag) == 0 {
		return ""
	}
	if n := len(m.Candidates); n > 0 {
		return count(uint64(n), "candidate")
	}
	return "yes"
}

func mediaPackets(m *sdp.Media) string {
	var parts []string
	if m.PTime > 0 {
		parts = append(parts, fmt.Sprintf("%d ms", m.PTime))
	}
	if m.MaxPTime > 0 {
		parts = append(parts, fmt.Sprintf("at most %d ms", m.MaxPTime))
	}
	return strings.Join(parts, ", ")
}
