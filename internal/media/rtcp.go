package media

import (
	"encoding/binary"
	"time"

	"sipcause/internal/wire"
)

// RTCP packet types (RFC 3550 §12.1, RFC 3611 §2) and the XR block of VoIP metrics (RFC 3611 §4.7).
const (
	typeSR   = 200
	typeRR   = 201
	typeXR   = 207
	blockVoI = 7
)

// Block is one reception report: what a receiver says of the stream SSRC (RFC 3550 §6.4.1).
type Block struct {
	SSRC      uint32
	Fraction  uint8  // lost since the report before, of 256
	Lost      int32  // in all; 24 bits, signed
	Highest   uint32 // extended highest sequence number
	Jitter    uint32 // in ticks of the stream's clock
	LSR, DLSR uint32 // last SR and the delay since, in 1/65536 s; 0: none
}

// VoIP are the metrics of RFC 3611 §4.7 of one stream.
type VoIP struct {
	SSRC          uint32
	Loss, Discard float64 // shares, 0 to 1
	RoundTrip     int     // ms; 0 unknown
	EndSystem     int     // ms; 0 unknown
	R             int     // rating factor, 0 to 100; -1 unknown
	MOSLQ, MOSCQ  float64 // 1 to 5; 0 unknown
}

// Compound is what is read of one RTCP datagram. The zero Compound is ready; Parse reuses it.
type Compound struct {
	Sender uint32  // SSRC of whoever sent it
	NTP    uint32  // middle 32 bits of the sender report's NTP time, as LSR quotes them; 0 when there is none
	Blocks []Block // at most maxBlocks
	VoIP   []VoIP  // at most maxBlocks
	store  [maxBlocks]Block
	voip   [maxBlocks]VoIP
}

// maxBlocks bounds what is kept of one datagram: 31 fit in one report (RFC 3550 §6.4.1); a call has few.
const maxBlocks = 8

// Parse reads a compound packet (RFC 3550 §6.1). It returns false, with nothing kept, unless the lengths of
// its packets add up to b exactly: SRTCP (RFC 3711 §3.4) and chance do not.
func (c *Compound) Parse(b []byte) bool {
	c.NTP, c.Blocks, c.VoIP = 0, c.store[:0], c.voip[:0]
	for rest := b; len(rest) > 0; {
		n, ok := packetLen(rest)
		if !ok {
			return false
		}
		rest = rest[n:]
	}
	if len(b) < 8 {
		return false
	}
	c.Sender = binary.BigEndian.Uint32(b[4:])
	for len(b) > 0 {
		n, _ := packetLen(b)
		c.packet(b[:n:n])
		b = b[n:]
	}
	return true
}

// packetLen returns the length of the packet that b begins with, in bytes.
func packetLen(b []byte) (int, bool) {
	if len(b) < 4 || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
		return 0, false
	}
	n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	return n, n <= len(b)
}

func (c *Compound) packet(b []byte) {
	count := int(b[0] & 0x1f)
	switch b[1] {
	case typeSR:
		if len(b) < 28 {
			return
		}
		c.NTP = binary.BigEndian.Uint32(b[10:])
		c.reports(b[28:], count)
	case typeRR:
		if len(b) < 8 {
			return
		}
		c.reports(b[8:], count)
	case typeXR:
		if len(b) < 8 {
			return
		}
		c.extended(b[8:])
	}
}

func (c *Compound) reports(b []byte, count int) {
	for ; count > 0 && len(b) >= 24 && len(c.Blocks) < maxBlocks; count, b = count-1, b[24:] {
		c.Blocks = append(c.Blocks, Block{
			SSRC: binary.BigEndian.Uint32(b), Fraction: b[4],
			Lost:    int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8,
			Highest: binary.BigEndian.Uint32(b[8:]), Jitter: binary.BigEndian.Uint32(b[12:]),
			LSR: binary.BigEndian.Uint32(b[16:]), DLSR: binary.BigEndian.Uint32(b[20:]),
		})
	}
}

// extended reads the report blocks of an XR packet (RFC 3611 §3).
func (c *Compound) extended(b []byte) {
	for len(b) >= 4 {
		n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if n > len(b) {
			return
		}
		if b[0] == blockVoI && n >= 36 && len(c.VoIP) < maxBlocks {
			c.VoIP = append(c.VoIP, voipMetrics(b))
		}
		b = b[n:]
	}
}

// voipMetrics reads RFC 3611 §4.7. 127 stands for an unknown score or factor.
func voipMetrics(b []byte) VoIP {
	v := VoIP{
		SSRC: binary.BigEndian.Uint32(b[4:]),
		Loss: float64(b[8]) / 256, Discard: float64(b[9]) / 256,
		RoundTrip: int(binary.BigEndian.Uint16(b[16:])), EndSystem: int(binary.BigEndian.Uint16(b[18:])),
		R: -1,
	}
	if b[24] <= 100 {
		v.R = int(b[24])
	}
	if b[26] >= 10 && b[26] <= 50 {
		v.MOSLQ = float64(b[26]) / 10
	}
	if b[27] >= 10 && b[27] <= 50 {
		v.MOSCQ = float64(b[27]) / 10
	}
	return v
}

// maxSubjects is of how many streams one sender's reports are kept, and maxSent how many of its own reports,
// against which the answers are timed.
const (
	maxSubjects = 4
	maxSent     = 4
)

// Control follows the RTCP of one sender. The zero Control is ready.
type Control struct {
	Dropped uint64 // reports about more streams than are kept

	about [maxSubjects]Report
	n     int
	sent  [maxSent]sentReport
	next  int
}

type sentReport struct {
	ntp uint32
	at  wire.Time
}

// warmUp is how long after the first report a receiver may still count what it missed while it opened its media
// path: what it says until then speaks of the set-up, not of the way.
const warmUp = 3 * time.Second

// Report is what one receiver said of one stream, over all its reports.
type Report struct {
	SSRC      uint32    // of the stream
	Heard     uint64    // SR and RR blocks about it
	First     wire.Time // when the first passed
	Reports   uint64    // those after the warm-up, of which what follows is made
	LossMean  float64   // mean of the fractions lost, 0 to 1
	LossMax   float64
	JitterSum float64   // in ticks of the stream's clock
	JitterMax uint32    // in ticks
	Lost      int32     // in all, as the last report says
	RoundTrip wire.Time // least time from the capture point to the receiver and back, ns; 0 unknown
	XR        uint64    // VoIP metrics received
	VoIP      VoIP      // the last of them
}

// Sent notes a sender report that passed the capture point.
func (c *Control) Sent(ntp uint32, at wire.Time) {
	if ntp != 0 {
		c.sent[c.next%maxSent] = sentReport{ntp, at}
		c.next++
	}
}

// SentAt returns when the sender report that an LSR quotes passed the capture point; 0 when it is not known.
func (c *Control) SentAt(lsr uint32) wire.Time {
	for i := range c.sent {
		if lsr != 0 && c.sent[i].ntp == lsr {
			return c.sent[i].at
		}
	}
	return 0
}

// Hear takes a report block seen at a time. sentAt is when the sender report that it quotes passed the capture
// point (RFC 3550 §6.4.1: what is left after the receiver's own delay is the way there and back), 0 unknown.
func (c *Control) Hear(b *Block, at, sentAt wire.Time) {
	r := c.report(b.SSRC)
	if r == nil {
		return
	}
	if r.Heard++; r.Heard == 1 {
		r.First = at
	}
	r.Lost = b.Lost
	if at-r.First > wire.Time(warmUp) {
		r.Reports++
		loss := float64(b.Fraction) / 256
		r.LossMean += (loss - r.LossMean) / float64(r.Reports)
		r.LossMax = max(r.LossMax, loss)
		r.JitterSum += float64(b.Jitter)
		r.JitterMax = max(r.JitterMax, b.Jitter)
	}
	if sentAt != 0 {
		if way := at - sentAt - wire.Time(float64(b.DLSR)/65536*1e9); way > 0 && (r.RoundTrip == 0 || way < r.RoundTrip) {
			r.RoundTrip = way
		}
	}
}

// HearVoIP takes VoIP metrics.
func (c *Control) HearVoIP(v *VoIP) {
	if r := c.report(v.SSRC); r != nil {
		r.XR++
		r.VoIP = *v
	}
}

func (c *Control) report(ssrc uint32) *Report {
	for i := range c.about[:c.n] {
		if c.about[i].SSRC == ssrc {
			return &c.about[i]
		}
	}
	if c.n == maxSubjects {
		c.Dropped++
		return nil
	}
	c.n++
	r := &c.about[c.n-1]
	r.SSRC = ssrc
	return r
}

// Reports returns what was said of each stream, in the order of the first mention. It is c's.
func (c *Control) Reports() []Report { return c.about[:c.n] }
