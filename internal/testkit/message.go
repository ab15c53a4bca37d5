package testkit

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Field is one header field: name and value as written.
type Field struct{ Name, Value string }

// Message builds a SIP message. Nothing is checked: a test may need any nonsense.
type Message struct {
	Start  string // start line without its CRLF
	Fields []Field
	Body   []byte
}

// Request returns a request with its start line only.
func Request(method, uri string) *Message { return &Message{Start: method + " " + uri + " SIP/2.0"} }

// Response returns a response with its start line only.
func Response(code int, phrase string) *Message {
	return &Message{Start: fmt.Sprintf("SIP/2.0 %03d %s", code, phrase)}
}

// Add appends a header field and returns m.
func (m *Message) Add(name, value string) *Message {
	m.Fields = append(m.Fields, Field{name, value})
	return m
}

// Get returns the first value of a header field, "" when it is absent.
func (m *Message) Get(name string) string {
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Values returns all values of a header field, each field one.
func (m *Message) Values(name string) []string {
	var out []string
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			out = append(out, f.Value)
		}
	}
	return out
}

// Set replaces every field of that name by one, in the place of the first; it is appended when there was none.
func (m *Message) Set(name, value string) *Message {
	i := slices.IndexFunc(m.Fields, func(f Field) bool { return strings.EqualFold(f.Name, name) })
	if i < 0 {
		return m.Add(name, value)
	}
	m.Fields[i] = Field{name, value}
	rest := m.Fields[i+1:]
	m.Fields = append(m.Fields[:i+1], slices.DeleteFunc(slices.Clone(rest), func(f Field) bool {
		return strings.EqualFold(f.Name, name)
	})...)
	return m
}

// Del removes every field of that name.
func (m *Message) Del(name string) *Message {
	m.Fields = slices.DeleteFunc(m.Fields, func(f Field) bool { return strings.EqualFold(f.Name, name) })
	return m
}

// Bytes returns the message as on the wire. Content-Length is added when no field of that name is there.
func (m *Message) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString(m.Start + "\r\n")
	length := false
	for _, f := range m.Fields {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
		length = length || strings.EqualFold(f.Name, "Content-Length") || strings.EqualFold(f.Name, "l")
	}
	if !length {
		b.WriteString("Content-Length: " + strconv.Itoa(len(m.Body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(m.Body)
	return b.Bytes()
}

func (m *Message) clone() *Message {
	c := *m
	c.Fields = slices.Clone(m.Fields)
	return &c
}

// uri returns the Request-URI of a request.
func (m *Message) uri() string {
	if p := strings.SplitN(m.Start, " ", 3); len(p) == 3 {
		return p[1]
	}
	return ""
}

// phrases are the reason phrases of RFC 3261 §21 and of the extensions that flows use.
var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress", 199: "Early Dialog Terminated",
	200: "OK", 202: "Accepted", 204: "No Notification",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy", 380: "Alternative Service",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 412: "Conditional Request Failed",
	413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
	417: "Unknown Resource-Priority", 420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
	424: "Bad Location Information", 425: "Bad Alert Message", 428: "Use Identity Header", 429: "Provide Referrer Identity", 430: "Flow Failed",
	433: "Anonymity Disallowed", 436: "Bad Identity Info", 437: "Unsupported Credential", 438: "Invalid Identity Header",
	439: "First Hop Lacks Outbound Support", 440: "Max-Breadth Exceeded", 469: "Bad Info Package", 470: "Consent Needed",
	477: "Unfortunately error on sending to next hop occurred (477/SL)", 478: "Unresolvable destination (478/SL)",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
	485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	493: "Undecipherable", 494: "Security Agreement Required",
	500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out",
	505: "Version Not Supported", 513: "Message Too Large", 555: "Push Notification Service Not Supported", 580: "Precondition Failure",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted", 608: "Rejected",
}
