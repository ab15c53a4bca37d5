package diagnose

import (
	"slices"
	"strings"

	"sipcause/internal/call"
)

// dnsWords are what servers write when a name did not resolve.
var dnsWords = []string{
	"unresolvable", "unresolved", "unable to resolve", "not resolve", "cannot be resolved", "could not be resolved", "can't resolve", "failed to resolve",
	"resolution fail", "name resolution", "resolve fail", "no such host", "host not found", "name or service not known", "nxdomain",
	"dns fail", "dns error", "dns lookup", "dns timeout", "dns query", "dns resol", "no dns", "srv lookup", "no srv",
}

// dnsCodes are the codes that are used for it (478: Kamailio and its relatives).
var dnsCodes = []int{404, 408, 478, 480, 500, 502, 503, 504}

// routingDNSFailure: 478, or a refusal whose words say that the name of the next hop does not resolve (RFC 3263 §4).
func routingDNSFailure(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok || !slices.Contains(dnsCodes, status) && x.Code != 478 {
		return nil
	}
	words := x.Says(dnsWords...)
	if status != 478 && x.Code != 478 && !words || x.Says(domainWords...) {
		return nil
	}
	confidence := 0.85
	if words && (status == 478 || x.Code == 478) {
		confidence = 0.95
	}
	t := x.Txn(r)
	uri, u, _ := x.requestURI(r)
	host := strings.Trim(call.Clean(u.Host), "[]")
	rep := x.report("routing.dns-failure", confidence, "%s could not find an address for the next hop of %s: %d %s.", x.originName(), uri, status, x.reasonOf(r))
	if m := x.Request(r); m != nil {
		for route := range m.Routes() {
			rep.add(" The request carries Route %s.", call.Clean(route.URI))
			break
		}
	}
	if host != "" && !u.Addr().IsValid() {
		rep.do("On %s itself, ask its resolver: NAPTR, SRV (_sip._udp, _sip._tcp, _sips._tcp) and A/AAAA of %s.", t.Server.Addr(), host)
	} else {
		rep.do("The Request-URI holds an address: look on %s for the name that it tried (Route, outbound proxy, dispatcher, gateway list) and ask its resolver for it.", t.Server.Addr())
	}
	return rep.do("If the name resolves elsewhere: the resolver configured on %s is wrong or out of reach (port 53 of the container or VM).", t.Server.Addr()).
		do("If it resolves nowhere: correct the name, or the zone.").
		see(x.RequestRef(r), "the request for %s", uri).
		see(x.DecidingRef(), "%d %s", status, x.reasonOf(r)).
		suspect(t.Server, call.RoleProxy)
}
