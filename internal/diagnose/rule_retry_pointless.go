package diagnose

import (
	"bytes"
	"time"

	"sipcause/internal/call"
)

// pointlessCodes are final codes about the request itself: the same request gets the same answer. The value says
// whether the address alone decides, so that another Call-ID does not make it another request.
var pointlessCodes = map[int]bool{
	400: false, 404: true, 410: true, 414: false, 416: false, 484: true, 485: true, 505: false, 513: false, 604: true, 606: false,
}

// pointlessWithin is how soon a retry must come to be without a point: in more time than this the address may have been set up.
const pointlessWithin = time.Hour

// Regular intervals are a machine's: so many, so alike.
const (
	regularTries = 4
	regularShare = 0.10
)

// retryPointless: a request whose final code no retry can cure was sent again unchanged by a machine: within 2 s,
// or at regular intervals.
func retryPointless(x *Case) *report {
	r, ok := x.LastTry()
	if !ok {
		return nil
	}
	code := x.Status(r)
	byAddress, known := pointlessCodes[code]
	if !known {
		return nil
	}
	list := x.triesOf(r)
	n := len(list)
	if n < 2 || list[n-1].code != code {
		return nil
	}
	from := n - 1
	for from > 0 && list[from-1].code == code && (byAddress || list[from-1].callID == x.ID) && list[from-1].ended <= list[from].began && list[from].began.Sub(list[from-1].ended) <= pointlessWithin {
		from--
	}
	run := list[from:]
	if len(run) < 2 || !machine(run) || !byAddress && !x.unchanged(code) {
		return nil
	}
	t := x.Txn(r)
	last := run[len(run)-1].began.Sub(run[len(run)-2].ended)
	rep := x.report("retry.pointless", 0.9, "%s sent the same request to %s again %.1f s after a %d, which no retry cures; %d tries in all.", t.Client, t.Server, last.Seconds(), code, len(run)).
		do("Teach %s not to retry on %d: only a changed request (number, address, body) can get another answer.", t.Client, code).
		do("See the root cause for what has to change.")
	return seeEnded(rep, run).suspect(t.Client, x.clientRole(r))
}

// machine says whether the last try came too soon for a person, or the tries are too regular for one.
func machine(run []ended) bool {
	n := len(run)
	if run[n-1].began.Sub(run[n-2].ended) < machineWait {
		return true
	}
	if n < regularTries {
		return false
	}
	shortest, longest := time.Duration(0), time.Duration(0)
	for i := n - regularTries + 1; i < n; i++ {
		d := run[i].began.Sub(run[i-1].began)
		if shortest == 0 || d < shortest {
			shortest = d
		}
		longest = max(longest, d)
	}
	return float64(longest-shortest) <= regularShare*float64(shortest)
}

// unchanged says whether the last two tries of this call that got the code have the same Request-URI and body.
func (x *Case) unchanged(code int) bool {
	var last, before call.TxnRef
	n := 0
	for _, i := range x.Lead().Tries() {
		if r := (call.TxnRef{Txn: i}); x.Status(r) == code {
			before, last = last, r
			n++
		}
	}
	if n < 2 {
		return false
	}
	a, b := x.Request(before), x.Request(last)
	return a != nil && b != nil && bytes.Equal(a.RequestURI(), b.RequestURI()) && bytes.Equal(a.Body, b.Body)
}
