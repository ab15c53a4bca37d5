package render

import (
	"fmt"
	"path"
	"strings"
	"time"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/clocks"
	"sipcause/internal/view"
)

const pointsLabel = "Points"

// betweenWords say what is between two capture points.
var betweenWords = map[anatomy.Between]string{
	anatomy.Wire: "nothing that changes a message", anatomy.Translator: "NAT: other addresses, the same messages",
	anatomy.ALG:   "a device that adds no Via and rewrites messages (ALG, SBC)",
	anatomy.Proxy: "a proxy", anatomy.Relay: "a proxy that rewrites more than RFC 3261 §16.6 lets it (SBC)",
	anatomy.B2BUA: "a B2BUA or SBC: another Call-ID",
}

// pointExhibits say what became of a call's messages between capture points: a table of the ways, and one of what
// was rewritten on each. Ways on which nothing happened are listed only when all is asked for.
func pointExhibits(c *call.Call, opt Options) (list []exhibit) {
	ways := anatomy.Passages(c)
	x := exhibit{Label: pointsLabel, Heads: []string{"from", "to", "hop", "passed", "lost", "delay", "most"}}
	for i := range ways {
		if w := &ways[i]; opt.All || w.Notable() {
			x.Rows = append(x.Rows, wayRow(c, w))
			x.Notes = append(x.Notes, wayNotes(c, w, opt)...)
		}
	}
	if len(x.Rows) == 0 {
		return nil
	}
	x.Title = "what became of its messages on the way from one capture point to another"
	list = append(list, x)
	for i := range ways {
		if w := &ways[i]; len(w.Rewrites) > 0 {
			list = append(list, rewriteExhibit(c, w, opt))
		}
	}
	return list
}

func wayRow(c *call.Call, w *anatomy.Passage) []string {
	lost, delay, most := "0", "", ""
	if n := w.LostAll(); n > 0 {
		lost = fmt.Sprint(n)
	}
	if w.Messages > 0 {
		delay, most = delayText(w.Median), delayText(w.Max)
	}
	return []string{pointName(c.Points, w.Near), pointName(c.Points, w.Far), fmt.Sprintf("%s > %s", w.Src, w.Dst), fmt.Sprint(w.Messages), lost, delay, most}
}

// wayNotes say what happened on a way, with the frames.
func wayNotes(c *call.Call, w *anatomy.Passage, opt Options) (notes []string) {
	if len(w.Lost) > 0 {
		notes = append(notes, fmt.Sprintf("Left %s and never reached %s: %s.", pointName(c.Points, w.Near), pointName(c.Points, w.Far), lostText(c, w, opt)))
	}
	if w.Doubtful > 0 {
		notes = append(notes, fmt.Sprintf("%s of %s not seen at %s, which may have missed them: it captured nothing around them, or the call shows that they arrived.", count(uint64(w.Doubtful), "message"), pointName(c.Points, w.Near), pointName(c.Points, w.Far)))
	}
	if w.Duplicated > 0 {
		notes = append(notes, fmt.Sprintf("%s came twice at %s.", count(uint64(w.Duplicated), "packet"), pointName(c.Points, w.Far)))
	}
	if w.Reordered > 0 {
		notes = append(notes, fmt.Sprintf("%s came at %s after one that had left later.", count(uint64(w.Reordered), "message"), pointName(c.Points, w.Far)))
	}
	return notes
}

// lostText names the messages that were lost, those that are the same together.
func lostText(c *call.Call, w *anatomy.Passage, opt Options) string {
	var parts []string
	for i := 0; i < len(w.Lost); {
		label, ref, frames := shortLabel(c, w.Lost[i]), c.Sighting(w.Lost[i]).Ref, []string{}
		for ; i < len(w.Lost) && shortLabel(c, w.Lost[i]) == label && c.Sighting(w.Lost[i]).Ref.Source == ref.Source; i++ {
			ref = c.Sighting(w.Lost[i]).Ref
			frames = append(frames, fmt.Sprint(ref.Number))
		}
		frames[len(frames)-1] = frameText(ref, opt.Files)
		word := "frame"
		if len(frames) > 1 {
			word = fmt.Sprintf("%d times, frames", len(frames))
		}
		parts = append(parts, fmt.Sprintf("%s (%s %s)", label, word, strings.Join(frames, ", ")))
	}
	if w.LostMore > 0 {
		parts = append(parts, fmt.Sprintf("%d more", w.LostMore))
	}
	return strings.Join(parts, ", ")
}

// rewriteExhibit lists what was not the same at two points.
func rewriteExhibit(c *call.Call, w *anatomy.Passage, opt Options) exhibit {
	first := &w.Rewrites[0]
	x := exhibit{
		Label: pointsLabel,
		Title: fmt.Sprintf("rewritten from %s to %s (%s > %s; frames %s and %s), where there is %s", pointName(c.Points, w.Near), pointName(c.Points, w.Far),
			w.Src, w.Dst, frameText(c.Sighting(first.Near).Ref, opt.Files), frameText(c.Sighting(first.Far).Ref, opt.Files), betweenWords[w.Between]),
		Heads: []string{"what", "before", "after", "messages"},
	}
	for i := range w.Rewrites {
		r := &w.Rewrites[i]
		x.Rows = append(x.Rows, []string{r.What, sideText(maskRewrite(r.What, r.Before)), sideText(maskRewrite(r.What, r.After)), fmt.Sprint(r.Messages)})
	}
	return x
}

// sideText is a value at one point, shortened.
func sideText(b []byte) string {
	if b == nil {
		return "(not there)"
	}
	return call.Clean(b[:min(len(b), maxValueShown)])
}

const maxValueShown = 72

// pointName names a capture point for people.
func pointName(p *clocks.Points, point int) string { return path.Base(p.Name(point)) }

// delayText is a short time, in what people compare delays in.
func delayText(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}

// clockTexts say how the clocks of the capture points lie to each other.
func clockTexts(s *view.Summary) (list []string) {
	p := s.Points
	if p == nil {
		return nil
	}
	for i := range p.Clocks {
		c := &p.Clocks[i]
		if c.Reference == i {
			continue
		}
		list = append(list, clockText(p, i))
	}
	return list
}

func clockText(p *clocks.Points, i int) string {
	c := &p.Clocks[i]
	if !c.Applied && c.Both {
		return fmt.Sprintf("clock of %s agrees with %s's (±%s, %s)", pointName(p, i), pointName(p, c.Reference), delayText(c.Error), count(uint64(c.Messages), "message"))
	}
	how := "ahead of"
	off := c.Offset
	if off < 0 {
		how, off = "behind", -off
	}
	t := fmt.Sprintf("clock of %s is %s %s %s's", pointName(p, i), offsetText(off), how, pointName(p, c.Reference))
	if c.Both {
		t += fmt.Sprintf(" (±%s, %s)", delayText(c.Error), count(uint64(c.Messages), "message"))
	} else {
		t += fmt.Sprintf(" (%s in one direction only: give or take the delay of the way)", count(uint64(c.Messages), "message"))
	}
	if c.Drift != 0 {
		t += fmt.Sprintf(" and gains %.1f µs a second", c.Drift)
	}
	if !c.Applied {
		return t + "; not corrected: no more than the way explains"
	}
	return t + "; its times are given by the latter's clock"
}

// offsetText is an offset with the digits that its error leaves.
func offsetText(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.4f s", d.Seconds())
	}
	return d.Round(time.Millisecond).String()
}
