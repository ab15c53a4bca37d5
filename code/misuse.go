package code

import (
	"fmt"
	"slices"
	"strings"
)

// misuses are codes that only some methods may be answered with. A method that is none of RFC 3261's and its
// extensions' is never judged.
var misuses = []struct {
	codes    []int
	only     []string // the methods that may get it; nil: every one but not
	not      []string
	sentence string
}{
	{
		[]int{202},
		[]string{"SUBSCRIBE", "REFER", "MESSAGE"},
		nil,
		"202 answers SUBSCRIBE, REFER and MESSAGE only, and is deprecated by RFC 6665; a request that takes long gets a provisional response.",
	},
	{[]int{204}, []string{"SUBSCRIBE"}, nil, "204 answers SUBSCRIBE only (RFC 5839)."},
	{
		[]int{180, 181, 182, 183, 199},
		[]string{"INVITE"},
		nil,
		"A request other than INVITE gets no provisional response but 100 (RFC 4320 §4.1).",
	},
	{
		[]int{408},
		nil,
		[]string{"ACK", "BYE", "CANCEL", "INFO", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"},
		"A request other than INVITE must not be answered 408: when the answer comes its sender has given up already (RFC 4320 §4.2).",
	},
	{[]int{401, 407}, nil, []string{"ACK", "CANCEL"}, "ACK and CANCEL are never challenged, since they cannot be sent again (RFC 3261 §22.1)."},
	{[]int{412}, []string{"PUBLISH"}, nil, "412 answers PUBLISH only: the entity tag of SIP-If-Match is unknown (RFC 3903)."},
	{[]int{422}, []string{"INVITE", "UPDATE"}, nil, "422 is about session timers: it answers INVITE and UPDATE only (RFC 4028)."},
	{
		[]int{423},
		[]string{"REGISTER", "SUBSCRIBE", "PUBLISH"},
		nil,
		"423 is about an expiry: it answers REGISTER, SUBSCRIBE and PUBLISH only (RFC 3261 §21.4.17, RFC 6665, RFC 3903).",
	},
	{[]int{469}, []string{"INFO"}, nil, "469 answers INFO only: its info package is not wanted (RFC 6086)."},
	{
		[]int{429},
		nil,
		[]string{"ACK", "CANCEL", "PRACK", "REGISTER"},
		"429 answers a REFER, or what somebody was referred to, whose Referred-By lacks proof (RFC 3892 §5).",
	},
}

var methods = []string{"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"}

// Misuse reports a code that is not in IANA's registry, or that must not answer the method, with a sentence that says
// what is right. An empty method judges the code alone. What can be told from code and method for certain is told:
// MisuseBySign has what needs the phrase or a Warning.
func Misuse(method string, code int) (string, bool) {
	e, known := Lookup(code)
	switch {
	case ClassOf(code) == 0:
		return fmt.Sprintf("%d is no SIP response: codes are 100 to 699 (RFC 3261 §7.2).", code), true
	case !known:
		return fmt.Sprintf("%d is not in IANA's registry; a client treats it as %d (RFC 3261 §8.1.3.2).", code, code/100*100), true
	case !e.Registered:
		return fmt.Sprintf("%d is not in IANA's registry (%s); a client treats it as %d (RFC 3261 §8.1.3.2).", code, e.RFC, code/100*100), true
	}
	if !slices.Contains(methods, method) {
		return "", false
	}
	if method == "ACK" {
		return "ACK is never answered (RFC 3261 §17).", true
	}
	for _, m := range misuses {
		if slices.Contains(m.codes, code) && (slices.Contains(m.not, method) || m.only != nil && !slices.Contains(m.only, method)) {
			return m.sentence, true
		}
	}
	return "", false
}

// signs tell by its phrase that a code was taken for another one. Phrases are free (RFC 3261 §7.2), so only those are
// here that name another meaning.
var signs = []struct {
	code     int
	words    string // lower case, in the phrase
	sentence string
}{
	{483, "decline", "483 is Too Many Hops; who declines a call answers 603 (RFC 3261 §21.6.2)."},
	{199, "reserved", "199 is Early Dialog Terminated and not reserved (RFC 6228)."},
	{406, "codec", "406 is about the Accept header of the request; an offer whose codecs do not fit is answered 488, or 606 (RFC 3261 §21.4.26)."},
	{406, "media", "406 is about the Accept header of the request; an offer whose media do not fit is answered 488, or 606 (RFC 3261 §21.4.26)."},
}

// NotReferred is what is wrong with a 429 to a request, other than REFER, that has no Referred-By: its sender cannot
// know that anybody was referred (RFC 3892 §2.3).
const NotReferred = "429 is about the Referred-By of the request, and this one has none (RFC 3892 §2.3)."

// MisuseBySign reports a code whose phrase or Warning code (0: none) shows that it was taken for another: 483 with
// "Decline", 406 for codecs.
func MisuseBySign(code int, phrase string, warning int) (string, bool) {
	if code == 406 && (warning >= 300 && warning <= 307 || warning == 370) {
		return "406 is about the Accept header of the request; an offer that does not fit, as the Warning says, is answered 488, or 606 (RFC 3261 §21.4.26).", true
	}
	phrase = strings.ToLower(phrase)
	for _, s := range signs {
		if s.code == code && strings.Contains(phrase, s.words) {
			return s.sentence, true
		}
	}
	return "", false
}
