package diagnose

import (
	"bytes"
	"strings"

	"sipcause/internal/call"
)

// routingAlternativeService: 380, another service is to be used; in IMS mostly the emergency one, named in the
// body (RFC 3261 §21.3.5, 3GPP TS 24.229 §5.2.10).
func routingAlternativeService(x *Case) *report {
	m, ok := x.redirect()
	if !ok || x.Code != 380 {
		return nil
	}
	service, reason := element(m.Body, "type"), element(m.Body, "reason")
	urn := ""
	for _, c := range contactsOf(m) {
		if strings.HasPrefix(strings.ToLower(c.text), "urn:service:") {
			urn = c.text
		}
	}
	rep := x.report("routing.alternative-service", 0.95, "%s wants the caller to use another service (380 %s)", x.originName(), x.Reason)
	switch {
	case service != "" && urn != "":
		rep.add(": %s, %s.", service, urn)
	case service != "" || urn != "":
		rep.add(": %s.", service+urn)
	default:
		rep.add(" and does not say which.")
	}
	if reason != "" {
		rep.add(" It says: %s.", reason)
	}
	if strings.EqualFold(service, "emergency") || strings.Contains(strings.ToLower(urn), "sos") {
		rep.do("The number is an emergency number there: the phone must set up an emergency call (emergency registration, or the circuit-switched network), not a normal one.").
			do("If it is none: remove it from the emergency numbers of the P-CSCF or SBC.").
			tell("This number is handled as an emergency call; your phone must place it as one.")
	} else {
		rep.do("Read the body of the 380: it describes the service to use.").
			do("Ask the operator of %s under which conditions it answers 380.", x.originName())
	}
	if r, ok := x.LastTry(); ok {
		rep.see(x.RequestRef(r), "the request")
	}
	return rep.see(x.Final, "380")
}

// element returns the text of the first XML element of that name in a body, "" if it has none.
func element(body []byte, name string) string {
	_, rest, ok := bytes.Cut(body, []byte("<"+name+">"))
	if !ok {
		return ""
	}
	text, _, ok := bytes.Cut(rest, []byte("</"+name+">"))
	if !ok {
		return ""
	}
	return call.Clean(bytes.TrimSpace(text))
}
