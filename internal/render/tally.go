package render

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sipcause/code"
	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// tally is what the summary needs of cases that are gone. Each of its maps is bounded.
type tally struct {
	outcomes  [3][call.Ongoing + 1]uint64 // by kind and outcome
	causes    map[finding.ID]*cause
	untallied uint64 // cases whose cause found no room
	peers     map[netip.AddrPort]*keepalives
	unlisted  uint64 // OPTIONS of peers that found no room
}

// cause is how often one root cause was found, and on which calls.
type cause struct {
	severity finding.Severity
	n        uint64
	numbers  []uint64 // of the first cases in the report
}

// keepalives are the OPTIONS sent to one peer.
type keepalives struct {
	sent, answered, unanswered uint64
	silentSince                wire.Time // first unanswered one after the last answer; 0 while it answers
	code                       int       // last answer
}

const (
	maxCauses  = 1024
	maxPeers   = 4096
	maxNumbers = 12
)

func newTally() tally {
	return tally{causes: map[finding.ID]*cause{}, peers: map[netip.AddrPort]*keepalives{}}
}

// add counts c; number is where the report shows it, 0 for nowhere.
func (t *tally) add(c *view.Case, keepalive bool, number uint64) {
	t.outcomes[c.Call.Kind][c.Call.Outcome]++
	if keepalive {
		t.keepalive(c)
		return
	}
	if c.Verdict == nil || c.Verdict.Root == nil {
		return
	}
	root := c.Verdict.Root
	k := t.causes[root.ID]
	if k == nil {
		if len(t.causes) >= maxCauses {
			t.untallied++
			return
		}
		k = &cause{}
		t.causes[root.ID] = k
	}
	k.n++
	k.severity = max(k.severity, root.Severity)
	if number != 0 && len(k.numbers) < maxNumbers {
		k.numbers = append(k.numbers, number)
	}
}

func (t *tally) keepalive(c *view.Case) {
	peer := c.Call.Legs[0].Txns[0].Server
	k := t.peers[peer]
	if k == nil {
		if len(t.peers) >= maxPeers {
			t.unlisted++
			return
		}
		k = &keepalives{}
		t.peers[peer] = k
	}
	k.sent++
	switch {
	case c.Call.Code != 0:
		k.answered++
		k.code, k.silentSince = c.Call.Code, 0
	case c.Call.Outcome == call.Failed:
		k.unanswered++
		if k.silentSince == 0 {
			k.silentSince = c.Call.Began
		}
	}
}

// byCause returns the causes, most frequent first, then by severity.
func (t *tally) byCause() []finding.ID {
	return slices.SortedFunc(maps.Keys(t.causes), func(a, b finding.ID) int {
		x, y := t.causes[a], t.causes[b]
		return cmp.Or(cmp.Compare(y.n, x.n), cmp.Compare(y.severity, x.severity), cmp.Compare(a, b))
	})
}

// peerCount is a peer's name with its keepalives.
type peerCount struct {
	name string
	*keepalives
}

// byPeer returns the peers: those silent now first, then those that missed most.
func (t *tally) byPeer() []peerCount {
	var list []peerCount
	for p, k := range t.peers {
		list = append(list, peerCount{p.String(), k})
	}
	slices.SortFunc(list, func(a, b peerCount) int {
		if silent := a.silentSince != 0; silent != (b.silentSince != 0) {
			if silent {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.unanswered, a.unanswered), cmp.Compare(a.name, b.name))
	})
	return list
}

// byOutcome returns how many cases of a kind ended how, most frequent first.
func (t *tally) byOutcome(kind call.Kind) (list []view.Count) {
	for o, n := range t.outcomes[kind] {
		if n > 0 {
			list = append(list, view.Count{Name: call.Outcome(o).String(), N: n})
		}
	}
	byCount(list)
	return list
}

// codesOf returns the responses of one class with their phrases, most frequent first, and their sum.
func codesOf(s *view.Summary, class int) (list []view.Count, total uint64) {
	for c := class * 100; c < class*100+100; c++ {
		if n := s.Codes[c]; n > 0 {
			total += n
			list = append(list, view.Count{Name: strings.TrimSpace(csvCode(c) + " " + code.Phrase(c)), N: n})
		}
	}
	byCount(list)
	return list, total
}

func byCount(list []view.Count) {
	slices.SortStableFunc(list, func(a, b view.Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
}
