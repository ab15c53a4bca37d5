package render

import (
	"bytes"
	"strconv"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// item appends one call, registration or transaction as an object. With tagged it starts with its "type".
func (e *encoder) item(c *view.Case, tagged bool) {
	cl := c.Call
	e.raw("{")
	if tagged {
		e.text("type", cl.Kind.String())
	}
	e.text("id", cl.ID)
	e.key("call_ids")
	e.raw("[")
	for _, l := range cl.Legs {
		e.next()
		e.buf = appendString(e.buf, l.CallID)
	}
	e.raw("]")
	e.revision(c)
	e.links(cl.Links)
	e.subject(cl)
	e.textOrNull("from", cl.From)
	e.textOrNull("to", cl.To)
	e.time("started", cl.Began)
	e.time("ended", cl.Ended)
	e.text("outcome", cl.Outcome.String())
	e.code("code", cl.Code)
	e.textOrNull("reason", cl.Reason)
	e.origin(cl)
	e.timings(&cl.Timings)
	e.textOrNull("hung_up_by", cl.HungUpBy)
	e.attempts(cl.Attempts)
	e.routes(c)
	e.verdict(c)
	if e.all || deep(c) {
		e.digests = digestsOf(c)
		e.anatomy(c)
	}
	if len(cl.Media) > 0 {
		e.media(cl.Media)
	}
	e.told(c)
	if len(cl.Gaps) > 0 {
		e.gaps(cl.Gaps)
	}
	e.events(cl)
	e.messages(cl)
	e.raw("}")
}

func (e *encoder) links(links []call.Link) {
	e.key("links")
	e.raw("[")
	for i := range links {
		k := &links[i]
		e.next()
		e.raw("{")
		e.text("from", k.From)
		e.text("to", k.To)
		e.text("by", k.By)
		if k.Header != "" {
			e.text("header", k.Header)
		}
		e.float("confidence", k.Confidence)
		e.raw("}")
	}
	e.raw("]")
}

// subject appends what a registration or a transaction has and a call has not.
func (e *encoder) subject(c *call.Call) {
	switch c.Kind {
	case call.KindRegistration:
		e.registration(c.Reg)
	case call.KindTransaction:
		e.textOrNull("method", transactionMethod(c))
	}
}

// transactionMethod returns the method a transaction is about, "" when no message is left of it. It is the
// method of the first of call.Leg.Tries, without the list.
func transactionMethod(c *call.Call) string {
	for _, l := range c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Parent == call.None && t.Method != sip.MethodAck && t.Method != sip.MethodCancel {
				return methodName(l, t)
			}
		}
	}
	return ""
}

// methodName returns the method of a transaction as written, "" when it cannot be read.
func methodName(l *call.Leg, t *call.Txn) string {
	if t.Method != sip.MethodUnknown || t.Request == call.None {
		return t.Method.String()
	}
	name, _, _ := bytes.Cut(startLine(l.Raw(t.Request)), []byte(" "))
	return call.Clean(name)
}

func (e *encoder) registration(r *call.Registration) {
	if r == nil {
		e.raw(`,"aor":null,"contacts":[],"requested":null,"expires":null,"until":null,"removed":null,"refreshes":null`)
		return
	}
	e.textOrNull("aor", r.AOR)
	e.texts("contacts", r.Contacts)
	e.seconds("requested", r.Requested)
	e.seconds("expires", r.Expires)
	e.time("until", r.Until)
	e.bool("removed", r.Removed)
	e.uint("refreshes", uint64(r.Refreshes))
}

// seconds writes a number of seconds; -1 is unknown.
func (e *encoder) seconds(name string, n int) {
	if n < 0 {
		e.null(name)
		return
	}
	e.uint(name, uint64(n))
}

func (e *encoder) bool(name string, v bool) {
	e.key(name)
	e.buf = strconv.AppendBool(e.buf, v)
}

func (e *encoder) origin(c *call.Call) {
	o := c.Origin
	if o == nil {
		e.null("origin")
		return
	}
	e.key("origin")
	e.raw("{")
	e.addr("address", o.Address)
	e.textOrNull("role", string(o.Role))
	e.textOrNull("server", o.Server)
	if o.Code != c.Code && o.Code != 0 {
		e.code("code", o.Code)
	}
	e.float("confidence", o.Confidence)
	e.texts("evidence", o.Evidence)
	e.texts("alternatives", o.Alternatives)
	e.raw("}")
}

func (e *encoder) timings(t *call.Timings) {
	e.key("timings")
	e.raw("{")
	e.floatOrNull("trying_ms", t.Trying)
	e.floatOrNull("pdd_ms", t.PDD)
	e.floatOrNull("final_ms", t.Final)
	e.floatOrNull("ring_ms", t.Ring)
	e.floatOrNull("setup_ms", t.Setup)
	e.floatOrNull("duration_ms", t.Duration)
	e.raw("}")
}

func (e *encoder) attempts(list []call.Attempt) {
	e.key("attempts")
	e.raw("[")
	for i := range list {
		a := &list[i]
		e.next()
		e.raw("{")
		e.addr("target", a.Target)
		e.code("code", a.Code)
		if a.Code == 0 {
			e.null("final_ms")
		} else {
			e.float("final_ms", a.FinalMS)
		}
		e.raw("}")
	}
	e.raw("]")
}

func (e *encoder) verdict(c *view.Case) {
	v := c.Verdict
	if v == nil {
		e.raw(`,"suspect":null,"root_cause":null,"findings":[]`)
		return
	}
	e.suspect(v.Suspect)
	e.key("root_cause")
	if v.Root == nil {
		e.raw("null")
		e.findings(v.Findings)
		return
	}
	from := len(e.buf)
	e.finding(v.Root)
	root := e.buf[from : len(e.buf)-1] // without its end
	if len(c.Playbooks) > 0 {
		e.buf = e.buf[:len(e.buf)-1]
		e.playbooks(c.Playbooks)
		e.raw("}")
	}
	e.key("findings")
	e.raw("[")
	for i := range v.Findings {
		e.next()
		if f := &v.Findings[i]; f == v.Root { // the same bytes again
			e.buf = append(e.buf, root...)
			e.raw("}")
		} else {
			e.finding(f)
		}
	}
	e.raw("]")
}

func (e *encoder) suspect(s *finding.Suspect) {
	e.key("suspect")
	if s == nil {
		e.raw("null")
		return
	}
	e.raw("{")
	e.addr("address", s.Address)
	e.textOrNull("role", string(s.Role))
	e.raw("}")
}

func (e *encoder) findings(list []finding.Finding) {
	e.key("findings")
	e.raw("[")
	for i := range list {
		e.next()
		e.finding(&list[i])
	}
	e.raw("]")
}

func (e *encoder) finding(f *finding.Finding) {
	e.raw("{")
	e.text("id", string(f.ID))
	e.text("severity", f.Severity.String())
	e.float("confidence", f.Confidence)
	e.textOrNull("acts", string(f.Acts))
	e.text("summary", f.Summary)
	e.texts("actions", f.Actions)
	e.key("evidence")
	e.raw("[")
	for i := range f.Evidence {
		v := &f.Evidence[i]
		e.next()
		e.raw("{")
		e.frame(v.Ref)
		if v.Note != "" {
			e.text("note", v.Note)
		}
		e.raw("}")
	}
	e.raw("]")
	e.texts("refs", f.Refs)
	e.textOrNull("user_message", f.UserMessage)
	if f.Subject != "" {
		e.text("subject", f.Subject)
	}
	if f.Suspect != nil {
		e.suspect(f.Suspect)
	}
	e.raw("}")
}

// frame names a packet; number 0 is no packet.
func (e *encoder) frame(r wire.PacketRef) {
	if r.Number == 0 {
		e.null("file")
		e.null("frame")
		return
	}
	e.uint("file", uint64(r.Source))
	e.uint("frame", r.Number)
}

func (e *encoder) media(list []call.Stream) {
	e.key("media")
	e.raw("[")
	for i := range list {
		s := &list[i]
		e.next()
		e.raw("{")
		e.addr("src", s.Src)
		e.addr("dst", s.Dst)
		e.bool("rtcp", s.RTCP)
		e.uint("ssrc", uint64(s.SSRC))
		e.uint("payload_type", uint64(s.PayloadType))
		e.uint("packets", s.Packets)
		e.uint("bytes", s.Bytes)
		e.time("first", s.First)
		e.time("last", s.Last)
		e.streamFacts(s)
		e.raw("}")
	}
	e.raw("]")
}

func (e *encoder) gaps(list []wire.Gap) {
	e.key("gaps")
	e.raw("[")
	for i := range list {
		g := &list[i]
		e.next()
		e.raw("{")
		e.text("kind", g.Kind.String())
		e.frame(g.Ref)
		e.time("from", g.From)
		e.time("until", g.Until)
		e.textOrNull("where", g.Where)
		e.uintOrNull("lost", g.Lost)
		e.uintOrNull("bytes", g.Bytes)
		e.raw("}")
	}
	e.raw("]")
}

// events appends what happened on the wire beside the messages (ICMP, TCP, TLS), leg by leg; nothing when
// nothing did.
func (e *encoder) events(c *call.Call) {
	first := true
	for _, l := range c.Legs {
		for i := range l.Events {
			v := &l.Events[i]
			if first {
				e.key("events")
				e.raw("[")
				first = false
			}
			e.next()
			e.raw("{")
			e.text("kind", v.Kind.String())
			e.frame(v.Ref)
			e.time("time", v.Time)
			e.time("until", v.Until)
			e.addr("src", v.Flow.Src)
			e.addr("dst", v.Flow.Dst)
			e.text("transport", v.Flow.Transport.String())
			if v.From.IsValid() {
				e.text("reported_by", v.From.String())
			}
			if v.Detail != "" {
				e.text("detail", v.Detail)
			}
			e.raw("}")
		}
	}
	if !first {
		e.raw("]")
	}
}

func (e *encoder) uintOrNull(name string, n uint64) {
	if n == 0 {
		e.null(name)
		return
	}
	e.uint(name, n)
}

// messages appends the messages of all legs, merged. It is the hot path: the members are written without the
// helpers above, and the text of a flow is made once per call.
func (e *encoder) messages(c *call.Call) {
	e.key("messages")
	e.raw("[")
	e.refs = appendMessages(e.refs[:0], c)
	e.flowBase, e.flows, e.flowText = e.flowBase[:0], e.flows[:0], e.flowText[:0]
	for _, l := range c.Legs {
		e.flowBase = append(e.flowBase, uint32(len(e.flows)))
		for range l.Flows {
			e.flows = append(e.flows, span{})
		}
	}
	for i := range e.refs {
		// A look at all of them first: memory then fetches them beside each other instead of one after the other.
		if raw := c.Legs[e.refs[i].Leg].Sightings[e.refs[i].Msg].Raw; len(raw) > 0 {
			e.fetched += raw[0]
		}
	}
	for i := range e.refs {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.message(c.Legs[e.refs[i].Leg], e.refs[i].MsgRef)
	}
	e.raw("]")
}

func (e *encoder) message(l *call.Leg, r call.MsgRef) {
	s := &l.Sightings[r.Msg]
	b := append(e.buf, `{"file":`...)
	b = strconv.AppendUint(b, uint64(s.Ref.Source), 10)
	b = append(b, `,"frame":`...)
	b = strconv.AppendUint(b, s.Ref.Number, 10)
	e.buf = append(b, `,"time":`...)
	e.timeValue(s.Time)
	b = append(e.buf, e.flow(l, r.Leg, s.Flow)...)
	b = append(b, `,"summary":`...)
	if line := startLine(l.Raw(r.Msg)); len(line) > 0 {
		b = appendString(b, line)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"repeat":"`...)
	b = append(b, s.Repeat.String()...)
	b = append(b, '"')
	if s.Truncated {
		b = append(b, `,"truncated":true`...)
	}
	e.buf = append(b, '}')
}

// flow returns the members src, dst and transport of a flow.
func (e *encoder) flow(l *call.Leg, leg int, flow uint16) []byte {
	at := &e.flows[e.flowBase[leg]+uint32(flow)]
	if at.to == 0 {
		f := &l.Flows[flow]
		at.from = uint32(len(e.flowText))
		t := append(e.flowText, `,"src":`...)
		t = appendAddr(t, f.Src)
		t = append(t, `,"dst":`...)
		t = appendAddr(t, f.Dst)
		t = append(t, `,"transport":"`...)
		t = append(t, f.Transport.String()...)
		e.flowText = append(t, '"')
		at.to = uint32(len(e.flowText))
	}
	return e.flowText[at.from:at.to]
}
