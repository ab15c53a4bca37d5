package anatomy

import (
	"bytes"
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Fork is one INVITE that an element sent on to more than one target.
type Fork struct {
	By       netip.AddrPort // the element that forked
	Role     call.Role      // RoleProxy; RoleB2BUA when the branches are calls of its own
	Invite   call.TxnRef    // the INVITE it had received
	Serial   bool           // each branch began when the one before it was over, or had been silent for long
	Branches []Branch       // in order of time
	Cut      int            // branches beyond maxBranches

	Sent   call.MsgRef // the final response it sent upstream; NoMsg: none
	Code   int         // its status, 0: none
	SentAt wire.Time
	From   int // the branch whose response that is, -1: made by the element itself, or none sent

	// What RFC 3261 §16.7 step 6 prefers of what had arrived when the choice was made. 0 and -1: nothing to choose
	// from, or no proxy.
	Preferred       int
	PreferredBranch int // -1: to be made by the proxy itself (500 for 503, §16.7 step 6)

	Gone  []call.MsgRef // 199 sent upstream: an early dialog is over (RFC 6228 §6)
	Notes []Note
}

// Branch is what became of one target.
type Branch struct {
	Txn         call.TxnRef
	Target      netip.AddrPort
	URI         []byte // Request-URI, nil when the request was not captured
	ID          []byte // branch of its Via
	Began       wire.Time
	Provisional int // the highest provisional response but 199, 0: none
	Final       call.MsgRef
	Code        int // final response, 0: none
	FinalAt     wire.Time
	Gone        bool      // its server said 199
	Unreachable wire.Time // when ICMP or TCP told that the target is not there; 0: never
	Recursed    bool      // a 3xx whose Contact another branch tried (RFC 3261 §16.7 step 4)
	Cancelled   wire.Time
	Cancel      call.MsgRef // the CANCEL sent on it; NoMsg: none
	Why         CancelCause // of the CANCEL
	Answer      Answer
}

// CancelCause says who wanted a branch cancelled.
type CancelCause uint8

// The causes, with the names of the report.
const (
	NotCancelled       CancelCause = iota
	CancelledByCaller              // the CANCEL, or early BYE, had come from upstream
	AnsweredElsewhere              // another branch had answered (RFC 3261 §16.7 step 10)
	RefusedElsewhere               // another branch had refused for all: 6xx (RFC 3261 §16.7 step 5)
	CancelledByElement             // none of those: a timer or the script of the element
)

var cancelNames = [...]string{"", "caller", "answered-elsewhere", "refused-elsewhere", "element"}

// String returns the name used in output, "" for NotCancelled.
func (c CancelCause) String() string { return cancelNames[c] }

// Answer says what the caller did with the 2xx of a branch (RFC 3261 §13.2.2.4).
type Answer uint8

// What becomes of a 2xx.
const (
	NoAnswer     Answer = iota // there was none
	AnswerKept                 // the call went on with it
	AnswerEnded                // acknowledged and ended with BYE, beside another that was kept
	AnswerAcked                // acknowledged and never ended, beside another that was kept
	AnswerByeing               // ended with BYE without an ACK
	AnswerLost                 // neither acknowledged nor ended
)

var answerNames = [...]string{"", "kept", "ended", "acknowledged", "ended-without-ack", "lost"}

// String returns the name used in output, "" for NoAnswer.
func (a Answer) String() string { return answerNames[a] }

// NoteKind is something about a fork that is not as RFC 3261 §16.7 has it, or that the caller did not learn.
type NoteKind uint8

// The kinds of notes, with the names of the report.
const (
	NotPreferred    NoteKind = iota // another response was to be chosen (§16.7 step 6)
	Hidden                          // a response that tells how to try again stands behind the one sent (§16.7 step 6)
	NotCancelled6xx                 // a branch went on though another had refused for all (§16.7 step 5, 10)
	NotCancelled2xx                 // a branch went on though another had answered (§16.7 step 10)
	TriedAfter6xx                   // a branch was begun though another had refused for all (§16.7 step 5)
	Unaggregated                    // a challenge is missing in the 401 or 407 sent (§16.7 step 7)
	Unavailable                     // a 503 was passed on (§16.7 step 6)
	SecondAnswer                    // a further branch answered
	LateAnswer                      // a branch answered after another final response had gone upstream
	BeforeAll                       // the response went upstream while a branch was still at work (§16.7 step 5)
)

var noteNames = [...]string{
	"not-preferred", "hidden", "6xx-not-cancelled", "2xx-not-cancelled", "tried-after-6xx", "challenge-not-aggregated",
	"503-passed-on", "second-answer", "late-answer", "chosen-early",
}

// String returns the name used in output.
func (k NoteKind) String() string { return noteNames[k] }

// Note is one remark about a fork.
type Note struct {
	Kind   NoteKind
	Branch int // index into Fork.Branches that it is about
	Code   int // the response that it is about, 0: none
}

// maxBranches bounds the branches of one fork that are looked at.
const maxBranches = 64

// maxForks bounds the forks of one call.
const maxForks = 32

// Forks returns the INVITEs of a call that an element sent on to more than one target, in the order in which it
// received them. A request sent again to the same target, with credentials for its challenge, is no branch of its
// own. What is returned aliases the call.
func Forks(c *call.Call) (list []Fork) {
	for k, l := range c.Legs {
		if len(c.Legs) == 1 && !forked(l) {
			continue
		}
		for i := range l.Txns {
			if t := &l.Txns[i]; t.Method != sip.MethodInvite || t.InDialog || len(list) == maxForks {
				continue
			}
			if f, ok := fork(c, call.TxnRef{Leg: k, Txn: int32(i)}); ok {
				list = append(list, f)
			}
		}
	}
	return list
}

// forked says whether two INVITEs of a leg have the same parent.
func forked(l *call.Leg) bool {
	for i := range l.Txns {
		p := l.Txns[i].Parent
		if p == call.None || l.Txns[i].Method != sip.MethodInvite {
			continue
		}
		for k := range i {
			if l.Txns[k].Parent == p && l.Txns[k].Method == sip.MethodInvite {
				return true
			}
		}
	}
	return false
}

func fork(c *call.Call, r call.TxnRef) (f Fork, ok bool) {
	kids := c.Downstream(r)
	if len(kids) < 2 {
		return f, false
	}
	t := c.Txn(r)
	f = Fork{By: t.Server, Role: call.RoleProxy, Invite: r, Sent: call.NoMsg, From: -1, PreferredBranch: -1, Serial: true}
	for _, k := range kids {
		if k.Leg != r.Leg {
			f.Role = call.RoleB2BUA
		}
		if superseded(c, kids, k) {
			continue
		}
		if len(f.Branches) == maxBranches {
			f.Cut++
			continue
		}
		f.Branches = append(f.Branches, branch(c, k))
	}
	if len(f.Branches) < 2 {
		return f, false
	}
	l := c.Legs[r.Leg]
	if t.Final != call.None {
		f.Sent = call.MsgRef{Leg: r.Leg, Msg: t.Final}
		f.Code, f.SentAt = l.FinalStatus(t), l.Sightings[t.Final].Time
	}
	for i := range l.Messages(t) {
		if s := &l.Sightings[i]; s.Status == 199 && s.Repeat == call.First {
			f.Gone = append(f.Gone, call.MsgRef{Leg: r.Leg, Msg: i})
		}
	}
	f.order(c)
	f.choose(c)
	f.judge(c)
	return f, true
}

// superseded says whether the request k was sent again to the same target with credentials of the element's own.
func superseded(c *call.Call, kids []call.TxnRef, k call.TxnRef) bool {
	t := c.Txn(k)
	if code := c.Status(k); code != 401 && code != 407 {
		return false
	}
	for _, o := range kids {
		if n := c.Txn(o); o != k && n.HasAuth && !t.HasAuth && n.Server == t.Server && c.Start(o) >= c.FinalTime(k) {
			return true
		}
	}
	return false
}

func branch(c *call.Call, r call.TxnRef) Branch {
	l, t := c.Legs[r.Leg], c.Txn(r)
	b := Branch{Txn: r, Target: t.Server, ID: t.Branch, Began: l.Start(t), Final: call.NoMsg, Cancel: call.NoMsg, Code: l.FinalStatus(t), FinalAt: c.FinalTime(r)}
	if m := c.Msg(call.MsgRef{Leg: r.Leg, Msg: t.Request}); m != nil {
		b.URI = m.RequestURI()
	}
	if t.Final != call.None {
		b.Final = call.MsgRef{Leg: r.Leg, Msg: t.Final}
	}
	for i := range l.Messages(t) {
		switch s := &l.Sightings[i]; {
		case s.Status == 199:
			b.Gone = true
		case s.Status >= 100 && s.Status < 199:
			b.Provisional = max(b.Provisional, int(s.Status))
		}
	}
	for i := range l.Events {
		if e := &l.Events[i]; e.Txn == r.Txn && b.Unreachable == 0 && unreachable(e.Kind) {
			b.Unreachable = e.Time
		}
	}
	if end := l.EndedBy(r.Txn); end != call.None {
		b.Cancel = call.MsgRef{Leg: r.Leg, Msg: l.Txns[end].First}
		b.Cancelled = l.Start(&l.Txns[end])
	}
	return b
}

// unreachable says whether an event tells a client that its request did not arrive (RFC 3261 §16.9).
func unreachable(k wire.EventKind) bool {
	return k == wire.EventICMP || k == wire.EventTCPRefused || k == wire.EventSYNTimeout
}

// order says whether the branches were tried one after the other, who wanted those cancelled that were, and what
// the caller made of each answer.
func (f *Fork) order(c *call.Call) {
	asked := wire.Time(0) // when the caller gave up
	l := c.Legs[f.Invite.Leg]
	if end := l.EndedBy(f.Invite.Txn); end != call.None {
		asked = l.Start(&l.Txns[end])
	}
	for i := range f.Branches {
		b := &f.Branches[i]
		for k := range i {
			if p := &f.Branches[k]; !p.over(b.Began) && (p.Provisional > 0 || b.Began.Sub(p.Began) < crossing) {
				f.Serial = false
			}
		}
		b.Recursed = f.recursed(c, i)
		if b.Cancelled == 0 {
			continue
		}
		b.Why = CancelledByElement
		for k := range f.Branches {
			if o := &f.Branches[k]; k != i && o.Code != 0 && o.FinalAt <= b.Cancelled {
				if o.Code/100 == 2 {
					b.Why = AnsweredElsewhere
				} else if o.Code/100 == 6 && b.Why == CancelledByElement {
					b.Why = RefusedElsewhere
				}
			}
		}
		if asked != 0 && asked <= b.Cancelled && b.Why != AnsweredElsewhere {
			b.Why = CancelledByCaller
		}
	}
	f.answers(c)
}

// recursed says whether another branch was begun for a Contact of the redirection that ended branch i.
func (f *Fork) recursed(c *call.Call, i int) bool {
	b := &f.Branches[i]
	m := c.Msg(b.Final)
	if b.Code/100 != 3 || m == nil {
		return false
	}
	for contact := range m.Contacts() {
		u, _ := sip.ParseURI(contact.URI)
		for k := range f.Branches {
			if o := &f.Branches[k]; k != i && o.Began >= b.FinalAt && (bytes.Equal(o.URI, contact.URI) || u.Addr() == o.Target.Addr()) {
				return true
			}
		}
	}
	return false
}

// over says whether the element had done with the branch at a time: a final response, a CANCEL, or word that the
// target is not there.
func (b *Branch) over(at wire.Time) bool {
	return b.Unreachable != 0 && b.Unreachable <= at || b.Code != 0 && b.FinalAt <= at || b.Cancelled != 0 && b.Cancelled <= at
}

// answers says what became of each 2xx: one is kept, the first that was acknowledged and not ended at once.
func (f *Fork) answers(c *call.Call) {
	kept := -1
	for i := range f.Branches {
		b := &f.Branches[i]
		if b.Code/100 != 2 {
			continue
		}
		acked, ended := b.fate(c)
		switch {
		case acked != 0 && ended != 0:
			b.Answer = AnswerEnded
		case acked != 0:
			b.Answer = AnswerAcked
		case ended != 0:
			b.Answer = AnswerByeing
		default:
			b.Answer = AnswerLost
		}
		if kept < 0 || better(c, b, &f.Branches[kept]) {
			kept = i
		}
	}
	if kept >= 0 && f.Branches[kept].Answer != AnswerLost {
		f.Branches[kept].Answer = AnswerKept
	}
}

// better says whether the caller kept answer b rather than o: the one that was acknowledged, then the one that
// stood longer.
func better(c *call.Call, b, o *Branch) bool {
	acked, ended := b.fate(c)
	was, over := o.fate(c)
	if (acked != 0) != (was != 0) {
		return acked != 0
	}
	return over != 0 && (ended == 0 || ended > over)
}

// fate returns when the answer of the branch was acknowledged, and when the dialog was ended; 0: never.
func (b *Branch) fate(c *call.Call) (acked, ended wire.Time) {
	l, t := c.Legs[b.Txn.Leg], c.Txn(b.Txn)
	if t.Dialog == call.None {
		return 0, 0
	}
	d := &l.Dialogs[t.Dialog]
	if d.Bye != call.None {
		ended = l.Start(&l.Txns[d.Bye])
	}
	return d.AckAt, ended
}
