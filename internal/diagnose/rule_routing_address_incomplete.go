package diagnose

import (
	"fmt"

	"sipcause/internal/call"
)

// routingAddressIncomplete: 484, or Q.850 28 behind another code: digits are missing, or the number is not in the form
// that the network takes (RFC 3261 §21.4.22, RFC 3398 §7.2.4.1).
func routingAddressIncomplete(x *Case) *report {
	status, r, ok := x.deciding()
	if !ok {
		return nil
	}
	cause, _ := x.Q850()
	byCode := status == 484 || x.Code == 484
	if !byCode && (cause != causeFormat || !mappable(status)) || cause == causeUnallocated || cause == causeChanged {
		return nil
	}
	uri, _, ok := x.requestURI(r)
	if !ok {
		uri = x.Target
	}
	dialled := number(uri)
	rep := x.report("routing.address-incomplete", 0.9, "%s needs more digits than %q (%d characters): %d %s.", x.originName(), dialled, len(dialled), status, x.reasonOf(r)).
		do("Compare %q with the full number as it is written: area code, trailing extension, a digit lost to a dial plan's pattern or timer?", dialled)
	if !byCode {
		rep.f.Summary = fmt.Sprintf("The network behind %s does not take the number %q: cause %d (%s), behind its %d %s.", x.originName(), dialled, cause, causeName(cause), status, x.reasonOf(r))
		rep.do("Compare its form, too: national or international, with or without +, 00 or a prefix; what arrives at %s is what counts.", x.Txn(r).Server)
	}
	if works := x.answeredPrefix(r); works != "" {
		rep.do("Calls to numbers beginning with %s are answered there: compare their length.", works)
	}
	rep.do("If the caller dials digit by digit (overlap): the phone must send further INVITEs with more digits after each 484 (RFC 3578), or wait longer before it sends.").
		see(x.RequestRef(r), "Request-URI %s", uri).
		see(x.DecidingRef(), "%d", status)
	return rep.seeCause().suspect(x.requester(r), call.RoleUnknown)
}
