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
	tlsRules,
	natRules,
	timeoutRules,
	mediaRules,
	mediaStreamRules,
	capabilityRules,
	peopleRules,
	serverRules,
	dialogRules,
	protocolRules,
	retryRules,
	registerRules,
)

// asked are the rules that a call may have to answer, by its kind and whether it failed.
var asked = func() (t [3][2][]*rule) {
	for i := range rules {
		for kind := range t {
			if r := &rules[i]; r.on&(1<<kind) != 0 {
				t[kind][1] = append(t[kind][1], r)
				if r.always {
					t[kind][0] = append(t[kind][0], r)
				}
			}
		}
	}
	return t
}()

// asked returns the rules to ask about the case at hand.
func (j *Judge) asked() []*rule {
	x := &j.x
	failed := 0
	if x.Failed() {
		failed = 1
	}
	all, known := asked[x.Kind][failed], &j.byCode[x.Kind][failed]
	if x.Origin != nil && x.Origin.Code != x.Code {
		return x.choose(all)
	}
	list, ok := (*known)[x.Code]
	if !ok {
		if list = x.choose(all); *known == nil {
			*known = map[int][]*rule{}
		}
		(*known)[x.Code] = list
	}
	return list
}

// choose returns those of the rules that the codes of the case are for.
func (x *Case) choose(from []*rule) (list []*rule) {
	for _, r := range from {
		if r.asks(x) {
			list = append(list, r)
		}
	}
	return list
}

// asks says whether the codes of the case are among the rule's.
func (r *rule) asks(x *Case) bool {
	return len(r.codes) == 0 || slices.Contains(r.codes, x.Code) || x.Origin != nil && slices.Contains(r.codes, x.Origin.Code)
}
