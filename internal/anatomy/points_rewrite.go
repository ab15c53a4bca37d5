package anatomy

import (
	"bytes"
	"slices"

	"sipcause/internal/call"
	"sipcause/sdp"
	"sipcause/sip"
)

// Rewrite is one header field, or one line of the session description, that was not the same at two points.
type Rewrite struct {
	What          string // name of the header ("Contact"), "Request-URI", or type of the line ("sdp c=")
	Before, After []byte // of the first such message; nil: it was not there
	Near, Far     call.MsgRef
	Messages      int // with such a difference

	last call.MsgRef // of these
}

// maxRewritten bounds the differences told of one passage, diffFields those looked at of one message.
const (
	maxRewritten = 24
	diffFields   = 200
)

// relayed are the header fields that a proxy changes as a matter of course (RFC 3261 §16.6, §16.7, RFC 3327).
var relayed = map[sip.HeaderID]bool{
	sip.HeaderVia: true, sip.HeaderRecordRoute: true, sip.HeaderRoute: true, sip.HeaderMaxForwards: true, sip.HeaderPath: true,
	sip.HeaderProxyAuthorization: true, sip.HeaderProxyAuthenticate: true,
}

// telling are the differences by which a proxy is none: RFC 3261 §16.6 leaves it no right to them.
var telling = []string{"Call-ID", "From tag", "To tag", "Contact", "sdp c=", "sdp o=", "sdp m="}

// rewritten compares a message as two points saw it.
func (v *passages) rewritten(p *Passage, near, far call.MsgRef) {
	a, b := v.c.Raw(near), v.c.Raw(far)
	if bytes.Equal(a, b) || v.c.Sighting(near).Truncated || v.c.Sighting(far).Truncated {
		return
	}
	var x, y sip.Message
	if x.Parse(a) != nil || y.Parse(b) != nil {
		return
	}
	d := differences{p: p, near: near, far: far, proxied: p.Between >= Proxy}
	d.headers(&x, &y)
	d.tags(&x, &y)
	d.description(&x, &y)
	switch {
	case p.Between < ALG && d.found:
		p.Between = ALG
	case p.Between == Proxy && d.telling:
		p.Between = Relay
	}
}

// differences notes what is not the same in two sightings of a message.
type differences struct {
	p         *Passage
	near, far call.MsgRef
	proxied   bool
	found     bool
	telling   bool
}

// note adds one difference, or counts it with those of the same name.
func (d *differences) note(what string, before, after []byte) {
	d.found = true
	d.telling = d.telling || slices.Contains(telling, what)
	for i := range d.p.Rewrites {
		if r := &d.p.Rewrites[i]; r.What == what {
			if r.last != d.near {
				r.Messages++
				r.last = d.near
			}
			return
		}
	}
	if len(d.p.Rewrites) < maxRewritten {
		d.p.Rewrites = append(d.p.Rewrites, Rewrite{
			What: what, Before: bytes.Clone(before), After: bytes.Clone(after), Near: d.near, Far: d.far, Messages: 1, last: d.near,
		})
	}
}

// field is a header field of one message.
type field struct {
	id    sip.HeaderID
	name  []byte
	value []byte
}

func fieldsOf(m *sip.Message) (list []field) {
	for name, value := range m.All() {
		if len(list) == diffFields {
			break
		}
		list = append(list, field{sip.HeaderOf(name), name, value})
	}
	return list
}

// is says whether two fields have the same name.
func (f field) is(o field) bool {
	return f.id == o.id && (f.id != sip.HeaderUnknown || bytes.EqualFold(f.name, o.name))
}

// label is the header's name, in its usual form.
func (f field) label() string {
	if f.id != sip.HeaderUnknown {
		return f.id.String()
	}
	return call.Clean(f.name)
}

// headers compares start line and header fields: those of one name by their order.
func (d *differences) headers(x, y *sip.Message) {
	if !d.proxied && !bytes.Equal(x.RequestURI(), y.RequestURI()) {
		d.note("Request-URI", x.RequestURI(), y.RequestURI())
	}
	if d.proxied && !bytes.Equal(userOf(x.RequestURI()), userOf(y.RequestURI())) {
		d.note("Request-URI user", x.RequestURI(), y.RequestURI())
	}
	before, after := fieldsOf(x), fieldsOf(y)
	used := make([]bool, len(after))
	for _, f := range before {
		if d.proxied && relayed[f.id] {
			continue
		}
		at := -1
		for i, g := range after {
			if !used[i] && f.is(g) {
				at = i
				break
			}
		}
		if at < 0 {
			d.note(f.label(), f.value, nil)
			continue
		}
		used[at] = true
		if g := after[at]; !bytes.Equal(bytes.TrimSpace(f.value), bytes.TrimSpace(g.value)) && !(d.proxied && f.id == sip.HeaderTo && x.IsRequest()) {
			d.note(f.label(), f.value, g.value)
		}
	}
	for i, g := range after {
		if !used[i] && !(d.proxied && relayed[g.id]) {
			d.note(g.label(), nil, g.value)
		}
	}
}

func userOf(uri []byte) []byte {
	u, _ := sip.ParseURI(uri)
	return u.User
}

// tags names the tags, which From and To have beside what people read.
func (d *differences) tags(x, y *sip.Message) {
	if !bytes.Equal(x.FromTag(), y.FromTag()) {
		d.note("From tag", x.FromTag(), y.FromTag())
	}
	if !bytes.Equal(x.ToTag(), y.ToTag()) {
		d.note("To tag", x.ToTag(), y.ToTag())
	}
}

var headEnd = []byte("\r\n\r\n")

// description compares session descriptions: the lines of one type by their order.
func (d *differences) description(x, y *sip.Message) {
	// All that was sent: Content-Length may be what was not adapted.
	_, all, _ := bytes.Cut(x.Raw(), headEnd)
	_, sent, _ := bytes.Cut(y.Raw(), headEnd)
	a, _ := sdp.FindSDP(x.Header(sip.HeaderContentType), all)
	b, _ := sdp.FindSDP(y.Header(sip.HeaderContentType), sent)
	if len(a) == 0 && len(b) == 0 {
		if !bytes.Equal(all, sent) {
			d.note("body", nil, nil)
		}
		return
	}
	before, after := linesOf(a), linesOf(b)
	used := make([]bool, len(after))
	keep := make([]bool, len(before))
	for i, l := range before { // the same first, so that a line put in between moves nothing
		for k := range after {
			if !used[k] && bytes.Equal(l, after[k]) {
				keep[i], used[k] = true, true
				break
			}
		}
	}
	for i, l := range before {
		if keep[i] {
			continue
		}
		at := slices.IndexFunc(after, func(o []byte) bool { return o[0] == l[0] })
		for at >= 0 && used[at] {
			next := slices.IndexFunc(after[at+1:], func(o []byte) bool { return o[0] == l[0] })
			if next < 0 {
				at = -1
				break
			}
			at += 1 + next
		}
		if at < 0 {
			d.note("sdp "+call.Clean(l[:1])+"=", l, nil)
			continue
		}
		used[at] = true
		d.note("sdp "+call.Clean(l[:1])+"=", l, after[at])
	}
	for k, l := range after {
		if !used[k] {
			d.note("sdp "+call.Clean(l[:1])+"=", nil, l)
		}
	}
}

// linesOf returns the lines of a session description that are not empty.
func linesOf(b []byte) (list [][]byte) {
	for l := range bytes.Lines(b) {
		if l = bytes.TrimRight(l, "\r\n"); len(l) > 0 && len(list) < diffFields {
			list = append(list, l)
		}
	}
	return list
}
