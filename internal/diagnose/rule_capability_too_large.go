package diagnose

import "sipcause/internal/call"

// capabilityTooLarge: 413, 414 and 513 with the sizes (RFC 3261 §21.4.11, §21.4.12, §21.5.7).
func capabilityTooLarge(x *Case) *report {
	status, t, ok := x.deciding()
	q := x.Request(t)
	if !ok || q == nil {
		return nil
	}
	r := x.lacking("capability.too-large", 0.95, []int{413, 414, 513}, "the request is too large for it")
	if r == nil {
		return nil
	}
	r.add(" The request has %d bytes, of which %d are its body and %d its Request-URI.", len(q.Raw()), len(q.Body), len(q.RequestURI()))
	switch status {
	case 413:
		r.do("Send a smaller body: fewer codecs, ICE candidates and crypto lines, or content by reference (RFC 4483).")
		if s, ok := x.retryAfter(); ok {
			r.do("The response has Retry-After: %d: the same request may be tried then.", s)
		}
	case 414:
		r.do("Shorten the Request-URI: parameters and embedded headers that redirections or GRUUs piled up.")
	default:
		r.do("Send a smaller message: fewer codecs, ICE candidates, Vias and private headers.")
	}
	return r.do("Or raise the limit at %s (Asterisk: PJSIP_MAX_PKT_LEN; Kamailio: tcp_rd_buf_size, sanity limits).", x.Txn(t).Server).
		suspect(x.requester(t), call.RoleUnknown)
}
