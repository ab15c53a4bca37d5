package diagnose

import (
	"strconv"
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

func itoa(n int) string { return strconv.Itoa(n) }

// protocolMalformed: a message breaks the grammar: the header, the byte offset and the rule (RFC 3261 §21.4.1,
// §25.1). A 400 that says what it dislikes counts even if the request as captured is sound.
func protocolMalformed(x *Case) *report {
	d, ok := x.defective(defectGrammar)
	if !ok || !d.refused && !d.silent {
		if r := x.saysMalformed(); r != nil {
			return r
		}
	}
	if !ok {
		return nil
	}
	m := x.Msg(d.msg)
	sender := x.Legs[d.msg.Leg].FlowOf(x.Sighting(d.msg)).Src
	return x.report("protocol.malformed", d.confidence, "The %s of %s breaks the grammar at byte %d (%q): %s (%s); %s.", x.messageName(d.msg), sender, d.defect.Offset, excerpt(m, d.defect.Offset), d.defect.Detail, d.defect.Ref, x.outcomeOf(&d)).
		do("Look at the same message where %s sent it: if it is right there, a hop on the way (ALG, header manipulation of an SBC) broke it.", sender).
		do("Repair the sender: %s.", d.defect.Detail).
		see(d.msg, "byte %d: %s", d.defect.Offset, d.defect.Detail).
		see(x.DecidingRef(), "what came of it").
		suspect(sender, call.RoleUnknown).
		judge(&d)
}

// formWords are words of a 400 that blame the form of the request.
var formWords = []string{"missing", "malformed", "invalid", "syntax", "parse", "parsing", "header", "illegal", "incorrect", "not valid", "bad "}

// saysMalformed reports a 400 whose words blame the form of a request in which the capture shows no defect.
func (x *Case) saysMalformed() *report {
	status, t, ok := x.deciding()
	if !ok || !x.Failed() || status != 400 {
		return nil
	}
	m, q := x.Deciding(), x.Request(t)
	if m == nil || q == nil || x.Sighting(x.RequestRef(t)).Truncated {
		return nil
	}
	words := x.blames()
	blames := false
	for _, w := range formWords {
		blames = blames || strings.Contains(words, w)
	}
	if !blames || mediaMalformedSDP(x) != nil || mediaOfferlessRejected(x) != nil {
		return nil // what is blamed is the body
	}
	if _, missing := firstDefect(q, defectMissing, true); missing {
		return nil
	}
	if _, length := firstDefect(q, defectLength, true); length {
		return nil
	}
	r := x.report("protocol.malformed", 0.6, "%s refused the %s with 400 %q.", x.originName(), x.methodOf(t), call.Clean(m.ReasonPhrase())).
		see(x.RequestRef(t), "the request as captured").
		see(x.DecidingRef(), "400 %s", call.Clean(m.ReasonPhrase()))
	if name, value := blamed(q, words); name != "" {
		r.add(" The request as captured has %s: %s.", name, value)
	} else {
		r.add(" The request as captured breaks no rule that this tool checks.")
	}
	return r.do("Capture directly in front of %s: the request may be changed on the last stretch.", x.Txn(t).Server).
		do("If it arrives as captured, the check of %s is wrong or wants more than RFC 3261: look in its log at that second.", x.Txn(t).Server).
		suspect(x.Txn(t).Client, call.RoleUnknown)
}

// blames returns what the phrase of a refusal says beyond "Bad Request", in lower case.
func (x *Case) blames() string {
	m := x.Deciding()
	if m == nil {
		return ""
	}
	return strings.TrimSpace(strings.Replace(strings.ToLower(string(m.ReasonPhrase())), "bad request", "", 1))
}

// blamed returns the header of q that the words name.
func blamed(q *sip.Message, words string) (name, value string) {
	for n, v := range q.All() {
		if len(n) > 1 && strings.Contains(words, strings.ToLower(string(n))) {
			return call.Clean(n), call.Clean(v)
		}
	}
	return "", ""
}
