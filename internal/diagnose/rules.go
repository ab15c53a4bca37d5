package diagnose

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/finding"
)

// kinds says which kinds of call a rule is asked about.
type kinds uint8

const (
	onCalls         kinds = 1 << call.KindCall
	onRegistrations kinds = 1 << call.KindRegistration
	onTransactions  kinds = 1 << call.KindTransaction
	onAll                 = onCalls | onRegistrations | onTransactions
)

// rule is one row of the table: when it is asked, and the question. check returns nil when the finding
// does not hold; it reads the case and the ledger as of the case's time, and nothing else.
type rule struct {
	id     finding.ID
	on     kinds
	always bool  // ask about what succeeded, too; otherwise only about what failed
	codes  []int // ask only when the caller's or the origin's final code is one of these; empty: any
	check  func(*Case) *report
}

// rules is the table of all rules, by topic. Order does not matter: findings are ordered by finding.Less.
var rules = slices.Concat(
	authRules,
	policyRules,
	identityRules,
	routingRules,
	transportRules,
	natRules,
	timeoutRules,
	mediaRules,
	capabilityRules,
	peopleRules,
	serverRules,
	dialogRules,
	protocolRules,
	retryRules,
	registerRules,
)

// asks says whether the rule wants to see the case.
func (r *rule) asks(x *Case) bool {
	if r.on&(1<<x.Kind) == 0 || !r.always && !x.Failed() {
		return false
	}
	return len(r.codes) == 0 || slices.Contains(r.codes, x.Code) || x.Origin != nil && slices.Contains(r.codes, x.Origin.Code)
}
