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
			s.fact(peer.Fact{Kind: peer.FactNonce, Key: peer.KeyOf(c.Nonce), Detail: s.names.of(c.Realm)}, l, t, sg)
		}
	}
	if t.HasAuth && t.Parent == call.None {
		s.logins(l, t, sg)
	}
	switch {
	case sg.Status == 481 && t.InDialog && t.Dialog != call.None:
		s.lost(l, t, sg)
	case t.Method == sip.MethodRegister && t.Parent == call.None && sg.Status != 401 && sg.Status != 407:
		s.binding(l, t, sg, m)
	case t.Method == sip.MethodInvite && !t.InDialog && t.Request != call.None:
		f := peer.Fact{Kind: peer.FactInvite, First: t.Parent == call.None, Began: l.Start(t), FinalMS: float64(sg.Time-l.Start(t)) / 1e6}
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
		s.fact(f, l, t, sg)
	case !t.InDialog && l.Kind == call.KindTransaction:
		s.fact(peer.Fact{Kind: peer.FactAnswered}, l, t, sg)
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

// fact completes a fact about a transaction and hands it out.
func (s *Shard) fact(f peer.Fact, l *call.Leg, t *call.Txn, sg *call.Sighting) {
	f.Time, f.Ref, f.CallID = sg.Time, sg.Ref, l.CallID
	f.From, f.Server, f.Code = t.Client, t.Server, int(sg.Status)
	s.out.Facts = append(s.out.Facts, f)
}

// logins notes whether the credentials of t's request were accepted.
func (s *Shard) logins(l *call.Leg, t *call.Txn, sg *call.Sighting) {
	if t.Request == call.None || s.aux.Parse(l.Raw(t.Request)) != nil {
		return
	}
	for c := range s.aux.Credentials() {
		s.fact(peer.Fact{Kind: peer.FactLogin, Key: peer.Pair(peer.KeyOf(c.Username), peer.KeyOf(c.Realm))}, l, t, sg)
	}
}

// binding notes a registrar's answer; the contact is the one asked for.
func (s *Shard) binding(l *call.Leg, t *call.Txn, sg *call.Sighting, m *sip.Message) {
	if t.Request == call.None || s.aux.Parse(l.Raw(t.Request)) != nil {
		return
	}
	reg := call.Registration{Requested: -1, Expires: -1}
	requested(&reg, &s.aux)
	f := peer.Fact{Kind: peer.FactBinding, Account: reg.AOR, Removed: reg.Removed, Seconds: -1}
	if len(reg.Contacts) > 0 {
		f.Detail = reg.Contacts[0]
	}
	if sg.Status < 300 {
		f.Seconds = granted(m, &reg)
	}
	s.fact(f, l, t, sg)
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
	s.fact(peer.Fact{Kind: peer.FactLost, Began: d.Confirmed}, l, t, sg)
}
