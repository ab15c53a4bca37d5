package anatomy

import (
	"bytes"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/passport"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Identity is one PASSporT of a call, as one request carried it.
type Identity struct {
	passport.Checked
	Msg call.MsgRef // that request as first seen
}

// maxIdentities bounds the PASSporTs of one call that are listed.
const maxIdentities = 32

// Identities returns the PASSporTs of a call: those of the first request that carries them, and again those of each
// request in which a hop had changed them or what they sign. What is returned aliases nothing.
func Identities(c *call.Call, certs *passport.Store) (list []Identity) {
	var seen [][]byte
	for k, l := range c.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if t.Request == call.None || t.InDialog || t.Method == sip.MethodAck || t.Method == sip.MethodCancel {
				continue
			}
			r := call.MsgRef{Leg: k, Msg: t.Request}
			m := c.Msg(r)
			if m == nil || m.Count(sip.HeaderIdentity) == 0 {
				continue
			}
			what := signedParts(m)
			if known(seen, what) {
				continue
			}
			seen = append(seen, what)
			for _, p := range passport.Check(m, Date(c.Sighting(r).Time), certs) {
				if len(list) == maxIdentities {
					return list
				}
				list = append(list, Identity{p, r})
			}
		}
	}
	return list
}

// Date returns the time of day of an event, zero when the capture does not tell.
func Date(t wire.Time) time.Time {
	if !t.Absolute() {
		return time.Time{}
	}
	return t.Std()
}

// signedParts gathers the PASSporTs of a request and what they are compared with.
func signedParts(m *sip.Message) (b []byte) {
	if from, ok := m.From(); ok {
		b = append(b, from.URI...)
	}
	if to, ok := m.To(); ok {
		b = append(append(b, '\n'), to.URI...)
	}
	for _, h := range [...]sip.HeaderID{sip.HeaderIdentity, sip.HeaderPAssertedIdentity, sip.HeaderDate} {
		for v := range m.Values(h) {
			b = append(append(b, '\n'), v...)
		}
	}
	return b
}

func known(seen [][]byte, what []byte) bool {
	for _, s := range seen {
		if bytes.Equal(s, what) {
			return true
		}
	}
	return false
}
