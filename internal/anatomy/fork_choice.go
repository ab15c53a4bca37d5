package anatomy

import (
	"bytes"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// informative are the responses that tell how to try again: a proxy is to prefer them among those of 4xx
// (RFC 3261 §16.7 step 6).
func informative(code int) bool {
	switch code {
	case 401, 407, 415, 420, 484:
		return true
	}
	return false
}

// choose sets From, and what was to be preferred. A branch without a final response counts as 408 (RFC 3261 §16.8,
// §16.7 step 6); a 503 alone becomes a 500.
func (f *Fork) choose(c *call.Call) {
	if f.Code == 0 {
		return
	}
	for i := range f.Branches {
		if b := &f.Branches[i]; b.Code == f.Code && b.FinalAt <= f.SentAt && (f.From < 0 || sameAnswer(c, f.Sent, b.Final) && !sameAnswer(c, f.Sent, f.Branches[f.From].Final)) {
			f.From = i
		}
	}
	if f.Role != call.RoleProxy {
		return
	}
	best, rank := -1, 0
	for i := range f.Branches {
		b := &f.Branches[i]
		if b.Began > f.SentAt || b.Recursed && i != f.From {
			continue
		}
		if r := preference(b.codeAt(f.SentAt)); best < 0 || r < rank {
			best, rank = i, r
		}
	}
	if best < 0 {
		return
	}
	f.PreferredBranch, f.Preferred = best, f.Branches[best].codeAt(f.SentAt)
	if f.Preferred == 503 {
		f.PreferredBranch, f.Preferred = -1, 500
	}
	if f.Branches[best].Code != f.Preferred {
		f.PreferredBranch = -1
	}
	// Within a class any may be chosen.
	if f.From >= 0 && preference(f.Branches[f.From].Code) == rank && f.Preferred != 500 {
		f.PreferredBranch, f.Preferred = f.From, f.Code
	}
}

// codeAt is the branch's final response as of a time. Without one, or with the 487 that the element itself brought
// about, it counts as 408 (RFC 3261 §16.8), and as 503 when the target was not there (§16.9).
func (b *Branch) codeAt(at wire.Time) int {
	switch known := b.Code != 0 && b.FinalAt <= at; {
	case known && (b.Code != 487 || b.Why != CancelledByElement):
		return b.Code
	case !known && b.Unreachable != 0 && b.Unreachable <= at:
		return 503
	}
	return 408
}

// preference ranks a response, the best first: 2xx, 6xx, then the lowest class, in 4xx what tells how to try
// again, in 5xx anything before 503 (RFC 3261 §16.7 step 5, 6).
func preference(code int) int {
	switch class := code / 100; {
	case class == 2:
		return 0
	case class == 6:
		return 1
	case informative(code):
		return 2 * class
	case code == 503:
		return 2*class + 2
	default:
		return 2*class + 1
	}
}

// sameAnswer says whether two responses have the same To tag.
func sameAnswer(c *call.Call, a, b call.MsgRef) bool {
	x, y := c.Msg(a), c.Msg(b)
	return x != nil && y != nil && bytes.Equal(x.ToTag(), y.ToTag())
}

// Within these times a message may have crossed another, or a timer cannot have fired yet.
const (
	crossing   = 500 * time.Millisecond // a CANCEL and what it meets
	leastTimer = 2 * time.Second        // what an element waits for a target at least
)

// judge notes what is not as RFC 3261 §16.7 has it. A B2BUA is not bound by it: of that only the answers are looked at.
func (f *Fork) judge(c *call.Call) {
	proxy := f.Role == call.RoleProxy
	if proxy && f.Code != 0 {
		f.judgeChoice(c)
	}
	first := -1
	for i := range f.Branches {
		b := &f.Branches[i]
		switch b.Code / 100 {
		case 2:
			if first >= 0 {
				f.note(SecondAnswer, i, b.Code)
			}
			if first < 0 {
				first = i
				f.goOn(c, i, NotCancelled2xx)
			}
			if f.Code/100 > 2 && b.FinalAt > f.SentAt {
				f.note(LateAnswer, i, b.Code)
			}
		case 6:
			if proxy {
				f.goOn(c, i, NotCancelled6xx)
			}
		}
	}
}

func (f *Fork) note(k NoteKind, branch, code int) {
	f.Notes = append(f.Notes, Note{k, branch, code})
}

// goOn notes the branches that went on after branch i had decided. A CANCEL may be sent only on a branch that has
// had a provisional response (RFC 3261 §9.1).
func (f *Fork) goOn(c *call.Call, i int, kind NoteKind) {
	at := f.Branches[i].FinalAt
	for k := range f.Branches {
		b := &f.Branches[k]
		switch t := c.Txn(b.Txn); {
		case k == i || b.over(at):
		case b.Began > at:
			if kind == NotCancelled6xx {
				f.note(TriedAfter6xx, k, f.Branches[i].Code)
			}
		case b.Cancelled == 0 && (t.Trying != call.None || t.Progress != call.None) && (b.Code == 0 || b.FinalAt.Sub(at) > crossing):
			f.note(kind, k, f.Branches[i].Code)
		}
	}
}

// judgeChoice notes what is odd about the response that the proxy sent upstream.
func (f *Fork) judgeChoice(c *call.Call) {
	l := c.Legs[f.Invite.Leg]
	if end := l.EndedBy(f.Invite.Txn); end != call.None && l.Start(&l.Txns[end]) <= f.SentAt {
		f.Preferred, f.PreferredBranch = f.Code, f.From // whoever cancels gets 487, or what crossed the CANCEL
		return
	}
	if f.Preferred != 0 && f.Preferred != f.Code && !informative(f.Preferred) && f.Preferred != 500 { // those are noted below
		f.note(NotPreferred, f.PreferredBranch, f.Preferred)
	}
	if f.Code == 503 && f.From >= 0 {
		f.note(Unavailable, f.From, 503)
	}
	sent := c.Msg(f.Sent)
	for i := range f.Branches {
		b := &f.Branches[i]
		early := b.Code == 0 || b.FinalAt > f.SentAt
		switch {
		case early:
			if f.Code >= 300 && f.Code < 600 && f.From >= 0 && b.Began < f.SentAt && !b.over(f.SentAt) && f.SentAt.Sub(b.Began) < leastTimer {
				f.note(BeforeAll, i, f.Code)
			}
		case f.Code == 401 || f.Code == 407:
			if b.Code == 401 || b.Code == 407 {
				if m := c.Msg(b.Final); sent != nil && m != nil && !carries(sent, m) {
					f.note(Unaggregated, i, b.Code)
				}
			}
		case f.Code/100 != 2 && informative(b.Code) && !informative(f.Code):
			f.note(Hidden, i, b.Code)
		}
	}
}

// carries says whether every challenge of m is in sent, too (RFC 3261 §16.7 step 7).
func carries(sent, m *sip.Message) bool {
	for want := range m.Challenges() {
		found := false
		for have := range sent.Challenges() {
			found = found || bytes.Equal(have.Realm, want.Realm) && bytes.Equal(have.Nonce, want.Nonce)
		}
		if !found {
			return false
		}
	}
	return true
}
