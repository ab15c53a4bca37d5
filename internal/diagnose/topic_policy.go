package diagnose

const onCallsAndTransactions = onCalls | onTransactions

var policyRules = []rule{
	{id: "policy.forbidden", on: onAll, check: policyForbidden},
	{id: "policy.source-not-allowed", on: onAll, codes: []int{0, 403}, check: policySourceNotAllowed},
	{id: "policy.destination-barred", on: onCallsAndTransactions, codes: []int{403, 603}, check: policyDestinationBarred},
	{id: "policy.rejected-by-analytics", on: onCallsAndTransactions, codes: []int{603, 608}, check: policyRejectedByAnalytics},
	{id: "policy.unwanted", on: onCallsAndTransactions, codes: []int{607}, check: policyUnwanted},
	{id: "policy.anonymity-disallowed", on: onCallsAndTransactions, codes: []int{403, 433, 480, 603}, check: policyAnonymityDisallowed},
	{id: "policy.rate-limited", on: onAll, codes: []int{403, 429, 480, 503}, check: policyRateLimited},
	{id: "policy.no-credit", on: onCallsAndTransactions, codes: []int{402, 403, 480, 503}, check: policyNoCredit},
}
