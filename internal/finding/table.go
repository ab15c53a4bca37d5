package finding

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Weights come in bands. A higher one is nearer to the cause: of two findings that are equally well
// proven on one call, the one from the higher band is the root cause. Inside a band the order of the rows'
// numbers says the same.
//
//	said     the deciding response names the cause itself (a Q.850 cause, a Warning, words)
//	people   the call reached the callee, who was busy, declined or did not pick up
//	request  what the request asked for, shown against what the other side says it wants
//	routes   every target of a serial fork failed
//	path     something on the wire kept a message from its receiver
//	silence  somebody did not answer, or waited for somebody who did not
//	general  what the code says by itself
//	defect   a message breaks its grammar; tolerated far more often than not
//	code     nothing more is known than the code
//	explain  findings that are never the root cause; their order is that of the report
//
// People stand above request, routes and path because a call that reached the callee got over what an earlier
// attempt or another branch ran into. Words of the deciding response stand above people because a 486 with
// Q.850 cause 34 is a full trunk, not a busy callee.
const (
	said    = 900
	people  = 800
	request = 700
	routes  = 650
	path    = 600
	silence = 500
	general = 300
	defect  = 200
	coded   = 100
	explain = 0
)

// Short forms for the rows.
const (
	callScope = ScopeCall
	regScope  = ScopeRegistration
	txnScope  = ScopeTransaction
	anyScope  = ScopeCall | ScopeRegistration | ScopeTransaction

	root = true  // may be the root cause
	note = false // only explains; the row's comment says why
)

// codePrefix begins the IDs of findings that know nothing but the code.
const codePrefix = "code."

var (
	table = slices.Concat(
		authRows, identityRows, policyRows,
		routingRows, transportRows, tlsRows, natRows, timeoutRows,
		mediaRows, capabilityRows, calleeRows, callerRows,
		serverRows, isupRows, dialogRows, protocolRows,
		retryRows, registerRows, keepaliveRows, securityRows, kpiRows,
	)
	byID = index(table)
)

func index(rows []Def) map[ID]*Def {
	m := make(map[ID]*Def, len(rows))
	for i := range rows {
		m[rows[i].ID] = &rows[i]
	}
	return m
}

// Table returns every finding with an ID of its own, by topic. The code.<nnn> findings are not listed: see
// CodeDef. The caller must not change the rows.
func Table() []Def { return table }

// Lookup returns the row of an ID, code.<nnn> included; ok is false for an ID that does not exist.
// The caller must not change the row.
func Lookup(id ID) (d *Def, ok bool) {
	if d, ok = byID[id]; ok {
		return d, true
	}
	digits, ok := strings.CutPrefix(string(id), codePrefix)
	if !ok || len(digits) != 3 {
		return nil, false
	}
	code, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || code < 100 {
		return nil, false
	}
	def := CodeDef(int(code))
	return &def, true
}

// humanCodes are final codes that a person's choice makes: no fault, whatever lies behind them.
var humanCodes = []int{486, 487, 600, 603}

// CodeDef returns the row of code.<nnn>: the root cause when nothing is known but the response code.
func CodeDef(code int) Def {
	d := Def{
		ID:       ID(fmt.Sprintf("%s%03d", codePrefix, code)),
		Severity: Error,
		Scope:    anyScope,
		Weight:   coded,
		Root:     root,
		Acts:     ActsProxy,
		Title:    fmt.Sprintf("Response %d, cause unknown", code),
	}
	if slices.Contains(humanCodes, code) {
		d.Severity, d.Acts = Info, ActsNobody
	}
	if class := code / 100; class >= 1 && class <= 6 {
		d.Refs = []string{fmt.Sprintf("RFC 3261 §21.%d", class)}
	}
	return d
}

func refs(r ...string) []string { return r }
