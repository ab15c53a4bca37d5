package render

import (
	"fmt"
	"strings"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/sip"
)

// forkExhibit says what an element made of its targets.
func forkExhibit(c *call.Call, f *anatomy.Fork, opt Options) exhibit {
	x := exhibit{Label: forkLabel, Title: forkTitle(c, f, opt), Heads: []string{"target", "asked for", "came", "after", "then"}}
	for i := range f.Branches {
		b := &f.Branches[i]
		came, after := "no final response", ""
		if b.Unreachable != 0 {
			came, after = "unreachable", duration(b.Unreachable.Sub(b.Began))
		}
		if b.Code != 0 {
			came, after = fmt.Sprintf("%d (frame %s)", b.Code, frameText(c.Sighting(b.Final).Ref, opt.Files)), duration(b.FinalAt.Sub(b.Began))
		}
		if b.Provisional > 100 {
			came = fmt.Sprintf("%d, %s", b.Provisional, came)
		}
		x.Rows = append(x.Rows, []string{b.Target.String(), askedFor(b), came, after, branchEnd(b)})
	}
	if f.Cut > 0 {
		x.Notes = append(x.Notes, count(uint64(f.Cut), "more target"))
	}
	for _, n := range f.Notes {
		x.Notes = append(x.Notes, forkNote(f, n))
	}
	if n := len(f.Gone); n > 0 {
		x.Notes = append(x.Notes, fmt.Sprintf("%s told the caller with 199 that an early dialog was over (RFC 6228), %s.", f.By, times(n)))
	}
	return x
}

// askedFor returns the Request-URI of a branch; of one that names the target itself the user alone.
func askedFor(b *anatomy.Branch) string {
	u, ok := sip.ParseURI(b.URI)
	if ok && u.Addr() == b.Target.Addr() && len(u.User) > 0 {
		return call.Clean(u.User)
	}
	return call.Clean(b.URI)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func forkTitle(c *call.Call, f *anatomy.Fork, opt Options) string {
	how := "in parallel"
	if f.Serial {
		how = "one after the other"
	}
	t := fmt.Sprintf("%s (%s) sent the INVITE to %s %s", f.By, f.Role, count(uint64(len(f.Branches)+f.Cut), "target"), how)
	if f.Code == 0 {
		return t + "; no final response went back"
	}
	t += fmt.Sprintf(" and answered %d (frame %s)", f.Code, frameText(c.Sighting(f.Sent).Ref, opt.Files))
	if f.From >= 0 {
		return t + ", the response of " + f.Branches[f.From].Target.String()
	}
	return t + " by itself"
}

var cancelWords = map[anatomy.CancelCause]string{
	anatomy.CancelledByCaller: "cancelled: the caller gave up", anatomy.AnsweredElsewhere: "cancelled: another answered",
	anatomy.RefusedElsewhere: "cancelled: another refused for all", anatomy.CancelledByElement: "cancelled by the element itself",
}

var answerWords = map[anatomy.Answer]string{
	anatomy.AnswerKept: "kept", anatomy.AnswerEnded: "ended with ACK and BYE", anatomy.AnswerAcked: "ACK, but no BYE",
	anatomy.AnswerByeing: "BYE, but no ACK", anatomy.AnswerLost: "neither ACK nor BYE",
}

// branchEnd says who stopped a branch and what became of its answer.
func branchEnd(b *anatomy.Branch) string {
	var parts []string
	for _, s := range []string{cancelWords[b.Why], answerWords[b.Answer]} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "; ")
}

// forkNote says what a note means.
func forkNote(f *anatomy.Fork, n anatomy.Note) string {
	who := f.By.String()
	if n.Branch >= 0 {
		who = f.Branches[n.Branch].Target.String()
	}
	switch n.Kind {
	case anatomy.Hidden:
		s := fmt.Sprintf("The %d of %s did not reach the caller, though it says how to try again", n.Code, who)
		if f.Preferred == n.Code {
			return s + fmt.Sprintf(": RFC 3261 §16.7 step 6 prefers it to the %d.", f.Code)
		}
		return s + "."
	case anatomy.NotPreferred:
		return fmt.Sprintf("RFC 3261 §16.7 step 6 prefers %d to the %d that went back.", n.Code, f.Code)
	case anatomy.NotCancelled6xx:
		return fmt.Sprintf("%s went on after a %d, which refuses for all: RFC 3261 §16.7 step 5 wants it cancelled.", who, n.Code)
	case anatomy.NotCancelled2xx:
		return fmt.Sprintf("%s went on after another had answered: RFC 3261 §16.7 step 10 wants it cancelled.", who)
	case anatomy.TriedAfter6xx:
		return fmt.Sprintf("%s was tried after a %d, which refuses for all (RFC 3261 §16.7 step 5).", who, n.Code)
	case anatomy.Unaggregated:
		return fmt.Sprintf("The challenge of %s is missing in the %d that went back: RFC 3261 §16.7 step 7 wants all of them in it.", who, f.Code)
	case anatomy.Unavailable:
		return "The 503 went back as it was: callers take it for the whole element and avoid it (RFC 3263 §4.3); RFC 3261 §16.7 step 6 wants it kept back."
	case anatomy.SecondAnswer:
		return fmt.Sprintf("%s answered, too: %s.", who, answerWords[f.Branches[n.Branch].Answer])
	case anatomy.LateAnswer:
		return fmt.Sprintf("%s answered after the %d had gone back: %s.", who, f.Code, answerWords[f.Branches[n.Branch].Answer])
	case anatomy.BeforeAll:
		return fmt.Sprintf("The %d went back while %s was still at work.", f.Code, who)
	}
	return n.Kind.String()
}
