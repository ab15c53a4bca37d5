package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/sip"
)

// tlsRules are tls.*: a proxy decided while a TLS connection of its own failed. About peers see capture_tls.go.
var tlsRules = func() (rules []rule) {
	for _, id := range tlsIDs {
		rules = append(rules, rule{id: id, on: onAll, codes: tlsCodes, check: func(x *Case) *report {
			if h, d, ok := x.brokenTLS(); ok && d.id == id {
				return x.tlsFailure(h, d)
			}
			return nil
		}})
	}
	return rules
}()

// tlsCodes are what servers answer when they cannot reach the next hop.
var tlsCodes = []int{408, 430, 477, 478, 480, 500, 502, 503, 504}

// brokenTLS returns the first TLS handshake that failed while the server of the deciding transaction worked on it.
func (x *Case) brokenTLS() (handshake, diagnosis, bool) {
	for k, l := range x.Legs {
		if len(l.Events) == 0 {
			continue
		}
		d, ok := x.DecidingTxn()
		if !ok || d.Leg != k || x.Sighting(x.DecidingRef()).Status < 300 {
			continue
		}
		all := handshakes(x.Events(d))
		for _, h := range all {
			if !usualPort(h.flow.Dst.Port()) && !x.meant(d, &h) {
				continue
			}
			if diagnosed, wrong := h.diagnose(); wrong && h.failed() && !h.overcome(all) {
				return h, diagnosed, true
			}
		}
	}
	return handshake{}, diagnosis{}, false
}

// tlsFailure reports it. Whether the connection was this request's shows when the request names its other end.
func (x *Case) tlsFailure(h handshake, d diagnosis) *report {
	txn, _ := x.DecidingTxn()
	confidence := d.confidence * 0.8
	if x.meant(txn, &h) {
		confidence = d.confidence
	}
	rep := x.report(d.id, confidence, "%s could not send the %s on: its TLS connection to %s failed, %s.", x.Txn(txn).Server, x.methodOf(txn), h.flow.Dst, d.words).
		do("%s", d.fix)
	for _, e := range h.events() {
		rep.seeEvent(e, "%s", tlsNote(e))
	}
	return rep.see(x.DecidingRef(), "%d followed", x.Sighting(x.DecidingRef()).Status).suspect(d.suspect, call.RoleUnknown)
}

// meant says whether the request of r names the server of the handshake: by address in its Request-URI or Route, or by
// the name that the client asked for.
func (x *Case) meant(r call.TxnRef, h *handshake) bool {
	m := x.Request(r)
	if m == nil {
		return false
	}
	uris := [][]byte{m.RequestURI()}
	for route := range m.Routes() {
		uris = append(uris, route.URI)
	}
	for _, uri := range uris {
		u, ok := sip.ParseURI(uri)
		if ok && (u.Addr() == h.flow.Dst.Addr() || h.hello != nil && h.hello.Name != "" && strings.EqualFold(string(u.Host), h.hello.Name)) {
			return true
		}
	}
	return false
}
