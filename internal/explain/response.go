package explain

import (
	"errors"
	"fmt"
	"strings"

	"sipcause/code"
	"sipcause/sip"
)

// responsePage explains a response: its code, and what its headers add. b has CRLF line ends.
func responsePage(b []byte, opt Options) (*page, error) {
	var m sip.Message
	if err := m.Parse(b); err != nil || m.Status == 0 {
		if err == nil {
			err = errors.New("its code is unreadable")
		}
		return nil, unknown("no response in %s: %v", quote(string(b[:min(len(b), 80)])), err)
	}
	e, known := code.Lookup(m.Status)
	if !known && code.ClassOf(m.Status) == 0 {
		return nil, unknownCode(m.Status)
	}
	p := &page{title: strings.TrimSpace(fmt.Sprintf("%d %s", m.Status, m.ReasonPhrase()))}
	if opt.Audience != code.Engineer {
		return p, p.responseSentence(&m, e, known, opt)
	}
	if known {
		p.facts = codeFacts(e)
	} else {
		p.facts = []string{code.ClassOf(m.Status).String(), "not in IANA's registry"}
	}
	if name := m.MethodName(); len(name) > 0 {
		p.facts = append(p.facts, "answer to "+string(name))
	}
	if server := m.ServerOrUserAgent(); len(server) > 0 {
		p.facts = append(p.facts, "sent by "+string(server))
	}
	p.add("What this response says", bullet, headerNotes(&m)...)
	p.add("What is wrong with it", bullet, faults(&m)...)
	p.addPlaybooks(responseFacts(&m), opt)
	if !known {
		p.add("What it means", plain, unknownCode(m.Status).Error()+".")
		return p, nil
	}
	if err := p.addCode(e, opt); err != nil {
		return nil, err
	}
	return p, p.addAudiences(e, opt)
}

// responseSentence makes the page one sentence for caller or support, with the wait if there is one.
func (p *page) responseSentence(m *sip.Message, e code.Entry, known bool, opt Options) error {
	if !known {
		return unknownCode(m.Status)
	}
	if err := p.oneSentence(e, opt); err != nil {
		return err
	}
	if s, ok := m.RetryAfter(); ok && e.RetryAfter {
		p.title += fmt.Sprintf(" The network says to wait %s.", seconds(s))
	}
	return nil
}

// headerNotes is what the phrase and the headers add, the weightiest first.
func headerNotes(m *sip.Message) []string {
	var notes []string
	if phrase, usual := string(m.ReasonPhrase()), code.Phrase(m.Status); phrase != "" && usual != "" && !strings.EqualFold(phrase, usual) {
		notes = append(notes, fmt.Sprintf("The phrase is the sender's own, in place of “%s” (RFC 3261 §7.2 allows it): it may tell more than the code.", usual))
	}
	for _, note := range noteTable {
		notes = append(notes, note(m)...)
	}
	return notes
}

// mandatory are the headers without which the client cannot do what the code asks of it.
var mandatory = []struct {
	code   int
	header sip.HeaderID
	ref    string
}{
	{401, sip.HeaderWWWAuthenticate, "RFC 3261 §22.2"},
	{407, sip.HeaderProxyAuthenticate, "RFC 3261 §22.3"},
	{405, sip.HeaderAllow, "RFC 3261 §21.4.6"},
	{420, sip.HeaderUnsupported, "RFC 3261 §21.4.15"},
	{421, sip.HeaderRequire, "RFC 3261 §21.4.16"},
	{422, sip.HeaderMinSE, "RFC 4028 §6"},
	{423, sip.HeaderMinExpires, "RFC 3261 §21.4.17"},
	{489, sip.HeaderAllowEvents, "RFC 3265 §7.2"},
	{301, sip.HeaderContact, "RFC 3261 §21.3.2"},
	{302, sip.HeaderContact, "RFC 3261 §21.3.3"},
	{305, sip.HeaderContact, "RFC 3261 §21.3.4"},
}

// faults is what the response does wrong. Of a bare status line only code and phrase are judged.
func faults(m *sip.Message) []string {
	var list []string
	if s, bad := code.Misuse(string(m.MethodName()), m.Status); bad {
		list = append(list, s)
	}
	warning := 0
	for w := range m.Warnings() {
		warning = w.Code
		if s, bad := code.MisuseBySign(m.Status, "", warning); bad {
			list = append(list, s)
			break
		}
	}
	if s, bad := code.MisuseBySign(m.Status, string(m.ReasonPhrase()), 0); bad {
		list = append(list, s)
	}
	if m.Count(sip.HeaderVia)+m.Count(sip.HeaderCSeq)+m.Count(sip.HeaderCallID) == 0 {
		return list
	}
	for _, h := range mandatory {
		if h.code == m.Status && m.Count(h.header) == 0 {
			list = append(list, fmt.Sprintf("%s is missing, without which this code does not say what it should (%s).", h.header, h.ref))
		}
	}
	for _, d := range m.Check() {
		// A paste does not keep the body's bytes, so it proves nothing of them.
		if d.Rule.Breaks() && d.Header != sip.HeaderContentLength && d.Header != sip.HeaderContentType {
			list = append(list, fmt.Sprintf("Malformed: %s (%s).", d.Detail, d.Ref))
		}
	}
	return list
}
