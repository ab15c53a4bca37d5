package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// The words that text and html have in common. What comes from traffic in them has not passed visible,
// unless a comment says so.

// who says between whom a case is.
func who(c *call.Call) string {
	switch {
	case c.Reg != nil:
	case c.From == c.To:
		return c.From + " to itself"
	default:
		return c.From + " → " + c.To
	}
	if len(c.Reg.Contacts) == 0 {
		return c.Reg.AOR
	}
	return c.Reg.AOR + " at " + strings.Join(c.Reg.Contacts, ", ")
}

// caseTitle says what a case is and how it ended, visible: "call failed", "OPTIONS answered".
func caseTitle(c *call.Call) string {
	what := c.Kind.String()
	if c.Kind == call.KindTransaction {
		if m := transactionMethod(c); m != "" {
			what = cells.Visible(m)
		}
	}
	return what + " " + c.Outcome.String()
}

// codeText returns code and reason, visible, "" when there is none.
func codeText(c *call.Call) string {
	if c.Code == 0 {
		return ""
	}
	return cells.Visible(strings.TrimSpace(strconv.Itoa(c.Code) + " " + c.Reason))
}

// facts says when a case was and how long things took.
func facts(c *call.Call, zone *time.Location) []string {
	list := []string{date(c.Began, zone)}
	t := &c.Timings
	add := func(format string, v *float64) {
		if v != nil {
			list = append(list, fmt.Sprintf(format, milliseconds(*v)))
		}
	}
	add("ringing after %s", t.PDD)
	add("rang %s", t.Ring)
	switch {
	case t.Setup != nil:
		add("answered after %s", t.Setup)
	case t.Final != nil:
		add("final response after %s", t.Final)
	case c.Code == 0 && c.Ended > c.Began && !c.Began.Ordinal():
		list = append(list, "no final response in "+duration(c.Ended.Sub(c.Began)))
	}
	add("lasted %s", t.Duration)
	if c.HungUpBy != "" {
		list = append(list, c.HungUpBy+" hung up")
	}
	if c.Challenge > 0 {
		list = append(list, count(uint64(c.Challenge), "challenge"))
	}
	if c.Reg != nil {
		list = append(list, registrationFacts(c.Reg)...)
	}
	return list
}

func registrationFacts(g *call.Registration) (list []string) {
	if g.Removed {
		return []string{"binding removed"}
	}
	if g.Requested >= 0 {
		list = append(list, fmt.Sprintf("asked for %d s", g.Requested))
	}
	if g.Expires >= 0 {
		list = append(list, fmt.Sprintf("granted %d s", g.Expires))
	}
	if g.Refreshes > 0 {
		list = append(list, fmt.Sprintf("refreshed %d×", g.Refreshes))
	}
	return list
}

// legText returns the Call-ID of leg i and by what it was joined to the others.
func legText(c *call.Call, i int) string {
	id := c.Legs[i].CallID
	if i == 0 {
		return id
	}
	for _, k := range c.Links {
		if k.To == id {
			by := k.By
			if k.Header != "" {
				by = k.Header
			}
			return fmt.Sprintf("%s (by %s, %s)", id, by, sure(k.Confidence))
		}
	}
	return id
}

func streamText(s *call.Stream) string {
	kind := "RTP"
	if s.RTCP {
		kind = "RTCP"
	}
	text := fmt.Sprintf("%s %s → %s, %s in %s", kind, s.Src, s.Dst, count(s.Packets, "packet"), duration(s.Last.Sub(s.First)))
	if s.Codec != "" {
		text += ", " + cells.Visible(s.Codec)
	}
	if s.RTP != nil && s.RTP.Lost() > 0 {
		text += fmt.Sprintf(", %.1f %% lost", 100*float64(s.RTP.Lost())/float64(s.RTP.Expected()))
	}
	if s.Remote != nil && s.Remote.Reports > 0 {
		text += fmt.Sprintf(", %.1f %% lost at the receiver", 100*s.Remote.LossMean)
	}
	if s.RTP != nil && s.Jitter >= 0 {
		text += fmt.Sprintf(", jitter %.1f ms", s.Jitter)
	}
	if s.MOS > 0 {
		text += fmt.Sprintf(", MOS about %.1f", s.MOS)
	}
	return text
}

// originText says who made the deciding response; c has an origin.
func originText(c *call.Call) string {
	o := c.Origin
	s := o.Address.String()
	if o.Role != "" && o.Role != call.RoleUnknown {
		s += ", " + string(o.Role)
	}
	if o.Server != "" {
		s += ", " + o.Server
	}
	if o.Code != 0 && o.Code != c.Code {
		s += fmt.Sprintf(", said %d", o.Code)
	}
	return s + " · " + sure(o.Confidence)
}

const maxAttemptsShown = 12

func attemptTexts(list []call.Attempt) (texts []string) {
	for i := 0; i < len(list); {
		a := &list[i]
		if len(texts) == maxAttemptsShown {
			return append(texts, fmt.Sprintf("and %d more", len(list)-i))
		}
		same := 1
		for i+same < len(list) && list[i+same].Target == a.Target && list[i+same].Code == a.Code {
			same++
		}
		result := "no final response"
		if a.Code != 0 {
			result = fmt.Sprintf("%d after %s", a.Code, milliseconds(a.FinalMS))
		}
		if same > 1 {
			result += fmt.Sprintf(", and so %d times", same)
		}
		texts = append(texts, fmt.Sprintf("%s: %s", a.Target, result))
		i += same
	}
	return texts
}

// suspectText names where to look first.
func suspectText(s *finding.Suspect) string {
	if s.Role == "" || s.Role == call.RoleUnknown {
		return s.Address.String()
	}
	return fmt.Sprintf("%s (%s)", s.Address, s.Role)
}

var actsText = map[finding.Acts]string{
	finding.ActsUser: "the user", finding.ActsCaller: "the caller's side", finding.ActsCallee: "the called side",
	finding.ActsProxy: "the operator of the hop that answered", finding.ActsNetwork: "the network", finding.ActsCarrier: "the carrier",
	finding.ActsNobody: "nobody",
}

// isRoot says whether f is the root cause of v.
func isRoot(v *finding.Verdict, f *finding.Finding) bool {
	return v.Root != nil && f.ID == v.Root.ID && f.Summary == v.Root.Summary
}

// frame names a packet: its number, and its file when there are several.
func frameText(ref wire.PacketRef, files []string) string {
	if len(files) > 1 && int(ref.Source) < len(files) {
		return fmt.Sprintf("%d of %s", ref.Number, files[ref.Source])
	}
	return strconv.FormatUint(ref.Number, 10)
}

const maxEvidenceShown = 12

// evidenceText names one packet and why it counts.
func evidenceText(e *finding.Evidence, files []string) string {
	if e.Ref.Number == 0 {
		return e.Note
	}
	s := "frame " + frameText(e.Ref, files)
	if e.Note != "" {
		s += ": " + e.Note
	}
	return s
}

// framesText lists the packets of a finding without their notes.
func framesText(f *finding.Finding, files []string) string {
	var list []string
	for _, e := range f.Evidence[:min(len(f.Evidence), maxEvidenceShown)] {
		if e.Ref.Number != 0 {
			list = append(list, frameText(e.Ref, files))
		}
	}
	if list == nil {
		return ""
	}
	noun, more := "frame ", ""
	if len(list) > 1 {
		noun = "frames "
	}
	if n := len(f.Evidence) - maxEvidenceShown; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return noun + strings.Join(list, ", ") + more
}

const maxFilesShown = 8

func filesText(files []string) string {
	if n := len(files) - maxFilesShown; n > 0 {
		return strings.Join(files[:maxFilesShown], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(files, ", ")
}

// readParts says how much was read.
func readParts(s *view.Summary) []string {
	return []string{count(s.Packets, "packet"), size(s.Bytes), count(s.Messages, "SIP message")}
}

// rangeText says from when to when; s has messages.
func rangeText(s *view.Summary, zone *time.Location) string {
	if s.First.Ordinal() {
		return "at times that are not known"
	}
	from := s.First.Std().In(zone).Format("2006-01-02 15:04:05.000")
	until := date(s.Last, zone)
	if from[:len(time.DateOnly)] == until[:len(time.DateOnly)] {
		until = until[len(time.DateOnly)+1:]
	}
	return fmt.Sprintf("%s to %s (%s)", from, until, duration(s.Last.Sub(s.First)))
}

// oddParts counts what is worth knowing of the messages and of what came beside them.
func oddParts(s *view.Summary) (parts []string) {
	for _, n := range []struct {
		n         uint64
		one, many string
	}{
		{s.Retransmissions, "retransmission", "retransmissions"},
		{s.Duplicates, "duplicate of the capture", "duplicates of the capture"},
		{s.Defective, "defective message", "defective messages"},
		{s.Unparsable, "unparsable message", "unparsable messages"},
		{s.RTP, "RTP packet", "RTP packets"},
		{s.RTCP, "RTCP packet", "RTCP packets"},
		{s.Keepalives, "CRLF keepalive", "CRLF keepalives"},
	} {
		switch n.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+n.one)
		default:
			parts = append(parts, thousands(n.n)+" "+n.many)
		}
	}
	return parts
}

// measure is one line of the measures: percentiles of one thing share it.
type measure struct {
	name, value, of string
}

// measures returns the measures that have a value, then for each reason those that have none.
func measures(kpis []view.KPI) (list []measure) {
	last := ""
	var refused []measure
	for i := range kpis {
		k := &kpis[i]
		name, part, _ := strings.Cut(k.Name, "_p")
		if _, err := strconv.Atoi(part); err != nil {
			name, part = k.Name, ""
		}
		if k.Refused != "" {
			refused = refuse(refused, name, k.Refused)
			continue
		}
		value := strings.TrimSpace("p" + part + " " + kpiValue(k))
		if part == "" {
			value = kpiValue(k)
		}
		if part != "" && name == last {
			list[len(list)-1].value += ", " + value
			continue
		}
		last = name
		list = append(list, measure{name, value, kpiPopulation(k)})
	}
	return append(list, refused...)
}

// refuse adds name to those that have no value for one reason.
func refuse(list []measure, name, why string) []measure {
	for i := range list {
		if list[i].of == why {
			if !strings.HasSuffix(", "+list[i].value, ", "+name) {
				list[i].value += ", " + name
			}
			return list
		}
	}
	return append(list, measure{"no value", name, why})
}

func kpiValue(k *view.KPI) string {
	if k.Unit == "ms" {
		return milliseconds(k.Value)
	}
	return strings.TrimSpace(strings.TrimSuffix(strconv.FormatFloat(k.Value, 'f', 1, 64), ".0") + " " + k.Unit)
}

func kpiPopulation(k *view.KPI) string {
	of := "of " + thousands(k.Population)
	if k.Excluded > 0 {
		of += fmt.Sprintf(" (%s excluded)", thousands(k.Excluded))
	}
	if k.Ref != "" {
		of += ", " + k.Ref
	}
	return of
}

var gapWords = map[wire.GapKind]string{
	wire.GapTruncated: "the file ends inside a record", wire.GapBadRecord: "a record that cannot be was passed over",
	wire.GapSnapLength: "packets were cut by the snap length", wire.GapTCP: "TCP segments are missing",
	wire.GapFragments: "IP fragments or SCTP chunks never came", wire.GapEvicted: "messages were dropped because a limit was reached",
	wire.GapDrops: "the capturing side dropped packets", wire.GapPanic: "a message could not be handled and was set aside",
	wire.GapTimes: "the trace gives no times for some messages: the times shown only keep their order", wire.GapAddresses: "the trace does not say between which addresses some messages went: they are taken from the messages, and 0.x.x.x stands for what is not known",
	wire.GapDates: "the trace writes times without a date or a year: 1971 and 1972 stand for what is not known",
}

const maxGapsShown = 3 // of one kind

// gapTexts says what is missing, one text per kind of gap with the first of them.
func gapTexts(gaps []wire.Gap, zone *time.Location) (texts []string) {
	var kinds []wire.GapKind
	for i := range gaps {
		if !slices.Contains(kinds, gaps[i].Kind) {
			kinds = append(kinds, gaps[i].Kind)
		}
	}
	for _, kind := range kinds {
		var first []string
		n := 0
		for i := range gaps {
			if gaps[i].Kind != kind {
				continue
			}
			if n++; n <= maxGapsShown {
				first = append(first, gapDetail(&gaps[i], zone))
			}
		}
		s := gapWords[kind]
		if s == "" {
			s = kind.String()
		}
		if n > 1 {
			s += fmt.Sprintf(", %d times", n)
		}
		s += ": " + strings.Join(first, "; ")
		if n > maxGapsShown {
			s += fmt.Sprintf("; and %d more", n-maxGapsShown)
		}
		texts = append(texts, s)
	}
	return texts
}

// gapDetail says where and when a gap is, and how large.
func gapDetail(g *wire.Gap, zone *time.Location) string {
	var parts []string
	if g.Where != "" {
		parts = append(parts, g.Where)
	}
	if g.Ref.Number != 0 {
		parts = append(parts, fmt.Sprintf("frame %d", g.Ref.Number))
	}
	if g.From != 0 {
		when := clock(g.From, zone)
		if g.Until > g.From {
			when += " to " + clock(g.Until, zone)
		}
		parts = append(parts, when)
	}
	if g.Lost > 0 {
		parts = append(parts, count(g.Lost, "packet"))
	}
	if g.Bytes > 0 {
		parts = append(parts, size(g.Bytes))
	}
	return strings.Join(parts, ", ")
}
