package render

import (
	"fmt"
	"strings"
	"time"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/passport"
)

// maxIdentitiesShown bounds the PASSporTs shown of one call.
const maxIdentitiesShown = 6

// identityExhibits put what a call is signed for beside what its requests say: a table per PASSporT.
func identityExhibits(c *call.Call, ids []anatomy.Identity, opt Options) (list []exhibit) {
	for i := range ids {
		if i == maxIdentitiesShown {
			list[len(list)-1].Notes = append(list[len(list)-1].Notes, count(uint64(len(ids)-i), "more signature"))
			break
		}
		list = append(list, identityExhibit(c, &ids[i], opt))
	}
	return list
}

var identityWords = map[passport.Verdict]string{
	passport.Unverified: "nothing disagrees with it; the signature is not checked", passport.Verified: "the signature verifies", passport.Faulty: "it does not fit",
	passport.BadSignature: "the signature is wrong", passport.Illegible: "it cannot be read",
}

func identityExhibit(c *call.Call, p *anatomy.Identity, opt Options) exhibit {
	s := c.Sighting(p.Msg)
	title := "PASSporT"
	if p.Type() != "" {
		title += " " + p.Type()
	}
	if p.Claims.Attest != "" {
		title += ", attestation " + p.Claims.Attest
	}
	title += fmt.Sprintf(" (frame %s): %s", frameText(s.Ref, opt.Files), identityWords[p.Verdict])
	if p.Key != nil {
		title += ", with the key of " + p.Key.File
	}
	x := exhibit{Label: "Signed", Title: title, Heads: []string{"", "signed", "request"}}
	if p.Form != passport.Unreadable {
		x.Rows = identityRows(c, p, opt)
	}
	for _, n := range p.Notes {
		x.Notes = append(x.Notes, upperFirst(n.String())+".")
	}
	return x
}

func identityRows(c *call.Call, p *anatomy.Identity, opt Options) (rows [][]string) {
	add := func(name, signed, request string) {
		if signed != "" {
			rows = append(rows, []string{name, signed, request})
		}
	}
	from, to := "", ""
	if m := c.Msg(p.Msg); m != nil {
		if a, ok := m.From(); ok {
			from = passport.Written(a.URI)
		}
		if a, ok := m.To(); ok {
			to = passport.Written(a.URI)
		}
	}
	add("caller", p.Claims.Orig.Text, from)
	add("callee", strings.Join(partyTexts(p.Claims.Dest), ", "), to)
	add("diverted", p.Claims.Div.Text, "")
	add("priority", strings.Join(p.Claims.RPH, ", "), "")
	if !p.At.IsZero() {
		seen := ""
		if t := c.Sighting(p.Msg).Time; t.Absolute() {
			seen = t.Std().In(opt.zone()).Format(time.DateTime)
		}
		add("time", p.At.In(opt.zone()).Format(time.DateTime), seen)
	}
	if info := p.Info; info == p.Header.X5U {
		add("certificate", p.Header.X5U, "")
	} else {
		rows = append(rows, []string{"certificate", p.Header.X5U, info})
	}
	if p.Key != nil && p.Key.Authority != nil {
		add("good for", p.Key.Authority.String(), "")
	}
	return rows
}

// zone is that of times, UTC when none is set.
func (o *Options) zone() *time.Location {
	if o.Zone == nil {
		return time.UTC
	}
	return o.Zone
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
