package call

import "sipcause/sip"

// pool keeps the parsed messages of the call at hand, so that whoever asks for one again does not parse it again.
// A message that does not parse is kept, too.
type pool struct {
	refs []MsgRef
	msgs []*sip.Message
	bad  []bool
}

func (p *pool) reset() { p.refs, p.bad = p.refs[:0], p.bad[:0] }

// Msg returns the parsed message that r names, nil when r names none or it does not parse. It is valid until the
// call is Reset.
func (c *Call) Msg(r MsgRef) *sip.Message {
	if !r.Valid() {
		return nil
	}
	p := &c.pool
	for i, have := range p.refs {
		if have == r {
			if p.bad[i] {
				return nil
			}
			return p.msgs[i]
		}
	}
	n := len(p.refs)
	if n == len(p.msgs) {
		p.msgs = append(p.msgs, new(sip.Message))
	}
	m := p.msgs[n]
	bad := m.Parse(c.Raw(r)) != nil
	p.refs, p.bad = append(p.refs, r), append(p.bad, bad)
	if bad {
		return nil
	}
	return m
}
