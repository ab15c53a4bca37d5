package render

import (
	"fmt"
	"strconv"
	"strings"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	checks "sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/view"
)

const maxRoundsShown = 6

// roundExhibits say who asked whom for credentials and what came: a table per round.
func roundExhibits(c *call.Call, rounds []anatomy.Round, digests []finding.Digest, opt Options) (list []exhibit) {
	for i := range rounds {
		if i == maxRoundsShown {
			list[len(list)-1].Notes = append(list[len(list)-1].Notes, count(uint64(len(rounds)-i), "more round"))
			break
		}
		x := roundExhibit(c, &rounds[i], opt)
		for k := range digests {
			if digests[k].Sent == rounds[i].Sent {
				x.Notes = append(x.Notes, digestText(&digests[k]))
			}
		}
		list = append(list, x)
	}
	return list
}

// digestsOf returns what computing responses anew showed.
func digestsOf(c *view.Case) []finding.Digest {
	if c.Verdict == nil {
		return nil
	}
	return c.Verdict.Digests
}

// digestText says what computing a response anew with the given password showed.
func digestText(d *finding.Digest) string {
	s := fmt.Sprintf("Computed anew for realm %q: ", d.Realm)
	switch {
	case d.Result == checks.Matches:
		return s + "it is the response to the given password."
	case d.Result == checks.NoMatch:
		return s + "it is no response to the given password, whichever field is changed."
	case d.Result == checks.FieldDiffers && d.Field == checks.FieldPassword:
		return s + "the password is not the given one, but " + d.Used + "."
	case d.Result == checks.FieldDiffers:
		return s + fmt.Sprintf("it is the response to the given password with %s %q instead of %q.", d.Field, d.Used, d.Check.Sent)
	}
	return s + "not possible; the algorithm is not known, or the body is not captured."
}

func roundExhibit(c *call.Call, g *anatomy.Round, opt Options) exhibit {
	x := exhibit{Label: "Login", Title: roundTitle(c, g, opt), Heads: []string{"", "asked", "sent"}}
	if !g.Sent.Valid() {
		return x // the title says what was asked for
	}
	used := make([]bool, len(g.Credentials))
	for i := range g.Challenges {
		asked := &g.Challenges[i]
		sent := (*anatomy.Credentials)(nil)
		for k := range g.Credentials {
			if !used[k] && (g.Credentials[k].Realm == asked.Realm || len(g.Challenges) == 1 && len(g.Credentials) == 1) {
				sent, used[k] = &g.Credentials[k], true
				break
			}
		}
		x.Rows = append(x.Rows, roundRows(asked, sent)...)
	}
	for k := range g.Credentials {
		if !used[k] {
			x.Rows = append(x.Rows, roundRows(nil, &g.Credentials[k])...)
		}
	}
	for _, d := range g.Differences {
		x.Notes = append(x.Notes, differenceText(d))
	}
	return x
}

var roundWords = map[anatomy.RoundResult]string{
	anatomy.NeverSent: "credentials never came", anatomy.NoFinal: "no final response followed", anatomy.Accepted: "let pass",
	anatomy.ChallengedAgain: "challenged again", anatomy.RefusedWith403: "refused",
}

func roundTitle(c *call.Call, g *anatomy.Round, opt Options) string {
	t := fmt.Sprintf("%s sent credentials that no challenge of this call had asked for", g.Client)
	if g.Asked.Valid() {
		t = fmt.Sprintf("%s asked %s with %d (frame %s)", g.Challenger, g.Client, g.Code, frameText(c.Sighting(g.Asked).Ref, opt.Files))
	}
	if g.Sent.Valid() {
		t += fmt.Sprintf("; %s with credentials (frame %s)", g.Method, frameText(c.Sighting(g.Sent).Ref, opt.Files))
	} else {
		for i := range g.Challenges {
			t += askedText(&g.Challenges[i])
		}
	}
	t += ": " + roundWords[g.Result]
	if g.FinalAt.Valid() {
		t += fmt.Sprintf(", %d (frame %s)", g.Final, frameText(c.Sighting(g.FinalAt).Ref, opt.Files))
	}
	return t
}

// askedText says what a challenge asks for: ` for realm "example.com" (MD5, qop auth)`.
func askedText(n *anatomy.Challenge) string {
	how := n.Algorithm
	if n.Scheme != "Digest" {
		how = n.Scheme
	}
	if n.QOP != "" {
		how += ", qop " + n.QOP
	}
	if n.Stale {
		how += ", stale"
	}
	return fmt.Sprintf(" for realm %q (%s)", n.Realm, how)
}

// roundRows puts credentials beside the challenge of their realm; one of them may be nil.
func roundRows(asked *anatomy.Challenge, sent *anatomy.Credentials) (rows [][]string) {
	a, s := anatomy.Challenge{}, anatomy.Credentials{}
	if asked != nil {
		a = *asked
	}
	if sent != nil {
		s = *sent
	}
	add := func(name, asked, sent string) {
		if asked != "" || sent != "" {
			rows = append(rows, []string{name, asked, sent})
		}
	}
	add("header", a.Header, s.Header)
	if a.Scheme != "Digest" && a.Scheme != "" || s.Scheme != "Digest" && s.Scheme != "" {
		add("scheme", a.Scheme, s.Scheme)
	}
	add("realm", a.Realm, s.Realm)
	add("user", "", s.Username)
	add("nonce", a.Nonce, s.Nonce)
	add("algorithm", a.Algorithm, s.Algorithm)
	used := s.QOP
	if s.NC != "" {
		used += ", nc " + s.NC
	}
	if s.CNonce {
		used += ", with cnonce"
	}
	add("qop", a.QOP, strings.TrimPrefix(used, ", "))
	if a.Stale {
		add("stale", "true", "")
	}
	add("uri", "", s.URI)
	return rows
}

// differenceText says what of credentials does not fit.
func differenceText(d anatomy.Difference) string {
	sent, want := strconv.Quote(d.Sent), strconv.Quote(d.Want)
	switch d.Kind {
	case anatomy.RealmNotChallenged:
		return fmt.Sprintf("The credentials are for realm %s; asked for was %s.", sent, want)
	case anatomy.RealmUnanswered:
		return fmt.Sprintf("Realm %s got no credentials.", want)
	case anatomy.OtherNonce:
		return fmt.Sprintf("The nonce %s is not the challenge's, %s.", sent, want)
	case anatomy.NonceCountReused:
		return fmt.Sprintf("The nonce count %s was used before with this nonce (RFC 7616 §3.4).", sent)
	case anatomy.URIDiffers:
		return fmt.Sprintf("The digest is for %s; the Request-URI is %s (RFC 3261 §22.4).", sent, want)
	case anatomy.URIRewritten:
		return fmt.Sprintf("The digest is for %s; a hop changed the Request-URI to %s.", sent, want)
	case anatomy.AlgorithmNotOffered:
		return fmt.Sprintf("The algorithm %s was not offered: %s was.", sent, want)
	case anatomy.QOPMissing:
		return fmt.Sprintf("There is no qop, though the challenge offers %s.", want)
	case anatomy.QOPNotOffered:
		return fmt.Sprintf("qop %s was not offered.", sent)
	case anatomy.WrongHeader:
		return fmt.Sprintf("The credentials stand in %s; they belong in %s.", d.Sent, d.Want)
	case anatomy.Removed:
		return fmt.Sprintf("The credentials for realm %s were removed on the way.", sent)
	}
	return d.Kind.String()
}
