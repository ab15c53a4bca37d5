package render

import (
	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/sdp"
)

// deep says whether a case has a root cause or a finding above info: then machines are told what it was made of.
// Healthy calls, which are most, are not read for it.
func deep(c *view.Case) bool {
	v := c.Verdict
	if v == nil {
		return false
	}
	for i := range v.Findings {
		if v.Findings[i].Severity > finding.Info {
			return true
		}
	}
	return v.Root != nil
}

// anatomy appends what exhibits shows: the forks of a call, and where it is about them or all is asked for the offers,
// rounds of authentication and signatures, each only when there are some.
func (e *encoder) anatomy(k *view.Case) {
	c := k.Call
	if forks := anatomy.Forks(c); len(forks) > 0 {
		each(e, "forks", forks, func(f *anatomy.Fork) { e.fork(c, f) })
	}
	if e.all || about(k.Verdict, offerTopics...) {
		if dialogs := e.offers.Of(c); len(dialogs) > 0 {
			each(e, "offers", dialogs, func(d *anatomy.Dialog) { e.dialog(c, d) })
		}
	}
	if e.all || about(k.Verdict, authTopics...) {
		if rounds := anatomy.Rounds(c); len(rounds) > 0 {
			each(e, "auth", rounds, func(g *anatomy.Round) { e.round(c, g) })
		}
	}
	if e.all || about(k.Verdict, identityTopics...) {
		e.identities(c)
	}
	e.passages(c)
}

// passages appends what became of a call's messages between capture points.
func (e *encoder) passages(c *call.Call) {
	ways := anatomy.Passages(c)
	if len(ways) == 0 {
		return
	}
	each(e, "points", ways, func(p *anatomy.Passage) { e.passage(c, p) })
}

// packetOf appends the packet of a message as members.
func (e *encoder) packetOf(c *call.Call, r call.MsgRef) {
	if !r.Valid() {
		e.null("file")
		e.null("frame")
		return
	}
	e.frame(c.Sighting(r).Ref)
}

// index writes an index into an array, null when it is negative.
func (e *encoder) index(name string, i int) {
	if i < 0 {
		e.null(name)
		return
	}
	e.uint(name, uint64(i))
}

func (e *encoder) fork(c *call.Call, f *anatomy.Fork) {
	e.raw("{")
	e.addr("by", f.By)
	e.text("role", string(f.Role))
	e.packetOf(c, call.MsgRef{Leg: f.Invite.Leg, Msg: c.Txn(f.Invite).First})
	e.bool("serial", f.Serial)
	each(e, "branches", f.Branches, func(b *anatomy.Branch) { e.branch(c, b) })
	e.code("sent_code", f.Code)
	e.index("sent_branch", f.From)
	e.code("preferred_code", f.Preferred)
	e.index("preferred_branch", f.PreferredBranch)
	e.uint("early_dialogs_gone", uint64(len(f.Gone)))
	each(e, "notes", f.Notes, func(n *anatomy.Note) {
		e.raw("{")
		e.text("kind", n.Kind.String())
		e.index("branch", n.Branch)
		e.code("code", n.Code)
		e.raw("}")
	})
	if f.Cut > 0 {
		e.uint("left_out", uint64(f.Cut))
	}
	e.raw("}")
}

func (e *encoder) branch(c *call.Call, b *anatomy.Branch) {
	e.raw("{")
	e.addr("target", b.Target)
	e.bytesOrNull("uri", b.URI)
	e.bytesOrNull("branch", b.ID)
	e.time("started", b.Began)
	e.code("provisional", b.Provisional)
	e.code("code", b.Code)
	e.packetOf(c, b.Final)
	if b.Code == 0 {
		e.null("final_ms")
	} else {
		e.float("final_ms", float64(b.FinalAt-b.Began)/1e6)
	}
	e.bool("unreachable", b.Unreachable != 0)
	e.textOrNull("cancelled_by", b.Why.String())
	e.textOrNull("answer", b.Answer.String())
	e.raw("}")
}

// bytesOrNull writes a text of traffic, null when it is empty.
func (e *encoder) bytesOrNull(name string, b []byte) {
	if len(b) == 0 {
		e.null(name)
		return
	}
	e.key(name)
	e.buf = appendString(e.buf, b)
}

func (e *encoder) dialog(c *call.Call, d *anatomy.Dialog) {
	l := c.Legs[d.Leg]
	e.raw("{")
	e.text("call_id", l.CallID)
	if d.Dialog == call.None {
		e.null("to_tag")
	} else {
		e.bytesOrNull("to_tag", l.Dialogs[d.Dialog].CalleeTag)
	}
	each(e, "exchanges", d.Exchanges, func(x *anatomy.Exchange) { e.exchange(c, x) })
	each(e, "early_media", d.Early, func(v *anatomy.Early) {
		e.raw("{")
		e.packetOf(c, v.Msg)
		e.code("code", v.Status)
		e.bool("sdp", v.SDP)
		e.bool("reliable", v.Reliable)
		e.bytesOrNull("p_early_media", v.EarlyMedia)
		e.raw("}")
	})
	e.uint("info_digits", uint64(d.Digits))
	e.uint("event_packets", d.Events)
	if d.Cut > 0 {
		e.uint("left_out", uint64(d.Cut))
	}
	e.raw("}")
}

func (e *encoder) exchange(c *call.Call, x *anatomy.Exchange) {
	e.raw("{")
	e.text("change", x.Change.String())
	e.text("result", x.Result.String())
	e.code("code", x.Code)
	e.bool("delayed", x.Delayed)
	e.key("held_by")
	e.raw("[")
	for side, held := range x.Held {
		if held {
			e.next()
			e.buf = appendString(e.buf, anatomy.SideName(side))
		}
	}
	e.raw("]")
	e.description(c, "offer", &x.Offer, false)
	answer, preview := &x.Answer, false
	if answer.Session == nil && x.Preview.Session != nil {
		answer, preview = &x.Preview, true
	}
	e.description(c, "answer", answer, preview)
	each(e, "streams", x.Streams, e.stream)
	e.raw("}")
}

func (e *encoder) description(c *call.Call, name string, d *anatomy.Description, preview bool) {
	if d.Session == nil {
		e.null(name)
		return
	}
	e.key(name)
	e.raw("{")
	e.packetOf(c, d.Msg)
	e.text("by", anatomy.SideName(d.By))
	e.addr("from", d.From)
	e.text("method", d.Method.String())
	e.code("code", d.Status)
	e.bool("preview", preview)
	e.raw("}")
}

func (e *encoder) stream(s *anatomy.Stream) {
	e.raw("{")
	e.bytesOrNull("type", s.Offer.Type)
	e.text("result", s.Result.String())
	e.formats("agreed", s.Common, true)
	e.text("events", s.Events.String())
	e.side("offer", s.Offer)
	if s.Answer == nil {
		e.null("answer")
	} else {
		e.side("answer", s.Answer)
	}
	e.raw("}")
}

// formats writes a list of formats, with media those alone that carry one.
func (e *encoder) formats(name string, list []sdp.Format, media bool) {
	e.key(name)
	e.raw("[")
	for i := range list {
		if f := &list[i]; !media || !f.Auxiliary() {
			e.next()
			e.codec = f.Append(e.codec[:0])
			e.buf = appendString(e.buf, e.codec)
		}
	}
	e.raw("]")
}

// side writes what one side says of a stream.
func (e *encoder) side(name string, m *sdp.Media) {
	e.key(name)
	e.raw("{")
	e.bytesOrNull("host", m.Connection.Host)
	e.index("port", m.Port)
	e.uintOrNull("ip_version", uint64(m.Connection.Family()))
	e.bytesOrNull("protocol", m.Proto)
	e.formats("formats", m.Formats, false)
	e.text("direction", m.Direction.String())
	e.uintOrNull("ptime_ms", uint64(m.PTime))
	e.uintOrNull("maxptime_ms", uint64(m.MaxPTime))
	e.index("events_payload_type", m.DTMF)
	if k := m.Keying(); k == sdp.KeyingNone {
		e.null("keying")
	} else {
		e.text("keying", k.String())
	}
	each(e, "suites", m.Crypto, func(k *sdp.Crypto) { e.buf = appendString(e.buf, []byte(k.Suite)) })
	e.textOrNull("setup", m.Setup.String())
	e.bytesOrNull("fingerprint", m.Fingerprint.Hash)
	e.bool("ice", len(m.ICE.Ufrag) > 0)
	e.raw("}")
}

func (e *encoder) round(c *call.Call, g *anatomy.Round) {
	e.raw("{")
	e.text("call_id", c.Legs[g.Leg].CallID)
	e.addr("client", g.Client)
	e.textOrNull("method", g.Method.String())
	e.text("result", g.Result.String())
	e.code("code", g.Final)
	e.key("asked")
	e.raw("{")
	e.packetOf(c, g.Asked)
	e.code("code", g.Code)
	e.addr("by", g.Challenger)
	each(e, "challenges", g.Challenges, func(n *anatomy.Challenge) {
		e.raw("{")
		e.text("header", n.Header)
		e.textOrNull("scheme", n.Scheme)
		e.textOrNull("realm", n.Realm)
		e.textOrNull("algorithm", n.Algorithm)
		e.textOrNull("qop", n.QOP)
		e.textOrNull("nonce", n.Nonce)
		e.bool("opaque", n.Opaque)
		e.bool("stale", n.Stale)
		e.raw("}")
	})
	e.raw("}")
	e.sent(c, g)
	each(e, "differences", g.Differences, func(d *anatomy.Difference) {
		e.raw("{")
		e.text("kind", d.Kind.String())
		e.textOrNull("sent", d.Sent)
		e.textOrNull("want", d.Want)
		e.raw("}")
	})
	e.raw("}")
}

// check appends what computing a response anew showed, when that was done.
func (e *encoder) check(g *anatomy.Round, n *anatomy.Credentials) {
	for i := range e.digests {
		d := &e.digests[i]
		if d.Sent != g.Sent || d.Realm != n.Realm || d.Proxy != (n.Header == "Proxy-Authorization") {
			continue
		}
		e.key("check")
		e.raw("{")
		e.text("result", d.Result.String())
		e.textOrNull("field", d.Field.String())
		e.textOrNull("sent", d.Check.Sent)
		e.textOrNull("computed_with", d.Used)
		e.raw("}")
		return
	}
}

// sent writes the credentials of a round; the response digest is not among them.
func (e *encoder) sent(c *call.Call, g *anatomy.Round) {
	if !g.Sent.Valid() {
		e.null("sent")
		return
	}
	e.key("sent")
	e.raw("{")
	e.packetOf(c, g.Sent)
	each(e, "credentials", g.Credentials, func(n *anatomy.Credentials) {
		e.raw("{")
		e.text("header", n.Header)
		e.textOrNull("scheme", n.Scheme)
		e.textOrNull("username", n.Username)
		e.textOrNull("realm", n.Realm)
		e.textOrNull("uri", n.URI)
		e.textOrNull("algorithm", n.Algorithm)
		e.textOrNull("qop", n.QOP)
		e.textOrNull("nonce", n.Nonce)
		e.textOrNull("nc", n.NC)
		e.bool("cnonce", n.CNonce)
		e.check(g, n)
		e.raw("}")
	})
	e.raw("}")
}
