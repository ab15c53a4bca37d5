package media

import (
	"math"
	"strings"
)

// The E-model (ITU-T G.107) with every parameter but loss, codec and delay at its default: R = 93.2 - Id - Ie,eff.
const (
	basicR = 93.2
	// packetTime and playout are assumed of a delay that cannot be measured on the way: 20 ms of packets, and a
	// buffer of twice the mean jitter. The way itself counts with half the round trip when RTCP tells it, else
	// not at all: the estimate is what the call sounded like at best.
	packetTime = 20.0
	playout    = 2.0
)

// impairment is a codec's equipment impairment and its robustness against random loss (ITU-T G.113 Appendix I).
type impairment struct {
	name    string
	ie, bpl float64
}

// impairments has the codecs for which G.113 Appendix I gives both. G.711 is taken to conceal loss (its Appendix I).
var impairments = [...]impairment{
	{"PCMU", 0, 25.1},
	{"PCMA", 0, 25.1},
	{"G729", 11, 19.0},
	{"G723", 15, 16.1},
	{"GSM-EFR", 5, 10.0},
}

// MOS estimates the mean opinion score, 1 to 4.5, of one direction: encoding is its codec's name in SDP, loss
// the share of packets lost at random (0 to 1), jitter in ms, way the delay of one direction in ms (0 unknown).
// ok is false for a codec without published impairment: wideband ones (opus, G.722) are on another scale.
func MOS(encoding string, loss, jitter, way float64) (mos float64, ok bool) {
	for i := range impairments {
		if m := &impairments[i]; strings.EqualFold(m.name, encoding) {
			return Score(basicR - delayImpairment(way+packetTime+playout*jitter) - m.effective(loss)), true
		}
	}
	return 0, false
}

// effective returns Ie,eff for random loss (ITU-T G.107 §7.5, BurstR = 1).
func (m *impairment) effective(loss float64) float64 {
	p := 100 * loss
	return m.ie + (95-m.ie)*p/(p+m.bpl)
}

// delayImpairment returns Id for a one-way delay in ms: the usual simplification of ITU-T G.107 §7.4.
func delayImpairment(d float64) float64 {
	id := 0.024 * d
	if d > 177.3 {
		id += 0.11 * (d - 177.3)
	}
	return id
}

// Score turns a rating factor into a mean opinion score (ITU-T G.107 Annex B).
func Score(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return math.Max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
