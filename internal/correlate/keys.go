package correlate

import (
	"bytes"
	"net/netip"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Opened tells the linker of a call leg when its first INVITE is seen: by what it may be joined to others.
type Opened struct {
	Leg     *call.Leg // of it only CallID, Keys and Place may be used while it is open
	CallID  string
	Time    wire.Time
	Ref     wire.PacketRef
	Client  netip.AddrPort
	Server  netip.AddrPort
	Called  uint64 // hash of the called number or user, 0 if none
	Caller  uint64 // hash of the calling number or user, 0 if none
	FromTag uint64
	Relay   bool // a proxy handed the INVITE on: of use only to find the B2BUA that it reached
	Keys    []call.Key
}

// joinHeaders name another leg's Call-ID (X-CID: Asterisk and others; X-Call-ID: many B2BUAs by configuration).
var joinHeaders = []string{"X-Call-ID", "X-CID"}

// announce tells the linker of the leg at its first initial INVITE, and gathers its keys.
func (s *Shard) announce(ol *openLeg, ti, i int32, m *sip.Message) {
	l := ol.leg
	t := &l.Txns[ti]
	if l.Kind != call.KindCall || t.Method != sip.MethodInvite || t.InDialog || !m.IsRequest() {
		return
	}
	if ol.announced {
		if t.Parent != call.None {
			s.opened(l, t, i, m, true)
		}
		return
	}
	ol.announced = true
	add := func(kind call.KeyKind, own bool, header string, v []byte) {
		if v = bytes.TrimSpace(v); len(v) > 0 {
			l.Keys = append(l.Keys, call.Key{Kind: kind, Own: own, Header: header, Value: xxhash.Sum64(v)})
		}
	}
	add(call.KeyCallID, true, "Call-ID", m.CallID())
	add(call.KeyCallID, false, joinHeaders[0], m.Header(sip.HeaderXCallID))
	add(call.KeyCallID, false, joinHeaders[1], m.Header(sip.HeaderXCID))
	for _, h := range s.opt.JoinHeaders {
		add(call.KeyCallID, false, h, m.HeaderByName(h))
	}
	if local, _, ok := m.SessionID(); ok && !allZero(local) {
		add(call.KeySessionID, true, "Session-ID", local)
	}
	if v := m.Header(sip.HeaderPChargingVector); v != nil {
		add(call.KeyICID, true, "P-Charging-Vector", param(v, "icid-value"))
	}
	add(call.KeyVia, true, "Via", t.Branch)
	for d := 1; d < maxViaDepth; d++ {
		h, ok := hashAt(m, d)
		if !ok {
			break
		}
		if ol.lastWith(h, t.Method, t.CSeq, t.Client.Addr()) == call.None {
			b, _ := m.BranchAt(d)
			add(call.KeyVia, false, "Via", b)
		}
	}
	s.opened(l, t, i, m, false)
}

// opened hands the linker the INVITE that is sighting i.
func (s *Shard) opened(l *call.Leg, t *call.Txn, i int32, m *sip.Message, relay bool) {
	sg := &l.Sightings[i]
	op := Opened{Leg: l, CallID: l.CallID, Time: sg.Time, Ref: sg.Ref, Client: t.Client, Server: t.Server, FromTag: xxhash.Sum64(m.FromTag()), Relay: relay}
	if !relay {
		op.Keys = l.Keys
	}
	if u, ok := sip.ParseURI(m.RequestURI()); ok {
		op.Called = userHash(u.User)
	}
	if f, ok := m.From(); ok {
		if u, ok := sip.ParseURI(f.URI); ok {
			op.Caller = userHash(u.User)
		}
	}
	s.out.Opened = append(s.out.Opened, op)
}

// userHash hashes a user part so that the ways of writing one number agree: of seven digits or more (with
// visual separators, '+', international, trunk or technical prefixes) the last nine count; other users count as they are.
func userHash(user []byte) uint64 {
	if i := bytes.IndexByte(user, ';'); i >= 0 {
		user = user[:i]
	}
	var digits [9]byte
	n := 0
	for i := len(user) - 1; i >= 0; i-- {
		switch c := user[i]; {
		case c >= '0' && c <= '9':
			if n < len(digits) {
				digits[n] = c
			}
			n++
		case c == '+' || c == '-' || c == '.' || c == '(' || c == ')':
		case n >= len(digits): // a number behind a technical prefix: 9912#12025550142
			return xxhash.Sum64(digits[:])
		default:
			return xxhash.Sum64(user)
		}
	}
	if len(user) == 0 {
		return 0
	}
	if n < 7 {
		return xxhash.Sum64(user)
	}
	return xxhash.Sum64(digits[:min(n, len(digits))])
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}

// param returns the value of a semicolon parameter, unquoted.
func param(v []byte, name string) []byte {
	for part := range bytes.SplitSeq(v, []byte(";")) {
		k, val, ok := bytes.Cut(part, []byte("="))
		if ok && bytes.EqualFold(bytes.TrimSpace(k), []byte(name)) {
			return bytes.Trim(bytes.TrimSpace(val), `"`)
		}
	}
	return nil
}
