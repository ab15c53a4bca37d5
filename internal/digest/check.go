package digest

import (
	"strings"

	"sipcause/sip"
)

// Result says what recomputing a response showed.
type Result uint8

// The results, with the names of the report.
const (
	Unknown      Result = iota // no password was given for the account
	NotComputed                // the algorithm is not known (AKA), or the body that it takes is not all there
	Matches                    // computed with the given password from the fields as sent
	FieldDiffers               // computed with it, but one field was another than what was sent
	NoMatch                    // not computed with it, whatever field is changed
)

var resultNames = [...]string{"unknown", "not-computed", "matches", "field-differs", "no-match"}

// String returns the name used in output.
func (r Result) String() string { return resultNames[r] }

// Field is what went into a response.
type Field uint8

// The fields, with the names of the report.
const (
	NoField Field = iota
	FieldUsername
	FieldRealm
	FieldPassword
	FieldNonce
	FieldMethod
	FieldURI
	FieldQOP
	FieldNC
	FieldCNonce
	FieldAlgorithm
)

var fieldNames = [...]string{"", "username", "realm", "password", "nonce", "method", "uri", "qop", "nc", "cnonce", "algorithm"}

// String returns the name used in output.
func (f Field) String() string { return fieldNames[f] }

// Check is what recomputing one response showed. Of FieldDiffers it has the field, what it is in the message and what
// the response was computed with; of a password it only has words. Texts are from the traffic.
type Check struct {
	Result     Result
	Field      Field
	Sent, Used string
}

// Around is what surrounds credentials: what a client may have computed with instead of what it sent.
type Around struct {
	Method, RequestURI string
	Body               []byte
	BodyCut            bool            // the capture does not have all of it
	Challenges         []sip.Challenge // that the client met so far
	Users              []string        // names by which it goes in From, To, Contact
}

// Verify recomputes the response of credentials with the passwords given for their account.
func (s *Secrets) Verify(c *sip.Credentials, around *Around) Check {
	if s.Len() == 0 || len(c.Response) == 0 || !strings.EqualFold(string(c.Scheme), "Digest") {
		return Check{}
	}
	sent := Input{
		Algorithm: string(c.Algorithm), Username: unquoted(c.Username), Realm: unquoted(c.Realm), Nonce: unquoted(c.Nonce),
		Method: around.Method, URI: unquoted(c.URI), QOP: string(c.QOP), NC: string(c.NC), CNonce: unquoted(c.CNonce), Body: around.Body,
	}
	given := s.of(sent.Username, sent.Realm)
	if given == nil {
		return Check{}
	}
	if _, ok := Response(&sent, ""); !ok || around.BodyCut && strings.EqualFold(sent.QOP, "auth-int") {
		return Check{Result: NotComputed}
	}
	response := string(c.Response)
	fits := func(in *Input, password string) bool {
		r, ok := Response(in, password)
		return ok && strings.EqualFold(r, response)
	}
	for _, x := range given {
		if fits(&sent, x.password) {
			return Check{Result: Matches}
		}
	}
	for _, x := range given {
		for _, g := range guesses(&sent, c, around, x) {
			in := sent
			g.set(&in)
			if fits(&in, x.password) {
				return Check{FieldDiffers, g.field, g.sent, g.used}
			}
		}
		for _, p := range [...]struct{ words, password string }{
			{"an empty one", ""},
			{"the given one with a blank behind", x.password + " "},
			{"the given one with a blank before", " " + x.password},
			{"the given one with a line end", x.password + "\n"},
			{"the given one with a line end", x.password + "\r\n"},
			{"the given one without the blanks around", strings.TrimSpace(x.password)},
			{"the given one in quotes", `"` + x.password + `"`},
		} {
			if p.password != x.password && fits(&sent, p.password) {
				return Check{FieldDiffers, FieldPassword, "", p.words}
			}
		}
	}
	for i := range s.list[:min(len(s.list), maxOthers)] {
		if x := &s.list[i]; fits(&sent, x.password) {
			return Check{FieldDiffers, FieldPassword, "", "the one given for " + x.account}
		}
	}
	return Check{Result: NoMatch}
}

// guess is one field that may have been another.
type guess struct {
	field      Field
	sent, used string
	set        func(in *Input)
}

// methods are those whose credentials clients take over into other requests.
var methods = []string{"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "SUBSCRIBE", "PUBLISH", "MESSAGE", "REFER", "NOTIFY", "UPDATE", "PRACK", "INFO"}

// maxGuesses bounds the values tried of one field.
const maxGuesses = 16

// guesses lists what a client may have computed with instead of what it sent, the likely ones first.
func guesses(sent *Input, c *sip.Credentials, around *Around, x *secret) (list []guess) {
	try := func(f Field, at func(in *Input) *string, values ...string) {
		have := *at(sent)
		for _, v := range values[:min(len(values), maxGuesses)] {
			if v != have {
				list = append(list, guess{f, have, v, func(in *Input) { *at(in) = v }})
			}
		}
	}
	var realms, nonces, algs []string
	for i := range around.Challenges {
		n := &around.Challenges[len(around.Challenges)-1-i]
		realms, nonces = append(realms, unquoted(n.Realm)), append(nonces, unquoted(n.Nonce))
	}
	for i := range algorithms {
		algs = append(algs, algorithms[i].name)
	}
	bare, domain, _ := strings.Cut(sent.Username, "@")
	if domain == "" {
		domain = sent.Realm
	}
	uri := func(in *Input) *string { return &in.URI }
	try(FieldURI, uri, around.RequestURI)
	try(FieldRealm, func(in *Input) *string { return &in.Realm }, append(realms, x.realm(sent.Username), x.realm(bare), strings.ToLower(sent.Realm), string(c.Realm), "")...)
	try(FieldUsername, func(in *Input) *string { return &in.Username },
		append([]string{bare, bare + "@" + domain, x.account, string(c.Username)}, around.Users...)...)
	try(FieldNonce, func(in *Input) *string { return &in.Nonce }, nonces...)
	try(FieldMethod, func(in *Input) *string { return &in.Method }, methods...)
	if _, rest, ok := strings.Cut(sent.URI, ":"); ok {
		try(FieldURI, uri, rest, "sip:"+rest, "sips:"+rest, string(c.URI), strings.TrimSuffix(around.RequestURI, ";transport=tls"))
	}
	try(FieldQOP, func(in *Input) *string { return &in.QOP }, "", "auth", "auth-int")
	try(FieldNC, func(in *Input) *string { return &in.NC }, "00000001", "00000002", "1", strings.TrimLeft(sent.NC, "0"), "")
	try(FieldCNonce, func(in *Input) *string { return &in.CNonce }, "", string(c.CNonce))
	if sent.Algorithm == "" {
		algs = algs[1:]
	}
	try(FieldAlgorithm, func(in *Input) *string { return &in.Algorithm }, algs...)
	return list
}

// unquoted takes the backslashes out of a quoted string's text (RFC 7616 §3.4, RFC 3261 §25.1).
func unquoted(b []byte) string {
	s := string(b)
	if !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
