package sdp

// Rule names what a description breaks. Its String is stable: it is printed and tested against.
type Rule uint8

// The rules. See ruleFacts for the words and the sections.
const (
	RuleNone Rule = iota
	RuleLineEnding
	RuleEmptyLine
	RuleLineSyntax
	RuleLineOrder
	RuleSpacing
	RuleCase
	RuleTooLong
	RuleVersion
	RuleMissingVersion
	RuleMissingOrigin
	RuleMissingName
	RuleMissingTime
	RuleMissingConnection
	RuleDuplicate
	RuleOrigin
	RuleName
	RuleConnection
	RuleConnectionAddress
	RuleConnectionFamily
	RuleBandwidth
	RuleTime
	RuleMedia
	RuleMediaRejected
	RuleMediaPort
	RuleMediaFormat
	RuleMediaRepeat
	RuleAttribute
	RuleRtpmap
	RuleRtpmapUnknown
	RuleRtpmapMissing
	RuleRtpmapStatic
	RuleRtpmapOpus
	RuleFmtp
	RulePtime
	RuleDirection
	RuleCrypto
	RuleFingerprint
	RuleSetup
	RuleCandidate
	RuleRTCP
)

// ruleFacts: name, section, words, and whether a receiver that keeps to the grammar would refuse.
var ruleFacts = [...]struct {
	name, ref, detail string
	breaks            bool
}{
	RuleNone:              {},
	RuleLineEnding:        {"line-ending", "RFC 8866 §5", "a line does not end in CRLF", false},
	RuleEmptyLine:         {"empty-line", "RFC 8866 §5", "a line is empty", false},
	RuleLineSyntax:        {"line-syntax", "RFC 8866 §5", "a line is not of the form <letter>=<value>", true},
	RuleLineOrder:         {"line-order", "RFC 8866 §5", "a line stands after one that it must precede", true},
	RuleSpacing:           {"spacing", "RFC 8866 §5", "fields are not separated by exactly one space", false},
	RuleCase:              {"case", "RFC 8866 §5", "an attribute's name is in the wrong case: receivers may pass over it", false},
	RuleTooLong:           {"too-long", "RFC 8866 §5", "the description is longer than what is read", false},
	RuleVersion:           {"version", "RFC 8866 §5.1", "the version is not 0", true},
	RuleMissingVersion:    {"version-missing", "RFC 8866 §5.1", "there is no v= line", true},
	RuleMissingOrigin:     {"origin-missing", "RFC 8866 §5.2", "there is no o= line", true},
	RuleMissingName:       {"name-missing", "RFC 8866 §5.3", "there is no s= line", true},
	RuleMissingTime:       {"time-missing", "RFC 8866 §5.9", "there is no t= line", true},
	RuleMissingConnection: {"connection-missing", "RFC 8866 §5.7", "a stream has no c= line and the session has none either", true},
	RuleDuplicate:         {"duplicate-line", "RFC 8866 §9", "a line that may stand once stands twice", true},
	RuleOrigin:            {"origin", "RFC 8866 §5.2", "the o= line does not have six fields with a numeric session ID and version", true},
	RuleName:              {"name-empty", "RFC 8866 §5.3", "the s= line is empty", false},
	RuleConnection:        {"connection", "RFC 8866 §5.7", "the c= line is not IN, IP4 or IP6, and an address", true},
	RuleConnectionAddress: {"connection-address", "RFC 8866 §5.7", "the address of the c= line is neither an IP address nor a host name", true},
	RuleConnectionFamily:  {"connection-family", "RFC 8866 §5.7", "the address of the c= line is not of the family that the line names", true},
	RuleBandwidth:         {"bandwidth", "RFC 8866 §5.8", "the b= line is not <type>:<number>", true},
	RuleTime:              {"time", "RFC 8866 §5.9", "the t= line is not two numbers", true},
	RuleMedia:             {"media", "RFC 8866 §5.14", "the m= line lacks media type, port, transport or formats", true},
	RuleMediaRejected:     {"media-rejected-bare", "RFC 3264 §6", "the m= line of a rejected stream lists no format", false},
	RuleMediaPort:         {"media-port", "RFC 8866 §5.14", "the port of the m= line is no number from 0 to 65535", true},
	RuleMediaFormat:       {"media-format", "RFC 8866 §5.14", "a format of the m= line is no payload type from 0 to 127", true},
	RuleMediaRepeat:       {"media-format-repeated", "RFC 8866 §5.14", "a format stands twice in the m= line", false},
	RuleAttribute:         {"attribute", "RFC 8866 §5.13", "the a= line has no name", true},
	RuleRtpmap:            {"rtpmap", "RFC 8866 §6.6", "the rtpmap is not <payload type> <encoding>/<clock rate>[/<channels>]", true},
	RuleRtpmapUnknown:     {"rtpmap-unlisted", "RFC 8866 §6.6", "an rtpmap or fmtp names a payload type that the m= line does not list", false},
	RuleRtpmapMissing:     {"rtpmap-missing", "RFC 8866 §6.6", "a dynamic payload type has no rtpmap: nobody can know what it is", false},
	RuleRtpmapStatic:      {"rtpmap-static", "RFC 3551 §6", "an rtpmap gives a static payload type another meaning", false},
	RuleRtpmapOpus:        {"rtpmap-opus", "RFC 7587 §7", "opus is not announced as opus/48000/2", false},
	RuleFmtp:              {"fmtp", "RFC 8866 §6.15", "the fmtp has no format or no parameters", true},
	RulePtime:             {"ptime", "RFC 8866 §6.4", "the packet time is no positive number", true},
	RuleDirection:         {"direction", "RFC 8866 §6.7", "a section has two different directions", false},
	RuleCrypto:            {"crypto", "RFC 4568 §9.1", "the crypto line is not <tag> <suite> <key method>:<key>", true},
	RuleFingerprint:       {"fingerprint", "RFC 8122 §5", "the fingerprint is not <hash> and pairs of hexadecimal digits", true},
	RuleSetup:             {"setup", "RFC 4145 §4", "the setup role is none of active, passive, actpass, holdconn", true},
	RuleCandidate:         {"candidate", "RFC 8839 §5.1", "the candidate lacks a field or has an unreadable one", false},
	RuleRTCP:              {"rtcp", "RFC 3605 §2.1", "the rtcp port is no number from 0 to 65535", true},
}

// String returns the rule's stable name.
func (r Rule) String() string {
	if int(r) < len(ruleFacts) {
		return ruleFacts[r].name
	}
	return ""
}

// Ref returns the section that the rule stands on ("RFC 8866 §5.14").
func (r Rule) Ref() string {
	if int(r) < len(ruleFacts) {
		return ruleFacts[r].ref
	}
	return ""
}

// Detail returns the rule broken, as a clause in plain words.
func (r Rule) Detail() string {
	if int(r) < len(ruleFacts) {
		return ruleFacts[r].detail
	}
	return ""
}

// Breaks says whether a receiver that keeps to the grammar would refuse the description for it; the others
// are oddities that every known receiver takes.
func (r Rule) Breaks() bool { return int(r) < len(ruleFacts) && ruleFacts[r].breaks }

// Defect is one deviation. Line is 1-based, 0 for a line that is missing altogether; Offset is the byte
// offset of the line in the body, its length for what is missing. Text is the line, shortened to
// 80 bytes, aliasing the body; lines that hold keys (crypto, k=, ice-pwd) are never quoted.
type Defect struct {
	Line   int
	Offset int
	Rule   Rule
	Ref    string
	Detail string
	Text   Text
}

// quoteLimit bounds Defect.Text.
const quoteLimit = 80

// Malformed returns the first defect for which a strict receiver would refuse the description, or nil.
func (s *Session) Malformed() *Defect {
	for i := range s.Defects {
		if s.Defects[i].Rule.Breaks() {
			return &s.Defects[i]
		}
	}
	return nil
}
