package view

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/media"
	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// rich returns a case that has all that a record keeps.
func rich() *Case {
	c := full()
	l := c.Call
	alice, gw := l.Legs[0].Flows[0].Src, l.Legs[0].Flows[0].Dst
	at := l.Began
	for i := range l.Legs {
		l.Legs[i].Began, l.Legs[i].Ended = at, at+5e9
	}
	l.Ended = at + 5e9
	s := l.Legs[0].Sightings
	for i, t := range []wire.Time{at, at + 2e9, at + 1e9} { // the last one came late
		s[i].Time, s[i].Ref = t, wire.PacketRef{Source: 1, Number: uint64(10 + i)}
	}
	l.Legs[0].Dropped, l.Legs[0].AtEnd, l.Legs[1].Evicted = 3, true, true
	l.Legs[1].Events = []call.Event{{
		Kind: wire.EventICMP, Ref: wire.PacketRef{Number: 9}, Time: at + 1, Until: at + 2, Flow: wire.Flow{Transport: wire.UDP, Src: alice, Dst: gw},
		From: gw.Addr(), Txn: call.None, CallID: "b@example.com", Code: 3, Type: 1, V6: true, Detail: "port unreachable", Name: "x",
	}}
	l.Target, l.UserAgent, l.Challenge, l.OnPath, l.MediaCut = "sip:bob@198.51.100.1", "phone 1", 2, 4, true
	l.Final = call.MsgRef{Msg: 1}
	l.Origin.Server, l.Origin.Confidence, l.Origin.Code, l.Origin.Msg = "gate 2", 0.123456, 500, call.MsgRef{Msg: 1}
	l.Origin.Evidence, l.Origin.Alternatives = []string{"it sent it"}, []string{"or another"}
	l.Attempts = []call.Attempt{{Target: gw, Code: 503, FinalMS: 12.345678, At: at + 1, Leg: 1, Txn: 2, Hop: 3}, {Target: alice, Txn: call.None}}
	trying := 7.25
	l.Timings.Trying = &trying
	l.Links = []call.Link{{From: "a@example.com", To: "b@example.com", By: "x-call-id", Header: "X-CID", Confidence: 1}}
	l.Gaps = []wire.Gap{{Kind: wire.GapTCP, Point: 2, Ref: wire.PacketRef{Source: 1, Number: 2}, From: at, Until: at + 9, Where: "there", Flow: wire.Flow{Transport: wire.TCP, Src: gw}, Lost: 4, Bytes: 5}}
	l.Reg = &call.Registration{AOR: "sip:alice@example.com", Contacts: []string{"sip:alice@192.0.2.10"}, Requested: 60, Expires: -1, Removed: true, Refreshes: 2, Until: at + 60e9}
	count := media.Counter{}
	for i := range 5 {
		count.Add(&media.Packet{Time: at + wire.Time(i)*20e6, Seq: uint16(i * 2), TS: uint32(i) * 160, PT: 8, Bytes: 172})
	}
	l.Media = []call.Stream{
		{Src: alice, Dst: gw, RTCP: true, SSRC: 7, PayloadType: 200, Packets: 3, Bytes: 300, First: at, Last: at + 1e9, From: call.NoMsg, To: call.MsgRef{Msg: 1}, Jitter: -1, JitterMax: -1},
		{
			Src: gw, Dst: alice, SSRC: 8, PayloadType: 8, Packets: 5, Bytes: 860, First: count.First, Last: count.Last, From: call.MsgRef{}, To: call.MsgRef{Leg: 1, Msg: 2},
			RTP: &count, Codec: "PCMA", ClockRate: 8000, Jitter: 1.5, JitterMax: 2.75, MOS: 4.3,
			Remote: &media.Report{SSRC: 8, Heard: 4, First: at, Reports: 3, LossMean: 0.1, LossMax: 0.2, JitterSum: 7, JitterMax: 9, Lost: -1, RoundTrip: 5e6, XR: 1, VoIP: media.VoIP{SSRC: 8, Loss: 0.5, Discard: 0.25, RoundTrip: 3, EndSystem: 4, R: -1, MOSLQ: 4, MOSCQ: 3.9}},
		},
	}
	suspect := &finding.Suspect{Address: gw, Role: call.RoleProxy}
	c.Verdict = &finding.Verdict{
		Call: l.ID, Revision: 3, Final: true, Suspect: suspect,
		Findings: []finding.Finding{
			{
				ID: "server.capacity", Severity: finding.Error, Confidence: 0.9, Weight: 7, Acts: finding.ActsCarrier, Summary: "full", Actions: []string{"wait", "add trunks"},
				Evidence: []finding.Evidence{{Ref: wire.PacketRef{Source: 1, Number: 11}, Msg: call.MsgRef{Msg: 1}, Note: "the 503"}, {Ref: wire.PacketRef{Number: 9}, Msg: call.NoMsg}},
				Refs:     []string{"RFC 3261 §21.5.4"}, UserMessage: "try again", Subject: "whom", Suspect: suspect,
			},
			{ID: "code.503", Confidence: 1.0 / 3},
		},
		Digests: []finding.Digest{{Sent: call.MsgRef{Msg: 1}, Realm: "gw.example", Proxy: true, Check: digest.Check{Result: digest.FieldDiffers, Field: digest.FieldURI, Sent: "a", Used: "b"}}},
	}
	c.Verdict.Root = &c.Verdict.Findings[0]
	return c
}

// TestRestore: all of a case but its messages and transactions comes back.
func TestRestore(t *testing.T) {
	c := rich()
	var s Subject
	rec := Record(c, &s)
	k, err := Restore(&rec)
	if err != nil {
		t.Fatal(err)
	}
	legs := c.Call.Legs
	want, got := *c.Call, *k.Case.Call
	for _, both := range [][2]any{
		{*want.Origin, *got.Origin},
		{want.Links, got.Links},
		{want.Gaps, got.Gaps},
		{want.Attempts, got.Attempts},
		{*want.Reg, *got.Reg},
		{want.Media[0], got.Media[0]},
		{*want.Media[1].Remote, *got.Media[1].Remote},
		{c.Verdict, k.Case.Verdict},
		{c.Ways, k.Case.Ways},
		{legs[1].Events, k.Legs[1].Events},
		{want.Final, got.Final},
	} {
		if !reflect.DeepEqual(both[0], both[1]) {
			t.Errorf("got  %+v\nwant %+v", both[1], both[0])
		}
	}
	for i, both := range [][2]*float64{
		{want.Timings.Trying, got.Timings.Trying},
		{want.Timings.PDD, got.Timings.PDD},
		{want.Timings.Final, got.Timings.Final},
		{want.Timings.Ring, got.Timings.Ring},
		{want.Timings.Setup, got.Timings.Setup},
		{want.Timings.Duration, got.Timings.Duration},
	} {
		if (both[0] == nil) != (both[1] == nil) || both[0] != nil && *both[0] != *both[1] {
			t.Errorf("time %d is another", i)
		}
	}
	a, b := want.Media[1].RTP, got.Media[1].RTP
	if a.Expected() != b.Expected() || a.Lost() != b.Lost() || a.LossShare() != b.LossShare() || a.Types != b.Types || a.First != b.First || a.Last != b.Last ||
		a.LongestGap != b.LongestGap || a.GapAt != b.GapAt || a.Bytes != b.Bytes {
		t.Errorf("counter %+v, want %+v", b, a)
	}
	for _, of := range []func(*call.Call) any{
		func(c *call.Call) any { return c.ID + c.From + c.To + c.Target + c.UserAgent + c.Reason + c.HungUpBy },
		func(c *call.Call) any { return []wire.Time{c.Began, c.Ended} },
		func(c *call.Call) any { return []int{c.Code, c.Challenge, c.OnPath, int(c.Outcome), int(c.Kind)} },
		func(c *call.Call) any { return c.MediaCut },
	} {
		if !reflect.DeepEqual(of(&want), of(&got)) {
			t.Errorf("got %v, want %v", of(&got), of(&want))
		}
	}
	kept := k.Legs[0]
	if !kept.AtEnd || kept.Evicted || kept.Dropped != 3 || kept.Messages != 3 || !slices.Equal(kept.Order, []int32{0, 2, 1}) || kept.First.Ref.Number != 10 || kept.Last.Ref.Number != 11 {
		t.Errorf("leg %+v", kept)
	}
	if k.OriginRef.Number != 11 || k.DigestRefs[0].Number != 11 {
		t.Errorf("packets %v, %v", k.OriginRef, k.DigestRefs)
	}
}

// TestRestoreNoticesEachField: a field that was added to what a case is made of must be thought of here. What a Doc does
// not keep is had from the record, from the messages, or from both.
func TestRestoreNoticesEachField(t *testing.T) {
	for kind, fields := range map[reflect.Type]int{
		reflect.TypeFor[call.Call]():         26,
		reflect.TypeFor[call.Origin]():       8,
		reflect.TypeFor[call.Attempt]():      7,
		reflect.TypeFor[call.Timings]():      8,
		reflect.TypeFor[call.Link]():         5,
		reflect.TypeFor[call.Stream]():       18,
		reflect.TypeFor[call.Registration](): 7,
		reflect.TypeFor[call.Event]():        13,
		reflect.TypeFor[wire.Gap]():          9,
		reflect.TypeFor[finding.Verdict]():   7,
		reflect.TypeFor[finding.Finding]():   12,
		reflect.TypeFor[finding.Evidence]():  3,
		reflect.TypeFor[finding.Digest]():    4,
		reflect.TypeFor[media.Counter]():     22,
		reflect.TypeFor[media.Report]():      12,
		reflect.TypeFor[media.VoIP]():        8,
		reflect.TypeFor[finding.Suspect]():   2,
		reflect.TypeFor[digest.Check]():      4,
		reflect.TypeFor[Case]():              5,
	} {
		if n := kind.NumField(); n != fields {
			t.Errorf("%s has %d fields, and was %d when Record was written", kind, n, fields)
		}
	}
}

// TestRestoreRefuses: damage is an error wherever it is, and a later version one of its own.
func TestRestoreRefuses(t *testing.T) {
	var s Subject
	rec := Record(rich(), &s)
	whole := rec.Doc
	for n := range whole {
		rec.Doc = whole[:n]
		if _, err := Restore(&rec); err == nil {
			t.Fatalf("%d of %d bytes are no error", n, len(whole))
		}
	}
	rec.Doc = slices.Clone(whole)
	rec.Doc[0]++
	if _, err := Restore(&rec); !errors.Is(err, record.ErrVersion) {
		t.Errorf("error %v, want one of the version", err)
	}
}

// FuzzRestore: no document makes it panic.
func FuzzRestore(f *testing.F) {
	var s Subject
	rec := Record(rich(), &s)
	f.Add(rec.Doc)
	f.Fuzz(func(t *testing.T, doc []byte) {
		damaged := rec
		damaged.Doc = doc
		if k, err := Restore(&damaged); err == nil && len(k.Case.Call.Media)+len(k.Case.Verdict.Findings) > len(doc) {
			t.Errorf("%d bytes make %+v", len(doc), k)
		}
	})
}
