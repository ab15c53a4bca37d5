package diagnose

var identityRules = []rule{
	{id: "identity.missing", on: onCallsAndTransactions, codes: []int{428}, check: identityMissing},
	{id: "identity.bad-info", on: onCallsAndTransactions, codes: []int{436}, check: identityBadInfo},
	{id: "identity.unsupported-credential", on: onCallsAndTransactions, codes: []int{437}, check: identityUnsupportedCredential},
	{id: "identity.invalid", on: onCallsAndTransactions, codes: []int{438}, check: identityInvalid},
	{id: "identity.stale-date", on: onCallsAndTransactions, codes: []int{403, 438}, check: identityStaleDate},
	{id: "identity.caller-not-allowed", on: onCallsAndTransactions, codes: []int{403, 404, 480, 603}, check: identityCallerNotAllowed},
}
