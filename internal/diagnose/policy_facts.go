package diagnose

import (
	"time"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

// Words by which servers say why they refuse. All are lower case; see Case.Says.
var (
	saysCredit      = []string{"credit", "balance", "prepaid", "pre-paid", "payment", "insufficient fund", "no funds", "out of funds", "account suspended", "quota exceeded"}
	saysRate        = []string{"calls per second", "cps", "rate limit", "rate exceeded", "call rate", "too many calls", "too many concurrent", "concurrent call", "simultaneous call", "max calls", "maximum calls", "call limit", "calls limit", "limit of calls", "session limit", "sessions limit", "throttl", "too many requests"}
	saysBarred      = []string{"barred", "barring"} // of a number; without one, it may be the line that is
	saysDestination = []string{"destination not allowed", "destination blocked", "destination forbidden", "destination not permitted", "blocked destination", "restricted destination", "not allowed to call", "not permitted to call", "outgoing calls", "outbound calls", "international", "premium", "toll", "country", "class of service"}
	saysSource      = []string{"ip acl", "by acl", "in acl", "acl den", "acl:", "ip address", "ip not", "invalid ip", "unauthorized ip", "unauthorised ip", "source not", "source address", "unknown source", "unknown peer", "unknown gateway", "not trusted", "untrusted", "not whitelisted", "whitelist", "blacklist", "access list", "no matching endpoint", "unknown endpoint"}
	saysCaller      = []string{"forbidden auth id" /* Kamailio: From is not the account's */, "caller id", "caller-id", "callerid", "calling number", "calling party", "caller number", "originating number", "origination number", "source number", "from number", "from user", "from uri", "from header", "invalid from", "wrong from", "wrong clip", "clip not", "invalid cli", "wrong cli", "cli not", "cli is", "forbidden cli", "invalid caller", "caller not", "caller is not", "unverified", "asserted", "p-preferred", "diversion", "invalid ani", "ani not", "unknown caller", "caller unknown"}
	saysAnonymous   = []string{"anonymous", "anonymity", "withheld", "private call", "privacy"}
	saysOther       = []string{"screen", "not allowed", "not permitted", "not authorized to", "not authorised to", "permission", "policy", "blocked", "denied", "restricted", "disabled", "suspended", "locked", "not registered", "unregistered", "relay", "domain", "expired"}
)

// saysPolicy says whether the words of a refusal name something other than the credentials.
func (x *Case) saysPolicy() bool {
	for _, words := range [...][]string{saysCredit, saysRate, saysBarred, saysDestination, saysSource, saysCaller, saysAnonymous, saysOther} {
		if x.Says(words...) {
			return true
		}
	}
	return false
}

// refusedTxn is the deciding transaction of what was refused: between whom, and when.
type refusedTxn struct {
	ref    call.TxnRef
	txn    *call.Txn
	at     wire.Time
	served bool        // the server had served this client before the call
	client peer.Client // what is known of the client there
}

// decidingRefusal returns the deciding transaction as the one who refuses knows it; ok is false without one.
func (x *Case) decidingRefusal() (r refusedTxn, ok bool) {
	ref, ok := x.DecidingTxn()
	if !ok {
		return r, false
	}
	r = refusedTxn{ref: ref, txn: x.Txn(ref), at: x.FinalTime(ref)}
	for _, c := range x.Ledger.Clients(r.txn.Server) {
		if c.Host == r.txn.Client.Addr() {
			r.client, r.served = c, peer.Before(c.FirstServed, r.at)
		}
	}
	return r, true
}

// othersServed returns a host, other than that of the refused client, which the server had served by then.
func (x *Case) othersServed(r *refusedTxn) (peer.Client, bool) {
	for _, c := range x.Ledger.Clients(r.txn.Server) {
		if c.Host != r.txn.Client.Addr() && peer.Before(c.FirstServed, r.at) {
			return c, true
		}
	}
	return peer.Client{}, false
}

// callRate counts the INVITEs that the refused client began at the server in the second, and in the ten seconds,
// before the refusal, of those that had been decided by then.
func (x *Case) callRate(r *refusedTxn) (second, ten int) {
	host := r.txn.Client.Addr()
	return x.Ledger.Calls(r.txn.Server, host, r.at.Add(-time.Second), r.at), x.Ledger.Calls(r.txn.Server, host, r.at.Add(-10*time.Second), r.at)
}

// said returns the code and the words of the deciding response for people: 403 "Forbidden".
func (x *Case) said() (int, string) {
	if m := x.Deciding(); m != nil && !m.IsRequest() {
		if x.DecidingRef() == x.Final {
			return m.Status, x.Reason
		}
		return m.Status, call.Clean(m.ReasonPhrase())
	}
	return x.Code, x.Reason
}

// number returns the user part of the callee's address, or all of the Request-URI.
func number(uri string) string {
	rest := uri
	for i := range len(uri) {
		if uri[i] == ':' {
			rest = uri[i+1:]
			break
		}
	}
	for i := range len(rest) {
		if rest[i] == '@' || rest[i] == ';' {
			return rest[:i]
		}
	}
	return rest
}
