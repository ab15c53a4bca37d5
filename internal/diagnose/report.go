package diagnose

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"sipcause/code"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// report is a finding while a rule writes it.
type report struct {
	x       *Case
	f       finding.Finding
	accused finding.Suspect // what f.Suspect points to
}

// blank returns an empty report. Reports are used again for the next case.
func (x *Case) blank() *report {
	if x.written == len(x.reports) {
		x.reports = append(x.reports, &report{x: x})
	}
	r := x.reports[x.written]
	x.written++
	clear(r.f.Actions)
	clear(r.f.Evidence)
	r.f = finding.Finding{Actions: r.f.Actions[:0], Evidence: r.f.Evidence[:0]}
	return r
}

// report begins a finding: what is the case, in one or two sentences that name the real hop, realm, codecs,
// number, seconds. Arguments from traffic must be strings made by call.Clean or numbers.
func (x *Case) report(id finding.ID, confidence float64, format string, args ...any) *report {
	d, ok := finding.Lookup(id)
	if !ok {
		panic("diagnose: no row in the table of findings for " + string(id))
	}
	r := x.blank()
	r.f.ID, r.f.Severity, r.f.Confidence, r.f.Weight, r.f.Acts, r.f.Refs = id, d.Severity, confidence, d.Weight, d.Acts, d.Refs
	r.f.Summary = written(format, args)
	return r
}

// written is fmt.Sprintf, which would copy a text that says nothing but itself, as most do.
func written(format string, args []any) string {
	if len(args) == 0 && strings.IndexByte(format, '%') < 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// add goes on with the summary.
func (r *report) add(format string, args ...any) *report {
	r.f.Summary += written(format, args)
	return r
}

// do adds an action: first the check that splits the possibilities, then the fix.
func (r *report) do(format string, args ...any) *report {
	r.f.Actions = append(r.f.Actions, written(format, args))
	return r
}

// see adds a message as evidence; one that was not captured is passed over.
func (r *report) see(m call.MsgRef, format string, args ...any) *report {
	if m.Valid() {
		r.f.Evidence = append(r.f.Evidence, finding.Evidence{Ref: r.x.Sighting(m).Ref, Msg: m, Note: written(format, args)})
	}
	return r
}

// seeEvent adds a wire event as evidence.
func (r *report) seeEvent(e *call.Event, format string, args ...any) *report {
	return r.seeRef(e.Ref, format, args...)
}

// seeRef adds a packet outside this call as evidence.
func (r *report) seeRef(p wire.PacketRef, format string, args ...any) *report {
	r.f.Evidence = append(r.f.Evidence, finding.Evidence{Ref: p, Msg: call.NoMsg, Note: written(format, args)})
	return r
}

// suspect says where to look first, when that is not the origin.
func (r *report) suspect(a netip.AddrPort, role call.Role) *report {
	r.accused = finding.Suspect{Address: a, Role: role}
	r.f.Suspect = &r.accused
	return r
}

// acts overrides who has to act.
func (r *report) acts(a finding.Acts) *report { r.f.Acts = a; return r }

// severity overrides the table's severity.
func (r *report) severity(s finding.Severity) *report { r.f.Severity = s; return r }

// tell sets the sentence for the caller; without it the code's own is taken.
func (r *report) tell(sentence string) *report { r.f.UserMessage = sentence; return r }

// finding ends the report. A finding without evidence is a bug in its rule.
func (r *report) finding() finding.Finding {
	if len(r.f.Evidence) == 0 {
		panic("diagnose: " + string(r.f.ID) + " was reported without evidence")
	}
	r.f.Confidence = math.Round(r.joined(r.f.Confidence)*100) / 100
	return r.f
}

// joined bounds a confidence by that with which the legs of the evidence belong to this call at all.
func (r *report) joined(confidence float64) float64 {
	if len(r.x.Links) == 0 {
		return confidence
	}
	for i := range r.f.Evidence {
		m := r.f.Evidence[i].Msg
		if !m.Valid() || m.Leg == 0 {
			continue
		}
		for _, k := range r.x.Links {
			if k.To == r.x.Legs[m.Leg].CallID {
				confidence = min(confidence, k.Confidence)
			}
		}
	}
	return confidence
}

// generic is the finding of last resort: the code itself, with what would settle the question.
func (x *Case) generic() *report {
	d := finding.CodeDef(x.Code)
	r := x.blank()
	r.f.ID, r.f.Severity, r.f.Confidence, r.f.Weight, r.f.Acts, r.f.Refs = d.ID, d.Severity, 1, d.Weight, d.Acts, d.Refs
	e, known := code.Lookup(x.Code)
	switch {
	case x.Code == 0:
		r.f.Severity, r.f.Confidence, r.f.Acts = finding.Info, 0.1, finding.ActsNetwork
		r.f.Summary = "No final response is in the capture and nothing in it says why."
		r.do("Capture longer, or at the next hop as well: the final response or its absence there settles it.")
	case known:
		r.f.Summary = fmt.Sprintf("%s%s%s", x.circumstances(), e.Meaning, x.ownWords()+x.causeClause())
		for _, s := range e.Checks {
			r.do("%s", s)
		}
	default:
		r.f.Summary = fmt.Sprintf("%s%d is not in IANA's registry; by its class it is %s.%s", x.circumstances(), x.Code, code.ClassName(x.Code), x.causeClause())
		r.do("Ask the vendor of the element that sent it what it means.")
	}
	if x.Origin != nil {
		for _, a := range x.Origin.Alternatives {
			r.do("Not excluded: %s.", a)
		}
	}
	r.see(x.DecidingRef(), "the deciding message")
	if len(r.f.Evidence) == 0 {
		r.see(call.MsgRef{Leg: 0, Msg: 0}, "the first message of the call")
	}
	return r
}

// circumstances is what the capture shows of a code that nothing explains: who answered what, how soon, and whether
// it had rung.
func (x *Case) circumstances() string {
	r, ok := x.DecidingTxn()
	if !ok || x.Code < 300 {
		return fmt.Sprintf("%d %s: ", x.Code, x.Reason)
	}
	method := x.methodOf(r)
	if method == "" {
		method = "request"
	}
	text := fmt.Sprintf("%s answered the %s with %s", x.originName(), method, x.answer())
	if x.Txn(r).Request != call.None && !x.Began.Ordinal() {
		text += fmt.Sprintf(" after %s", shortTime(Seconds(x.Start(r), x.FinalTime(r))))
	}
	if x.Kind == call.KindCall && x.Txn(r).Method == sip.MethodInvite && !challenged(x.Code) {
		if at, _, rang := x.progressing(); rang {
			text += ", " + x.statusLine(at) + " before it"
		} else {
			text += ", nothing rang before it"
		}
	}
	return fmt.Sprintf("%s. %d: ", text, x.Code)
}

// shortTime is a time for people: "15 ms", "4.2 s".
func shortTime(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.1f s", seconds)
}

// userMessage is the code's sentence for the caller.
func (x *Case) userMessage() string {
	if e, ok := code.Lookup(x.Code); ok {
		return e.Caller
	}
	return "The call could not be completed."
}
