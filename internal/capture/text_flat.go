package capture

import (
	"bytes"

	"sipcause/sip"
)

// A page that shows a trace as running text has lost its line ends: the header fields of a message stand one
// after another in a paragraph.

// minFlat is how many header fields must follow a start line in one line to take it for such a paragraph.
const minFlat = 2

// flat says whether a line is a start line with header fields behind it.
func flat(b []byte) bool {
	k := bytes.Index(b, version)
	if k < 0 {
		return false
	}
	n := 0
	for i := nextField(b, k); i >= 0 && n < minFlat; i = nextField(b, i+1) {
		n++
	}
	return n >= minFlat
}

// nextField returns where the next header field begins at or behind from: a blank, the name of one that is known,
// written as RFC 3261 §20 does, a colon and a blank. -1 if there is none.
func nextField(b []byte, from int) int {
	for i := max(from, 0); i < len(b); i++ {
		colon := bytes.Index(b[i:], []byte(": "))
		if colon < 0 {
			return -1
		}
		i += colon
		back := max(0, i-maxFieldName-1)
		at := back + bytes.LastIndexByte(b[back:i], ' ') + 1
		if name := b[at:i]; at >= from && at > back && len(name) > 1 && name[0] >= 'A' && name[0] <= 'Z' && sip.HeaderOf(name) != sip.HeaderUnknown {
			return at
		}
	}
	return -1
}

// paragraph returns the line with those that follow it up to a blank one.
func (l *textLines) paragraph(line []byte) []byte {
	all := append([]byte(nil), line...)
	width := len(line)
	for len(all) < maxTextLine {
		next, ok := l.read()
		if !ok {
			break
		}
		next = l.clean(next)
		if blank(next) {
			l.rest = nil
			break
		}
		if last := all[len(all)-1]; width < minWrap || last == ' ' || last == ',' || last == ';' || next[0] == ' ' || known(next) {
			all = append(all, ' ')
		}
		all, width = append(all, next...), len(next)
	}
	return all
}

// splitFlat gives the lines that a paragraph was made of: a start line with what precedes it, header fields,
// a session description, and what follows the message.
func splitFlat(b []byte) [][]byte {
	var lines [][]byte
	var add func(piece []byte)
	add = func(piece []byte) {
		if len(lines) == 0 { // the first start line
			lines = append(lines, bytes.TrimSpace(piece))
			return
		}
		piece = bytes.TrimSpace(piece)
		if k := bytes.Index(piece, []byte(" --")); k > 0 {
			add(piece[:k])
			add(piece[k:])
			return
		}
		if k := bytes.Index(piece, []byte(" v=0 ")); k > 0 {
			lines = append(append(lines, piece[:k], nil), splitSDP(piece[k+1:])...)
			return
		}
		if s, ok := findStart(piece); ok && s.at > 0 && piece[s.at-1] == ' ' && isField(piece) {
			lines = append(lines, piece[:s.at])
			piece = piece[s.at:]
		}
		lines = append(lines, piece)
	}
	at := 0
	for i := nextField(b, bytes.Index(b, version)); i >= 0; i = nextField(b, at+1) {
		add(b[at:i])
		at = i
	}
	add(b[at:])
	return append(lines, nil)
}

// splitSDP gives the lines of a session description that stands in one.
func splitSDP(b []byte) (lines [][]byte) {
	at := 0
	for i := 1; i+2 < len(b); i++ {
		if b[i] == ' ' && b[i+2] == '=' && bytes.IndexByte([]byte("vosiuepcbtrzkam"), b[i+1]) >= 0 {
			lines = append(lines, b[at:i])
			at = i + 1
		}
	}
	return append(lines, b[at:])
}
