package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// identityCallerNotAllowed: refused for the calling number or identity presented, in the words of the response.
func identityCallerNotAllowed(x *Case) *report {
	if !x.Says(saysCaller...) {
		return nil
	}
	r, ok := x.decidingRefusal()
	if !ok {
		return nil
	}
	code, words := x.said()
	out := x.report("identity.caller-not-allowed", 0.85, "%s does not accept the calling identity of this call (%d %s): %s.", r.txn.Server, code, words, x.presented(r.ref))
	return out.do("Compare these with the numbers assigned to the account at %s, digit by digit and in the format it expects (+ and country code or not).", r.txn.Server.Addr()).
		do("Present one of them: set it in the caller's account or rewrite it at %s; for forwarded calls put the own number into Diversion or P-Asserted-Identity as the provider asks.", r.txn.Client.Addr()).
		see(x.RequestRef(r.ref), "the identities presented").
		see(x.FinalRef(r.ref), "%d %s", code, words).
		suspect(r.txn.Client, x.clientRole(r.ref)).
		tell("Calls with this calling number are not accepted by the telephone service.")
}

// presented lists the identities that a request presents: From, P-Asserted-Identity and the like.
func (x *Case) presented(ref call.TxnRef) string {
	m := x.Request(ref)
	if m == nil {
		return "From " + x.From
	}
	var out []string
	for _, h := range [...]sip.HeaderID{sip.HeaderFrom, sip.HeaderPAssertedIdentity, sip.HeaderPPreferredIdentity, sip.HeaderRemotePartyID, sip.HeaderDiversion} {
		if v := m.Header(h); len(v) > 0 {
			out = append(out, h.String()+" "+addressOf(v))
		}
	}
	return strings.Join(out, ", ")
}
