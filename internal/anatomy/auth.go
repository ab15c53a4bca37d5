package anatomy

import (
	"bytes"
	"net/netip"
	"strconv"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Round is one challenge and the credentials that its client sent thereupon; or credentials that no challenge of the
// call had asked for. The response digest is never among what is kept.
type Round struct {
	Client netip.AddrPort // who was asked: the originator, or an element that authenticates itself
	Leg    int
	Method sip.Method

	// The challenge; Asked is NoMsg when the call has none for these credentials.
	Asked      call.MsgRef // as the client received it
	AskedAt    wire.Time
	Code       int            // 401 or 407
	Challenger netip.AddrPort // the hop that made it
	Challenges []Challenge

	// The credentials; Sent is NoMsg when they never came.
	Sent        call.MsgRef
	SentAt      wire.Time
	Credentials []Credentials
	Differences []Difference

	Result  RoundResult
	Final   int         // response to the request with credentials, 0: none
	FinalAt call.MsgRef // that response; NoMsg: none
}

// Challenge is one of sip.Challenge, to be shown. Its texts are without control characters.
type Challenge struct {
	Header                        string // WWW-Authenticate or Proxy-Authenticate
	Scheme, Realm, Algorithm, QOP string // Algorithm is "MD5" when none was said (RFC 7616 §3.3)
	Nonce                         string // shortened, see Short
	Opaque, Stale                 bool
}

// Credentials is one of sip.Credentials, to be shown, without the response digest.
type Credentials struct {
	Header                                       string // Authorization or Proxy-Authorization
	Scheme, Username, Realm, URI, Algorithm, QOP string
	Nonce                                        string // shortened, see Short
	NC                                           string
	CNonce                                       bool // there is one
}

// RoundResult says what became of a challenge.
type RoundResult uint8

// The results, with the names of the report.
const (
	NeverSent       RoundResult = iota // no request with credentials followed
	NoFinal                            // they were sent, and no final response came
	Accepted                           // whoever had asked let them pass
	ChallengedAgain                    // 401 or 407
	RefusedWith403                     // 403, and nothing shows that they had been let pass
)

var roundNames = [...]string{"never-sent", "no-final-response", "accepted", "challenged-again", "refused"}

// String returns the name used in output.
func (r RoundResult) String() string { return roundNames[r] }

// DifferenceKind says what of credentials does not fit their challenge.
type DifferenceKind uint8

// The kinds, with the names of the report.
const (
	RealmNotChallenged  DifferenceKind = iota // for a realm that had not asked
	RealmUnanswered                           // a realm that had asked got none
	OtherNonce                                // the nonce is not the challenge's
	NonceCountReused                          // the same nonce with a count used before (RFC 7616 §3.4)
	URIDiffers                                // uri is not the Request-URI (RFC 3261 §22.4)
	URIRewritten                              // it was, until a hop changed the Request-URI
	AlgorithmNotOffered                       // RFC 8760 §2.4
	QOPMissing                                // the challenge offers qop (RFC 7616 §3.4)
	QOPNotOffered
	WrongHeader // a 401 is answered in Authorization, a 407 in Proxy-Authorization (RFC 3261 §22.2, §22.3)
	Removed     // they did not reach who had asked for them
)

var differenceNames = [...]string{
	"realm-not-challenged", "realm-unanswered", "other-nonce", "nonce-count-reused", "uri-differs", "uri-rewritten",
	"algorithm-not-offered", "qop-missing", "qop-not-offered", "wrong-header", "removed-on-the-way",
}

// String returns the name used in output.
func (k DifferenceKind) String() string { return differenceNames[k] }

// Difference is one of them, with both texts where there are two.
type Difference struct {
	Kind       DifferenceKind
	Sent, Want string // without control characters
}

// maxRounds bounds the rounds of one call that are read.
const maxRounds = 64

// Rounds returns the rounds of authentication of a call in the order of time within each leg. What is returned
// aliases nothing.
func Rounds(c *call.Call) (list []Round) {
	for k, l := range c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if len(list) == maxRounds || t.Method == sip.MethodAck || t.Method == sip.MethodCancel {
				continue
			}
			r := call.TxnRef{Leg: k, Txn: int32(i)}
			if t.HasAuth && t.Parent == call.None && !answersRound(list, call.MsgRef{Leg: k, Msg: t.Request}) {
				if u := unasked(c, r, list); len(u.Credentials) > 0 && (u.Result != Accepted || !t.InDialog) {
					list = append(list, u)
				}
			}
			if code := c.Status(r); (code == 401 || code == 407) && !relayedUp(c, r) {
				list = append(list, asked(c, r, list))
			}
		}
	}
	return list
}

// relayedUp says whether the client of a challenged request passed the challenge on upstream: then it is not the one
// who is to answer it.
func relayedUp(c *call.Call, r call.TxnRef) bool {
	p := c.Txn(r).Parent
	if p == call.None {
		return false
	}
	up := call.TxnRef{Leg: r.Leg, Txn: p}
	code := c.Status(up)
	return (code == 401 || code == 407) && c.FinalTime(up) >= c.FinalTime(r)
}

func answersRound(list []Round, m call.MsgRef) bool {
	for i := range list {
		if list[i].Sent == m {
			return true
		}
	}
	return false
}

// asked returns the round that the challenge to request r began.
func asked(c *call.Call, r call.TxnRef, before []Round) Round {
	l, t := c.Legs[r.Leg], c.Txn(r)
	g := Round{
		Client: t.Client, Leg: r.Leg, Method: t.Method, Code: l.FinalStatus(t), AskedAt: c.FinalTime(r),
		Asked: call.MsgRef{Leg: r.Leg, Msg: t.Final}, Challenger: c.Txn(maker(c, r)).Server, Sent: call.NoMsg, FinalAt: call.NoMsg,
	}
	m := c.Msg(g.Asked)
	if m != nil {
		for n := range m.Challenges() {
			g.Challenges = append(g.Challenges, showChallenge(&n))
		}
	}
	next, ok := nextTry(c, r)
	if !ok {
		return g
	}
	g.answered(c, next, m, before)
	return g
}

// unasked returns the round of credentials that came without a challenge of this call.
func unasked(c *call.Call, r call.TxnRef, before []Round) Round {
	t := c.Txn(r)
	g := Round{Client: t.Client, Leg: r.Leg, Method: t.Method, Asked: call.NoMsg, FinalAt: call.NoMsg}
	g.answered(c, r, nil, before)
	return g
}

// nextTry returns the request with credentials by which the client of r answered its challenge: the next of the same
// method on the way to the same host, or from the same request upstream.
func nextTry(c *call.Call, r call.TxnRef) (call.TxnRef, bool) {
	l, t := c.Legs[r.Leg], c.Txn(r)
	at := c.FinalTime(r)
	for i := int(r.Txn) + 1; i < len(l.Txns); i++ {
		o := &l.Txns[i]
		if o.Method != t.Method || o.Request == call.None || l.Start(o) < at || o.Client.Addr() != t.Client.Addr() || o.Parent != t.Parent {
			continue
		}
		return call.TxnRef{Leg: r.Leg, Txn: int32(i)}, o.HasAuth
	}
	return call.TxnRef{}, false
}

// answered fills what is known of the request with credentials.
func (g *Round) answered(c *call.Call, r call.TxnRef, challenge *sip.Message, before []Round) {
	t := c.Txn(r)
	g.Sent, g.SentAt, g.Final = call.MsgRef{Leg: r.Leg, Msg: t.Request}, c.Start(r), c.Status(r)
	if t.Final != call.None {
		g.FinalAt = call.MsgRef{Leg: r.Leg, Msg: t.Final}
	}
	m := c.Msg(g.Sent)
	if m == nil {
		return
	}
	for n := range m.Credentials() {
		g.Credentials = append(g.Credentials, showCredentials(&n))
	}
	if challenge == nil {
		g.Challenger = c.Txn(maker(c, r)).Server // who judged them
	}
	g.Result = g.outcome(c, r)
	g.differ(c, r, m, challenge, before)
}

// outcome says what became of the credentials in request r: whoever had asked for them let them pass when the request
// went on from there.
func (g *Round) outcome(c *call.Call, r call.TxnRef) RoundResult {
	code, at := g.Final, maker(c, r)
	for hop := r; hop != at; hop = next(c, hop, code) {
		if g.Asked.Valid() && c.Txn(hop).Server.Addr() == g.Challenger.Addr() {
			return Accepted
		}
	}
	switch {
	case code == 401 || code == 407:
		return ChallengedAgain
	case code == 403 && c.Txn(r).Progress == call.None && len(c.Downstream(at)) == 0:
		return RefusedWith403
	case code == 0 && c.Txn(r).Progress == call.None:
		return NoFinal
	}
	return Accepted
}

// maker returns the transaction at whose server the final response of r was made: the most downstream one that has it.
func maker(c *call.Call, r call.TxnRef) call.TxnRef {
	code := c.Status(r)
	for range maxHops {
		k := next(c, r, code)
		if k == r {
			break
		}
		r = k
	}
	return r
}

// next returns the transaction below r whose final response is code, too: the one that was relayed. It is r itself
// when there is none.
func next(c *call.Call, r call.TxnRef, code int) call.TxnRef {
	found, at := r, c.FinalTime(r)
	for _, k := range c.Downstream(r) {
		if code != 0 && c.Status(k) == code && c.FinalTime(k) <= at {
			found = k
		}
	}
	return found
}

// differ compares credentials with the challenge they answer, nil: none is known, and with those sent before.
func (g *Round) differ(c *call.Call, r call.TxnRef, m, challenge *sip.Message, before []Round) {
	for n := range m.Credentials() {
		if !bytes.EqualFold(n.Scheme, []byte("Digest")) || len(n.Nonce) == 0 {
			continue // IMS clients announce themselves with an empty nonce (3GPP TS 24.229 §5.1.1.2)
		}
		if challenge != nil {
			g.against(challenge, &n)
		}
		if g.counted(c, &n, before) {
			g.add(NonceCountReused, call.Clean(n.NC), "")
		}
		if !bytes.Equal(n.URI, m.RequestURI()) {
			g.add(URIDiffers, call.Clean(n.URI), call.Clean(m.RequestURI()))
		} else {
			g.downTheWay(c, r, &n)
		}
	}
	if challenge != nil {
		for n := range challenge.Challenges() {
			if !answeredBy(m, n.Realm) {
				g.add(RealmUnanswered, "", call.Clean(n.Realm))
			}
		}
	}
}

func (g *Round) add(k DifferenceKind, sent, want string) {
	g.Differences = append(g.Differences, Difference{k, sent, want})
}

func answeredBy(m *sip.Message, realm []byte) bool {
	for n := range m.Credentials() {
		if bytes.Equal(n.Realm, realm) {
			return true
		}
	}
	return false
}

// against compares one set of credentials with the challenges of a response: with those of its realm, where one that
// fits in everything is enough (RFC 8760 §2.4).
func (g *Round) against(challenge *sip.Message, n *sip.Credentials) {
	var best []Difference
	found := false
	want := ""
	for a := range challenge.Challenges() {
		if !bytes.Equal(a.Realm, n.Realm) {
			want = call.Clean(a.Realm)
			continue
		}
		if d := mismatches(&a, n); !found || len(d) < len(best) {
			best, found = d, true
		}
	}
	if !found {
		g.add(RealmNotChallenged, call.Clean(n.Realm), want)
	}
	g.Differences = append(g.Differences, best...)
}

// mismatches says what of n does not fit challenge a of the same realm.
func mismatches(a *sip.Challenge, n *sip.Credentials) (list []Difference) {
	if a.Proxy != n.Proxy {
		list = append(list, Difference{WrongHeader, credentialsHeader(n.Proxy), credentialsHeader(a.Proxy)})
	}
	if !bytes.Equal(a.Nonce, n.Nonce) {
		list = append(list, Difference{OtherNonce, Short(n.Nonce), Short(a.Nonce)})
	}
	if have, want := algorithm(n.Algorithm), algorithm(a.Algorithm); !bytes.EqualFold(have, want) {
		list = append(list, Difference{AlgorithmNotOffered, call.Clean(have), call.Clean(want)})
	}
	switch {
	case len(a.QOP) > 0 && len(n.QOP) == 0:
		list = append(list, Difference{QOPMissing, "", call.Clean(a.QOP)})
	case len(n.QOP) > 0 && !offersQOP(a.QOP, n.QOP):
		list = append(list, Difference{QOPNotOffered, call.Clean(n.QOP), call.Clean(a.QOP)})
	}
	return list
}

// counted says whether the nonce was sent before with a count as high.
func (g *Round) counted(c *call.Call, n *sip.Credentials, before []Round) bool {
	if len(n.QOP) == 0 || len(n.NC) == 0 {
		return false
	}
	for i := range before {
		m := c.Msg(before[i].Sent)
		if m == nil || before[i].Sent == g.Sent || before[i].Client.Addr() != g.Client.Addr() {
			continue
		}
		for o := range m.Credentials() {
			if bytes.Equal(o.Nonce, n.Nonce) && bytes.Equal(o.Realm, n.Realm) && count(o.NC) >= count(n.NC) {
				return true
			}
		}
	}
	return false
}

// downTheWay compares what the client sent with what reached the element that judged it.
func (g *Round) downTheWay(c *call.Call, r call.TxnRef, n *sip.Credentials) {
	at := maker(c, r)
	m := c.Msg(call.MsgRef{Leg: at.Leg, Msg: c.Txn(at).Request})
	if at == r || m == nil || g.Final != 401 && g.Final != 407 && g.Final != 403 {
		return
	}
	for o := range m.Credentials() {
		if bytes.Equal(o.Realm, n.Realm) && bytes.Equal(o.Nonce, n.Nonce) {
			if !bytes.Equal(o.URI, m.RequestURI()) {
				g.add(URIRewritten, call.Clean(o.URI), call.Clean(m.RequestURI()))
			}
			return
		}
	}
	g.add(Removed, call.Clean(n.Realm), "")
}

// algorithm returns the algorithm that a parameter stands for: MD5 when it is absent (RFC 7616 §3.3).
func algorithm(b []byte) []byte {
	if len(b) == 0 {
		return []byte("MD5")
	}
	return b
}

func offersQOP(list, used []byte) bool {
	for q := range bytes.SplitSeq(list, []byte(",")) {
		if bytes.EqualFold(bytes.TrimSpace(q), used) {
			return true
		}
	}
	return false
}

// count reads a nonce count: eight hexadecimal digits (RFC 7616 §3.4).
func count(b []byte) uint64 {
	n, err := strconv.ParseUint(string(b), 16, 32)
	if err != nil {
		return 0
	}
	return n
}

func credentialsHeader(proxy bool) string {
	if proxy {
		return "Proxy-Authorization"
	}
	return "Authorization"
}

func showChallenge(n *sip.Challenge) Challenge {
	header := "WWW-Authenticate"
	if n.Proxy {
		header = "Proxy-Authenticate"
	}
	return Challenge{
		Header: header, Scheme: call.Clean(n.Scheme), Realm: call.Clean(n.Realm), Algorithm: call.Clean(algorithm(n.Algorithm)),
		QOP: call.Clean(n.QOP), Nonce: Short(n.Nonce), Opaque: len(n.Opaque) > 0, Stale: n.Stale,
	}
}

func showCredentials(n *sip.Credentials) Credentials {
	return Credentials{
		Header: credentialsHeader(n.Proxy), Scheme: call.Clean(n.Scheme), Username: call.Clean(n.Username), Realm: call.Clean(n.Realm),
		URI: call.Clean(n.URI), Algorithm: call.Clean(algorithm(n.Algorithm)), QOP: call.Clean(n.QOP), Nonce: Short(n.Nonce),
		NC: call.Clean(n.NC), CNonce: len(n.CNonce) > 0,
	}
}

// nonceShown is how many bytes of a nonce are shown from either end.
const nonceShown = 6

// Short returns enough of a nonce to tell it from others, without control characters.
func Short(nonce []byte) string {
	if len(nonce) <= 2*nonceShown+1 {
		return call.Clean(nonce)
	}
	return call.Clean(nonce[:nonceShown]) + "…" + call.Clean(nonce[len(nonce)-nonceShown:])
}
