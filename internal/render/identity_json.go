package render

import (
	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/passport"
	"sipcause/internal/wire"
)

// identities appends the PASSporTs of a call when it has some.
func (e *encoder) identities(c *call.Call) {
	list := anatomy.Identities(c, e.certs)
	if len(list) == 0 {
		return
	}
	each(e, "identity", list, func(p *anatomy.Identity) { e.identity(c, p) })
}

func (e *encoder) identity(c *call.Call, p *anatomy.Identity) {
	e.raw("{")
	e.packetOf(c, p.Msg)
	e.text("form", p.Form.String())
	e.textOrNull("ppt", p.Type())
	e.textOrNull("attest", p.Claims.Attest)
	e.textOrNull("orig", p.Claims.Orig.Text)
	e.texts("dest", partyTexts(p.Claims.Dest))
	e.textOrNull("div", p.Claims.Div.Text)
	e.texts("rph", p.Claims.RPH)
	if p.Claims.IAT.IsZero() {
		e.null("iat")
	} else {
		e.time("iat", wire.Time(p.Claims.IAT.UnixNano()))
	}
	if p.Aged {
		e.float("age_ms", float64(p.Age.Milliseconds()))
	} else {
		e.null("age_ms")
	}
	e.textOrNull("origid", p.Claims.OrigID)
	e.textOrNull("x5u", p.Header.X5U)
	e.textOrNull("info", p.Info)
	e.certificate(&p.Checked)
	e.text("verdict", p.Verdict.String())
	each(e, "why", p.Notes, func(n *passport.Note) {
		e.raw("{")
		e.text("kind", n.Kind.String())
		e.textOrNull("signed", n.Signed)
		e.textOrNull("found", n.Found)
		e.text("text", n.String())
		e.raw("}")
	})
	e.raw("}")
}

// certificate writes the certificate whose key signed; null when none is known to have.
func (e *encoder) certificate(p *passport.Checked) {
	k := p.Key
	if k == nil {
		e.null("certificate")
		return
	}
	e.key("certificate")
	e.raw("{")
	e.text("file", k.File)
	e.textOrNull("subject", k.Subject)
	e.time("not_before", wire.Time(k.NotBefore.UnixNano()))
	e.time("not_after", wire.Time(k.NotAfter.UnixNano()))
	var authority passport.Authority
	if k.Authority != nil {
		authority = *k.Authority
	}
	e.texts("spc", authority.SPC)
	each(e, "numbers", authority.Ranges, func(r *passport.Range) {
		e.raw("{")
		e.text("start", r.Start)
		e.uint("count", uint64(r.Count))
		e.raw("}")
	})
	e.bool("trusted", p.Trusted)
	e.raw("}")
}

func partyTexts(list []passport.Party) (texts []string) {
	for _, p := range list {
		texts = append(texts, p.Text)
	}
	return texts
}
