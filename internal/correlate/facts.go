package correlate

import (
	"bytes"
	"strconv"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/sip"
)

// facts notes what the ledger wants to know of sighting i, the first sighting of its message.
func (s *Shard) facts(ol *openLeg, ti, i int32, m *sip.Message) {
	l := ol.leg
	t, sg := &l.Txns[ti], &l.Sightings[i]
	if sg.IsRequest() || t.Final != i {
		return
	}
	if sg.Status == 401 || sg.Status == 407 {
		for c := range m.Challenges() {
			f := s.fact(peer.FactNonce, l, t, sg)
			f.Key, f.Detail = peer.KeyOf(c.Nonce), s.names.of(c.Realm)
		}
	}
	if t.HasAuth && t.Parent == call.None {
		s.logins(ol, ti, sg)
	}
	switch {
	case sg.Status == 481 && t.InDialog && t.Dialog != call.None:
		s.lost(l, t, sg)
	case t.Method == sip.MethodRegister && t.Parent == call.None && sg.Status != 401 && sg.Status != 407:
		s.binding(l, t, sg, m)
	case t.Method == sip.MethodInvite && !t.InDialog && t.Request != call.None:
		f := s.fact(peer.FactInvite, l, t, sg)
		f.First, f.Began = t.Parent == call.None, l.Start(t)
		f.FinalMS = float64(sg.Time-f.Began) / 1e6
		from, _ := m.From()
		to, _ := m.To()
		f.Callee = peer.KeyOf(to.URI)
		f.Key = peer.Pair(peer.KeyOf(from.URI), f.Callee)
		f.Detail = s.names.of(peer.Prefix(to.URI))
		if n, ok := m.RetryAfter(); ok {
			f.Seconds = n
		}
		if sg.Status >= 200 && sg.Status < 300 {
			f.Lead, f.Account = s.form(l.Raw(t.Request))
		}
	case !t.InDialog && l.Kind == call.KindTransaction:
		f := s.fact(peer.FactAnswered, l, t, sg)
		if n, ok := m.RetryAfter(); ok && sg.Status >= 300 {
			f.Seconds = n
		}
	}
}

// form reads from a raw request how its Request-URI is written: how the number begins, and the host.
func (s *Shard) form(raw []byte) (peer.Lead, string) {
	_, rest, _ := bytes.Cut(raw, []byte(" "))
	uri, _, _ := bytes.Cut(rest, []byte(" "))
	u, ok := sip.ParseURI(uri)
	if !ok {
		return peer.LeadNone, ""
	}
	return peer.LeadOf(u.User), s.names.of(u.Host)
}

// maxNames bounds how many strings are kept to be used again; then they are forgotten.
const maxNames = 4096

// names makes call.Clean's strings, the same one for the same bytes met again soon. The zero value is ready.
type names map[string]string

func (n *names) of(b []byte) string {
	if name, ok := (*n)[string(b)]; ok {
		return name
	}
	if *n == nil {
		*n = names{}
	}
	if len(*n) >= maxNames {
		clear(*n)
	}
	name := call.Clean(b)
	if len(b) == len(name) {
		(*n)[name] = name
	}
	return name
}

// fact hands out a fact about a transaction. What is special to its kind is set in what it returns, before the next.
func (s *Shard) fact(kind peer.FactKind, l *call.Leg, t *call.Txn, sg *call.Sighting) *peer.Fact {
	s.out.Facts = append(s.out.Facts, peer.Fact{})
	f := &s.out.Facts[len(s.out.Facts)-1]
	f.Kind, f.Message = kind, s.at
	f.Time, f.Ref, f.CallID = sg.Time, sg.Ref, l.CallID
	f.From, f.Server, f.Code = t.Client, t.Server, int(sg.Status)
	return f
}

// login is what a request without a final response asks to be let in as.
type login struct {
	txn int32
	key uint64 // of the account: see peer.FactLogin
}

// maxLogins bounds what is remembered of one leg's credentials until their request is answered.
const maxLogins = 64

// asks notes the credentials of a request.
func (ol *openLeg) asks(ti int32, m *sip.Message) {
	for c := range m.Credentials() {
		if len(ol.logins) < maxLogins {
			ol.logins = append(ol.logins, login{ti, peer.Pair(peer.KeyOf(c.Username), peer.KeyOf(c.Realm))})
		}
	}
}

// logins tells whether the credentials of a request were accepted.
func (s *Shard) logins(ol *openLeg, ti int32, sg *call.Sighting) {
	left := ol.logins[:0]
	for _, one := range ol.logins {
		if one.txn != ti {
			left = append(left, one)
			continue
		}
		s.fact(peer.FactLogin, ol.leg, &ol.leg.Txns[ti], sg).Key = one.key
	}
	ol.logins = left
}

// binding notes a registrar's answer; the contact is the one asked for.
func (s *Shard) binding(l *call.Leg, t *call.Txn, sg *call.Sighting, m *sip.Message) {
	if t.Request == call.None || s.aux.Parse(l.Raw(t.Request)) != nil {
		return
	}
	reg := call.Registration{Requested: -1, Expires: -1}
	requested(&reg, &s.aux)
	f := s.fact(peer.FactBinding, l, t, sg)
	f.Account, f.Removed, f.Seconds = reg.AOR, reg.Removed, -1
	if len(reg.Contacts) > 0 {
		f.Detail = reg.Contacts[0]
	}
	if sg.Status < 300 {
		f.Seconds = granted(m, &reg)
	} else if n, ok := m.RetryAfter(); ok {
		f.Seconds = n
	}
}

func contactExpires(ct sip.NameAddr) (int, bool) {
	v, ok := ct.Param("expires")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(v))
	return n, err == nil && n >= 0
}

// lost notes that the server of t denied a dialog that it had confirmed itself and that nobody had ended.
func (s *Shard) lost(l *call.Leg, t *call.Txn, sg *call.Sighting) {
	d := &l.Dialogs[t.Dialog]
	if d.Confirmed == 0 || d.Bye != call.None && l.Start(&l.Txns[d.Bye]) < l.Start(t) || l.Txns[d.Invite].Server != t.Server {
		return
	}
	s.fact(peer.FactLost, l, t, sg).Began = d.Confirmed
}
