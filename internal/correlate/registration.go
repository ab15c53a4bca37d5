package correlate

import (
	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

const maxContacts = 16

// registration reads what the REGISTERs asked for and what the registrar granted (RFC 3261 §10.2, §10.3).
func (b *builder) registration(c *call.Call, tries []int32) {
	l := c.Legs[0]
	reg := &b.reg
	*reg = call.Registration{Requested: -1, Expires: -1, Contacts: reg.Contacts[:0]}
	c.Reg = reg
	for _, ti := range tries {
		t := &l.Txns[ti]
		if m := c.Msg(call.MsgRef{Msg: t.Request}); m != nil {
			requested(reg, m)
		}
		st := l.FinalStatus(t)
		if st < 200 || st >= 300 {
			continue
		}
		if m := c.Msg(call.MsgRef{Msg: t.Final}); m != nil {
			if reg.Expires >= 0 {
				reg.Refreshes++
			}
			at := l.Sightings[t.Final].Time
			reg.Expires = granted(m, reg)
			reg.Until = 0
			if reg.Expires > 0 {
				reg.Until = at + wire.Time(int64(reg.Expires)*second)
			}
		}
	}
}

// requested reads what one REGISTER asks for.
func requested(reg *call.Registration, m *sip.Message) {
	if to, ok := m.To(); ok {
		if u, ok := sip.ParseURI(to.URI); ok {
			reg.AOR = call.CleanString(u.AOR())
		}
	}
	before := reg.Contacts
	reg.Contacts = reg.Contacts[:0]
	reg.Removed = false
	if e, ok := m.Expires(); ok {
		reg.Requested = e
	}
	for ct := range m.Contacts() {
		if ct.Star {
			reg.Removed = reg.Requested == 0
			continue
		}
		if len(reg.Contacts) < maxContacts {
			n := len(reg.Contacts)
			if n < len(before) && before[n] == string(ct.URI) { // the same as in the REGISTER before
				reg.Contacts = before[:n+1]
			} else {
				reg.Contacts = append(reg.Contacts, call.Clean(ct.URI))
			}
		}
		if n, ok := contactExpires(ct); ok {
			reg.Requested = n
		}
	}
	reg.Removed = reg.Removed || reg.Requested == 0
}

// granted returns the seconds that a 2xx grants to the contacts asked for, -1 if it does not say.
func granted(m *sip.Message, reg *call.Registration) int {
	if reg.Removed {
		return 0
	}
	best := -1
	for ct := range m.Contacts() {
		n, ok := contactExpires(ct)
		if !ok {
			continue
		}
		if len(reg.Contacts) > 0 && (string(ct.URI) == reg.Contacts[0] || call.Clean(ct.URI) == reg.Contacts[0]) {
			return n
		}
		best = max(best, n)
	}
	if best < 0 {
		if n, ok := m.Expires(); ok {
			return n
		}
	}
	return best
}
