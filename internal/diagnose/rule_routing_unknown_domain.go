package diagnose

import (
	"net/netip"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/sip"
)

// domainWords are what servers write when the host part is what they do not serve.
var domainWords = []string{
	"relaying", "relay denied", "relay access", "no relay", "unknown domain", "domain unknown", "domain not", "no such domain", "invalid domain", "wrong domain", "domain is not",
	"not our domain", "not a local domain", "not local domain", "not serving", "not responsible for", "foreign domain", "unknown realm",
}

// routingUnknownDomain: the host part of the request is not served where it went: the words of the refusal say so
// ("relaying denied"), or the user is registered there under another domain.
func routingUnknownDomain(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok {
		return nil
	}
	uri, u, ok := x.requestURI(r)
	if !ok || len(u.Host) == 0 {
		return nil
	}
	t := x.Txn(r)
	host := strings.ToLower(call.Clean(u.Host))
	if x.Says(domainWords...) {
		return x.report("routing.unknown-domain", 0.9, "%s does not serve the domain %s of %s, and does not relay to it: %d %s.", x.originName(), host, uri, status, x.reasonOf(r)).
			do("Check which domains %s serves (its domain table, alias or realm list): %s must be one of them, written exactly so, port included.", t.Server, host).
			do("If %s is right: send such requests to the server that serves it (DNS SRV of %s), or allow relaying for this client.", host, host).
			see(x.RequestRef(r), "the request for %s", uri).
			see(x.DecidingRef(), "%d %s", status, x.reasonOf(r))
	}
	if domain := x.foreignAOR(&u); status == 404 && domain != "" {
		return x.notOfThisRegistrar(r, host, domain)
	}
	if status != 404 && status != 604 || len(u.User) == 0 {
		return nil
	}
	forms := x.Ledger.Forms(t.Server)
	for i := range forms {
		f := &forms[i]
		other := strings.ToLower(f.Host)
		if other == host || other == "" || f.Often(x.Start(r)) == 0 {
			continue
		}
		aor := "sip:" + call.Clean(u.User) + "@" + other
		state, b := x.Ledger.Binding(aor, x.Start(r))
		if state != peer.Bound || b.Server.Addr() != t.Server.Addr() {
			continue
		}
		return x.report("routing.unknown-domain", 0.8, "%s knows %s, but the request asked for %s: the domain %s is not served there (%d %s).", x.originName(), aor, uri, host, status, x.reasonOf(r)).
			do("Call %s instead: if that works, the domain is the cause.", aor).
			do("Add %s to the domains or aliases of %s, or correct the domain that the caller's side puts in.", host, t.Server).
			seeRef(b.Ref, "%s is registered", aor).
			see(x.RequestRef(r), "the request for %s", uri).
			see(x.DecidingRef(), "%d %s", status, x.reasonOf(r))
	}
	return nil
}

// notOfThisRegistrar is routingUnknownDomain of a REGISTER whose address-of-record belongs to another domain than the
// registrar's that its Request-URI names: the answer to that is 404 (RFC 3261 §10.3 item 5).
func (x *Case) notOfThisRegistrar(r call.TxnRef, host, domain string) *report {
	conf := 0.8
	if _, err := netip.ParseAddr(host); err == nil {
		conf = 0.6 // many registrars do not look at it
	}
	t := x.Txn(r)
	return x.report("routing.unknown-domain", conf, "%s was asked as registrar of %s for %s, which belongs to %s: 404 %s.", x.originName(), host, x.Reg.AOR, domain, x.reasonOf(r)).
		do("Let %s write the domain of the account into the Request-URI of the REGISTER (sip:%s), and keep %s as outbound proxy only.", t.Client, domain, host).
		do("Or make %s an alias of %s at %s.", host, domain, t.Server).
		see(x.RequestRef(r), "REGISTER for %s, sent to the domain %s", x.Reg.AOR, host).
		see(x.FinalRef(r), "404 %s", x.reasonOf(r))
}

// foreignAOR returns the domain of the address-of-record that a REGISTER to another domain is about, or "".
func (x *Case) foreignAOR(to *sip.URI) string {
	if x.Reg == nil {
		return ""
	}
	_, domain, _ := strings.Cut(x.Reg.AOR, "@")
	if strings.EqualFold(domain, call.Clean(to.Host)) {
		return ""
	}
	return domain
}
