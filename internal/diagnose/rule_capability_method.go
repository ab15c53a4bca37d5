package diagnose

import (
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// capabilityMethod: 405, or 501 for a method that the server does not list (RFC 3261 §8.2.1, §21.4.6, §21.5.2).
func capabilityMethod(x *Case) *report {
	if !x.Failed() {
		return x.methodInCall()
	}
	status, t, ok := x.deciding()
	if status != 405 && status != 501 && x.Code != 405 && x.Code != 501 {
		return nil
	}
	m := x.Deciding()
	if !ok || m == nil || status == 501 && knowsMethod(m, x.methodOf(t)) {
		return nil // server.unimplemented: it lacks a feature
	}
	method := x.methodOf(t)
	r := x.lacking("capability.method", 0.95, []int{405, 501}, "it does not do "+method+" there")
	if r == nil {
		return nil
	}
	allow := headerList(m, sip.HeaderAllow, "")
	switch {
	case allow == "":
		r.f.Confidence = 0.9
		r.add(" The response lists no Allow.")
	case listsToken(m, sip.HeaderAllow, []byte(method)):
		r.f.Confidence = 0.8
		r.add(" Allow: %s: the method is known, but not allowed for this Request-URI.", allow).
			do("Look at the Request-URI: a server that allows %s for its users may refuse it for itself or for a trunk.", method)
	default:
		r.add(" Allow: %s.", allow)
	}
	if x.Txn(t).Method == sip.MethodOptions {
		r.do("As a keepalive this answer is as good as any: %s is up. To have 200, let it answer OPTIONS.", x.Txn(t).Server)
	}
	return r.do("Switch the feature that needs %s off at %s for this peer, or use a method that it allows.", method, x.requester(t)).
		do("Or enable %s at %s (module, application or policy that handles it).", method, x.Txn(t).Server).
		suspect(x.requester(t), call.RoleUnknown)
}

// knowsMethod says whether the sender of m does the method: by its Allow, or because every element does.
func knowsMethod(m *sip.Message, method string) bool {
	known := method == "INVITE" || method == "REGISTER" || method == "OPTIONS"
	for v := range m.Values(sip.HeaderAllow) {
		known = known || strings.EqualFold(string(v), method)
	}
	return known
}

// methodInCall is capabilityMethod of a call that stood: the other side does not do a method that was used in it.
// INVITE and UPDATE are dialog.reinvite-failed, REFER is dialog.refer-refused.
func (x *Case) methodInCall() *report {
	if x.Kind != call.KindCall {
		return nil
	}
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if status := l.FinalStatus(t); status != 405 && status != 501 || !t.InDialog || t.Request == call.None {
				continue
			}
			switch t.Method {
			case sip.MethodInvite, sip.MethodUpdate, sip.MethodRefer, sip.MethodBye, sip.MethodPrack:
				continue
			}
			r := x.bottom(call.TxnRef{Leg: k, Txn: int32(i)})
			server, method := x.Txn(r).Server, x.methodOf(r)
			rep := x.report("capability.method", 0.95, "%s refused the %s of %s inside the call with %s: it does not do %s there. The call went on.", server, method, t.Client, x.statusLine(x.FinalRef(r)), method).
				severity(finding.Warning).
				see(x.RequestRef(r), "%s in the call", method).
				see(x.FinalRef(r), "refused").
				suspect(t.Client, call.RoleUnknown)
			if t.Method == sip.MethodInfo {
				rep.do("If these INFO carry key presses: they are lost. Send DTMF as telephone-event in RTP (RFC 4733), which both sides have to offer.")
			}
			return rep.do("Switch off at %s what sends %s to this peer, or enable it at %s.", t.Client, method, server)
		}
	}
	return nil
}
