package sip

import "encoding/binary"

// HeaderID names a header (RFC 3261 §7.3, §20) that the package knows. All others are HeaderUnknown: Message.HeaderByName and
// Message.All reach them.
type HeaderID uint8

// The headers known, in the order of headerFacts, which has their names, compact forms and sections.
const (
	HeaderUnknown HeaderID = iota
	HeaderVia
	HeaderFrom
	HeaderTo
	HeaderCallID
	HeaderCSeq
	HeaderContact
	HeaderRoute
	HeaderRecordRoute
	HeaderMaxForwards
	HeaderContentType
	HeaderContentLength
	HeaderAuthorization
	HeaderProxyAuthorization
	HeaderWWWAuthenticate
	HeaderProxyAuthenticate
	HeaderReason
	HeaderWarning
	HeaderRetryAfter
	HeaderSessionExpires
	HeaderMinSE
	HeaderMinExpires
	HeaderExpires
	HeaderRSeq
	HeaderRAck
	HeaderAllow
	HeaderAllowEvents
	HeaderAccept
	HeaderAcceptEncoding
	HeaderAcceptLanguage
	HeaderRequire
	HeaderSupported
	HeaderUnsupported
	HeaderProxyRequire
	HeaderIdentity
	HeaderPAssertedIdentity
	HeaderPPreferredIdentity
	HeaderDiversion
	HeaderHistoryInfo
	HeaderSessionID
	HeaderEvent
	HeaderReferTo
	HeaderReferredBy
	HeaderReplaces
	HeaderDate
	HeaderServer
	HeaderUserAgent
	HeaderCallInfo
	HeaderErrorInfo
	HeaderAlertInfo
	HeaderXCallID
	HeaderXCID
	HeaderPChargingVector
	HeaderSubscriptionState
	HeaderContentEncoding
	HeaderContentDisposition
	HeaderMIMEVersion
	HeaderSubject
	HeaderTimestamp
	HeaderPath
	HeaderServiceRoute
	HeaderRemotePartyID
	HeaderPrivacy
	HeaderPAccessNetworkInfo
	HeaderPCalledPartyID
	HeaderPAssociatedURI
	HeaderPEarlyMedia
	HeaderAuthenticationInfo
	HeaderSIPETag
	HeaderSIPIfMatch
	HeaderInReplyTo
	HeaderPriority
	HeaderOrganization
	HeaderReplyTo
	HeaderTargetDialog
	HeaderJoin
	HeaderFlowTimer
	HeaderUserToUser
	HeaderAcceptContact
	HeaderRejectContact
	HeaderRequestDisposition
	HeaderResourcePriority
	HeaderIdentityInfo
	HeaderReferSub
	HeaderXAsteriskHangupCause
	HeaderXAsteriskHangupCauseCode
	headerCount
)

// kind is how often a header may stand and whether commas part its values (RFC 3261 §7.3.1).
type kind uint8

const (
	once  kind = iota // one field, one value
	list              // any number of fields, values parted by commas
	many              // any number of fields, one value each (RFC 3261 §7.3.1: the four of authentication)
	loose             // repeats are met and harmless: headers outside the IANA registry
)

// headerFacts is the one table of headers: canonical name, compact form, kind and where it is defined.
var headerFacts = [headerCount]struct {
	name    string
	compact byte
	kind    kind
	ref     string
}{
	HeaderUnknown:                  {"", 0, loose, "RFC 3261 §7.3.1"},
	HeaderVia:                      {"Via", 'v', list, "RFC 3261 §20.42"},
	HeaderFrom:                     {"From", 'f', once, "RFC 3261 §20.20"},
	HeaderTo:                       {"To", 't', once, "RFC 3261 §20.39"},
	HeaderCallID:                   {"Call-ID", 'i', once, "RFC 3261 §20.8"},
	HeaderCSeq:                     {"CSeq", 0, once, "RFC 3261 §20.16"},
	HeaderContact:                  {"Contact", 'm', list, "RFC 3261 §20.10"},
	HeaderRoute:                    {"Route", 0, list, "RFC 3261 §20.34"},
	HeaderRecordRoute:              {"Record-Route", 0, list, "RFC 3261 §20.30"},
	HeaderMaxForwards:              {"Max-Forwards", 0, once, "RFC 3261 §20.22"},
	HeaderContentType:              {"Content-Type", 'c', once, "RFC 3261 §20.15"},
	HeaderContentLength:            {"Content-Length", 'l', once, "RFC 3261 §20.14"},
	HeaderAuthorization:            {"Authorization", 0, many, "RFC 3261 §20.7"},
	HeaderProxyAuthorization:       {"Proxy-Authorization", 0, many, "RFC 3261 §20.28"},
	HeaderWWWAuthenticate:          {"WWW-Authenticate", 0, many, "RFC 3261 §20.44"},
	HeaderProxyAuthenticate:        {"Proxy-Authenticate", 0, many, "RFC 3261 §20.27"},
	HeaderReason:                   {"Reason", 0, list, "RFC 3326 §2"},
	HeaderWarning:                  {"Warning", 0, list, "RFC 3261 §20.43"},
	HeaderRetryAfter:               {"Retry-After", 0, once, "RFC 3261 §20.33"},
	HeaderSessionExpires:           {"Session-Expires", 'x', once, "RFC 4028 §4"},
	HeaderMinSE:                    {"Min-SE", 0, once, "RFC 4028 §5"},
	HeaderMinExpires:               {"Min-Expires", 0, once, "RFC 3261 §20.23"},
	HeaderExpires:                  {"Expires", 0, once, "RFC 3261 §20.19"},
	HeaderRSeq:                     {"RSeq", 0, once, "RFC 3262 §7.1"},
	HeaderRAck:                     {"RAck", 0, once, "RFC 3262 §7.2"},
	HeaderAllow:                    {"Allow", 0, list, "RFC 3261 §20.5"},
	HeaderAllowEvents:              {"Allow-Events", 'u', list, "RFC 6665 §8.2.2"},
	HeaderAccept:                   {"Accept", 0, list, "RFC 3261 §20.1"},
	HeaderAcceptEncoding:           {"Accept-Encoding", 0, list, "RFC 3261 §20.2"},
	HeaderAcceptLanguage:           {"Accept-Language", 0, list, "RFC 3261 §20.3"},
	HeaderRequire:                  {"Require", 0, list, "RFC 3261 §20.32"},
	HeaderSupported:                {"Supported", 'k', list, "RFC 3261 §20.37"},
	HeaderUnsupported:              {"Unsupported", 0, list, "RFC 3261 §20.40"},
	HeaderProxyRequire:             {"Proxy-Require", 0, list, "RFC 3261 §20.29"},
	HeaderIdentity:                 {"Identity", 'y', list, "RFC 8224 §4"},
	HeaderPAssertedIdentity:        {"P-Asserted-Identity", 0, list, "RFC 3325 §9.1"},
	HeaderPPreferredIdentity:       {"P-Preferred-Identity", 0, list, "RFC 3325 §9.2"},
	HeaderDiversion:                {"Diversion", 0, list, "RFC 5806"},
	HeaderHistoryInfo:              {"History-Info", 0, list, "RFC 7044 §5"},
	HeaderSessionID:                {"Session-ID", 0, once, "RFC 7989 §5"},
	HeaderEvent:                    {"Event", 'o', once, "RFC 6665 §8.2.1"},
	HeaderReferTo:                  {"Refer-To", 'r', once, "RFC 3515 §2.1"},
	HeaderReferredBy:               {"Referred-By", 'b', once, "RFC 3892 §3"},
	HeaderReplaces:                 {"Replaces", 0, once, "RFC 3891 §6.1"},
	HeaderDate:                     {"Date", 0, once, "RFC 3261 §20.17"},
	HeaderServer:                   {"Server", 0, once, "RFC 3261 §20.35"},
	HeaderUserAgent:                {"User-Agent", 0, once, "RFC 3261 §20.41"},
	HeaderCallInfo:                 {"Call-Info", 0, list, "RFC 3261 §20.9"},
	HeaderErrorInfo:                {"Error-Info", 0, list, "RFC 3261 §20.18"},
	HeaderAlertInfo:                {"Alert-Info", 0, list, "RFC 3261 §20.4"},
	HeaderXCallID:                  {"X-Call-ID", 0, loose, ""},
	HeaderXCID:                     {"X-CID", 0, loose, ""},
	HeaderPChargingVector:          {"P-Charging-Vector", 0, once, "RFC 7315 §4.6"},
	HeaderSubscriptionState:        {"Subscription-State", 0, once, "RFC 6665 §8.2.3"},
	HeaderContentEncoding:          {"Content-Encoding", 'e', list, "RFC 3261 §20.12"},
	HeaderContentDisposition:       {"Content-Disposition", 0, once, "RFC 3261 §20.11"},
	HeaderMIMEVersion:              {"MIME-Version", 0, once, "RFC 3261 §20.24"},
	HeaderSubject:                  {"Subject", 's', once, "RFC 3261 §20.36"},
	HeaderTimestamp:                {"Timestamp", 0, once, "RFC 3261 §20.38"},
	HeaderPath:                     {"Path", 0, list, "RFC 3327 §4"},
	HeaderServiceRoute:             {"Service-Route", 0, list, "RFC 3608 §5"},
	HeaderRemotePartyID:            {"Remote-Party-ID", 0, loose, ""},
	HeaderPrivacy:                  {"Privacy", 0, once, "RFC 3323 §4.2"},
	HeaderPAccessNetworkInfo:       {"P-Access-Network-Info", 0, list, "RFC 7315 §4.4"},
	HeaderPCalledPartyID:           {"P-Called-Party-ID", 0, once, "RFC 7315 §4.2"},
	HeaderPAssociatedURI:           {"P-Associated-URI", 0, list, "RFC 7315 §4.1"},
	HeaderPEarlyMedia:              {"P-Early-Media", 0, list, "RFC 5009 §8"},
	HeaderAuthenticationInfo:       {"Authentication-Info", 0, once, "RFC 3261 §20.6"},
	HeaderSIPETag:                  {"SIP-ETag", 0, once, "RFC 3903 §11.3"},
	HeaderSIPIfMatch:               {"SIP-If-Match", 0, once, "RFC 3903 §11.3"},
	HeaderInReplyTo:                {"In-Reply-To", 0, list, "RFC 3261 §20.21"},
	HeaderPriority:                 {"Priority", 0, once, "RFC 3261 §20.26"},
	HeaderOrganization:             {"Organization", 0, once, "RFC 3261 §20.25"},
	HeaderReplyTo:                  {"Reply-To", 0, once, "RFC 3261 §20.31"},
	HeaderTargetDialog:             {"Target-Dialog", 0, once, "RFC 4538 §7"},
	HeaderJoin:                     {"Join", 0, once, "RFC 3911 §7.1"},
	HeaderFlowTimer:                {"Flow-Timer", 0, once, "RFC 5626"},
	HeaderUserToUser:               {"User-to-User", 0, list, "RFC 7433 §4.1"},
	HeaderAcceptContact:            {"Accept-Contact", 'a', list, "RFC 3841 §9.2"},
	HeaderRejectContact:            {"Reject-Contact", 'j', list, "RFC 3841 §9.2"},
	HeaderRequestDisposition:       {"Request-Disposition", 'd', list, "RFC 3841 §9.1"},
	HeaderResourcePriority:         {"Resource-Priority", 0, list, "RFC 4412 §3.1"},
	HeaderIdentityInfo:             {"Identity-Info", 'n', once, "RFC 4474 §9"},
	HeaderReferSub:                 {"Refer-Sub", 0, once, "RFC 4488"},
	HeaderXAsteriskHangupCause:     {"X-Asterisk-HangupCause", 0, loose, ""},
	HeaderXAsteriskHangupCauseCode: {"X-Asterisk-HangupCauseCode", 0, loose, ""},
}

// String returns the canonical name ("Call-ID"), "" for HeaderUnknown.
func (h HeaderID) String() string {
	if h < headerCount {
		return headerFacts[h].name
	}
	return ""
}

// Ref returns the section that defines the header ("RFC 3261 §20.8"), "" when none does.
func (h HeaderID) Ref() string {
	if h < headerCount {
		return headerFacts[h].ref
	}
	return ""
}

// HeaderOf returns the header of that name or compact form, without regard to case (RFC 3261 §7.3.1,
// §7.3.3); HeaderUnknown if there is none.
func HeaderOf(name []byte) HeaderID {
	if len(name) == 1 {
		return headersByLetter[lower(name[0])]
	}
	if len(name) == 0 || len(name) > longestHeader {
		return HeaderUnknown
	}
	for h := headerHash(name); ; h++ {
		id := headersByHash[h%hashSize]
		if id == HeaderUnknown || sameFold(name, headerFacts[id].name) {
			return id
		}
	}
}

// nameAt returns the header whose name, spelled as most do and with the colon right behind it, begins at b[i:], and the
// name's length; HeaderUnknown if that is not to be seen at a glance.
func nameAt(b []byte, i int) (HeaderID, int) {
	if len(b)-i < 16 {
		return HeaderUnknown, 0
	}
	first, second := binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])
	for id := glances[glanceHash(first)]; id != HeaderUnknown; id = spellings[id].next {
		if w := &spellings[id]; first&w.firstMask == w.first && second&w.secondMask == w.second {
			return id, w.length
		}
	}
	return HeaderUnknown, 0
}

// spelling is a header's canonical name with a colon as it lies in two words of memory.
type spelling struct {
	first, firstMask, second, secondMask uint64
	length                               int      // of the name
	next                                 HeaderID // with the same hash
}

func glanceHash(first uint64) uint32 { return uint32(first) & 0xffffff * 0x9e3779b1 >> 24 }

var glances, spellings = func() (glances [256]HeaderID, spellings [headerCount]spelling) {
	for id := headerCount - 1; id > HeaderUnknown; id-- {
		name := id.String() + ":"
		if len(name) > 16 {
			continue
		}
		var text, mask [16]byte
		copy(text[:], name)
		for k := range name {
			mask[k] = 0xff
		}
		w := &spellings[id]
		w.first, w.second = binary.LittleEndian.Uint64(text[:]), binary.LittleEndian.Uint64(text[8:])
		w.firstMask, w.secondMask = binary.LittleEndian.Uint64(mask[:]), binary.LittleEndian.Uint64(mask[8:])
		at := &glances[glanceHash(w.first)]
		w.length, w.next = len(name)-1, *at
		*at = id
	}
	return glances, spellings
}()

const (
	hashSize      = 512
	longestHeader = len("X-Asterisk-HangupCauseCode")
)

// headerHash tells names apart by their length and three letters; len(name) > 0.
func headerHash(name []byte) uint32 {
	n := len(name)
	return uint32(n)*37 + uint32(name[0]|0x20)*5 + uint32(name[n-1]|0x20)*61 + uint32(name[n/2]|0x20)*11
}

// headersByHash is an open-addressed table: a name stands at its hash or, if that is taken, right behind.
var headersByHash = func() (t [hashSize]HeaderID) {
	for id := HeaderUnknown + 1; id < headerCount; id++ {
		h := headerHash([]byte(headerFacts[id].name))
		for t[h%hashSize] != HeaderUnknown {
			h++
		}
		t[h%hashSize] = id
	}
	return t
}()

// headersByLetter has the compact forms (RFC 3261 §7.3.3), by lower-case letter.
var headersByLetter = func() (t [256]HeaderID) {
	for id := range headerFacts {
		if c := headerFacts[id].compact; c != 0 {
			t[c] = HeaderID(id)
		}
	}
	return t
}()
