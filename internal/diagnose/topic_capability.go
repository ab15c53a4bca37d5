package diagnose

import "slices"

// capabilityRules are capability.*: the request asks for what the other side does not do.
var capabilityRules = slices.Concat([]rule{
	{id: "capability.bad-extension", on: onAll, codes: []int{420}, check: capabilityBadExtension},
	{id: "capability.extension-required", on: onAll, codes: []int{421}, check: capabilityExtensionRequired},
	{id: "capability.security-agreement", on: onAll, codes: []int{421, 494}, check: capabilitySecurityAgreement},
	{id: "capability.session-interval", on: onCalls, codes: []int{422}, check: capabilitySessionInterval},
	{id: "capability.interval-too-brief", on: onRegistrations | onTransactions, codes: []int{423}, check: capabilityIntervalTooBrief},
	{id: "capability.method", on: onAll, always: true, check: capabilityMethod},
	{id: "capability.too-large", on: onAll, codes: []int{413, 414, 513}, check: capabilityTooLarge},
	{id: "capability.sips", on: onAll, check: capabilitySIPS},
	{id: "capability.other", on: onAll, codes: otherCodes, check: capabilityOther},
}, lackRules())
