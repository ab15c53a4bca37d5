package diagnose

import (
	"bytes"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// defectClass says which finding a defect belongs to.
type defectClass uint8

const (
	defectOther defectClass = iota // oddities that everybody takes
	defectGrammar
	defectMissing
	defectLength
)

func classOf(r sip.Rule) defectClass {
	switch r {
	case sip.RuleMissingHeader, sip.RuleMissingMaxForwards, sip.RuleMissingContact, sip.RuleMissingContentType:
		return defectMissing
	case sip.RuleContentLength, sip.RuleContentLengthExceeds:
		return defectLength
	}
	if r.Breaks() {
		return defectGrammar
	}
	return defectOther
}

// defective is a message with a defect, and what came of it.
type defective struct {
	msg        call.MsgRef
	defect     sip.Defect
	refused    bool // the message is the request that was refused, and its form may be why
	silent     bool // it is a request that nobody answered
	confidence float64
}

// maxLooked bounds how many messages of a leg are parsed in search of one.
const maxLooked = 64

// refusesForm says whether a final status may be the answer to a defect: 400, and what servers say in its place.
func refusesForm(status int) bool { return status == 400 || status == 500 || status == 403 }

// defective looks for a defect of the class: in the request that was refused, else in any message. A call all of
// whose messages are sound costs nothing.
func (x *Case) defective(class defectClass) (d defective, ok bool) {
	if x.Failed() {
		if status, t, known := x.deciding(); known && refusesForm(status) {
			if r, found := x.refusedForm(class, status, t); found {
				return r, true
			}
		}
		if t, known := x.LastTry(); known && x.Code == 0 && x.unanswered(t) && !x.Sighting(x.RequestRef(t)).Truncated {
			if d.defect, ok = firstDefect(x.Request(t), class, true); ok {
				d.msg, d.silent, d.confidence = x.RequestRef(t), true, 0.5
				return d, true
			}
		}
	}
	for k, l := range x.Legs {
		if l.Defective == 0 {
			continue
		}
		looked := 0
		for i := range l.Sightings {
			if s := &l.Sightings[i]; s.Raw == nil || s.Truncated || s.Repeat != call.First {
				continue
			}
			if looked++; looked > maxLooked {
				break
			}
			d.msg = call.MsgRef{Leg: k, Msg: int32(i)}
			if d.defect, ok = firstDefect(x.Msg(d.msg), class, false); ok {
				d.confidence = 1
				return d, true
			}
		}
	}
	return d, false
}

// refusedForm looks for the defect in the request of the deciding transaction.
func (x *Case) refusedForm(class defectClass, status int, t call.TxnRef) (d defective, ok bool) {
	d.msg, d.refused = x.RequestRef(t), true
	if !d.msg.Valid() || x.Sighting(d.msg).Truncated {
		return d, false
	}
	m := x.Msg(d.msg)
	if d.defect, ok = firstDefect(m, class, true); !ok && class == defectGrammar && status == 400 {
		d.defect, ok = firstDefect(m, defectOther, true) // others take it: this server need not
		ok = ok && (x.names(d.defect.Header) || x.blames() == "")
	}
	if !ok {
		return d, false
	}
	switch {
	case x.names(d.defect.Header):
		d.confidence = 0.95
	case status != 400:
		return d, false // such a status has other reasons unless it names the header
	case d.defect.Rule.Breaks():
		d.confidence = 0.8
	default:
		d.confidence = 0.6
	}
	return d, true
}

// names says whether the words of the refusal name a header. Short names are words of their own too: they count only
// beside a word that makes them a header.
func (x *Case) names(id sip.HeaderID) bool {
	if id == sip.HeaderUnknown {
		return false
	}
	name := strings.ToLower(id.String())
	if strings.Contains(name, "-") || name == "cseq" {
		return x.Says(name)
	}
	return x.Says(name+" header", name+" hdr", name+"-header", name+" field", "missing "+name, "no "+name+" ", "invalid "+name, "bad "+name, "malformed "+name, "parse "+name)
}

// firstDefect returns the first defect of the class in m: of all that Check finds, or of those that Parse saw.
func firstDefect(m *sip.Message, class defectClass, all bool) (sip.Defect, bool) {
	if m == nil {
		return sip.Defect{}, false
	}
	list := m.Defects
	if all {
		list = m.Check()
	}
	for _, d := range list {
		if classOf(d.Rule) == class {
			return d, true
		}
	}
	return sip.Defect{}, false
}

// judge sets how bad a defect is: what was refused for it failed by it; what was tolerated alarms nobody, unless the
// call failed and others may not take the message.
func (r *report) judge(d *defective) *report {
	switch {
	case d.refused, d.silent:
		return r
	case r.x.Failed() && d.defect.Rule.Breaks():
		return r.severity(finding.Warning)
	}
	return r.severity(finding.Info)
}

// outcomeOf says for people what came of the defective message.
func (x *Case) outcomeOf(d *defective) string {
	switch {
	case d.refused:
		code, words := x.said()
		return x.originName() + " refused it with " + itoa(code) + " " + words
	case d.silent:
		return "nobody answered it, perhaps for that"
	case x.Failed():
		return "the failure is put down to something else"
	}
	return "the other side took it all the same"
}

// messageName names a message for people: "INVITE", "200 to INVITE".
func (x *Case) messageName(r call.MsgRef) string {
	m := x.Msg(r)
	switch {
	case m == nil:
		return "message"
	case m.IsRequest():
		return call.Clean(m.MethodName())
	case m.Status < 0:
		return "response with an unreadable code"
	}
	return itoa(m.Status) + " to " + call.Clean(m.MethodName())
}

// excerpt is the line of a message on which a byte offset lies, for people.
func excerpt(m *sip.Message, offset int) string {
	raw := m.Raw()
	if offset < 0 || offset >= len(raw) {
		return ""
	}
	from := bytes.LastIndexByte(raw[:offset], '\n') + 1
	if name, _, _ := bytes.Cut(raw[from:], []byte(":")); bytes.HasSuffix(bytes.ToLower(name[:min(len(name), maxExcerpt)]), []byte("authorization")) {
		return call.Clean(name) // credentials are not quoted
	}
	line, _, _ := bytes.Cut(raw[from:], []byte("\n"))
	return call.Clean(line[:min(len(line), maxExcerpt)])
}

const maxExcerpt = 100
