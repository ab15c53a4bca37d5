package passport

import "strings"

// Kind says what of a PASSporT does not fit.
type Kind uint8

// The kinds, in the order in which they explain a refusal.
const (
	Broken Kind = iota
	OrigDiffers
	DestDiffers
	ChainBroken
	SignatureWrong
	OtherKey
	SignatureForm
	Stale
	Future
	DateDiffers
	DateMissing
	CompactForm
	AlgUnsupported
	AlgDiffers
	TypWrong
	PPTDiffers
	OrigMissing
	DestMissing
	IATMissing
	IATQuoted
	AttestUnknown
	OrigIDMissing
	DivMissing
	RPHDiffers
	InfoMissing
	X5UMissing
	X5UDiffers
	NotHTTPS
	Expired
	NotYetValid
	Untrusted
	NotCovered
	NoAuthority
	OrigAlike
	DestAlike
	NotAsserted
	PPTUnknown
	NoCertificate
	kindCount
)

// kindFacts is the one table of kinds. Class is the response that RFC 8224 §6.2.2 has for it, 0 for what is no fault but
// worth a look. In says {signed} is what the PASSporT has, {found} what it is compared with.
var kindFacts = [kindCount]struct {
	name  string
	class int
	says  string
}{
	Broken:         {"unreadable", 438, "the Identity header cannot be read: {signed}"},
	OrigDiffers:    {"orig-differs", 438, "it is signed for the caller {signed}, the request comes from {found}"},
	DestDiffers:    {"dest-differs", 438, "it is signed for calls to {signed}, the request goes to {found}"},
	ChainBroken:    {"div-chain-broken", 438, "it says that the call was diverted from {signed}, and no other PASSporT of the request is for calls there"},
	SignatureWrong: {"signature-wrong", 438, "the signature does not verify with the certificate in {found}: what is signed was changed, or another key signed it"},
	OtherKey:       {"other-key", 438, "it names the certificate {signed}, and the key of another one signed it: {found}"},
	SignatureForm:  {"signature-form", 438, "its signature is {signed}; one of ES256 is r and s, 32 bytes each (RFC 7518 §3.4)"},
	Stale:          {"stale", 403, "it was signed {signed} before the request was seen; {found} is allowed"},
	Future:         {"future", 403, "it was signed {signed} after the request was seen: a clock is wrong"},
	DateDiffers:    {"date-differs", 403, "its iat is {signed}, Date is {found}"},
	DateMissing:    {"date-missing", 438, "it has the compact form, which takes the time from Date, and the request has none"},
	CompactForm:    {"compact-form", 438, "its type {signed} needs claims that the compact form leaves out"},
	AlgUnsupported: {"alg-unsupported", 438, "its algorithm is {signed}; STIR takes ES256 alone"},
	AlgDiffers:     {"alg-differs", 438, "its header says alg {signed}, the parameter says {found}"},
	TypWrong:       {"typ-wrong", 438, "its header says typ {signed}, which has to be passport"},
	PPTDiffers:     {"ppt-differs", 438, "its header says ppt {signed}, the parameter says {found}"},
	OrigMissing:    {"orig-missing", 438, "it names no caller (orig)"},
	DestMissing:    {"dest-missing", 438, "it names no callee (dest)"},
	IATMissing:     {"iat-missing", 438, "it has no time (iat)"},
	IATQuoted:      {"iat-quoted", 438, "its iat is a string, which has to be a number (RFC 8225 §5.1.1)"},
	AttestUnknown:  {"attest-unknown", 438, "its attestation is {signed}; shaken has A, B and C"},
	OrigIDMissing:  {"origid-missing", 438, "it has no origid, which shaken needs"},
	DivMissing:     {"div-missing", 438, "it does not say from whom the call was diverted (div)"},
	RPHDiffers:     {"rph-differs", 438, "it is signed for the priorities {signed}, Resource-Priority is {found}"},
	InfoMissing:    {"info-missing", 436, "the Identity header does not say where the certificate is (info)"},
	X5UMissing:     {"x5u-missing", 436, "its header does not say where the certificate is (x5u)"},
	X5UDiffers:     {"x5u-differs", 436, "x5u is {signed}, info is {found}"},
	NotHTTPS:       {"not-https", 436, "the certificate is at {signed}, which is not https"},
	Expired:        {"certificate-expired", 437, "the certificate in {found} was valid until {signed}"},
	NotYetValid:    {"certificate-not-yet-valid", 437, "the certificate in {found} is valid from {signed}"},
	Untrusted:      {"certificate-untrusted", 437, "the certificate in {found} does not chain to a CA certificate beside it: {signed}"},
	NotCovered:     {"number-not-covered", 437, "the certificate in {found} does not cover the number {signed}"},
	NoAuthority:    {"no-tnauthlist", 437, "the certificate in {found} has no TNAuthList (RFC 8226): it is not for signing calls"},
	OrigAlike:      {"orig-alike", 0, "it is signed for the caller {signed}, the request comes from {found}: the same number only if a verifier adds the country code as the signer did"},
	DestAlike:      {"dest-alike", 0, "it is signed for calls to {signed}, the request goes to {found}: the same number only if a verifier adds the country code as the signer did"},
	NotAsserted:    {"orig-not-asserted", 0, "it is signed for {signed} as in From; P-Asserted-Identity, which SHAKEN verifiers take first (ATIS-1000074), is {found}"},
	PPTUnknown:     {"ppt-unknown", 0, "its type (ppt) is {signed}, which few verifiers know"},
	NoCertificate:  {"no-certificate", 0, "none of the certificates given is {signed}, and none of them verifies the signature"},
}

// String returns the name used in output.
func (k Kind) String() string { return kindFacts[k].name }

// Class returns the response by which a verifier refuses for it (RFC 8224 §6.2.2): 403, 436, 437 or 438; 0: it is no
// fault by itself.
func (k Kind) Class() int { return kindFacts[k].class }

// Note is one thing that does not fit, with what the PASSporT has and what that is compared with.
type Note struct {
	Kind          Kind
	Signed, Found string // without control characters
}

// String says it in words, without a capital letter and a full stop.
func (n Note) String() string {
	return strings.NewReplacer("{signed}", n.Signed, "{found}", n.Found).Replace(kindFacts[n.Kind].says)
}

// Verdict is what all in all is to be said of a PASSporT.
type Verdict uint8

// The verdicts.
const (
	Unverified   Verdict = iota // nothing is wrong with it; whether its signature is right is not known
	Verified                    // nothing is wrong with it, and the signature verifies
	Faulty                      // something is
	BadSignature                // the signature does not verify
	Illegible                   // it cannot be read
)

var verdictNames = [...]string{"unverified", "verified", "faulty", "bad-signature", "unreadable"}

// String returns the name used in output.
func (v Verdict) String() string { return verdictNames[v] }
