package sdp

import "strconv"

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// staticType is a row of RFC 3551 §6, tables 4 and 5.
type staticType struct {
	name     Text
	clock    int
	channels int // 0: video
}

// staticTypes is indexed by payload type. Rows without a name are reserved, unassigned or dynamic.
// G722's clock rate is 8000 by an error of history that RFC 3551 §4.5.2 keeps.
var staticTypes = [35]staticType{
	0:  {Text("PCMU"), 8000, 1},
	3:  {Text("GSM"), 8000, 1},
	4:  {Text("G723"), 8000, 1},
	5:  {Text("DVI4"), 8000, 1},
	6:  {Text("DVI4"), 16000, 1},
	7:  {Text("LPC"), 8000, 1},
	8:  {Text("PCMA"), 8000, 1},
	9:  {Text("G722"), 8000, 1},
	10: {Text("L16"), 44100, 2},
	11: {Text("L16"), 44100, 1},
	12: {Text("QCELP"), 8000, 1},
	13: {Text("CN"), 8000, 1},
	14: {Text("MPA"), 90000, 1},
	15: {Text("G728"), 8000, 1},
	16: {Text("DVI4"), 11025, 1},
	17: {Text("DVI4"), 22050, 1},
	18: {Text("G729"), 8000, 1},
	25: {Text("CelB"), 90000, 0},
	26: {Text("JPEG"), 90000, 0},
	28: {Text("nv"), 90000, 0},
	31: {Text("H261"), 90000, 0},
	32: {Text("MPV"), 90000, 0},
	33: {Text("MP2T"), 90000, 0},
	34: {Text("H263"), 90000, 0},
}

// Static returns what RFC 3551 §6 assigns to a payload type: name, clock rate in Hz and number of
// channels (0 for video). ok is false for numbers that need an a=rtpmap.
func Static(payloadType int) (name string, clockRate, channels int, ok bool) {
	if payloadType < 0 || payloadType >= len(staticTypes) || staticTypes[payloadType].name == nil {
		return "", 0, 0, false
	}
	t := &staticTypes[payloadType]
	return string(t.name), t.clock, t.channels, true
}

// sameName compares encoding names. Besides case it forgives names in the field that mean the same
// RFC 3551 type: G.729 with its dot or its annex, and G723.1.
func sameName(a, b Text) bool {
	if sameFold(a, b) {
		return true
	}
	meant := familiarName(a)
	return meant != "" && meant == familiarName(b)
}

var familiarNames = [...]struct{ written, meant string }{
	{"G729", "G729"},
	{"G729A", "G729"},
	{"G729B", "G729"},
	{"G729AB", "G729"},
	{"G.729", "G729"},
	{"G723", "G723"},
	{"G7231", "G723"},
	{"G723.1", "G723"},
	{"G.723", "G723"},
	{"G.723.1", "G723"},
}

func familiarName(t Text) string {
	for _, f := range familiarNames {
		if t.Is(f.written) {
			return f.meant
		}
	}
	return ""
}
