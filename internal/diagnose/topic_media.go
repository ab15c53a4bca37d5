package diagnose

// mediaRules are media.*: offer and answer (RFC 3264). An answered call whose answer rejects every stream has
// them too.
var mediaRules = []rule{
	{id: "media.no-common-codec", on: onCalls, always: true, check: mediaNoCommonCodec},
	{id: "media.transport-mismatch", on: onCalls, always: true, check: mediaTransportMismatch},
	{id: "media.ip-version", on: onCalls, always: true, check: mediaIPVersion},
	{id: "media.bandwidth", on: onCalls, check: mediaBandwidth},
	{id: "media.unsupported-body", on: onAll, codes: []int{415}, check: mediaUnsupportedBody},
	{id: "media.malformed-sdp", on: onCalls, codes: []int{400, 488, 606}, check: mediaMalformedSDP},
	{id: "media.offerless-rejected", on: onCalls, codes: offerlessCodes, check: mediaOfferlessRejected},
	{id: "media.precondition", on: onCalls, codes: []int{580}, check: mediaPrecondition},
	{id: "media.unacceptable", on: onCalls, always: true, check: mediaUnacceptable},
}
