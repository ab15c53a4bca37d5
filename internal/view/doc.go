package view

import (
	"math"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/media"
	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// A Doc is what of a case is not to be had from its messages alone: the verdict, and what the traffic around the case
// said; of each leg how to find its messages again; and of what the messages do say, what is shown when they are kept
// no more. Restore reads it.

// docVersion is the version of the format, the first byte of a Doc.
const docVersion = 1

// What a Doc has, and what is true of the case.
const (
	docOrigin = 1 << iota
	docReg
	docTrying
	docFinalTime
	docRest // what only few cases have: links, gaps, media, events, digests, findings, …
	docMediaCut
	docSuspect
)

// What is true of a leg.
const (
	legAtEnd = 1 << iota
	legEvicted
	legOrder  // the order of its messages is told
	legWindow // it began or ended at another time than the case, or its messages at others than it
)

// appendDoc returns the Doc of the subject's case, of which r is the rest of the record.
func (s *Subject) appendDoc(r *record.Case) []byte {
	d := docWriter{&s.doc}
	c, v := s.c.Call, s.c.Verdict
	d.Reset(s.doc.B[:0])
	d.Know(r)
	d.Byte(docVersion)
	rest := len(c.Links)+len(c.Gaps)+len(c.Media)+len(v.Findings)+len(v.Digests) > 0 || c.OnPath > 0
	flags := uint64(0)
	for _, l := range c.Legs {
		rest = rest || len(l.Events) > 0
	}
	for _, f := range [...]struct {
		set bool
		bit uint64
	}{
		{c.Origin != nil, docOrigin},
		{c.Reg != nil, docReg},
		{c.Timings.Trying != nil, docTrying},
		{c.Timings.Final != nil, docFinalTime},
		{rest, docRest},
		{c.MediaCut, docMediaCut},
		{v.Suspect != nil, docSuspect},
	} {
		if f.set {
			flags |= f.bit
		}
	}
	d.Uint(flags)
	for _, l := range c.Legs {
		s.leg(d, l, c)
	}
	d.msg(c.Final)
	d.Text(c.UserAgent)
	d.Uint(uint64(c.Challenge))
	if t := c.Timings.Trying; t != nil {
		d.Int(int64(fromMS(*t)))
	}
	if t := c.Timings.Final; t != nil {
		d.Int(int64(fromMS(*t)))
	}
	d.attempts(c, s.c)
	d.Text(s.c.Ways.Maker)
	if c.Origin != nil {
		d.origin(c)
	}
	if c.Reg != nil {
		d.registration(c.Reg, c.Began)
	}
	if v.Suspect != nil {
		d.suspect(v.Suspect)
	}
	if rest {
		d.rest(s.c)
	}
	return slices.Clone(d.B)
}

// docWriter writes the parts of a Doc.
type docWriter struct{ *record.Writer }

// leg says how to find the leg's messages again, and in which order they were seen.
func (s *Subject) leg(d docWriter, l *call.Leg, c *call.Call) {
	none := call.Sighting{Time: l.Began}
	first, last, sorted := &none, &none, true
	for i := range l.Sightings {
		g := &l.Sightings[i]
		if i == 0 || before(g, first) {
			first = g
		}
		if i == 0 || !before(g, last) {
			last = g
		} else {
			sorted = false
		}
	}
	flags := byte(0)
	if l.AtEnd {
		flags |= legAtEnd
	}
	if l.Evicted {
		flags |= legEvicted
	}
	if !sorted {
		flags |= legOrder
	}
	if l.Began != c.Began || l.Ended != c.Ended || first.Time != l.Began || last.Time != l.Ended {
		flags |= legWindow
	}
	d.Byte(flags)
	d.Uint(uint64(len(l.Sightings)))
	d.Uint(uint64(l.Dropped))
	d.Ref(first.Ref)
	d.Int(int64(last.Ref.Source) - int64(first.Ref.Source))
	d.Int(int64(last.Ref.Number - first.Ref.Number))
	if flags&legWindow != 0 {
		d.Time(l.Began, c.Began)
		d.Time(l.Ended, c.Ended)
		d.Time(first.Time, l.Began)
		d.Time(last.Time, l.Ended)
	}
	if !sorted {
		s.order = s.order[:0]
		for i := range l.Sightings {
			s.order = append(s.order, int32(i))
		}
		slices.SortStableFunc(s.order, func(a, b int32) int {
			x, y := &l.Sightings[a], &l.Sightings[b]
			switch {
			case before(x, y):
				return -1
			case before(y, x):
				return 1
			}
			return 0
		})
		for _, i := range s.order {
			d.Uint(uint64(i))
		}
	}
}

// before is the order of stored messages.
func before(a, b *call.Sighting) bool {
	return a.Time < b.Time || a.Time == b.Time && a.Ref.Less(b.Ref)
}

func (d docWriter) msg(m call.MsgRef) {
	if !m.Valid() {
		d.Uint(0)
		return
	}
	d.Uint(uint64(m.Msg) + 1)
	d.Uint(uint64(m.Leg))
}

// short writes a number that mostly is a few thousandths.
func (d docWriter) short(f float64) {
	if n := math.Round(f * 1000); f >= 0 && f < 1e6 && n/1000 == f {
		d.Uint(uint64(n) << 1)
		return
	}
	d.Uint(1)
	d.Float(f)
}

// attempts writes those of the call with the routes that they went by.
func (d docWriter) attempts(c *call.Call, k *Case) {
	d.Uint(uint64(len(c.Attempts)))
	for i := range c.Attempts {
		a := &c.Attempts[i]
		d.Addr(a.Target)
		d.Uint(uint64(a.Code))
		if a.Code != 0 {
			d.Int(int64(fromMS(a.FinalMS)))
		}
		d.Time(a.At, c.Began)
		d.Uint(uint64(a.Leg))
		d.Int(int64(a.Txn))
		d.Uint(uint64(a.Hop))
		way := ""
		if i < len(k.Ways.Out) {
			way = k.Ways.Out[i]
		}
		d.Text(way)
	}
}

func (d docWriter) origin(c *call.Call) {
	o := c.Origin
	d.Text(o.Server)
	d.short(o.Confidence)
	d.Uint(uint64(o.Code))
	d.msg(o.Msg)
	d.Ref(refOf(c, o.Msg))
	d.Texts(o.Evidence)
	d.Texts(o.Alternatives)
}

// refOf returns the packet of a message of the call, the zero one of none.
func refOf(c *call.Call, m call.MsgRef) wire.PacketRef {
	if !m.Valid() || m.Leg >= len(c.Legs) || int(m.Msg) >= len(c.Legs[m.Leg].Sightings) {
		return wire.PacketRef{}
	}
	return c.Sighting(m).Ref
}

func (d docWriter) registration(r *call.Registration, began wire.Time) {
	d.Text(r.AOR)
	d.Texts(r.Contacts)
	d.Int(int64(r.Requested))
	d.Int(int64(r.Expires))
	d.Uint(uint64(r.Refreshes))
	d.bool(r.Removed)
	d.bool(r.Until != 0)
	if r.Until != 0 {
		d.Time(r.Until, began)
	}
}

func (d docWriter) bool(b bool) {
	if b {
		d.Byte(1)
	} else {
		d.Byte(0)
	}
}

func (d docWriter) suspect(s *finding.Suspect) {
	d.Addr(s.Address)
	d.Text(string(s.Role))
}

// rest writes what only few cases have.
func (d docWriter) rest(k *Case) {
	c, v := k.Call, k.Verdict
	d.Uint(uint64(c.OnPath))
	d.Uint(uint64(len(c.Links)))
	for i := range c.Links {
		l := &c.Links[i]
		d.Text(l.From)
		d.Text(l.To)
		d.Text(l.By)
		d.Text(l.Header)
		d.short(l.Confidence)
	}
	d.Uint(uint64(len(c.Gaps)))
	for i := range c.Gaps {
		d.gap(&c.Gaps[i], c.Began)
	}
	d.Uint(uint64(len(c.Media)))
	for i := range c.Media {
		d.stream(&c.Media[i], c.Began)
	}
	for _, l := range c.Legs {
		d.Uint(uint64(len(l.Events)))
		for i := range l.Events {
			d.event(&l.Events[i], c.Began)
		}
	}
	root := 0
	d.Uint(uint64(len(v.Findings)))
	for i := range v.Findings {
		if &v.Findings[i] == v.Root {
			root = i + 1
		}
		d.finding(&v.Findings[i])
	}
	d.Uint(uint64(root))
	d.Uint(uint64(len(v.Digests)))
	for i := range v.Digests {
		g := &v.Digests[i]
		d.msg(g.Sent)
		d.Ref(refOf(c, g.Sent))
		d.Text(g.Realm)
		d.bool(g.Proxy)
		d.Byte(byte(g.Result))
		d.Byte(byte(g.Field))
		d.Text(g.Check.Sent)
		d.Text(g.Used)
	}
}

func (d docWriter) gap(g *wire.Gap, began wire.Time) {
	d.Byte(byte(g.Kind))
	d.Uint(uint64(g.Point))
	d.Ref(g.Ref)
	d.Time(g.From, began)
	d.Time(g.Until, began)
	d.Text(g.Where)
	d.Flow(g.Flow)
	d.Uint(g.Lost)
	d.Uint(g.Bytes)
}

func (d docWriter) event(e *call.Event, began wire.Time) {
	d.Byte(byte(e.Kind))
	d.Ref(e.Ref)
	d.Time(e.Time, began)
	d.bool(e.Until != 0)
	if e.Until != 0 {
		d.Time(e.Until, e.Time)
	}
	d.Flow(e.Flow)
	d.IP(e.From)
	d.Int(int64(e.Txn))
	d.Text(e.CallID)
	d.Byte(e.Code)
	d.Byte(e.Type)
	d.bool(e.V6)
	d.Text(e.Detail)
	d.Text(e.Name)
}

// What is true of a finding.
const (
	findingSuspect = 1 << iota
	findingRefs    // they are not those of the table
	findingActs    // as refs
	findingSubject
)

func (d docWriter) finding(f *finding.Finding) {
	acts, refs := table(f.ID)
	flags := byte(0)
	if f.Suspect != nil {
		flags |= findingSuspect
	}
	if !slices.Equal(refs, f.Refs) {
		flags |= findingRefs
	}
	if acts != f.Acts {
		flags |= findingActs
	}
	if f.Subject != "" {
		flags |= findingSubject
	}
	d.Byte(flags)
	d.Text(string(f.ID))
	d.Byte(byte(f.Severity))
	d.short(f.Confidence)
	d.Int(int64(f.Weight))
	d.Text(f.Summary)
	d.Texts(f.Actions)
	d.Text(f.UserMessage)
	d.Uint(uint64(len(f.Evidence)))
	for i := range f.Evidence {
		e := &f.Evidence[i]
		d.Ref(e.Ref)
		d.msg(e.Msg)
		d.Text(e.Note)
	}
	if f.Suspect != nil {
		d.suspect(f.Suspect)
	}
	if flags&findingRefs != 0 {
		d.Texts(f.Refs)
	}
	if flags&findingActs != 0 {
		d.Text(string(f.Acts))
	}
	if f.Subject != "" {
		d.Text(f.Subject)
	}
}

// table returns what the table of findings says of an ID.
func table(id finding.ID) (acts finding.Acts, refs []string) {
	if d, ok := finding.Lookup(id); ok {
		return d.Acts, d.Refs
	}
	return "", nil
}

// stream writes one stream of media.
func (d docWriter) stream(s *call.Stream, began wire.Time) {
	d.Addr(s.Src)
	d.Addr(s.Dst)
	d.bool(s.RTCP)
	d.Uint(uint64(s.SSRC))
	d.Byte(s.PayloadType)
	d.Uint(s.Packets)
	d.Uint(s.Bytes)
	d.Time(s.First, began)
	d.Time(s.Last, s.First)
	d.msg(s.From)
	d.msg(s.To)
	if s.RTCP {
		return
	}
	d.Text(s.Codec)
	d.Uint(uint64(s.ClockRate))
	d.Float(s.Jitter)
	d.Float(s.JitterMax)
	d.Float(s.MOS)
	d.bool(s.RTP != nil)
	if s.RTP != nil {
		d.counter(s.RTP)
	}
	d.bool(s.Remote != nil)
	if s.Remote != nil {
		d.report(s.Remote, began)
	}
}

func (d docWriter) counter(c *media.Counter) {
	for _, n := range [...]uint64{
		c.Packets, c.Bytes, c.Expected(), c.Lost(), c.Duplicates, c.Reordered, c.Restarts, c.Spurts, c.Pauses, c.Holes, c.HoleLost, c.Other,
		uint64(c.LongestGap),
	} {
		d.Uint(n)
	}
	d.Fixed(uint64(c.First))
	d.Time(c.Last, c.First)
	d.Time(c.GapAt, c.First)
	for _, t := range c.Types {
		d.Uint(t.Packets)
		if t.Packets > 0 {
			d.Byte(t.PT)
		}
	}
}

func (d docWriter) report(r *media.Report, began wire.Time) {
	d.Uint(uint64(r.SSRC))
	d.Uint(r.Heard)
	d.Time(r.First, began)
	d.Uint(r.Reports)
	d.Float(r.LossMean)
	d.Float(r.LossMax)
	d.Float(r.JitterSum)
	d.Uint(uint64(r.JitterMax))
	d.Int(int64(r.Lost))
	d.Int(int64(r.RoundTrip))
	d.Uint(r.XR)
	if r.XR > 0 {
		x := &r.VoIP
		d.Uint(uint64(x.SSRC))
		d.Int(int64(x.RoundTrip))
		d.Int(int64(x.EndSystem))
		d.Int(int64(x.R))
		for _, f := range [...]float64{x.Loss, x.Discard, x.MOSLQ, x.MOSCQ} {
			d.Float(f)
		}
	}
}
