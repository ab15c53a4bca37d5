package view

import (
	"fmt"
	"math"

	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/media"
	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// Kept is what a record says of a case. Its messages, transactions and events are named by their places in legs that
// have all their messages, in the order of Legs.
type Kept struct {
	Case Case // its Call has no legs
	Legs []KeptLeg

	OriginRef  wire.PacketRef   // of Call.Origin.Msg
	DigestRefs []wire.PacketRef // of Verdict.Digests' Sent
}

// KeptLeg is what a record says of a leg.
type KeptLeg struct {
	CallID       string
	Began, Ended wire.Time
	First, Last  Place // of its messages
	Messages     int   // how many it kept
	Dropped      int   // call.Leg.Dropped
	AtEnd        bool
	Evicted      bool
	Order        []int32 // of its messages in order of time and reference: which one each is; nil: they are in that order
	Events       []call.Event
}

// Place is where a message is in the order of stored messages.
type Place struct {
	Time wire.Time
	Ref  wire.PacketRef
}

// After says whether p comes after o.
func (p Place) After(o Place) bool { return p.Time > o.Time || p.Time == o.Time && o.Ref.Less(p.Ref) }

// Restore reads what Record put into a record beside its fields. The result may share memory with rec.
func Restore(rec *record.Case) (*Kept, error) {
	k := &Kept{}
	d := &docReader{record.NewReader(rec.Doc)}
	d.Know(rec)
	if err := record.CheckVersion(d.Byte(), docVersion); err != nil {
		return nil, fmt.Errorf("read what is kept of %s: %w", rec.ID, err)
	}
	c := &call.Call{
		ID: rec.ID, Kind: rec.Kind, From: rec.From, To: rec.To, Target: rec.Target, Began: rec.Began, Ended: rec.Ended,
		Outcome: rec.Outcome, Code: rec.Code, Reason: rec.Reason, HungUpBy: rec.HungUpBy,
	}
	v := &finding.Verdict{Call: rec.ID, Revision: rec.Revision, Final: rec.Final}
	k.Case = Case{Call: c, Verdict: v}
	k.Case.Ways.In = rec.RouteIn
	if len(rec.CallIDs) == 0 {
		d.Fail()
	}
	flags := d.Uint()
	c.MediaCut = flags&docMediaCut != 0
	for _, id := range rec.CallIDs {
		k.Legs = append(k.Legs, d.leg(id, c))
	}
	c.Final = d.msg()
	c.UserAgent = d.Text()
	c.Challenge = int(d.Uint())
	d.timings(c, rec, flags)
	d.attempts(&k.Case)
	k.Case.Ways.Maker = d.Text()
	if flags&docOrigin != 0 {
		k.OriginRef = d.origin(c, rec)
	}
	if flags&docReg != 0 {
		c.Reg = d.registration(c.Began)
	}
	if flags&docSuspect != 0 {
		v.Suspect = d.suspect()
	}
	if flags&docRest != 0 {
		d.rest(k)
	}
	if d.Err() == nil && d.Left() > 0 {
		d.Fail()
	}
	if err := d.Err(); err != nil {
		return nil, fmt.Errorf("read what is kept of %s: %w", rec.ID, err)
	}
	return k, nil
}

// docReader reads what a docWriter wrote.
type docReader struct{ *record.Reader }

func (d *docReader) leg(id string, c *call.Call) KeptLeg {
	flags := d.Byte()
	l := KeptLeg{CallID: id, Began: c.Began, Ended: c.Ended, AtEnd: flags&legAtEnd != 0, Evicted: flags&legEvicted != 0}
	l.Messages, l.Dropped = d.count(), d.count()
	l.First.Ref = d.Ref()
	l.Last.Ref.Source = uint32(int64(l.First.Ref.Source) + d.Int())
	l.Last.Ref.Number = l.First.Ref.Number + uint64(d.Int())
	l.First.Time, l.Last.Time = l.Began, l.Ended
	if flags&legWindow != 0 {
		l.Began, l.Ended = d.Time(c.Began), d.Time(c.Ended)
		l.First.Time, l.Last.Time = d.Time(l.Began), d.Time(l.Ended)
	}
	if flags&legOrder != 0 {
		if l.Messages > d.Left() {
			d.Fail()
			return l
		}
		l.Order = make([]int32, l.Messages)
		seen := make([]bool, l.Messages)
		for i := range l.Order {
			n := d.count()
			if n >= l.Messages || seen[n] {
				d.Fail()
				return l
			}
			l.Order[i], seen[n] = int32(n), true
		}
	}
	return l
}

// count reads a number of things.
func (d *docReader) count() int {
	n := d.Uint()
	if n > math.MaxInt32 {
		d.Fail()
		return 0
	}
	return int(n)
}

func (d *docReader) msg() call.MsgRef {
	n := d.count()
	if n == 0 {
		return call.NoMsg
	}
	return call.MsgRef{Leg: d.count(), Msg: int32(n - 1)}
}

func (d *docReader) short() float64 {
	n := d.Uint()
	if n&1 == 0 {
		return float64(n>>1) / 1000
	}
	return d.Float()
}

func (d *docReader) bool() bool { return d.Byte() != 0 }

func (d *docReader) timings(c *call.Call, rec *record.Case, flags uint64) {
	t := &c.Timings
	if flags&docTrying != 0 {
		t.Set(&t.Trying, d.Int())
	}
	if flags&docFinalTime != 0 {
		t.Set(&t.Final, d.Int())
	}
	if rec.PDD != nil {
		t.Set(&t.PDD, int64(*rec.PDD))
	}
	if rec.Ring != nil {
		t.Set(&t.Ring, int64(*rec.Ring))
	}
	if rec.Setup != nil {
		t.Set(&t.Setup, int64(*rec.Setup))
	}
	if rec.Duration != nil {
		t.Set(&t.Duration, int64(*rec.Duration))
	}
}

// leastAttempt and the like are how many bytes an element of a list takes at least.
const (
	leastAttempt = 7
	leastLink    = 5
	leastGap     = 12
	leastStream  = 12
	leastEvent   = 16
	leastFinding = 9
	leastProof   = 4
	leastDigest  = 8
)

func (d *docReader) attempts(k *Case) {
	n := d.Count(leastAttempt)
	if n == 0 {
		return
	}
	k.Call.Attempts = make([]call.Attempt, n)
	routed := false
	out := make([]string, n)
	for i := range k.Call.Attempts {
		a := &k.Call.Attempts[i]
		a.Target = d.Addr()
		a.Code = d.count()
		if a.Code != 0 {
			a.FinalMS = float64(d.Int()) / 1e6
		}
		a.At = d.Time(k.Call.Began)
		a.Leg, a.Txn, a.Hop = d.count(), int32(d.Size()), d.count()
		out[i] = d.Text()
		routed = routed || out[i] != ""
	}
	if routed {
		k.Ways.Out = out
	}
}

func (d *docReader) origin(c *call.Call, rec *record.Case) wire.PacketRef {
	o := &call.Origin{Address: rec.Origin, Role: call.Role(rec.OriginRole)}
	c.Origin = o
	o.Server = d.Text()
	o.Confidence = d.short()
	o.Code = d.count()
	o.Msg = d.msg()
	ref := d.Ref()
	o.Evidence, o.Alternatives = d.Texts(), d.Texts()
	return ref
}

func (d *docReader) registration(began wire.Time) *call.Registration {
	r := &call.Registration{AOR: d.Text(), Contacts: d.Texts(), Requested: d.Size(), Expires: d.Size(), Refreshes: d.count(), Removed: d.bool()}
	if d.bool() {
		r.Until = d.Time(began)
	}
	return r
}

func (d *docReader) suspect() *finding.Suspect {
	return &finding.Suspect{Address: d.Addr(), Role: call.Role(d.Text())}
}

func (d *docReader) rest(k *Kept) {
	c, v := k.Case.Call, k.Case.Verdict
	c.OnPath = d.count()
	c.Links = make([]call.Link, d.Count(leastLink))
	for i := range c.Links {
		c.Links[i] = call.Link{From: d.Text(), To: d.Text(), By: d.Text(), Header: d.Text(), Confidence: d.short()}
	}
	c.Gaps = make([]wire.Gap, d.Count(leastGap))
	for i := range c.Gaps {
		c.Gaps[i] = d.gap(c.Began)
	}
	c.Media = make([]call.Stream, d.Count(leastStream))
	for i := range c.Media {
		d.stream(&c.Media[i], c.Began)
	}
	for i := range k.Legs {
		k.Legs[i].Events = make([]call.Event, d.Count(leastEvent))
		for n := range k.Legs[i].Events {
			k.Legs[i].Events[n] = d.event(c.Began)
		}
	}
	v.Findings = make([]finding.Finding, d.Count(leastFinding))
	for i := range v.Findings {
		d.finding(&v.Findings[i])
	}
	if root := d.count(); root > len(v.Findings) {
		d.Fail()
	} else if root > 0 {
		v.Root = &v.Findings[root-1]
	}
	v.Digests = make([]finding.Digest, d.Count(leastDigest))
	for i := range v.Digests {
		g := &v.Digests[i]
		g.Sent = d.msg()
		k.DigestRefs = append(k.DigestRefs, d.Ref())
		g.Realm, g.Proxy = d.Text(), d.bool()
		g.Result, g.Field = digest.Result(d.Byte()), digest.Field(d.Byte())
		g.Check.Sent, g.Used = d.Text(), d.Text()
		if g.Result > digest.NoMatch || g.Field > digest.FieldAlgorithm {
			d.Fail()
		}
	}
}

func (d *docReader) gap(began wire.Time) wire.Gap {
	g := wire.Gap{Kind: wire.GapKind(d.Byte()), Point: uint16(d.Uint()), Ref: d.Ref()}
	g.From, g.Until = d.Time(began), d.Time(began)
	g.Where, g.Flow = d.Text(), d.Flow()
	g.Lost, g.Bytes = d.Uint(), d.Uint()
	return g
}

func (d *docReader) event(began wire.Time) call.Event {
	e := call.Event{Kind: wire.EventKind(d.Byte()), Ref: d.Ref(), Time: d.Time(began)}
	if d.bool() {
		e.Until = d.Time(e.Time)
	}
	e.Flow, e.From = d.Flow(), d.IP()
	e.Txn, e.CallID = int32(d.Size()), d.Text()
	e.Code, e.Type, e.V6 = d.Byte(), d.Byte(), d.bool()
	e.Detail, e.Name = d.Text(), d.Text()
	return e
}

func (d *docReader) finding(f *finding.Finding) {
	flags := d.Byte()
	f.ID = finding.ID(d.Text())
	f.Severity = finding.Severity(d.Byte())
	if f.Severity > finding.Critical {
		d.Fail()
		f.Severity = 0
	}
	f.Acts, f.Refs = table(f.ID)
	f.Confidence, f.Weight = d.short(), d.Size()
	f.Summary, f.Actions, f.UserMessage = d.Text(), d.Texts(), d.Text()
	if n := d.Count(leastProof); n > 0 {
		f.Evidence = make([]finding.Evidence, n)
		for i := range f.Evidence {
			f.Evidence[i] = finding.Evidence{Ref: d.Ref(), Msg: d.msg(), Note: d.Text()}
		}
	}
	if flags&findingSuspect != 0 {
		f.Suspect = d.suspect()
	}
	if flags&findingRefs != 0 {
		f.Refs = d.Texts()
	}
	if flags&findingActs != 0 {
		f.Acts = finding.Acts(d.Text())
	}
	if flags&findingSubject != 0 {
		f.Subject = d.Text()
	}
}

func (d *docReader) stream(s *call.Stream, began wire.Time) {
	s.Src, s.Dst, s.RTCP = d.Addr(), d.Addr(), d.bool()
	s.SSRC, s.PayloadType = uint32(d.Uint()), d.Byte()
	s.Packets, s.Bytes = d.Uint(), d.Uint()
	s.First = d.Time(began)
	s.Last = d.Time(s.First)
	s.From, s.To = d.msg(), d.msg()
	if s.RTCP {
		s.Jitter, s.JitterMax = -1, -1
		return
	}
	s.Codec, s.ClockRate = d.Text(), d.count()
	s.Jitter, s.JitterMax, s.MOS = d.Float(), d.Float(), d.Float()
	if d.bool() {
		s.RTP = d.counter()
	}
	if d.bool() {
		s.Remote = d.report(began)
	}
}

func (d *docReader) counter() *media.Counter {
	c := &media.Counter{}
	var expected, lost, gap uint64
	for _, n := range [...]*uint64{
		&c.Packets, &c.Bytes, &expected, &lost, &c.Duplicates, &c.Reordered, &c.Restarts, &c.Spurts, &c.Pauses, &c.Holes, &c.HoleLost, &c.Other,
		&gap,
	} {
		*n = d.Uint()
	}
	c.LongestGap = wire.Time(gap)
	c.First = wire.Time(d.Fixed())
	c.Last = d.Time(c.First)
	c.GapAt = d.Time(c.First)
	for i := range c.Types {
		t := &c.Types[i]
		if t.Packets = d.Uint(); t.Packets > 0 {
			t.PT = d.Byte()
		}
	}
	c.Restore(expected, lost)
	return c
}

func (d *docReader) report(began wire.Time) *media.Report {
	r := &media.Report{SSRC: uint32(d.Uint()), Heard: d.Uint(), First: d.Time(began), Reports: d.Uint()}
	r.LossMean, r.LossMax, r.JitterSum = d.Float(), d.Float(), d.Float()
	r.JitterMax, r.Lost, r.RoundTrip, r.XR = uint32(d.Uint()), int32(d.Size()), wire.Time(d.Int()), d.Uint()
	if r.XR > 0 {
		x := &r.VoIP
		x.SSRC, x.RoundTrip, x.EndSystem, x.R = uint32(d.Uint()), d.Size(), d.Size(), d.Size()
		for _, f := range [...]*float64{&x.Loss, &x.Discard, &x.MOSLQ, &x.MOSCQ} {
			*f = d.Float()
		}
	}
	return r
}
