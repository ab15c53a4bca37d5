package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/media"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// What of an agent's log a report has.
const (
	maxLogShown = 20      // lines in text and markdown
	maxLogKept  = 200     // lines in json, ndjson and html
	maxLogText  = 1 << 10 // bytes of a line
	maxLogRead  = 4 << 10 // bytes of it that are looked through for secrets
)

// told is what agents said of a case.
type told struct {
	log    []wire.Note // in order of time
	heard  []media.Hearsay
	unread int // reports of which nothing can be said
}

func toldOf(c *view.Case) (s told) {
	if len(c.Notes) == 0 {
		return s
	}
	notes := slices.Clone(c.Notes)
	slices.SortStableFunc(notes, func(a, b wire.Note) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return a.Ref.Compare(b.Ref)
	})
	s.heard, s.unread = media.Hear(notes)
	s.log = slices.DeleteFunc(notes, func(n wire.Note) bool { return n.Kind != wire.NoteLog })
	return s
}

// logText is what a line of a log says, without secrets and not longer than a report has it. It has not passed visible.
func logText(n *wire.Note) []byte {
	return cut(maskLog(cut(bytes.TrimSpace(n.Text), maxLogRead)), maxLogText)
}

// logLine names when, who and what; visible.
func logLine(n *wire.Note, zone *time.Location) string {
	text := clock(n.Time, zone) + "  "
	if a := n.Flow.Src.Addr(); a.IsValid() && !a.IsUnspecified() {
		text += a.String() + ": "
	}
	return text + cells.Visible(string(logText(n)))
}

// logLines are the first lines of a log, then how many there are more; visible.
func (s *told) logLines(limit int, zone *time.Location) (lines []string) {
	for i := range s.log[:min(len(s.log), limit)] {
		lines = append(lines, logLine(&s.log[i], zone))
	}
	if n := len(s.log) - limit; n > 0 {
		lines = append(lines, fmt.Sprintf("… %s more", thousands(uint64(n))))
	}
	return lines
}

// reports say what agents reported of media, a line for each stream; visible.
func (s *told) reports(c *call.Call) (lines []string) {
	for i := range s.heard {
		lines = append(lines, heardText(&s.heard[i], c))
	}
	if s.unread > 0 {
		lines = append(lines, count(uint64(s.unread), "further report")+", in a form that is not read or of further streams")
	}
	return lines
}

// streamOf returns the RTP stream that was seen of what agents report of, nil when none was.
func streamOf(c *call.Call, h *media.Hearsay) *call.Stream {
	for i := range c.Media {
		s := &c.Media[i]
		if !s.RTCP && (h.SSRC != 0 && s.SSRC == h.SSRC || h.Src.IsValid() && s.Src == h.Src && s.Dst == h.Dst) {
			return s
		}
	}
	return nil
}

// heardJitter returns the mean and the greatest jitter in ms; -1 unknown.
func heardJitter(h *media.Hearsay, s *call.Stream) (jitter, most float64) {
	if h.Ticks >= 0 && s != nil && s.ClockRate > 0 {
		ms := 1000 / float64(s.ClockRate)
		return h.Ticks * ms, h.TicksMax * ms
	}
	return h.Jitter, h.JitterMax
}

func heardText(h *media.Hearsay, c *call.Call) string {
	s := streamOf(c, h)
	text := ""
	switch {
	case s != nil:
		text = fmt.Sprintf("%s → %s", s.Src, s.Dst)
	case h.Src.IsValid() && h.Dst.IsValid():
		text = fmt.Sprintf("%s → %s", h.Src, h.Dst)
	case h.Way != "":
		text = h.Way
	default:
		text = fmt.Sprintf("SSRC 0x%08x", h.SSRC)
	}
	var parts []string
	if h.Loss >= 0 {
		parts = append(parts, "lost "+worst("%.1f %%", 100*h.Loss, 100*h.LossMax))
	}
	switch jitter, most := heardJitter(h, s); {
	case jitter >= 0:
		parts = append(parts, "jitter "+worst("%.1f ms", jitter, max(jitter, most)))
	case h.Ticks >= 0:
		parts = append(parts, "jitter "+worst("%.0f ticks", h.Ticks, h.TicksMax))
	}
	if h.RoundTrip >= 0 {
		parts = append(parts, "round trip "+milliseconds(h.RoundTrip))
	}
	if h.MOS >= 0 {
		parts = append(parts, "MOS "+worst("%.1f", h.MOS, h.MOSMin))
	}
	if h.R >= 0 {
		parts = append(parts, fmt.Sprintf("R %.0f", h.R))
	}
	text += ": " + strings.Join(parts, ", ") + "; " + count(uint64(h.Reports), "report")
	if a := h.By; a.IsValid() && !a.Addr().IsUnspecified() {
		text += " of " + a.String()
	}
	return text
}

// worst writes a mean, and the worst where that is another.
func worst(format string, mean, most float64) string {
	text, w := fmt.Sprintf(format, mean), fmt.Sprintf(format, most)
	if text == w {
		return text
	}
	return text + " (at worst " + w + ")"
}

// soFar says whether more may be said of a case.
func soFar(c *view.Case) bool { return c.Verdict != nil && c.Verdict.Revision > 0 && !c.Verdict.Final }

// soFarMark follows what is said of a case that goes on.
const soFarMark = " (so far)"

// ending is how a case ended: code and reason; visible.
func ending(c *view.Case) string {
	text := codeText(c.Call)
	if soFar(c) {
		text = strings.TrimSpace(text + soFarMark)
	}
	return text
}

// caseFacts are facts, and which revision of the verdict it is, where there are several.
func caseFacts(c *view.Case, zone *time.Location) []string {
	list := facts(c.Call, zone)
	if soFar(c) {
		return append(list, fmt.Sprintf("revision %d, not final: more may come", c.Verdict.Revision))
	}
	if c.Verdict != nil && c.Verdict.Revision > 0 {
		list = append(list, fmt.Sprintf("revision %d, final", c.Verdict.Revision))
	}
	return list
}

// routesText says by which routes a case came and was sent on; "" when none is known. It has not passed visible.
func routesText(c *view.Case) string {
	var parts []string
	if c.Ways.In != "" {
		parts = append(parts, "came by "+c.Ways.In)
	}
	var out []string
	for i, name := range c.Ways.Out {
		if name == "" {
			continue
		}
		if i < len(c.Call.Attempts) {
			if code := c.Call.Attempts[i].Code; code != 0 {
				name += fmt.Sprintf(" (%d)", code)
			} else {
				name += " (no final response)"
			}
		}
		if len(out) > 0 && out[len(out)-1] == name {
			continue
		}
		if len(out) == maxAttemptsShown {
			out = append(out, "…")
			break
		}
		out = append(out, name)
	}
	if out != nil {
		parts = append(parts, "sent on by "+strings.Join(out, ", then "))
	}
	if m := c.Ways.Maker; m != "" && slices.Contains(c.Routes(), m) {
		parts = append(parts, "decided by "+m)
	}
	return strings.Join(parts, "; ")
}
