package diagnose

import (
	"sync"

	"sipcause/code"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// misused tells, by status and method, the responses that code.Misuse objects to: one bit for each method.
var misused = sync.OnceValue(func() *[700]uint32 {
	t := new([700]uint32)
	for status := 100; status < len(t); status++ {
		for m := sip.Method(0); m < 32; m++ {
			if _, bad := code.Misuse(m.String(), status); bad {
				t[status] |= 1 << m
			}
		}
	}
	return t
})

// protocolCodeMisuse: a code outside IANA's registry, one that may not answer the method, or one whose phrase or
// Warning shows that another was meant. It only explains: the cause is what the sender meant.
func protocolCodeMisuse(x *Case) *report {
	bad := misused()
	looked := 0
	for k, l := range x.Legs {
		for i := range l.Sightings {
			s := &l.Sightings[i]
			if s.Status == 0 || s.Raw == nil || s.Repeat != call.First {
				continue
			}
			suspicious := int(s.Status) >= len(bad) || bad[s.Status]&(1<<s.Method) != 0 || x.notReferred(call.MsgRef{Leg: k, Msg: int32(i)})
			if !suspicious && s.Status != 483 && s.Status != 199 && s.Status != 406 {
				continue
			}
			if looked++; looked > maxLooked {
				return nil
			}
			if r := x.codeMisuse(call.MsgRef{Leg: k, Msg: int32(i)}); r != nil {
				return r
			}
		}
	}
	return nil
}

func (x *Case) codeMisuse(ref call.MsgRef) *report {
	m := x.Msg(ref)
	if m == nil || m.Status < 0 {
		return nil // an unreadable code is protocol.malformed
	}
	method, phrase := call.Clean(m.MethodName()), call.Clean(m.ReasonPhrase())
	sentence, ok := code.Misuse(method, m.Status)
	if !ok && x.notReferred(ref) {
		sentence, ok = code.NotReferred, true
	}
	if !ok {
		warning := 0
		for w := range m.Warnings() {
			warning = w.Code
			break
		}
		if sentence, ok = code.MisuseBySign(m.Status, phrase, warning); !ok {
			return nil
		}
	}
	sender := x.Legs[ref.Leg].FlowOf(x.Sighting(ref)).Src
	r := x.report("protocol.code-misuse", 1, "%s sent %d %s to the %s. %s", sender, m.Status, phrase, method, sentence).
		do("Read the code as what its sender means by it, and tell the vendor of %s.", sender).
		do("A proxy or gateway on the way may map codes: look at its response mapping.").
		see(ref, "%d %s", m.Status, phrase).
		suspect(sender, call.RoleUnknown)
	if !x.Failed() || ref != x.DecidingRef() && ref != x.Final {
		r.severity(finding.Info)
	}
	return r
}

// notReferred says whether a 429 answers a request without Referred-By that is no REFER.
func (x *Case) notReferred(ref call.MsgRef) bool {
	s := x.Sighting(ref)
	if s.Status != 429 || s.Method == sip.MethodRefer || s.Txn == call.None {
		return false
	}
	q := x.Request(call.TxnRef{Leg: ref.Leg, Txn: s.Txn})
	return q != nil && q.Count(sip.HeaderReferredBy) == 0
}

// meansDecline says whether the phrase of a 483 shows that its sender took it for a refusal.
func (x *Case) meansDecline(ref call.MsgRef) bool {
	m := x.Msg(ref)
	if m == nil {
		return false
	}
	_, other := code.MisuseBySign(483, call.Clean(m.ReasonPhrase()), 0)
	return other
}
