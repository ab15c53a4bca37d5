package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/sip"
)

// protocolContentLength: Content-Length disagrees with the body (RFC 3261 §18.3, §20.14). A datagram that carries more
// than its Content-Length is looked at only where the message was refused: the rest is to be discarded.
func protocolContentLength(x *Case) *report {
	d, ok := x.defective(defectLength)
	more := 0
	if !ok || !d.refused && !d.silent {
		if t, n := x.refusedSurplus(); n > 0 {
			d, more, ok = defective{msg: x.RequestRef(t), refused: true, confidence: 0.75}, n, true
		}
	}
	if !ok {
		return nil
	}
	m := x.Msg(d.msg)
	sender := x.Legs[d.msg.Leg].FlowOf(x.Sighting(d.msg)).Src
	says, _ := m.ContentLength()
	there := len(m.Body) + more
	r := x.report("protocol.content-length", d.confidence, "The %s of %s says Content-Length %s, and %d bytes of body are there; %s.", x.messageName(d.msg), sender, lengthOf(m, says), there, x.outcomeOf(&d)).
		see(d.msg, "Content-Length %s, body %d bytes", lengthOf(m, says), there).
		see(x.DecidingRef(), "what came of it").
		suspect(sender, call.RoleUnknown).
		judge(&d)
	return r.do("Compare the message on both sides of each hop: a device that rewrites addresses in the body without correcting the length (SIP ALG of a router) does this; switch it off.").
		do("If it leaves %s so: its length is computed before the body is final, or counts characters and not bytes.", sender)
}

func lengthOf(m *sip.Message, n int) string {
	if _, ok := m.ContentLength(); ok {
		return itoa(n)
	}
	return call.Clean(m.Header(sip.HeaderContentLength))
}

// refusedSurplus returns how many bytes beyond Content-Length the refused request's datagram has.
func (x *Case) refusedSurplus() (call.TxnRef, int) {
	status, t, ok := x.deciding()
	if !ok || !x.Failed() || status != 400 && status != 488 && status != 415 || x.Txn(t).Transport.Reliable() {
		return t, 0
	}
	m := x.Request(t)
	if m == nil {
		return t, 0
	}
	raw := m.Raw()
	n, has := m.ContentLength()
	at := bytes.Index(raw, []byte("\r\n\r\n"))
	if at < 0 || !has || len(raw)-at-4 <= n {
		return t, 0
	}
	rest := raw[at+4+n:]
	if len(bytes.TrimSpace(bytes.Trim(rest, "\x00"))) == 0 {
		return t, 0
	}
	return t, len(rest)
}
