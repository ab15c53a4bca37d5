package passport

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/sip"
)

// The bounds of what is read.
const (
	maxPassport = 8192 // bytes of one Identity value
	maxValues   = 16   // Identity values of one request
	maxDest     = 32   // destinations of one PASSporT
)

// Form is how an Identity value carries its PASSporT.
type Form uint8

// The forms.
const (
	Unreadable Form = iota // Broken says why
	Full                   // header, claims and signature (RFC 8225 §3)
	Compact                // the signature alone: the receiver makes the rest from the request (RFC 8225 §7)
)

var formNames = [...]string{"unreadable", "full", "compact"}

// String returns the name used in output.
func (f Form) String() string { return formNames[f] }

// Passport is one Identity value (RFC 8224 §4) with its PASSporT. Its texts are without control characters and do not
// alias the message.
type Passport struct {
	Form   Form
	Broken string // what is wrong with an unreadable one

	Info string // the parameters of the header field: where the certificate is
	Alg  string
	PPT  string

	Header Header
	Claims Claims

	signed    []byte // what was signed, as written; nil in the compact form
	signature []byte // r and s, 32 bytes each (RFC 7518 §3.4)
}

// Header is the JOSE header of a PASSporT (RFC 8225 §4, §8.1).
type Header struct{ Typ, Alg, PPT, X5U string }

// Claims are the claims of a PASSporT.
type Claims struct {
	Orig   Party     // RFC 8225 §5.2.1
	Dest   []Party   // RFC 8225 §5.2.1
	IAT    time.Time // RFC 8225 §5.1.1; zero: none
	Quoted bool      // iat is a string, where RFC 8225 §5.1.1 wants a number
	Attest string    // RFC 8588 §4
	OrigID string    // RFC 8588 §5
	Div    Party     // whom the call was for before it was diverted (RFC 8946 §3)
	RPH    []string  // the resource priorities that are signed for (RFC 8443 §3)
}

// Party is one identity of a claim as written: a telephone number or a URI.
type Party struct {
	Text string
	URI  bool
}

// Type returns the type of the PASSporT: its ppt, "" for one without (RFC 8225 §8.1).
func (p *Passport) Type() string {
	if p.Header.PPT != "" {
		return p.Header.PPT
	}
	return p.PPT
}

// Certificate returns where the certificate is said to be: x5u, else info.
func (p *Passport) Certificate() string {
	if p.Header.X5U != "" {
		return p.Header.X5U
	}
	return p.Info
}

// Of reads all Identity values of a message.
func Of(m *sip.Message) (list []Passport) {
	for v := range m.Values(sip.HeaderIdentity) {
		if len(list) == maxValues {
			break
		}
		list = append(list, Parse(v))
	}
	return list
}

// Parse reads one Identity value. What is odd is taken as it was most likely meant.
func Parse(v []byte) (p Passport) {
	if len(v) > maxPassport {
		p.Broken = "it is longer than " + strconv.Itoa(maxPassport) + " bytes"
		return p
	}
	token, params, _ := bytes.Cut(v, []byte(";"))
	p.params(params)
	token = bytes.TrimSpace(token)
	if bytes.HasPrefix(token, []byte(`"`)) {
		p.Broken = "it has the form of RFC 4474, which RFC 8224 has replaced"
		return p
	}
	p.token(token)
	return p
}

// params reads the parameters, which blanks may surround; a semicolon in <> parts nothing.
func (p *Passport) params(b []byte) {
	for len(b) > 0 {
		end, inside := len(b), false
		for i, c := range b {
			if c == '<' || c == '>' {
				inside = c == '<'
			}
			if c == ';' && !inside {
				end = i
				break
			}
		}
		name, value, _ := bytes.Cut(b[:end], []byte("="))
		text := call.Clean(bytes.Trim(value, " \t<>\""))
		switch strings.ToLower(string(bytes.TrimSpace(name))) {
		case "info":
			p.Info = text
		case "alg":
			p.Alg = text
		case "ppt":
			p.PPT = text
		}
		b = b[min(end+1, len(b)):]
	}
}

// token reads the three parts of a PASSporT.
func (p *Passport) token(token []byte) {
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 || len(parts[2]) == 0 {
		p.Broken = "it is not made of three parts with a signature"
		return
	}
	signature, ok := decode64(parts[2])
	if !ok || len(signature) == 0 {
		p.Broken = "its signature is not base64url"
		return
	}
	p.signature = signature
	if len(parts[0]) == 0 && len(parts[1]) == 0 {
		p.Form = Compact
		return
	}
	if p.Broken = p.header(parts[0]); p.Broken == "" {
		p.Broken = p.claims(parts[1])
	}
	if p.Broken == "" {
		p.Form = Full
		p.signed = bytes.Clone(token[:len(parts[0])+1+len(parts[1])])
	}
}

// decode64 decodes base64url and forgives the other alphabet and padding.
func decode64(b []byte) ([]byte, bool) {
	text := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(string(b), "="))
	out, err := base64.RawURLEncoding.DecodeString(text)
	return out, err == nil
}

// object decodes one part, which must be a JSON object.
func object(part []byte, what string) (fields map[string]json.RawMessage, broken string) {
	b, ok := decode64(part)
	switch {
	case !ok:
		return nil, what + " not base64url"
	case json.Unmarshal(b, &fields) != nil || fields == nil:
		return nil, what + " not a JSON object"
	}
	return fields, ""
}

// text returns a JSON string, or a number as written; "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return call.CleanString(s)
	}
	if _, err := strconv.ParseFloat(string(raw), 64); err == nil {
		return call.Clean(raw)
	}
	return ""
}

func (p *Passport) header(part []byte) (broken string) {
	f, broken := object(part, "its header is")
	if broken == "" {
		p.Header = Header{Typ: text(f["typ"]), Alg: text(f["alg"]), PPT: text(f["ppt"]), X5U: text(f["x5u"])}
	}
	return broken
}

func (p *Passport) claims(part []byte) (broken string) {
	f, broken := object(part, "its claims are")
	if broken != "" {
		return broken
	}
	c := &p.Claims
	c.Attest, c.OrigID = text(f["attest"]), text(f["origid"])
	if n, err := strconv.ParseFloat(strings.Trim(string(f["iat"]), `"`), 64); err == nil && n > 0 && n < 1<<33 {
		c.IAT = time.Unix(int64(n), 0).UTC()
		c.Quoted = f["iat"][0] == '"'
	}
	if list := parties(f["orig"]); len(list) > 0 {
		c.Orig = list[0]
	}
	c.Dest = parties(f["dest"])
	if list := parties(f["div"]); len(list) > 0 {
		c.Div = list[0]
	}
	var rph struct {
		Auth []string `json:"auth"`
	}
	if json.Unmarshal(f["rph"], &rph) == nil {
		for _, s := range rph.Auth[:min(len(rph.Auth), maxDest)] {
			c.RPH = append(c.RPH, call.CleanString(s))
		}
	}
	return ""
}

// parties reads the identities of a claim: {"tn": …} or {"uri": …}, one or an array of them (RFC 8225 §5.2.1).
func parties(raw json.RawMessage) (list []Party) {
	var claim struct{ TN, URI json.RawMessage }
	if json.Unmarshal(raw, &claim) != nil {
		return nil
	}
	for i, of := range [...]json.RawMessage{claim.TN, claim.URI} {
		var values []json.RawMessage
		if json.Unmarshal(of, &values) != nil {
			values = []json.RawMessage{of}
		}
		for _, v := range values {
			if s := text(v); s != "" && len(list) < maxDest {
				list = append(list, Party{Text: s, URI: i == 1})
			}
		}
	}
	return list
}
