package main

import (
	"fmt"
	"strconv"
	"strings"
)

// field is a part of a message that differs from call to call.
type field uint8

// The fields. In texts they stand as {name}.
const (
	fEdge field = iota // address of the caller's host
	fGw                // address of the gateway tried first
	fGw2               // address of the gateway tried second
	fCaller
	fName
	fCallee
	fCallID
	fRport // port that the caller's host sends from
	fTag   // From tag
	fTagG  // To tag of the gateway
	fTag2  // To tag of the second gateway
	fTagP  // To tag of the proxy itself
	fA1    // branches of the caller: INVITE, INVITE with credentials, ACK to 2xx, BYE
	fA2
	fA3
	fA4
	fP1 // branches of the proxy: INVITE, INVITE to the second gateway, ACK to 2xx, BYE
	fP2
	fP3
	fP4
	fNonce
	fNonce2
	fDigest
	fCnonce
	fSessA // SDP session ids and ports
	fSessG
	fPortA
	fPortG
	fAgent  // User-Agent of the caller
	fServer // Server of the gateway
	fields
)

var fieldNames = map[string]field{
	"edge": fEdge, "gw": fGw, "gw2": fGw2, "caller": fCaller, "name": fName, "callee": fCallee, "callid": fCallID, "rport": fRport,
	"tag": fTag, "tagG": fTagG, "tag2": fTag2, "tagP": fTagP,
	"a1": fA1, "a2": fA2, "a3": fA3, "a4": fA4, "p1": fP1, "p2": fP2, "p3": fP3, "p4": fP4,
	"nonce": fNonce, "nonce2": fNonce2, "digest": fDigest, "cnonce": fCnonce,
	"sessA": fSessA, "sessG": fSessG, "portA": fPortA, "portG": fPortG, "agent": fAgent, "server": fServer,
}

// bodyWidth are the lengths of the fields that may stand in a body: fixed, so that Content-Length is known
// when a template is made.
var bodyWidth = map[field]int{fEdge: 10, fGw: 12, fGw2: 12, fSessA: 10, fSessG: 10, fPortA: 5, fPortG: 5}

// template is a message cut at its fields: lits[0] fields[0] lits[1] fields[1] … lits[n].
type template struct {
	lits   []string
	fields []field
}

// compile reads a text with {field} marks; lines end in "\n" there and in CRLF on the wire. Content-Length is
// put in place of {length}.
func compile(text string) *template {
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		panic("bench/gen: a message without an empty line: " + text)
	}
	b := cut(crlf(body))
	n := 0
	for _, l := range b.lits {
		n += len(l)
	}
	for _, f := range b.fields {
		w, ok := bodyWidth[f]
		if !ok {
			panic(fmt.Sprintf("bench/gen: field %d has no fixed width and stands in a body", f))
		}
		n += w
	}
	return cut(strings.Replace(crlf(head), "{length}", strconv.Itoa(n), 1) + "\r\n\r\n" + crlf(body))
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func cut(s string) *template {
	t := new(template)
	for {
		lit, rest, ok := strings.Cut(s, "{")
		if !ok {
			t.lits = append(t.lits, s)
			return t
		}
		name, tail, _ := strings.Cut(rest, "}")
		f, known := fieldNames[name]
		if !known {
			panic("bench/gen: no field {" + name + "}")
		}
		t.lits, t.fields = append(t.lits, lit), append(t.fields, f)
		s = tail
	}
}

// render appends the message to b.
func (t *template) render(b []byte, f *[fields][]byte) []byte {
	for i, k := range t.fields {
		b = append(b, t.lits[i]...)
		b = append(b, f[k]...)
	}
	return append(b, t.lits[len(t.lits)-1]...)
}
