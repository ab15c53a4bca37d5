package media

import (
	"encoding/json"
	"math"
	"net/netip"
	"strconv"

	"sipcause/internal/wire"
)

// Told is what an agent says of one stream in one note (HEP types 5, 32 to 41, 99). What it does not say is negative,
// or not valid.
type Told struct {
	SSRC      uint32 // 0: not said
	Src, Dst  netip.AddrPort
	Way       string  // "incoming" or "outgoing" to the element that reports; "" where that is not told apart
	Loss      float64 // share, 0 to 1: by RTCP since the report before, else in all
	Lost      int64   // packets in all
	Ticks     float64 // jitter in ticks of the stream's clock
	Jitter    float64 // in ms
	JitterMax float64 // in ms
	RoundTrip float64 // in ms
	R         float64 // rating factor, 0 to 100
	MOS       float64 // 1 to 5
	lsr, dlsr uint32  // see Block
}

// maxToldBytes is how long a note may be that is read: real ones have a tenth of it.
const maxToldBytes = 16 << 10

// AppendTold appends what a note of kind wire.NoteRTCP or wire.NoteQuality says to list; false: it cannot be read, or says
// nothing of a stream. At most maxBlocks streams of one note are read.
func AppendTold(list []Told, n *wire.Note) ([]Told, bool) {
	list, _, ok := appendTold(list, n)
	return list, ok
}

// appendTold also returns the NTP time of the sender report, as LSR quotes it; 0 when there is none.
func appendTold(list []Told, n *wire.Note) (_ []Told, ntp uint32, ok bool) {
	before := len(list)
	switch {
	case len(n.Text) > maxToldBytes:
	case n.Kind == wire.NoteRTCP:
		var r rtcpJSON
		if json.Unmarshal(n.Text, &r) != nil {
			return list, 0, false
		}
		if s := &r.Sender; s.Sec.ok {
			ntp = s.Sec.uint()<<16 | s.Frac.uint()>>16
		}
		return r.told(list), ntp, true
	case n.Kind == wire.NoteQuality:
		var q qualityJSON
		if json.Unmarshal(n.Text, &q) == nil {
			list = q.told(list)
		}
	}
	return list, 0, len(list) > before
}

// number is a number of a note: some agents write it in quotes. What is none is as if it were not there.
type number struct {
	v  float64
	ok bool
}

func (n *number) UnmarshalJSON(b []byte) error {
	if len(b) > 1 && b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err == nil && v >= -math.MaxUint32 && v <= math.MaxUint32 {
		*n = number{v, true}
	}
	return nil
}

// or returns the number, or other when there is none or it is negative.
func (n number) or(other float64) float64 {
	if n.ok && n.v >= 0 {
		return n.v
	}
	return other
}

func (n number) uint() uint32 { return uint32(n.or(0)) }

// word is a text of a note; what is none is as if it were not there.
type word string

func (w *word) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*w = word(s)
	}
	return nil
}

// rtcpJSON is an RTCP report as agents write it.
type rtcpJSON struct {
	Sender struct {
		Sec  number `json:"ntp_timestamp_sec"`
		Frac number `json:"ntp_timestamp_usec"` // the fraction of NTP, whatever its name says
	} `json:"sender_information"`
	Blocks []struct {
		SSRC     number `json:"source_ssrc"`
		Fraction number `json:"fraction_lost"` // of 256
		Lost     number `json:"packets_lost"`  // 24 bits, signed
		Jitter   number `json:"ia_jitter"`     // in ticks
		LSR      number `json:"lsr"`
		DLSR     number `json:"dlsr"`
	} `json:"report_blocks"`
	XR struct { // RFC 3611 §4.7; all zero when there is none
		Type      number `json:"type"`
		SSRC      number `json:"id"`
		RoundTrip number `json:"round_trip_delay"` // in ms
		R         number `json:"r_factor"`
		MOSLQ     number `json:"mos_lq"`
		MOSCQ     number `json:"mos_cq"`
	} `json:"report_blocks_xr"`
}

// unknown is a Told that says nothing.
func unknown() Told {
	return Told{Loss: -1, Lost: -1, Ticks: -1, Jitter: -1, JitterMax: -1, RoundTrip: -1, R: -1, MOS: -1}
}

func (r *rtcpJSON) told(list []Told) []Told {
	before := len(list)
	for i := range r.Blocks[:min(len(r.Blocks), maxBlocks)] {
		b := &r.Blocks[i]
		if b.SSRC.uint() == 0 { // some agents write an empty block where there is none
			continue
		}
		t := unknown()
		t.SSRC, t.lsr, t.dlsr = b.SSRC.uint(), b.LSR.uint(), b.DLSR.uint()
		if v := b.Fraction.or(-1); v < 256 && v >= 0 {
			t.Loss = v / 256
		}
		if b.Lost.ok {
			t.Lost = max(0, int64(int32(uint32(int64(b.Lost.v))<<8)>>8))
		}
		t.Ticks = b.Jitter.or(-1)
		list = append(list, t)
	}
	if x := &r.XR; x.Type.or(0) == blockVoI {
		at := before // of the stream that a block is about, or of another
		for at < len(list) && list[at].SSRC != x.SSRC.uint() {
			at++
		}
		if at == len(list) {
			list = append(list, unknown())
			list[at].SSRC = x.SSRC.uint()
		}
		t := &list[at]
		if v := x.RoundTrip.or(0); v > 0 {
			t.RoundTrip = v
		}
		if v := x.R.or(0); v > 0 && v <= 100 {
			t.R = v
		}
		if t.MOS = score(x.MOSCQ, 10); t.MOS < 0 {
			t.MOS = score(x.MOSLQ, 10)
		}
	}
	return list
}

// score returns a MOS, -1 when n is none; unit is what some write it in: 10 as RFC 3611 §4.7 has it, 100.
func score(n number, unit float64) float64 {
	v := n.or(-1)
	if v > 5 {
		v /= unit
	}
	if v < 1 || v > 5 {
		return -1
	}
	return v
}

// qualityJSON is a report on quality as agents write it: of one stream between two sockets, or of both ways of a call as
// a session border controller counted them.
type qualityJSON struct {
	SrcIP     word   `json:"SRC_IP"`
	DstIP     word   `json:"DST_IP"`
	SrcPort   number `json:"SRC_PORT"`
	DstPort   number `json:"DST_PORT"`
	Expected  number `json:"EXPECTED_PK"`
	Lost      number `json:"PACKET_LOSS"`
	Jitter    number `json:"JITTER"` // in ms, as those that follow
	Mean      number `json:"MEAN_JITTER"`
	JitterMax number `json:"MAX_JITTER"`
	MOS       number `json:"MOS"`
	MeanMOS   number `json:"MEAN_MOS"`
	R         number `json:"RFACTOR"`

	InPackets   number `json:"INC_RTP_PK"`
	InLost      number `json:"INC_RTP_PK_LOSS"`
	InJitter    number `json:"INC_RTP_AVG_JITTER"`
	InJitterMax number `json:"INC_RTP_MAX_JITTER"`
	InRoundTrip number `json:"INC_RTCP_AVG_LAT"`
	InMOS       number `json:"INC_MOS"`
	InR         number `json:"INC_RVAL"`

	OutPackets   number `json:"OUT_RTP_PK"`
	OutLost      number `json:"OUT_RTP_PK_LOSS"`
	OutJitter    number `json:"OUT_RTP_AVG_JITTER"`
	OutJitterMax number `json:"OUT_RTP_MAX_JITTER"`
	OutRoundTrip number `json:"OUT_RTCP_AVG_LAT"`
	OutMOS       number `json:"OUT_MOS"`
	OutR         number `json:"OUT_RVAL"`
}

func (q *qualityJSON) told(list []Told) []Told {
	mean, jitter := q.MeanMOS, q.Mean
	if score(mean, 100) < 0 {
		mean = q.MOS
	}
	if !jitter.ok {
		jitter = q.Jitter
	}
	one := counted(q.Expected.or(0), q.Lost, jitter, q.JitterMax, number{}, mean, q.R)
	in := counted(q.InPackets.or(0)+q.InLost.or(0), q.InLost, q.InJitter, q.InJitterMax, q.InRoundTrip, q.InMOS, q.InR)
	out := counted(q.OutPackets.or(0)+q.OutLost.or(0), q.OutLost, q.OutJitter, q.OutJitterMax, q.OutRoundTrip, q.OutMOS, q.OutR)
	one.Src, one.Dst = socket(q.SrcIP, q.SrcPort), socket(q.DstIP, q.DstPort)
	in.Way, out.Way = "incoming", "outgoing"
	for _, t := range [...]Told{one, in, out} {
		if t.Loss >= 0 || t.Jitter >= 0 || t.MOS >= 0 || t.R >= 0 {
			list = append(list, t)
		}
	}
	return list
}

// counted is what was counted of a stream of so many packets.
func counted(packets float64, lost, jitter, most, roundTrip, mos, r number) Told {
	t := unknown()
	if packets > 0 && lost.ok && lost.v >= 0 && lost.v <= packets {
		t.Loss, t.Lost = lost.v/packets, int64(lost.v)
	}
	if packets > 0 || score(mos, 100) > 0 { // else nothing was heard, and 0 is no measure
		t.Jitter, t.JitterMax = jitter.or(-1), most.or(-1)
	}
	if v := roundTrip.or(0); v > 0 {
		t.RoundTrip = v
	}
	t.MOS = score(mos, 100)
	switch v := r.or(0); {
	case v > 0 && v <= 100:
		t.R = v
	case v >= 1000 && v <= 10000: // in hundredths
		t.R = v / 100
	}
	return t
}

func socket(ip word, port number) netip.AddrPort {
	a, err := netip.ParseAddr(string(ip))
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(min(port.or(0), math.MaxUint16)))
}

// Hearsay is all that agents said of one stream in notes. What none said is negative, or not valid.
type Hearsay struct {
	SSRC              uint32
	Src, Dst          netip.AddrPort // of the stream
	Way               string         // see Told
	By                netip.AddrPort // who sent the first report, where the note tells
	Reports           int
	Loss, LossMax     float64 // mean and greatest
	Lost              int64   // as the last says
	Ticks, TicksMax   float64 // mean and greatest
	Jitter, JitterMax float64 // mean and greatest
	RoundTrip         float64 // the least
	R                 float64 // as the last says
	MOS, MOSMin       float64 // mean and least

	losses, ticks, jitters, scores int // how many said something of it
}

// maxHearsay bounds the streams that are told apart in the notes of one case.
const maxHearsay = 16

// Hear adds up what notes say of media, stream by stream in the order of their first mention. unread is how many
// reports could not be read, or were of more streams than are told apart. Notes are in order of time.
func Hear(notes []wire.Note) (list []Hearsay, unread int) {
	var sent Control // for its sender reports only
	var told []Told
	for i := range notes {
		n := &notes[i]
		if n.Kind == wire.NoteLog {
			continue
		}
		var ntp uint32
		var ok bool
		if told, ntp, ok = appendTold(told[:0], n); !ok {
			unread++
			continue
		}
		sent.Sent(ntp, n.Time)
		for k := range told {
			t := &told[k]
			if at := sent.SentAt(t.lsr); at != 0 && t.RoundTrip < 0 {
				if way := float64(n.Time-at)/1e6 - float64(t.dlsr)/65536*1e3; way > 0 {
					t.RoundTrip = way
				}
			}
			if list, ok = hear(list, t, n); !ok {
				unread++
			}
		}
	}
	return list, unread
}

// hear adds what one note says of a stream; what says nothing is passed over.
func hear(list []Hearsay, t *Told, n *wire.Note) ([]Hearsay, bool) {
	if t.Loss < 0 && t.Ticks < 0 && t.Jitter < 0 && t.MOS < 0 && t.R < 0 && t.RoundTrip < 0 {
		return list, true
	}
	at := 0
	for at < len(list) && (list[at].SSRC != t.SSRC || list[at].Src != t.Src || list[at].Dst != t.Dst || list[at].Way != t.Way) {
		at++
	}
	if at == len(list) {
		if at == maxHearsay {
			return list, false
		}
		h := Hearsay{SSRC: t.SSRC, Src: t.Src, Dst: t.Dst, Way: t.Way, Loss: -1, LossMax: -1, Lost: -1, Ticks: -1, TicksMax: -1}
		h.Jitter, h.JitterMax, h.RoundTrip, h.R, h.MOS, h.MOSMin = -1, -1, -1, -1, -1, -1
		if n.Kind == wire.NoteRTCP {
			h.By = n.Flow.Src
		}
		list = append(list, h)
	}
	h := &list[at]
	h.Reports++
	mean(&h.Loss, &h.losses, t.Loss)
	h.LossMax = max(h.LossMax, t.Loss)
	mean(&h.Ticks, &h.ticks, t.Ticks)
	h.TicksMax = max(h.TicksMax, t.Ticks)
	mean(&h.Jitter, &h.jitters, t.Jitter)
	h.JitterMax = max(h.JitterMax, t.Jitter, t.JitterMax)
	mean(&h.MOS, &h.scores, t.MOS)
	if t.MOS >= 0 && (h.MOSMin < 0 || t.MOS < h.MOSMin) {
		h.MOSMin = t.MOS
	}
	if t.RoundTrip >= 0 && (h.RoundTrip < 0 || t.RoundTrip < h.RoundTrip) {
		h.RoundTrip = t.RoundTrip
	}
	if t.Lost >= 0 {
		h.Lost = t.Lost
	}
	if t.R >= 0 {
		h.R = t.R
	}
	return list, true
}

// mean takes a value that is not negative into the mean of n.
func mean(of *float64, n *int, v float64) {
	if v < 0 {
		return
	}
	if *n++; *n == 1 {
		*of = 0
	}
	*of += (v - *of) / float64(*n)
}
