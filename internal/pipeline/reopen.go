package pipeline

import (
	"fmt"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/correlate"
	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// afterwards is how long after a case's last message agents may still speak of it.
const afterwards = wire.Time(40e9)

// Window returns between which times, both inclusive, what is kept of a recorded case lies: what Reopen wants, and what
// agents said a little later. until is 0 of a case that may go on: there is no end.
func Window(rec *record.Case) (from, until wire.Time, err error) {
	k, err := view.Restore(rec)
	if err != nil {
		return 0, 0, err
	}
	from, until = rec.Began, rec.Ended
	for i := range k.Legs {
		from, until = min(from, k.Legs[i].First.Time), max(until, k.Legs[i].Last.Time)
	}
	if !rec.Final {
		return from, 0, nil
	}
	return from, until + afterwards, nil
}

// FilesOf returns the names that the messages' wire.PacketRef.Source stand for: those of their capture points.
func FilesOf(messages []record.Message) []string {
	var files []string
	for i := range messages {
		m := &messages[i]
		for int(m.Ref.Source) >= len(files) && len(files) < maxFilesNamed {
			files = append(files, "")
		}
		if int(m.Ref.Source) < len(files) && files[m.Ref.Source] == "" {
			files[m.Ref.Source] = m.Point
		}
	}
	return files
}

// maxFilesNamed bounds the list of FilesOf.
const maxFilesNamed = 1 << 12

// Reopen builds a recorded case anew of what is kept of its messages, in order of (time, reference), and hands it to
// show as it was diagnosed when it was recorded: the verdict and what it rests on are not found again but read. What
// is no more there of its messages is a Gap, and what referred to them has its words only. The case is valid only
// during show; its playbooks are left to a view.Adviser. Of opt only Correlate counts.
func Reopen(rec *record.Case, messages []record.Message, opt Options, show func(*view.Case) error) error {
	k, err := view.Restore(rec)
	if err != nil {
		return err
	}
	r := &reopener{rec: rec, kept: k, opt: opt.Correlate}
	var spent correlate.Spent
	defer spent.Release()
	all := payloads(messages)
	for i := range k.Legs {
		l, whole := r.leg(&k.Legs[i], all, &spent)
		r.legs, r.whole = append(r.legs, l), append(r.whole, whole)
		defer spent.Add(l)
	}
	c := r.call()
	if c.Notes, err = notesOf(messages); err != nil {
		return fmt.Errorf("reopen %s: %w", rec.ID, err)
	}
	return show(c)
}

// payloads returns the messages that are SIP. Points are told apart by their names.
func payloads(messages []record.Message) []keyed {
	points := map[string]uint16{}
	var all []keyed
	for i := range messages {
		m := &messages[i]
		if m.What != record.SIP {
			continue
		}
		point, ok := points[m.Point]
		if !ok {
			point = uint16(len(points))
			points[m.Point] = point
		}
		all = append(all, keyed{m.Key, wire.Payload{
			Ref: m.Ref, Time: m.Time, Point: point, Flow: m.Flow, Data: m.Data, Truncated: m.Truncated, IPID: m.IPID,
			Fragments: int(m.Fragments), ViaHEP: m.ViaHEP,
		}})
	}
	return all
}

type keyed struct {
	key uint64
	wire.Payload
}

func (k *keyed) place() view.Place { return view.Place{Time: k.Time, Ref: k.Ref} }

func notesOf(messages []record.Message) (notes []wire.Note, err error) {
	for i := range messages {
		if messages[i].What == record.Note {
			var n wire.Note
			if err := record.DecodeNote(&messages[i], &n); err != nil {
				return nil, err
			}
			notes = append(notes, n)
		}
	}
	return notes, nil
}

// reopener builds one case.
type reopener struct {
	rec   *record.Case
	kept  *view.Kept
	opt   correlate.Options
	legs  []*call.Leg
	whole []bool // parallel to legs: it has all its messages
}

// leg builds a leg of its messages; without any it is empty. Legs of the same key that are not it are spent.
func (r *reopener) leg(k *view.KeptLeg, all []keyed, spent *correlate.Spent) (l *call.Leg, whole bool) {
	mine, key := messagesOf(k, all)
	if len(k.Order) > 0 && len(mine) == len(k.Order) {
		ordered := make([]wire.Payload, len(mine))
		for i, at := range k.Order {
			ordered[at] = mine[i]
		}
		mine = ordered
	}
	for _, o := range correlate.Legs(mine, key, r.opt) {
		if o.Kind == r.rec.Kind && o.CallID == k.CallID && (l == nil || nearer(k, o, l)) {
			if l != nil {
				spent.Add(l)
			}
			l = o
			continue
		}
		spent.Add(o)
	}
	if l == nil {
		l = &call.Leg{Kind: r.rec.Kind, CallID: k.CallID, Began: k.Began}
	}
	whole = len(l.Sightings) == k.Messages
	l.Began, l.Ended, l.AtEnd, l.Evicted, l.Dropped = k.Began, k.Ended, k.AtEnd, k.Evicted, k.Dropped
	return l, whole
}

// nearer says whether leg a is rather the one that was recorded than b.
func nearer(k *view.KeptLeg, a, b *call.Leg) bool {
	is := func(l *call.Leg) bool {
		return slices.ContainsFunc(l.Sightings, func(s call.Sighting) bool { return s.Time == k.First.Time && s.Ref == k.First.Ref })
	}
	if is(a) != is(b) {
		return is(a)
	}
	distance := func(l *call.Leg) int { return max(len(l.Sightings)-k.Messages, k.Messages-len(l.Sightings)) }
	return distance(a) < distance(b)
}

// messagesOf returns the messages from the leg's first to its last, of all that are of its Call-ID.
func messagesOf(k *view.KeptLeg, all []keyed) (mine []wire.Payload, key uint64) {
	key = correlate.KeyOfCallID([]byte(k.CallID))
	if k.CallID == "" { // it is found by its flow, which its first message tells
		for i := range all {
			if all[i].place() == k.First {
				key = all[i].key
			}
		}
	}
	for i := range all {
		if p := &all[i]; p.key == key && !k.First.After(p.place()) && !p.place().After(k.Last) {
			mine = append(mine, p.Payload)
		}
	}
	return mine, key
}

// call makes the case of the legs. What is known of it is what was recorded; the legs only have its messages.
func (r *reopener) call() *view.Case {
	c := &r.kept.Case
	known := c.Call
	correlate.Rebuild(r.legs, known.Links, r.rec.Ended) // which completes the legs: what it says of the call is known better
	known.Legs = r.legs
	for i, l := range r.legs {
		l.Events = append(l.Events[:0], r.kept.Legs[i].Events...)
	}
	missing := uint64(0)
	for i := range r.legs {
		if n := r.kept.Legs[i].Messages - len(r.legs[i].Sightings); n > 0 {
			missing += uint64(n)
		}
	}
	r.refer()
	if missing > 0 {
		known.Gaps = append(known.Gaps, wire.Gap{Kind: wire.GapExpired, From: r.rec.Began, Until: r.rec.Ended, Lost: missing})
	}
	return c
}

// refer makes what refers to messages and transactions of legs that are not whole refer to what is there.
func (r *reopener) refer() {
	c, v := r.kept.Case.Call, r.kept.Case.Verdict
	c.Final = r.msg(c.Final, wire.PacketRef{})
	if !c.Final.Valid() && r.rec.Decided != 0 {
		c.Final = r.decided()
	}
	if c.Origin != nil {
		c.Origin.Msg = r.msg(c.Origin.Msg, r.kept.OriginRef)
	}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if !r.txn(a.Leg, a.Txn) {
			a.Leg, a.Txn = 0, call.None
		}
	}
	for i := range c.Media {
		s := &c.Media[i]
		s.From, s.To = r.msg(s.From, wire.PacketRef{}), r.msg(s.To, wire.PacketRef{})
	}
	for k, l := range c.Legs {
		for i := range l.Events {
			if !r.txn(k, l.Events[i].Txn) {
				l.Events[i].Txn = call.None
			}
		}
	}
	for i := range v.Findings {
		evidence := v.Findings[i].Evidence
		for n := range evidence {
			e := &evidence[n]
			if was := e.Msg; was.Valid() {
				if e.Msg = r.msg(was, e.Ref); !e.Msg.Valid() {
					e.Ref = wire.PacketRef{}
				}
			}
		}
	}
	n := 0
	for i := range v.Digests {
		d := &v.Digests[i]
		if d.Sent = r.msg(d.Sent, r.kept.DigestRefs[i]); d.Sent.Valid() {
			v.Digests[n] = *d
			n++
		}
	}
	v.Digests = v.Digests[:n]
}

// msg returns where the message that was m is now; ref is its packet, where that is known.
func (r *reopener) msg(m call.MsgRef, ref wire.PacketRef) call.MsgRef {
	if !m.Valid() || m.Leg >= len(r.legs) {
		return call.NoMsg
	}
	s := r.legs[m.Leg].Sightings
	if r.whole[m.Leg] {
		if int(m.Msg) < len(s) {
			return m
		}
		return call.NoMsg
	}
	for i := range s {
		if ref.Number != 0 && s[i].Ref == ref {
			return call.MsgRef{Leg: m.Leg, Msg: int32(i)}
		}
	}
	return call.NoMsg
}

// decided returns the deciding response by its time and code.
func (r *reopener) decided() call.MsgRef {
	for i, s := range r.legs[0].Sightings {
		if s.Time == r.rec.Decided && int(s.Status) == r.rec.Code && s.Repeat == call.First {
			return call.MsgRef{Msg: int32(i)}
		}
	}
	return call.NoMsg
}

// txn says whether a leg still has the transaction of that place.
func (r *reopener) txn(leg int, txn int32) bool {
	return leg < len(r.legs) && r.whole[leg] && txn >= 0 && int(txn) < len(r.legs[leg].Txns)
}
