package render

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// msgRef is a message of a call with what it is ordered by.
type msgRef struct {
	time wire.Time
	ref  wire.PacketRef
	call.MsgRef
}

func (a msgRef) compare(b msgRef) int {
	switch {
	case a.time != b.time && a.time < b.time:
		return -1
	case a.time != b.time:
		return 1
	case a.ref.Less(b.ref):
		return -1
	case b.ref.Less(a.ref):
		return 1
	case a.Leg != b.Leg:
		return a.Leg - b.Leg
	}
	return int(a.Msg - b.Msg)
}

// appendMessages appends the messages of all legs of c in (time, ref) order.
func appendMessages(refs []msgRef, c *call.Call) []msgRef {
	from := len(refs)
	sorted := true
	for k, l := range c.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			m := msgRef{s.Time, s.Ref, call.MsgRef{Leg: k, Msg: int32(i)}}
			sorted = sorted && (len(refs) == from || refs[len(refs)-1].compare(m) <= 0)
			refs = append(refs, m)
		}
	}
	if !sorted {
		slices.SortFunc(refs[from:], msgRef.compare)
	}
	return refs
}

const maxStartLine = 512 // bytes of a start line that a report shows

// startLine returns what a message is in a few words: "INVITE sip:bob@example.com" or "486 Busy Here",
// the start line without the SIP version (RFC 3261 §7.1, §7.2). It aliases raw.
func startLine(raw []byte) []byte {
	for len(raw) > 0 && (raw[0] == '\r' || raw[0] == '\n') {
		raw = raw[1:]
	}
	if end := bytes.IndexByte(raw[:min(len(raw), 2*maxStartLine)], '\n'); end >= 0 {
		raw = raw[:end]
	}
	raw = bytes.TrimRight(raw[:min(len(raw), 2*maxStartLine)], "\r")
	if isVersion(raw) {
		if sp := bytes.IndexByte(raw, ' '); sp >= 0 {
			raw = raw[sp+1:]
		}
	} else if sp := bytes.LastIndexByte(raw, ' '); sp >= 0 && isVersion(raw[sp+1:]) {
		raw = raw[:sp]
	}
	return cut(raw, maxStartLine)
}

func isVersion(b []byte) bool {
	return len(b) >= 4 && b[0]|0x20 == 's' && b[1]|0x20 == 'i' && b[2]|0x20 == 'p' && b[3] == '/'
}

// cut returns at most n bytes of b and splits no character.
func cut(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for i := 0; i < utf8.UTFMax-1 && n > 0 && !utf8.RuneStart(b[n]); i++ {
		n--
	}
	return b[:n]
}
