package diagnose

import (
	"net/netip"
	"strings"

	"sipcause/code"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// lack is a finding that a code proves by itself; only headers and words differ from one to the next.
type lack struct {
	id       finding.ID
	on       kinds
	codes    []int
	asks     sip.HeaderID // of the request: what it asked for; HeaderUnknown when that is in asksName, or nowhere
	asksName string       // a header without an ID
	wants    sip.HeaderID // of the response: what its sender does instead
	wantName string
	means    string // after "origin refused the METHOD with CODE PHRASE: "
	actions  []string
	unless   func(*Case) bool // the code stands for something else here
}

// lacks are the families of RFC 3261 §21.4, §21.5 and of extensions whose code says it all.
var lacks = []lack{
	{
		id: "capability.event-package", on: onAll, codes: []int{489}, asks: sip.HeaderEvent, wants: sip.HeaderAllowEvents,
		means: "it does not have this event package",
		actions: []string{
			"Compare Event with Allow-Events; where the list is absent, ask which packages the server has (presence, dialog, message-summary, reg).",
			"Load the package there (Kamailio: presence and its companions; Asterisk: res_pjsip_pubsub and its exten_state, mwi), or switch the feature (BLF, presence, voice-mail lamp) off at the client.",
			"If the package is there: this request reached a server that is not the one for it; look at the Request-URI and the Route.",
		},
	},
	{
		id: "capability.version", on: onAll, codes: []int{505},
		means: "it does not speak the SIP version of the request line",
		actions: []string{
			"Read the request line in the evidence: anything but SIP/2.0 there is the sender's fault.",
			"If it says SIP/2.0: the message is damaged on the way or the server misreads it; capture in front of the server.",
		},
	},
	{
		id: "capability.resource-priority", on: onAll, codes: []int{417}, asksName: "Resource-Priority", wantName: "Accept-Resource-Priority",
		means: "no namespace and priority of the request is one that it knows, and the request insists on them",
		actions: []string{
			"Compare Resource-Priority with Accept-Resource-Priority.",
			"Use a namespace that both sides know, or leave resource-priority out of Require (RFC 4412 §4.6.2).",
		},
	},
	{
		id: "capability.undecipherable", on: onAll, codes: []int{493}, asks: sip.HeaderContentType,
		means: "it cannot decrypt the S/MIME body",
		actions: []string{
			"Does the body use a certificate that the receiver has the key for? A certificate in the response is the one to use.",
			"Send the body without S/MIME if the peer does not support it.",
		},
	},
	{
		id: "capability.outbound", on: onRegistrations, codes: []int{439}, asks: sip.HeaderContact,
		means: "the registrar supports outbound (RFC 5626), but the first hop on the way to it does not",
		actions: []string{
			"Look at the first hop: it must add Path with ;ob (RFC 5626 §5.1). Switch outbound on there (Kamailio: outbound and path modules).",
			"Else let the client register without reg-id and +sip.instance.",
		},
	},
	{
		id: "capability.not-acceptable", on: onAll, codes: []int{406}, asks: sip.HeaderAccept,
		means: "it can only answer with a body type that the request's Accept does not list",
		actions: []string{
			"Compare the Accept, Accept-Encoding and Accept-Language of the request with those of a request that works; without Accept only application/sdp is accepted (RFC 3261 §20.1).",
		},
		unless: meansMedia,
	},
	{
		id: "capability.uri-scheme", on: onAll, codes: []int{416},
		means: "it does not know the scheme of the Request-URI",
		actions: []string{
			"Use sip: or sips: in the Request-URI; for a number sip:number@domain;user=phone instead of tel:.",
			"If the scheme is sips: the server has no TLS on its far side; use sip:, or a server that has it.",
		},
	},
}

// otherCodes are the codes of extensions that nothing else here explains: the catalogue says what they are.
var otherCodes = []int{412, 424, 425, 429, 469, 470, 555}

func lackRules() []rule {
	out := make([]rule, len(lacks))
	for i := range lacks {
		k := &lacks[i]
		out[i] = rule{id: k.id, on: k.on, codes: k.codes, check: k.check}
	}
	return out
}

// check reports the lack when the deciding response has one of its codes.
func (k *lack) check(x *Case) *report {
	if k.unless != nil && k.unless(x) {
		return nil
	}
	r := x.lacking(k.id, 0.95, k.codes, k.means)
	if r == nil {
		return nil
	}
	t, _ := x.DecidingTxn()
	q, m := x.Request(t), x.Deciding()
	if k.id == "capability.uri-scheme" && q != nil {
		r.add(" The Request-URI is %s.", call.Clean(q.RequestURI()))
	}
	if k.id == "capability.version" && q != nil {
		r.add(" The request line says %q.", call.Clean(q.Version()))
	}
	if name, v := header(q, k.asks, k.asksName); v != "" {
		r.add(" The request has %s: %s.", name, v)
	}
	switch name, v := header(m, k.wants, k.wantName); {
	case v != "":
		r.add(" The response has %s: %s.", name, v)
	case name != "":
		r.add(" The response has no %s to say what it does.", name)
	}
	for _, a := range k.actions {
		r.do("%s", a)
	}
	if k.id == "capability.outbound" {
		return r // what is lacking is on the way
	}
	return r.suspect(x.requester(t), call.RoleUnknown)
}

// meansMedia says whether a 406 is about the offer: then 488 is meant, and media.* have it.
func meansMedia(x *Case) bool {
	_, _, warned := x.Warning(300, 301, 302, 303, 304, 305, 306, 307, 370)
	return warned || x.Says(saysCodec...)
}

// header returns a header by its ID or name: the name, and its values for people, "" when absent.
func header(m *sip.Message, id sip.HeaderID, name string) (string, string) {
	if id != sip.HeaderUnknown {
		name = id.String()
	}
	switch {
	case m == nil || name == "":
		return name, ""
	case id != sip.HeaderUnknown:
		return name, headerList(m, id, "")
	}
	return name, call.Clean(m.HeaderByName(name))
}

// requester is who made the request of t, as far upstream as the capture shows it.
func (x *Case) requester(t call.TxnRef) netip.AddrPort { return x.Txn(x.top(t)).Client }

// lacking begins the report of a request that was refused with one of the codes; nil when it was not. The request
// and the response are its evidence.
func (x *Case) lacking(id finding.ID, confidence float64, codes []int, means string) *report {
	status, t, ok := x.deciding()
	if !ok || x.Deciding() == nil {
		return nil
	}
	for _, c := range codes {
		if c == status {
			_, words := x.said()
			r := x.report(id, confidence, "%s refused the %s with %d %s: %s.", x.originName(), x.methodOf(t), status, words, means).
				see(x.RequestRef(t), "the request").
				see(x.DecidingRef(), "%d", status)
			if x.Code != status && x.Code != 0 {
				r.add(" The caller was told %d %s.", x.Code, x.Reason)
			}
			return r
		}
	}
	return nil
}

// capabilityOther: a code of an extension that no other finding explains, named with its RFC.
func capabilityOther(x *Case) *report {
	status, _, ok := x.deciding()
	if !ok {
		return nil
	}
	e, known := code.Lookup(status)
	if !known {
		return nil
	}
	r := x.lacking("capability.other", 0.9, otherCodes, strings.TrimSuffix(e.Meaning, ".")+" ("+e.Ref()+")")
	if r == nil {
		return nil
	}
	for _, a := range e.Checks {
		r.do("%s", a)
	}
	return r.do("Read %s for what the request must carry, or switch the extension off at the client.", e.RFC)
}
