package finding

// Digest authentication. A retry that then succeeds leaves no failure, so the rules lower the severity of
// what went before it (see CanBeRoot).
var authRows = []Def{
	{"auth.no-credentials", Error, anyScope, request + 11, root, ActsCaller, "Challenge never answered", refs("RFC 3261 §22.1", "RFC 3261 §22.2", "RFC 3261 §22.3")},
	{"auth.wrong-credentials", Error, anyScope, request + 12, root, ActsCaller, "Credentials refused", refs("RFC 3261 §22.1", "RFC 7616 §3.4")},
	{"auth.stale-nonce", Error, anyScope, request + 14, root, ActsProxy, "Nonce too old", refs("RFC 3261 §22.1", "RFC 7616 §3.3")},
	{"auth.realm-mismatch", Error, anyScope, request + 16, root, ActsCaller, "Credentials for another realm", refs("RFC 3261 §22.1", "RFC 3261 §22.3")},
	{"auth.nonce-mismatch", Error, anyScope, request + 15, root, ActsProxy, "Nonce of another server", refs("RFC 3261 §22.4", "RFC 7616 §3.4")},
	{"auth.algorithm-unsupported", Error, anyScope, request + 18, root, ActsCaller, "No digest algorithm in common", refs("RFC 8760 §2", "RFC 7616 §3.4")},
	{"auth.wrong-header", Error, anyScope, request + 19, root, ActsCaller, "Credentials in the wrong header field", refs("RFC 3261 §20.7", "RFC 3261 §20.28")},
	{"auth.cseq-not-incremented", Error, anyScope, request + 13, root, ActsCaller, "Retry with credentials kept its CSeq", refs("RFC 3261 §22.2", "RFC 3261 §22.3")},
	{"auth.challenge-loop", Error, anyScope, request + 10, root, ActsCaller, "Challenged again and again", refs("RFC 3261 §22.1")},
	{"auth.partial-credentials", Error, anyScope, request + 17, root, ActsCaller, "Credentials for one of several realms", refs("RFC 3261 §22.3")},
	// A changed password and a mistyped one look the same on the wire: auth.wrong-credentials is the cause,
	// and a later success with the same user name tells which it was.
	{"auth.password-change-suspected", Error, anyScope, explain + 60, note, ActsCaller, "Account authenticated earlier, now fails", refs("RFC 3261 §22.1")},
}

// STIR. The codes 428, 436, 437 and 438 say it themselves; the other two are seen in the request.
var identityRows = []Def{
	{"identity.missing", Error, callScope | txnScope, request + 80, root, ActsCaller, "Identity header field required", refs("RFC 8224 §6.2.2")},
	{"identity.bad-info", Error, callScope | txnScope, request + 79, root, ActsCaller, "Signing certificate cannot be fetched", refs("RFC 8224 §6.2.2")},
	{"identity.unsupported-credential", Error, callScope | txnScope, request + 78, root, ActsCaller, "Signing credential not accepted", refs("RFC 8224 §6.2.2")},
	{"identity.invalid", Error, callScope | txnScope, request + 76, root, ActsCaller, "Identity does not verify", refs("RFC 8224 §6.2.2", "RFC 8225")},
	{"identity.stale-date", Error, callScope | txnScope, request + 77, root, ActsCaller, "Date too far from now", refs("RFC 8224 §6.2.2")},
	{"identity.caller-not-allowed", Error, callScope | txnScope, said + 75, root, ActsCaller, "Presented number not allowed for this account", refs("RFC 3325 §5", "RFC 3261 §21.4.4")},
}

var policyRows = []Def{
	{"policy.forbidden", Error, anyScope, general + 40, root, ActsProxy, "Refused by policy", refs("RFC 3261 §21.4.4")},
	// Below transport.unreachable: where ICMP says who drops the packets, silence is no policy of the peer.
	{"policy.source-not-allowed", Error, anyScope, silence + 80, root, ActsProxy, "Source address not served", refs("RFC 3261 §21.4.4")},
	{"policy.destination-barred", Error, callScope | txnScope, request + 70, root, ActsCarrier, "Destinations of this kind are barred", refs("RFC 3261 §21.4.4", "RFC 3261 §21.6.2")},
	{"policy.rejected-by-analytics", Error, callScope | txnScope, said + 78, root, ActsCarrier, "Rejected by call analytics", refs("RFC 8688")},
	{"policy.unwanted", Error, callScope | txnScope, said + 77, root, ActsCallee, "Callee marks the call as unwanted", refs("RFC 8197")},
	{"policy.anonymity-disallowed", Error, callScope | txnScope, said + 76, root, ActsCaller, "Anonymous calls not accepted", refs("RFC 5079")},
	{"policy.rate-limited", Error, anyScope, said + 80, root, ActsCaller, "Over the customer's call limit", refs("RFC 3261 §20.33", "RFC 3261 §21.5.4")},
	{"policy.no-credit", Error, callScope | txnScope, said + 90, root, ActsCaller, "No credit", refs("RFC 3261 §21.4.3")},
}
