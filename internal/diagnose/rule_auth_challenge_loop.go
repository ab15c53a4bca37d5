package diagnose

import (
	"slices"
	"strings"

	"sipcause/internal/call"
)

// loopFrom is how many challenges in a row make a loop.
const loopFrom = 3

// authChallengeLoop: challenged three times or more in a row, and never accepted (RFC 3261 §22.1: a client
// must not repeat credentials that were just refused).
func authChallengeLoop(x *Case) *report {
	d := x.digest()
	n, first := 0, -1
	var realms []string
	for i := len(d.steps) - 1; i >= d.start && challenged(d.steps[i].code); i-- {
		n, first = n+1, i
		for _, c := range d.steps[i].asked {
			if s := call.Clean(c.Realm); !slices.Contains(realms, s) {
				realms = append(realms, s)
			}
		}
	}
	if n < loopFrom {
		return nil
	}
	e := &d.steps[len(d.steps)-1]
	t := x.Txn(e.ref)
	took := x.FinalTime(e.ref).Sub(x.Start(d.steps[first].ref))
	r := x.report("auth.challenge-loop", 0.95,
		"%s was challenged %d times in a row within %s (realm %s) and never let through.", t.Client.Addr(), n, ageWords(took), strings.Join(realms, ", ")).
		do("Compare the answers frame by frame: the same nonce twice, a new nonce each time, or another realm each time point at the client, at servers that do not share nonces, or at a chain of proxies.").
		do("Stop %s from repeating credentials that were refused: it costs the server and may lock the account.", t.Client.Addr())
	for i := first; i < len(d.steps); i++ {
		r.see(x.FinalRef(d.steps[i].ref), "challenge %d", i-first+1)
	}
	return r.suspect(t.Client, x.clientRole(e.ref))
}
