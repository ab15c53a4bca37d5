package explain

import (
	"fmt"
	"strings"

	"sipcause/code"
	"sipcause/code/playbooks"
)

func codePage(n int, opt Options) (*page, error) {
	e, ok := code.Lookup(n)
	if !ok {
		return nil, unknownCode(n)
	}
	p := &page{title: fmt.Sprintf("%d %s", n, e.Phrase)}
	if opt.Audience != code.Engineer {
		return p, p.oneSentence(e, opt)
	}
	p.facts = codeFacts(e)
	if err := p.addCode(e, opt); err != nil {
		return nil, err
	}
	p.addPlaybooks(&playbooks.Facts{Code: n}, opt)
	return p, p.addAudiences(e, opt)
}

func unknownCode(n int) error {
	if code.ClassOf(n) == 0 {
		if _, ok := code.Q850(n); ok {
			return unknown("no code %d; codes are 100–699; for the Q.850 cause say: Q.850 %d", n, n)
		}
		return unknown("no code %d; codes are 100–699", n)
	}
	var known []int
	for _, e := range code.All() {
		known = append(known, e.Code)
	}
	return unknown("no code %d, neither in IANA's registry nor known from the field; a client treats it as %d; nearest: %s",
		n, n/100*100, nearestNumbers(n, known))
}

// oneSentence makes the page that one sentence for caller or support.
func (p *page) oneSentence(e code.Entry, opt Options) error {
	s, err := e.Text(opt.lang(), opt.Audience)
	p.title, p.facts = s, nil
	return err
}

func codeFacts(e code.Entry) []string {
	facts := []string{code.ClassOf(e.Code).String()}
	switch {
	case code.ClassOf(e.Code) == 0: // it has no more to say
	case e.Final:
		facts = append(facts, "final")
	default:
		facts = append(facts, "not final")
	}
	if !e.Registered {
		return append(facts, "not in IANA's registry: "+e.RFC)
	}
	return append(facts, e.Ref())
}

// addCode adds what the engineer reads of a code, without the sentences for others.
func (p *page) addCode(e code.Entry, opt Options) error {
	means, err := e.Text(opt.lang(), code.Engineer)
	if err != nil {
		return err
	}
	checks, err := e.ChecksIn(opt.lang())
	if err != nil {
		return err
	}
	misuse, err := e.MisuseIn(opt.lang())
	if err != nil {
		return err
	}
	p.add("What it means", plain, means)
	p.add("What to check first", numbered, checks...)
	p.add("May it be tried again", plain, retryText(e))
	p.add("Often misunderstood", plain, misuse)
	p.add("Towards the telephone network", plain, isupText(e.Code))
	return nil
}

func (p *page) addAudiences(e code.Entry, opt Options) error {
	for _, a := range []struct {
		head string
		to   code.Audience
	}{{"Say to the caller", code.Caller}, {"Say to support staff", code.Support}} {
		s, err := e.Text(opt.lang(), a.to)
		if err != nil {
			return err
		}
		p.add(a.head, plain, s)
	}
	return nil
}

// retryText says in a sentence what may follow; "" where nothing failed.
func retryText(e code.Entry) string {
	if !e.Final || code.ClassOf(e.Code) == 2 {
		return ""
	}
	var s string
	switch {
	case e.Retry != code.RetryNever:
		s = "Yes: " + e.Retry.String() + "."
	case e.RetryAfter:
		return "Not unchanged, unless a Retry-After in the response gives a time."
	default:
		return "Not unchanged."
	}
	if e.RetryAfter {
		s += " A Retry-After in the response says how long to wait."
	}
	return s
}

// isupText says with which cause a gateway releases the call on its telephone side; "" for codes that end no call.
func isupText(n int) string {
	m, ok := code.ToQ850(n)
	switch {
	case !ok:
		return ""
	case m.Cause == 0:
		return "A gateway has no fixed Q.850 cause for it, since " + m.Note + " (RFC 3398 §8.2.6.1)."
	}
	c, _ := code.Q850(m.Cause)
	s := fmt.Sprintf("A gateway releases the call with Q.850 cause %d, %s", c.Cause, c.Name)
	if m.Note != "" {
		s += ", " + m.Note
	}
	return s + " (RFC 3398 §8.2.6.1)."
}

func causePage(c code.Q850Cause, opt Options) (*page, error) {
	if err := engineerOnly("Q.850 causes", opt); err != nil {
		return nil, err
	}
	means, ask, err := c.Text(opt.lang())
	if err != nil {
		return nil, err
	}
	p := &page{title: fmt.Sprintf("Q.850 cause %d, %s", c.Cause, c.Name), facts: []string{"class: " + c.Class, "ITU-T Q.850"}}
	p.add("What it means", plain, means)
	p.add("Whom to ask", plain, ask)
	p.add("As a SIP response", plain, sipText(c))
	return p, nil
}

// sipText says which response a gateway makes of a cause.
func sipText(c code.Q850Cause) string {
	source := " (RFC 3398 §7.2.4.1)."
	if strings.HasPrefix(c.Note, "not in RFC 3398") {
		source = "."
	}
	switch {
	case c.SIP == 0 && c.Note != "":
		return "It " + c.Note + source
	case c.SIP == 0:
		return "RFC 3398 does not list it: a gateway answers 500 Server Internal Error (§7.2.4.1)."
	}
	s := fmt.Sprintf("A gateway answers %d %s", c.SIP, code.Phrase(c.SIP))
	switch {
	case c.Other != 0:
		s += fmt.Sprintf("; %d %s %s", c.Other, code.Phrase(c.Other), c.Note)
	case c.Note != "":
		s += "; " + c.Note
	}
	return s + source
}

func warningPage(v code.WarningCode, opt Options) (*page, error) {
	if err := engineerOnly("Warning codes", opt); err != nil {
		return nil, err
	}
	means, check, err := v.Texts(opt.lang())
	if err != nil {
		return nil, err
	}
	p := &page{title: fmt.Sprintf("Warning %d, %s", v.Code, v.Text)}
	if v.Registered {
		p.facts = []string{v.RFC}
	} else {
		p.facts = []string{"not in IANA's registry: " + v.RFC}
	}
	p.add("What it means", plain, means)
	p.add("What to check", plain, check)
	return p, nil
}

// protocolPage explains a protocol of the Reason header; cause is -1 when none is asked for.
func protocolPage(proto code.Protocol, cause int, opt Options) (*page, error) {
	if err := engineerOnly("protocols of the Reason header", opt); err != nil {
		return nil, err
	}
	means, err := proto.Text(opt.lang())
	if err != nil {
		return nil, err
	}
	p := &page{title: "Reason protocol " + proto.Name, facts: []string{proto.Ref}}
	p.add("What it means", plain, means)
	if cause < 0 {
		return p, nil
	}
	p.title = fmt.Sprintf("Reason %s, cause %d", proto.Name, cause)
	says, err := proto.Cause(opt.lang(), cause)
	if err != nil {
		return nil, err
	}
	if says == "" {
		says = fmt.Sprintf("The value %d is not in this catalogue; %s has it.", cause, proto.Ref)
	}
	p.add("The cause", plain, says)
	return p, nil
}

// engineerOnly refuses an audience that there are no sentences for.
func engineerOnly(what string, opt Options) error {
	if opt.Audience == code.Engineer {
		return nil
	}
	return unknown("no sentence about %s for the audience %s; there are some of response codes only", what, opt.Audience)
}
