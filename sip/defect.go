package sip

import "strings"

// Rule names what a message breaks of RFC 3261 and its like: see Ref. Its String is stable: it is printed and tested against.
type Rule uint8

// The rules. See ruleFacts for the words and the sections.
const (
	RuleNone Rule = iota
	RuleStartLineSpacing
	RuleRequestLine
	RuleStatusLine
	RuleRequestURI
	RuleRequestURIBrackets
	RuleRequestURIHeaders
	RuleVersion
	RuleStatusCode
	RuleLineEnding
	RuleHeaderLine
	RuleHeaderName
	RuleHeaderCut
	RuleTooManyFields
	RuleMissingHeader
	RuleMissingMaxForwards
	RuleMissingContact
	RuleMissingContentType
	RuleDuplicateHeader
	RuleContentLength
	RuleContentLengthExceeds
	RuleCSeq
	RuleCSeqMethod
	RuleCallID
	RuleNumber
	RuleMaxForwards
	RuleWarning
	RuleVia
	RuleViaBroadcast
	RuleLegacy
	RuleBranchEmpty
	RuleTagMissing
	RuleQuote
	RuleDisplayName
	RuleAddress
	RuleAddressSpacing
	RuleAddressBrackets
	RuleEmptyElement
	RuleURI
	RuleIPv6Colons
	RuleAddressOfRecord
	RuleDate
	RuleTokenList
	RuleMediaType
	RuleReason
	RuleRAck
	RuleChallenge
	RuleCredentials
	RuleUTF8
	ruleCount
)

// ruleFacts: name, section, words, and whether a server that keeps to the grammar may refuse the message.
var ruleFacts = [ruleCount]struct {
	name, ref, detail string
	breaks            bool
}{
	RuleNone:               {},
	RuleStartLineSpacing:   {"start-line-spacing", "RFC 3261 §7.1", "the parts of the start line are not parted by exactly one space", true},
	RuleRequestLine:        {"request-line", "RFC 3261 §7.1", "the request line is not <method> <Request-URI> <version>", true},
	RuleStatusLine:         {"status-line", "RFC 3261 §7.2", "the status line is not <version> <code> <phrase>", false},
	RuleRequestURI:         {"request-uri", "RFC 3261 §19.1.1", "the Request-URI is malformed", true},
	RuleRequestURIBrackets: {"request-uri-brackets", "RFC 3261 §7.1", "the Request-URI is enclosed in <>", true},
	RuleRequestURIHeaders:  {"request-uri-headers", "RFC 3261 §19.1.1", "the Request-URI has a header part", true},
	RuleVersion:            {"version", "RFC 3261 §7.1", "the version is not SIP/2.0", true},
	RuleStatusCode:         {"status-code", "RFC 3261 §7.2", "the status code is no number from 100 to 699", true},
	RuleLineEnding:         {"line-ending", "RFC 3261 §7", "a line does not end in CRLF", false},
	RuleHeaderLine:         {"header-line", "RFC 3261 §7.3.1", "a line is no header field: it has no colon", true},
	RuleHeaderName:         {"header-name", "RFC 3261 §7.3.1", "a header's name is no token", true},
	RuleHeaderCut:          {"header-cut", "RFC 3261 §7", "the message ends before the empty line that ends its header", false},
	RuleTooManyFields:      {"too-many-fields", "RFC 3261 §7.3", "there are more header fields than are read", false},

	RuleMissingHeader:      {"header-missing", "RFC 3261 §8.1.1", "a mandatory header is missing", true},
	RuleMissingMaxForwards: {"max-forwards-missing", "RFC 3261 §8.1.1.6", "a request has no Max-Forwards", false},
	RuleMissingContact:     {"contact-missing", "RFC 3261 §8.1.1.8", "an INVITE or a 2xx to it has no Contact", false},
	RuleMissingContentType: {"content-type-missing", "RFC 3261 §20.15", "there is a body but no Content-Type", true},
	RuleDuplicateHeader:    {"header-repeated", "RFC 3261 §7.3.1", "a header that may stand only once is repeated", true},

	RuleContentLength:        {"content-length", "RFC 3261 §20.14", "the Content-Length is no number", true},
	RuleContentLengthExceeds: {"content-length-exceeds", "RFC 3261 §18.3", "the Content-Length is larger than what there is of the body", true},
	RuleCSeq:                 {"cseq", "RFC 3261 §8.1.1.5", "the CSeq is not <number below 2^31> <method>", true},
	RuleCSeqMethod:           {"cseq-method", "RFC 3261 §8.1.1.5", "the CSeq's method is not the request's", true},
	RuleCallID:               {"call-id", "RFC 3261 §25.1", "the Call-ID is not <word>[@<word>]", true},
	RuleNumber:               {"number", "RFC 3261 §25.1", "a header's number is unreadable or too large", false},
	RuleMaxForwards:          {"max-forwards", "RFC 3261 §20.22", "Max-Forwards is no number from 0 to 255", true},
	RuleWarning:              {"warning", "RFC 3261 §20.43", "a Warning is not <three digits> <agent> <quoted text>", false},

	RuleVia:          {"via", "RFC 3261 §20.42", "a Via is not SIP/2.0/<transport> <host> and parameters", true},
	RuleViaBroadcast: {"via-broadcast", "RFC 4475 §3.3.10", "a Via names the broadcast address", false},
	RuleLegacy:       {"rfc2543", "RFC 4475 §3.4.1", "a request as RFC 2543 had them: no branch, and no Max-Forwards or no From tag", false},
	RuleBranchEmpty:  {"branch-empty", "RFC 3261 §8.1.1.7", "the top Via's branch is the magic cookie and nothing else: it identifies no transaction", true},
	RuleTagMissing:   {"tag-missing", "RFC 3261 §8.1.1.3", "the tag that identifies the dialog is missing", false},

	RuleQuote:           {"quote", "RFC 3261 §25.1", "a quoted string is not closed", true},
	RuleDisplayName:     {"display-name", "RFC 3261 §25.1", "a display name without quotes has characters that need them", true},
	RuleAddress:         {"address", "RFC 3261 §20.10", "an address is neither <URI> with a display name nor a URI", true},
	RuleAddressSpacing:  {"address-spacing", "RFC 3261 §25.1", "there are spaces between <> and the URI", true},
	RuleAddressBrackets: {"address-brackets", "RFC 3261 §20.10", "a URI with a comma, question mark or semicolon of its own is not enclosed in <>", true},
	RuleEmptyElement:    {"empty-element", "RFC 3261 §25.1", "a separator stands where a value or parameter should", true},
	RuleURI:             {"uri", "RFC 3261 §19.1.1", "a URI is malformed", true},
	RuleIPv6Colons:      {"ipv6-colons", "RFC 5118 §4.10", "an IPv6 address has three colons in a row", false},
	RuleAddressOfRecord: {"address-of-record", "RFC 3261 §10.2", "the To of a REGISTER is no SIP or SIPS URI", true},

	RuleDate:        {"date", "RFC 3261 §20.17", "the Date is no RFC 1123 date in GMT", true},
	RuleTokenList:   {"token-list", "RFC 3261 §25.1", "a list has an element that is no token", false},
	RuleMediaType:   {"media-type", "RFC 3261 §20.15", "a media type is not <type>/<subtype>", false},
	RuleReason:      {"reason", "RFC 3326 §2", "a Reason is not <protocol> and parameters with a numeric cause", false},
	RuleRAck:        {"rack", "RFC 3262 §7.2", "the RAck is not <number> <number> <method>", true},
	RuleChallenge:   {"challenge", "RFC 7616 §3.3", "a digest challenge lacks its realm or nonce", false},
	RuleCredentials: {"credentials", "RFC 7616 §3.4", "digest credentials lack username, realm, nonce, uri or response", true},
	RuleUTF8:        {"utf-8", "RFC 3261 §7", "a header's text is no UTF-8", false},
}

// String returns the rule's stable name ("content-length").
func (r Rule) String() string {
	if r < ruleCount {
		return ruleFacts[r].name
	}
	return ""
}

// Ref returns the section that the rule stands on ("RFC 3261 §20.14").
func (r Rule) Ref() string {
	if r < ruleCount {
		return ruleFacts[r].ref
	}
	return ""
}

// Detail returns the rule broken, as a clause in plain words.
func (r Rule) Detail() string {
	if r < ruleCount {
		return ruleFacts[r].detail
	}
	return ""
}

// Breaks says whether a server may refuse the message for it (400 and its like: RFC 3261 §8.2, §16.3); the
// others are oddities that every known element takes.
func (r Rule) Breaks() bool { return r < ruleCount && ruleFacts[r].breaks }

// Defect is one deviation from the grammar (RFC 3261 §25.1) or from what a section demands. Offset is the byte offset in Message.Raw of what is wrong (of
// the header field if it is folded), or of the end of the header for what is missing.
type Defect struct {
	Offset int
	Rule   Rule
	Header HeaderID // the header concerned; HeaderUnknown for the start line, the body and other headers
	Ref    string   // the section broken ("RFC 3261 §20.14")
	Detail string   // Rule.Detail, with the header's name
}

// MaxDefects bounds the defects noted of one message; further ones are dropped.
const MaxDefects = 64

// addDefect notes a defect unless there are too many.
func addDefect(list []Defect, r Rule, h HeaderID, offset int) []Defect {
	if len(list) >= MaxDefects {
		return list
	}
	return append(list, Defect{offset, r, h, reference(r, h), detail(r, h)})
}

// reference returns the rule's section, or the header's where that says more.
func reference(r Rule, h HeaderID) string {
	switch {
	case r == RuleNumber && h.Ref() != "":
		return h.Ref()
	case r == RuleTagMissing && h == HeaderTo:
		return "RFC 3261 §8.2.6.2"
	}
	return ruleFacts[r].ref
}

// detail returns the rule's words, the header's name before them if they do not have it.
func detail(r Rule, h HeaderID) string {
	words := ruleFacts[r].detail
	switch {
	case h == HeaderUnknown:
		return words
	case r == RuleMissingHeader:
		return missingDetails[h]
	case r == RuleDuplicateHeader:
		return duplicateDetails[h]
	case strings.Contains(words, h.String()):
		return words
	}
	return h.String() + ": " + words
}

// missingDetails and duplicateDetails are made beforehand, so that Parse allocates nothing.
var missingDetails, duplicateDetails = namedDetails(RuleMissingHeader), namedDetails(RuleDuplicateHeader)

func namedDetails(r Rule) (t [headerCount]string) {
	for id := range t {
		t[id] = HeaderID(id).String() + ": " + ruleFacts[r].detail
	}
	return t
}
