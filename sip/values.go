package sip

import (
	"bytes"
	"iter"
	"time"
)

// deltaSeconds reads the header's leading number, clamped to 2^32-1 (RFC 3261 §20.19 and RFC 4475
// §3.1.2.4 for what is too large).
func (m *Message) deltaSeconds(id HeaderID) (int, bool) {
	digits := leadingDigits(m.Header(id))
	if len(digits) == 0 {
		return 0, false
	}
	n, ok := number(digits, 1<<32-1)
	if !ok {
		n = 1<<32 - 1
	}
	return int(n), true
}

// Expires returns the Expires header in seconds (RFC 3261 §20.19).
func (m *Message) Expires() (int, bool) { return m.deltaSeconds(HeaderExpires) }

// MinExpires returns Min-Expires in seconds (RFC 3261 §20.23).
func (m *Message) MinExpires() (int, bool) { return m.deltaSeconds(HeaderMinExpires) }

// RetryAfter returns Retry-After in seconds, without its comment and parameters (RFC 3261 §20.33).
func (m *Message) RetryAfter() (seconds int, ok bool) { return m.deltaSeconds(HeaderRetryAfter) }

// MinSE returns Min-SE in seconds (RFC 4028 §5).
func (m *Message) MinSE() (int, bool) { return m.deltaSeconds(HeaderMinSE) }

// MaxForwards returns Max-Forwards (RFC 3261 §20.22).
func (m *Message) MaxForwards() (int, bool) { return m.deltaSeconds(HeaderMaxForwards) }

// SessionExpires returns Session-Expires in seconds and its refresher, "uac" or "uas", nil if there is none
// (RFC 4028 §4).
func (m *Message) SessionExpires() (seconds int, refresher []byte, ok bool) {
	seconds, ok = m.deltaSeconds(HeaderSessionExpires)
	refresher, _ = findParam(paramsOf(m.Header(HeaderSessionExpires)), "refresher")
	return seconds, refresher, ok
}

// ContentLength returns Content-Length (RFC 3261 §20.14); false if it is absent, unreadable or larger than
// MaxContentLength.
func (m *Message) ContentLength() (int, bool) { return max(m.contentLength, 0), m.contentLength >= 0 }

// RSeq returns a reliable provisional response's number (RFC 3262 §7.1).
func (m *Message) RSeq() (uint32, bool) {
	n, ok := number(m.Header(HeaderRSeq), 1<<32-1)
	return uint32(n), ok
}

// RAck returns what a PRACK acknowledges: the response's RSeq, its CSeq number and method (RFC 3262 §7.2).
func (m *Message) RAck() (rseq, cseq uint32, method []byte, ok bool) {
	v := m.Header(HeaderRAck)
	first := leadingDigits(v)
	v = trimLeft(v[len(first):])
	second := leadingDigits(v)
	method = trimLeft(v[len(second):])
	r, rOK := number(first, 1<<32-1)
	c, cOK := number(second, 1<<32-1)
	return uint32(r), uint32(c), method, rOK && cOK && len(method) > 0
}

// paramsOf returns the parameters behind a value that is a token or number: all behind the first semicolon.
func paramsOf(v []byte) []byte {
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		return v[i+1:]
	}
	return nil
}

// Reason says why a request or response was sent (RFC 3326 §2, RFC 6432 for responses).
type Reason struct {
	Protocol []byte // "SIP", "Q.850", …
	Cause    int    // -1: absent or unreadable
	Text     []byte // without its quotes; escapes as written
}

// Q850 says whether r has a cause of ITU-T Q.850.
func (r Reason) Q850() bool { return r.Cause >= 0 && bytes.EqualFold(r.Protocol, []byte("Q.850")) }

// Reasons yields every value of every Reason field (RFC 3326 §2).
func (m *Message) Reasons() iter.Seq[Reason] {
	return func(yield func(Reason) bool) {
		c := m.cursor(HeaderReason)
		for v := c.next(); v != nil && yield(parseReason(v)); v = c.next() {
		}
	}
}

func parseReason(v []byte) Reason {
	r := Reason{Protocol: v, Cause: -1}
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		r.Protocol = trim(v[:i])
	}
	params := paramsOf(v)
	if cause, ok := findParam(params, "cause"); ok {
		if n, ok := number(cause, 1<<31-1); ok {
			r.Cause = int(n)
		}
	}
	r.Text, _ = findParam(params, "text")
	return r
}

// Warning is one value of the Warning header (RFC 3261 §20.43).
type Warning struct {
	Code  int    // three digits; -1 if unreadable
	Agent []byte // host[:port] or pseudonym
	Text  []byte // without its quotes; escapes as written
}

// Warnings yields every value of every Warning field (RFC 3261 §20.43).
func (m *Message) Warnings() iter.Seq[Warning] {
	return func(yield func(Warning) bool) {
		c := m.cursor(HeaderWarning)
		for v := c.next(); v != nil; v = c.next() {
			if w, _ := parseWarning(v); !yield(w) {
				return
			}
		}
	}
}

// parseWarning also reports whether v has the right form.
func parseWarning(v []byte) (Warning, bool) {
	w := Warning{Code: -1}
	digits := leadingDigits(v)
	if n, ok := number(digits, 999); ok && len(digits) == 3 {
		w.Code = int(n)
	}
	v = trimLeft(v[len(digits):])
	i := 0
	for i < len(v) && !space(v[i]) {
		i++
	}
	w.Agent, v = v[:i], trimLeft(v[i:])
	w.Text = unquote(v)
	return w, w.Code >= 0 && len(w.Agent) > 0 && len(v)-len(w.Text) == 2
}

// SessionID returns the two UUIDs that name a session end to end (RFC 7989 §5): the sender's, and the
// other side's (nil if it is not said, as in RFC 7329).
func (m *Message) SessionID() (local, remote []byte, ok bool) {
	v := m.Header(HeaderSessionID)
	local = v
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		local = trim(v[:i])
	}
	remote, _ = findParam(paramsOf(v), "remote")
	return local, remote, len(local) > 0
}

// dateLayout is the one form that a Date may have (RFC 3261 §20.17).
const dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

// Date returns the Date (RFC 3261 §20.17); false if it is absent or no date in GMT.
func (m *Message) Date() (time.Time, bool) {
	v := m.Header(HeaderDate)
	if v == nil {
		return time.Time{}, false
	}
	t, err := time.Parse(dateLayout, string(v))
	return t, err == nil
}

// ServerOrUserAgent returns what software speaks: the Server, else the User-Agent (RFC 3261 §20.35, §20.41).
func (m *Message) ServerOrUserAgent() []byte {
	if v := m.Header(HeaderServer); len(v) > 0 {
		return v
	}
	return m.Header(HeaderUserAgent)
}

// Event returns the event package and its id, nil if there is none (RFC 6665 §8.2.1).
func (m *Message) Event() (pkg, id []byte, ok bool) {
	v := m.Header(HeaderEvent)
	pkg = v
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		pkg = trim(v[:i])
	}
	id, _ = findParam(paramsOf(v), "id")
	return pkg, id, len(pkg) > 0
}

// SubscriptionState returns the state of a subscription and why it ended, nil if that is not said
// (RFC 6665 §8.2.3).
func (m *Message) SubscriptionState() (state, reason []byte, ok bool) {
	v := m.Header(HeaderSubscriptionState)
	state = v
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		state = trim(v[:i])
	}
	reason, _ = findParam(paramsOf(v), "reason")
	return state, reason, len(state) > 0
}

// DialogID names a dialog from outside it: Replaces (RFC 3891 §6.1), Join (RFC 3911 §7.1), Target-Dialog
// (RFC 4538 §7).
type DialogID struct{ CallID, ToTag, FromTag []byte }

// Replaces returns the dialog that an INVITE is to replace (RFC 3891 §6.1).
func (m *Message) Replaces() (d DialogID, ok bool) {
	v := m.Header(HeaderReplaces)
	if v == nil {
		return d, false
	}
	d.CallID = v
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		d.CallID = trim(v[:i])
	}
	d.ToTag, _ = findParam(paramsOf(v), "to-tag")
	d.FromTag, _ = findParam(paramsOf(v), "from-tag")
	return d, len(d.CallID) > 0
}
