package passport

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/sip"
)

// Freshness is how far the time of a signature may be from the verifier's (RFC 8224 §6.2 step 4 recommends 60
// seconds).
const Freshness = 60 * time.Second

// Checked is a PASSporT with what is to be said of it.
type Checked struct {
	Passport
	At      time.Time // it is said to be signed at: iat, or Date for the compact form; zero: not known
	Age     time.Duration
	Aged    bool // Age is known
	Notes   []Note
	Key     *Certificate // whose key signed it; nil: not known
	Trusted bool         // Key's certificate chains to one of a CA that was given
	Verdict Verdict
}

// Fault returns the first note of one of the classes (see Kind.Class); none: the first of any.
func (c *Checked) Fault(classes ...int) (Note, bool) {
	for _, n := range c.Notes {
		if k := n.Kind.Class(); k != 0 && (len(classes) == 0 || slices.Contains(classes, k)) {
			return n, true
		}
	}
	return Note{}, false
}

// Check reads all Identity values of a request that was seen at a time, zero when that is not known, and compares them
// with it. certs may be nil.
func Check(m *sip.Message, seen time.Time, certs *Store) []Checked {
	list := Of(m)
	if len(list) == 0 {
		return nil
	}
	q := readRequest(m, seen, certs)
	q.divert(list)
	out := make([]Checked, len(list))
	for i := range list {
		out[i].Passport = list[i]
		q.check(&out[i])
	}
	return out
}

// request is what a request says of what PASSporTs sign.
type request struct {
	from, to  identity
	asserted  []identity // P-Asserted-Identity (RFC 3325): what SHAKEN takes before From (ATIS-1000074)
	target    identity   // Request-URI
	date      time.Time  // zero: none
	seen      time.Time  // zero: not known
	certs     *Store
	priority  []string // values of Resource-Priority (RFC 4412 §3.1)
	divs      []string // canonical parties that the call was diverted from, by div PASSporTs
	dests     []string // canonical dest of all PASSporTs
	diverting bool
}

// identity is one of a request: as written and in canonical form.
type identity struct {
	written, canonical string
	number             bool
}

func identityOf(uri []byte) identity {
	c, number := canonical(uri)
	written := uri
	if number {
		if u, _ := sip.ParseURI(uri); len(u.User) > 0 {
			written = u.User
		}
	}
	return identity{call.Clean(written), call.CleanString(c), number}
}

// Written returns what of a URI stands for whom: the number as written, else all of it.
func Written(uri []byte) string { return identityOf(uri).written }

// String shows an identity as written, and its canonical form where that is another text.
func (i identity) String() string { return both(i.written, i.canonical, i.number) }

func both(written, canonical string, number bool) string {
	if number && written != canonical && strings.TrimPrefix(written, "+") != canonical {
		return written + " (canonical " + canonical + ")"
	}
	return written
}

// String shows a party as written, and its canonical form where that is another text.
func (p Party) String() string {
	c, number := p.canonical()
	return both(p.Text, c, number)
}

func readRequest(m *sip.Message, seen time.Time, certs *Store) *request {
	q := &request{seen: seen, certs: certs, target: identityOf(m.RequestURI())}
	if a, ok := m.From(); ok {
		q.from = identityOf(a.URI)
	}
	if a, ok := m.To(); ok {
		q.to = identityOf(a.URI)
	}
	for a := range m.NameAddrs(sip.HeaderPAssertedIdentity) {
		if len(q.asserted) < maxDest {
			q.asserted = append(q.asserted, identityOf(a.URI))
		}
	}
	q.date, _ = m.Date()
	for v := range m.Values(sip.HeaderResourcePriority) {
		if len(q.priority) < maxDest {
			q.priority = append(q.priority, strings.ToLower(call.Clean(v)))
		}
	}
	return q
}

// divert notes who the call was for before it was diverted, and whom it is signed for.
func (q *request) divert(list []Passport) {
	for i := range list {
		c := &list[i].Claims
		for _, d := range c.Dest {
			text, _ := d.canonical()
			q.dests = append(q.dests, text)
		}
		if c.Div.Text != "" {
			text, _ := c.Div.canonical()
			q.divs = append(q.divs, text)
			q.diverting = true
		}
	}
}

func (c *Checked) note(k Kind, signed, found string) {
	c.Notes = append(c.Notes, Note{k, signed, found})
}

// check notes all that does not fit and gives the verdict.
func (q *request) check(c *Checked) {
	if c.Form == Unreadable {
		c.note(Broken, c.Broken, "")
		c.Verdict = Illegible
		return
	}
	q.terms(c)
	if c.Form == Full {
		q.header(c)
		q.orig(c)
		q.dest(c)
		q.claims(c)
	}
	q.time(c)
	signature := q.signature(c)
	slices.SortStableFunc(c.Notes, func(a, b Note) int { return int(a.Kind) - int(b.Kind) })
	_, fault := c.Fault()
	switch {
	case signature == wrong:
		c.Verdict = BadSignature
	case fault:
		c.Verdict = Faulty
	case signature == right:
		c.Verdict = Verified
	}
}

// known are the types of PASSporT that verifiers handle (RFC 8588, RFC 8946, RFC 8443, RFC 9795).
var known = []string{"", "shaken", "div", "div-o", "rph", "rcd"}

// terms checks the parameters of the header field (RFC 8224 §4).
func (q *request) terms(c *Checked) {
	if c.Info == "" {
		c.note(InfoMissing, "", "")
	}
	if at := c.Certificate(); at != "" && !strings.HasPrefix(strings.ToLower(at), "https:") {
		c.note(NotHTTPS, at, "")
	}
	if n := len(c.signature); n != es256Bytes && (c.Form == Compact || c.Header.Alg == "ES256") {
		what := strconv.Itoa(n) + " bytes long"
		if c.signature[0] == 0x30 { // a SEQUENCE, which many libraries of cryptography give
			what = "in DER"
		}
		c.note(SignatureForm, what, "")
	}
	if c.Form == Compact && c.PPT != "" {
		c.note(CompactForm, c.PPT, "")
	}
	if c.Form == Compact && c.Alg != "" && c.Alg != "ES256" {
		c.note(AlgUnsupported, c.Alg, "")
	}
	if !slices.Contains(known, c.Type()) {
		c.note(PPTUnknown, c.Type(), "")
	}
}

// header checks the JOSE header, and against the parameters (RFC 8225 §4, RFC 8224 §6.2.4).
func (q *request) header(c *Checked) {
	h := &c.Header
	if h.Alg != "ES256" {
		c.note(AlgUnsupported, orNone(h.Alg), "")
	}
	if c.Alg != "" && h.Alg != "" && c.Alg != h.Alg {
		c.note(AlgDiffers, h.Alg, c.Alg)
	}
	if !strings.EqualFold(h.Typ, "passport") {
		c.note(TypWrong, orNone(h.Typ), "")
	}
	if c.PPT != "" && c.PPT != h.PPT {
		c.note(PPTDiffers, orNone(h.PPT), c.PPT)
	}
	switch {
	case h.X5U == "":
		c.note(X5UMissing, "", "")
	case c.Info != "" && c.Info != h.X5U:
		c.note(X5UDiffers, h.X5U, c.Info)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// orig compares the caller that is signed for with P-Asserted-Identity and From: one of them has to be it.
func (q *request) orig(c *Checked) {
	if c.Claims.Orig.Text == "" {
		c.note(OrigMissing, "", "")
		return
	}
	signed, number := c.Claims.Orig.canonical()
	best, seen := compare(signed, q.from.canonical, number && q.from.number), q.from.String()
	asserted := different
	for _, id := range q.asserted {
		asserted = max(asserted, compare(signed, id.canonical, number && id.number))
	}
	if len(q.asserted) > 0 && q.asserted[0].canonical != q.from.canonical {
		seen += ", P-Asserted-Identity " + q.asserted[0].String()
	}
	switch best := max(best, asserted); {
	case best == alike:
		c.note(OrigAlike, c.Claims.Orig.String(), seen)
	case best == different && seen != "":
		c.note(OrigDiffers, c.Claims.Orig.String(), seen)
	case len(q.asserted) > 0 && asserted == different:
		c.note(NotAsserted, c.Claims.Orig.String(), q.asserted[0].String())
	}
}

// dest compares the callees that are signed for with To; when the call was diverted, also with what the next PASSporT
// was diverted from, and with the Request-URI (RFC 8946 §4).
func (q *request) dest(c *Checked) {
	if len(c.Claims.Dest) == 0 {
		c.note(DestMissing, "", "")
		return
	}
	best := different
	var shown []string
	for _, d := range c.Claims.Dest {
		signed, number := d.canonical()
		shown = append(shown, d.String())
		best = max(best, compare(signed, q.to.canonical, number && q.to.number))
		if q.diverting {
			best = max(best, compare(signed, q.target.canonical, number && q.target.number))
			if slices.Contains(q.divs, signed) {
				best = same
			}
		}
	}
	switch {
	case best == alike:
		c.note(DestAlike, strings.Join(shown, ", "), q.to.String())
	case best == different && q.to.canonical != "":
		found := q.to.String()
		if q.diverting && q.target.canonical != q.to.canonical {
			found += ", Request-URI " + q.target.String()
		}
		c.note(DestDiffers, strings.Join(shown, ", "), found)
	}
}

// claims checks what else a PASSporT of its type needs.
func (q *request) claims(c *Checked) {
	if c.Claims.Quoted {
		c.note(IATQuoted, "", "")
	}
	switch c.Type() {
	case "shaken":
		if a := c.Claims.Attest; a != "A" && a != "B" && a != "C" {
			c.note(AttestUnknown, orNone(a), "")
		}
		if c.Claims.OrigID == "" {
			c.note(OrigIDMissing, "", "")
		}
	case "rph": // RFC 8443 §4.2
		if slices.ContainsFunc(c.Claims.RPH, func(s string) bool { return !slices.Contains(q.priority, strings.ToLower(s)) }) {
			c.note(RPHDiffers, strings.Join(c.Claims.RPH, ", "), orNone(strings.Join(q.priority, ", ")))
		}
	case "div", "div-o":
		if c.Claims.Div.Text == "" {
			c.note(DivMissing, "", "")
		} else if from, _ := c.Claims.Div.canonical(); c.Type() == "div" && !slices.Contains(q.dests, from) {
			c.note(ChainBroken, c.Claims.Div.String(), "") // RFC 8946 §4.2; div-o brings the other along in itself
		}
	}
}

// time compares the time of the signature with Date and with the time of the request (RFC 8224 §6.2 step 4).
func (q *request) time(c *Checked) {
	c.At = c.Claims.IAT
	switch {
	case c.Form == Compact && q.date.IsZero():
		c.note(DateMissing, "", "")
		return
	case c.Form == Compact:
		c.At = q.date
	case c.At.IsZero():
		c.note(IATMissing, "", "")
		return
	case !q.date.IsZero() && c.At.Sub(q.date).Abs() > Freshness:
		c.note(DateDiffers, c.At.Format(time.RFC3339), q.date.Format(time.RFC3339))
	}
	if q.seen.IsZero() {
		return
	}
	c.Age, c.Aged = q.seen.Sub(c.At), true
	switch {
	case c.Age > Freshness:
		c.note(Stale, Words(c.Age), Words(Freshness))
	case c.Age < -Freshness:
		c.note(Future, Words(-c.Age), "")
	}
}

// Words is a time for people: "310 s", "25 min", "5 h", "3 d".
func Words(d time.Duration) string {
	unit, name := time.Second, "s"
	switch {
	case d >= 72*time.Hour:
		unit, name = 24*time.Hour, "d"
	case d >= 3*time.Hour:
		unit, name = time.Hour, "h"
	case d >= 20*time.Minute:
		unit, name = time.Minute, "min"
	}
	return strconv.FormatInt(int64(d.Round(time.Second)/unit), 10) + " " + name
}
