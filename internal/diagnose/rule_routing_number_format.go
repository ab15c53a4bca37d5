package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// formatWords are what servers and networks write when the form of the number is what they refuse.
var formatWords = []string{
	"number format", "invalid number", "invalid destination number", "invalid format", "bad number", "wrong number format", "not e.164", "not e164",
	"e.164 format", "e164 format", "invalid_number_format", "invalid dialled", "invalid dialed", "malformed number",
}

// Bounds of a number's digits (ITU-T E.164 §6: 15 at most), and from where a user part is a number.
const (
	numberDigits = 7
	e164Digits   = 15
)

// routingNumberFormat: the user part is not a number in the form that this peer takes: by its own defect, by the
// words of the refusal, or because every call that the peer answered was written in another form.
func routingNumberFormat(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok {
		return nil
	}
	uri, u, ok := x.requestURI(r)
	if !ok || len(u.User) == 0 {
		return nil
	}
	if _, _, rang := x.ringing(); rang {
		return nil
	}
	user := call.Clean(u.User)
	t := x.Txn(r)
	cause, in := x.Q850()
	why, fix, confidence := formDefect(&u)
	words := x.phraseSays(r, formatWords)
	works, lead := x.worksAs(r, &u)
	without, bare := x.worksWithout(r, &u)
	switch {
	case why != "":
	case works != nil:
		why = fmt.Sprintf("it begins with %s, while every call that this peer is seen answering has a number beginning with %s", lead, works.Lead)
		fix = fmt.Sprintf("Send the number beginning with %s, as in the calls that work.", works.Lead)
		confidence = 0.75
		if status == 404 || status == 604 {
			confidence = 0.65
		}
	case without != "":
		why = fmt.Sprintf("it begins with the international prefix %s, while calls of the same client to numbers beginning with %s were put through without it", without, bare)
		fix = fmt.Sprintf("Send the number without %s, as in the calls that work (E.164, with or without +).", without)
		confidence = 0.6
	case words:
		why = "its words say so"
		fix = "Ask the peer in which form it wants numbers (E.164 with +, with 00, national), and translate before sending."
	default:
		return nil
	}
	switch {
	case cause == 28, words:
		confidence = max(confidence, 0.9)
	case cause == causeUnallocated || cause == causeChanged:
		confidence = min(confidence, 0.45) // the network read the number and knows that nobody has it
	case cause > 0:
		confidence = min(confidence, 0.45)
	}
	if status == 400 && cause != 28 && !words {
		confidence = min(confidence, 0.6)
	}
	rep := x.report("routing.number-format", confidence, "%s refuses %q with %d %s: %s.", x.originName(), user, status, x.reasonOf(r), why).
		do("Compare the number in the Request-URI (%s) with that of a call which %s puts through.", uri, t.Server).
		do("%s", fix).
		see(x.RequestRef(r), "Request-URI %s", uri).
		see(x.DecidingRef(), "%d %s", status, x.reasonOf(r))
	if works != nil {
		rep.seeRef(works.Ref, "a call that worked: number beginning with %s", works.Lead)
	}
	if in.Valid() && in != x.DecidingRef() {
		rep.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return rep.suspect(t.Client, x.clientRole(r)).
		tell("The number was not dialled in the right form. Please check the number and its prefix.")
}

// phraseSays says whether the reason phrase or a Warning contains one of the fragments. The text of a Reason is left
// out: that of cause 28 reads "invalid number format" where digits are merely missing.
func (x *Case) phraseSays(r call.TxnRef, fragments []string) bool {
	m := x.Msg(x.FinalRef(r))
	if m == nil {
		return false
	}
	words := strings.ToLower(string(m.ReasonPhrase()))
	for w := range m.Warnings() {
		words += "\n" + strings.ToLower(string(w.Text))
	}
	return slices.ContainsFunc(fragments, func(f string) bool { return strings.Contains(words, f) })
}

// worksAs finds a form of number that the deciding server answers, when it is not seen answering any of the form
// that was used: three calls at least.
func (x *Case) worksAs(r call.TxnRef, u *sip.URI) (*peer.Form, peer.Lead) {
	lead := peer.LeadOf(u.User)
	if lead <= peer.LeadShort {
		return nil, lead
	}
	at := x.Start(r)
	var best *peer.Form
	forms := x.Ledger.Forms(x.Txn(r).Server)
	n := 0
	for i := range forms {
		f := &forms[i]
		often := f.Often(at)
		if often == 0 || f.Lead <= peer.LeadShort {
			continue
		}
		if f.Lead == lead || best != nil && best.Lead != f.Lead {
			return nil, lead // it takes this form, or several
		}
		best = f
		n += often
	}
	if n < sameForm {
		return nil, lead
	}
	return best, lead
}

// internationalPrefixes stand before the country code when a number is dialled and not written as E.164.
var internationalPrefixes = []string{"00", "011"}

// worksWithout finds an international prefix in the number without which the deciding server answered calls of that client to
// the same class of numbers; it is not seen answering any with it.
func (x *Case) worksWithout(r call.TxnRef, u *sip.URI) (prefix, class string) {
	user := call.Clean(u.User)
	if lead := peer.LeadOf(user); lead != peer.LeadDouble && lead != peer.LeadZero {
		return "", ""
	}
	classOf := func(number string) string { return peer.Prefix("sip:" + number + "@") }
	t := x.Txn(r)
	dialled := x.Ledger.Dialled(t.Server, t.Client.Addr())
	answered := func(class string) bool {
		return slices.ContainsFunc(dialled, func(d peer.Dialled) bool {
			return d.Prefix == class && peer.Before(d.FirstAnswered, x.Start(r))
		})
	}
	for _, p := range internationalPrefixes {
		bare, ok := strings.CutPrefix(user, p)
		if ok && len(bare) >= numberDigits && bare[0] != '0' && answered(classOf(bare)) && !answered(classOf(user)) {
			return p, classOf(bare)
		}
	}
	return "", ""
}

// sameForm is how many answered calls of one form tell that a peer wants it.
const sameForm = 3

// formDefect names what makes a user part no dialable number; why is empty when nothing does.
func formDefect(u *sip.URI) (why, fix string, confidence float64) {
	user, params, _ := strings.Cut(call.Clean(u.User), ";")
	if equalFold(u.Scheme, "tel") {
		params = call.Clean(u.Params)
		user = call.Clean(u.User)
	}
	digits := 0
	for _, c := range user {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	lower := strings.ToLower(user)
	begins := user != "" && (user[0] == '+' || user[0] >= '0' && user[0] <= '9' || strings.HasPrefix(lower, "%2b"))
	if digits < numberDigits || !begins {
		return "", "", 0
	}
	bare := strings.TrimLeft(user, "+")
	for _, d := range [...]struct {
		holds      bool
		why, fix   string
		confidence float64
	}{
		{strings.Contains(user, " ") || strings.Contains(lower, "%20"), "it contains a space", "Remove the spaces before the number is sent (dial plan, CRM or click-to-call link).", 0.9},
		{strings.HasPrefix(user, "++"), "its + is doubled", "Strip one +: two rules add it.", 0.9},
		{strings.Contains(bare, "+"), "a + stands inside the number", "Add prefixes before the + is added, or strip it first.", 0.9},
		{strings.HasPrefix(user, "+00"), "it has + and the international prefix 00", "Replace 00 by +, not in addition to it.", 0.9},
		{strings.HasPrefix(user, "+0"), "no number in international form begins with +0", "Put the country code after the +, and drop the leading 0.", 0.85},
		{strings.HasPrefix(user, "0000"), "its international prefix is doubled (0000)", "Strip one 00: two rules add it.", 0.85},
		{strings.ContainsAny(user, "()./-"), "it contains signs for the eye, like - or ()", "Remove everything but digits and the leading + before the number is sent.", 0.75},
		{letters(user), "it contains letters", "Send digits only; extensions and pauses are dialled after the answer.", 0.7},
		{user[0] == '+' && digits > e164Digits, fmt.Sprintf("it has %d digits, E.164 allows 15", digits), "Look for a doubled country code or trailing digits.", 0.8},
		{digits > e164Digits+6, fmt.Sprintf("it has %d digits, more than any number with prefixes", digits), "Look for a doubled prefix or trailing digits.", 0.75},
		{strings.HasPrefix(lower, "%2b"), "its + is written as %2B, which servers that do not unescape the user part take literally", "Write the + as it is: it needs no escape in a SIP URI.", 0.7},
		{equalFold(u.Scheme, "tel") && user[0] != '+' && !strings.Contains(params, "phone-context"), "a tel URI without + needs a phone-context (RFC 3966 §5.1.5)", "Write the number with + and country code, or add ;phone-context.", 0.75},
	} {
		if d.holds {
			return d.why, d.fix, d.confidence
		}
	}
	return "", "", 0
}

// letters says whether letters stand among a number's digits; those of an escape (%2B) are none.
func letters(user string) bool {
	for i := 0; i < len(user); i++ {
		c := user[i] | 0x20
		switch {
		case user[i] == '%':
			i += 2
		case c >= 'a' && c <= 'z':
			return true
		}
	}
	return false
}

// answeredPrefix names a class of numbers that the server of r had put through for this client, "" if none is known.
func (x *Case) answeredPrefix(r call.TxnRef) string {
	t := x.Txn(r)
	list := slices.Clone(x.Ledger.Dialled(t.Server, t.Client.Addr()))
	slices.SortFunc(list, func(a, b peer.Dialled) int { return strings.Compare(a.Prefix, b.Prefix) })
	var best string
	var since wire.Time
	for _, d := range list {
		if peer.Before(d.FirstAnswered, x.Start(r)) && (since == 0 || d.FirstAnswered < since) {
			best, since = d.Prefix, d.FirstAnswered
		}
	}
	return best
}
