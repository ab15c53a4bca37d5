package view

import (
	"net/netip"

	"sipcause/code/playbooks"
	"sipcause/internal/call"
)

// Adviser looks up what the playbooks say of one case after another; it is for one goroutine.
type Adviser struct {
	book    func() *playbooks.Book
	matcher *playbooks.Matcher // nil until the first case that has a root cause
	facts   playbooks.Facts
	advice  []playbooks.Advice
}

// NewAdviser returns an adviser that opens the book when it is first needed.
func NewAdviser(book func() *playbooks.Book) *Adviser { return &Adviser{book: book} }

// Advise sets the playbooks of a case that has a root cause. They are valid until the next call.
func (a *Adviser) Advise(c *Case) {
	c.Playbooks = nil
	if c.Verdict == nil || c.Verdict.Root == nil {
		return
	}
	if a.matcher == nil {
		a.matcher = playbooks.NewMatcher(a.book())
	}
	cl := c.Call
	code, server := cl.Code, ""
	if o := cl.Origin; o != nil {
		server = o.Server
		if o.Code != 0 {
			code = o.Code
		}
	}
	cause := string(c.Verdict.Root.ID)
	needs := a.matcher.Needs(cause, code, server, cl.UserAgent)
	if needs == 0 {
		return
	}
	f := &a.facts
	*f = playbooks.Facts{
		Cause: cause, Code: code, Kind: cl.Kind.String(), Outcome: cl.Outcome.String(),
		Origin: playbooks.Software{Agent: server}, Caller: playbooks.Software{Agent: cl.UserAgent},
		Warnings: f.Warnings[:0], Reasons: f.Reasons[:0], Any: f.Any[:0],
	}
	if needs&(playbooks.NeedsMessage|playbooks.NeedsTag) != 0 {
		if m := cl.Msg(decidingMessage(cl)); m != nil && m.Status != 0 {
			f.SetResponse(m)
		}
	}
	if needs&(playbooks.NeedsSuspect|playbooks.NeedsAny) != 0 {
		a.software(c, needs&playbooks.NeedsSuspect != 0)
	}
	a.advice = a.matcher.Match(f, a.advice[:0])
	c.Playbooks = a.advice
}

// decidingMessage is the deciding response as it left its origin, else as the caller got it.
func decidingMessage(c *call.Call) call.MsgRef {
	if o := c.Origin; o != nil && o.Msg.Valid() && o.Msg.Leg < len(c.Legs) && len(c.Legs[o.Msg.Leg].Sightings) > 0 {
		return o.Msg
	}
	return c.Final
}

// Bounds of the search for software: so many messages of a call, and of so many flows of a leg.
const (
	maxAsked = 64
	maxFlows = 32
)

// software finds who the suspect says it is, when asked for, and all that anybody of the call says.
func (a *Adviser) software(c *Case, ofSuspect bool) {
	f := &a.facts
	var suspect netip.AddrPort
	if s := c.Verdict.Suspect; s != nil {
		suspect = s.Address
		if o := c.Call.Origin; o != nil && o.Address == suspect {
			f.Suspect = f.Origin
		}
	}
	asked := 0
	for k, l := range c.Call.Legs {
		var heard [2][maxFlows]bool // responses and requests of each flow: further ones name the same software
		for i := range l.Sightings {
			s := &l.Sightings[i]
			kind := 0
			if s.IsRequest() {
				kind = 1
			}
			if s.Raw == nil || s.Flow >= maxFlows || heard[kind][s.Flow] || asked == maxAsked {
				continue
			}
			heard[kind][s.Flow] = s.Status != 100 // a 100 is of the next hop, others of whoever decides
			asked++
			m := c.Call.Msg(call.MsgRef{Leg: k, Msg: int32(i)})
			if m == nil {
				continue
			}
			agent := m.ServerOrUserAgent()
			if len(agent) == 0 {
				continue
			}
			tag := m.ToTag()
			if kind == 1 {
				tag = m.FromTag() // the maker's own, as its name is
			}
			a.heard(agent, tag)
			if ofSuspect && kind == 1 && f.Suspect.Agent == "" && l.Flows[s.Flow].Src == suspect {
				if _, relayed := m.Via(1); !relayed { // else it names somebody else
					f.Suspect = playbooks.Software{Agent: call.Clean(agent)}
				}
			}
		}
	}
}

// heard adds to what anybody says.
func (a *Adviser) heard(agent, tag []byte) {
	f := &a.facts
	for i := range f.Any {
		if f.Any[i].Agent == string(agent) && f.Any[i].Tag == string(tag) {
			return
		}
	}
	f.Any = append(f.Any, playbooks.Software{Agent: call.Clean(agent), Tag: call.Clean(tag)})
}
