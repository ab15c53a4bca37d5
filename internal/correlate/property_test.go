package correlate_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sipcause/internal/call"
	"sipcause/internal/correlate"
	"sipcause/internal/peer"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// payloads returns the messages of the flows that the rules are tested with, flow by flow.
func payloads(t *testing.T) [][]wire.Payload {
	t.Helper()
	byFile := testkit.ReadFlows(t, "../diagnose/testdata/flows/*.txtar")
	var out [][]wire.Payload
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		for _, f := range byFile[file] {
			var list []wire.Payload
			for _, it := range f.Items {
				if it.Payload != nil {
					list = append(list, *it.Payload)
				}
			}
			out = append(out, list)
		}
	}
	return out
}

// damage draws a capture of some flows in which messages are lost, repeated and out of order.
func damage(t *rapid.T, flows [][]wire.Payload) []wire.Payload {
	var out []wire.Payload
	for range rapid.IntRange(1, 4).Draw(t, "flows") {
		for _, p := range flows[rapid.IntRange(0, len(flows)-1).Draw(t, "flow")] {
			switch rapid.IntRange(0, 9).Draw(t, "fate") {
			case 0:
				continue
			case 1:
				out = append(out, p)
				p.Time = p.Time.Add(time.Duration(rapid.IntRange(0, 40_000).Draw(t, "later ms")) * time.Millisecond)
			case 2:
				p.Data = p.Data[:rapid.IntRange(0, len(p.Data)).Draw(t, "cut")]
				p.Truncated = true
			case 3:
				p.Flow = p.Flow.Reverse()
			}
			out = append(out, p)
		}
	}
	if rapid.Bool().Draw(t, "sorted") {
		slices.SortStableFunc(out, func(a, b wire.Payload) int { return int(a.Time - b.Time) })
	}
	for i := range out {
		out[i].Ref.Number = uint64(i + 1)
	}
	return out
}

func itemsOf(list []wire.Payload) (items []correlate.Item) {
	for i := range list {
		items = append(items, correlate.Item{Key: correlate.KeyOf(&list[i]), At: i})
	}
	return items
}

// TestEachSightingOnce: whatever the traffic, every message is in exactly one leg, and there in exactly one
// transaction's chain; indices stay inside their tables, and repeats name a first sighting.
func TestEachSightingOnce(t *testing.T) {
	flows := payloads(t)
	rapid.Check(t, func(t *rapid.T) {
		in := damage(t, flows)
		s := correlate.NewShard(0, correlate.Options{NoRecover: true})
		var end wire.Time
		for i := range in {
			end = max(end, in[i].Time)
		}
		s.Messages(in, itemsOf(in))
		s.Advance(end)
		s.Flush()
		out := s.Take(correlate.Output{})
		kept := 0
		for _, l := range out.Closed {
			kept += len(l.Sightings) + l.Dropped
			checkLeg(t, l)
		}
		st := s.Stats()
		if want := int(st.Messages - st.Stray); kept != want {
			t.Fatalf("%d messages in legs, want %d (%+v)", kept, want, st)
		}
		linker := correlate.NewLinker(peer.New(), func(c *call.Call) {
			if c.Outcome.Bad() && c.Code >= 300 && c.Origin == nil {
				t.Fatalf("%s failed with %d and has no origin", c.ID, c.Code)
			}
		})
		var opened []*correlate.Opened
		for i := range out.Opened {
			opened = append(opened, &out.Opened[i])
		}
		linker.Batch(opened, out.Closed, end)
		linker.Flush()
	})
}

func checkLeg(t *rapid.T, l *call.Leg) {
	in := make([]int, len(l.Sightings))
	for k := range l.Txns {
		txn := &l.Txns[k]
		for i := range l.Messages(txn) {
			in[i]++
			if l.Sightings[i].Txn != int32(k) {
				t.Fatalf("sighting %d is in the chain of transaction %d and says %d", i, k, l.Sightings[i].Txn)
			}
		}
		for _, i := range [...]int32{txn.Request, txn.Trying, txn.Progress, txn.Final, txn.Ack, txn.AltFinal} {
			if i != call.None && (int(i) >= len(l.Sightings) || l.Sightings[i].Repeat != call.First) {
				t.Fatalf("transaction %d names sighting %d, which is no first sighting", k, i)
			}
		}
		if txn.Parent != call.None && txn.Parent >= int32(k) {
			t.Fatalf("transaction %d relays a later one, %d", k, txn.Parent)
		}
	}
	for i := range l.Sightings {
		s := &l.Sightings[i]
		if want := 1; in[i] != want && !(s.Txn == call.None && in[i] == 0) {
			t.Fatalf("sighting %d is in %d chains", i, in[i])
		}
		if s.Repeat == call.First == (s.Of != call.None) || s.Repeat != call.First && l.Sightings[s.Of].Repeat != call.First {
			t.Fatalf("sighting %d: %s of %d", i, s.Repeat, s.Of)
		}
		if l.Raw(int32(i)) == nil {
			t.Fatalf("sighting %d has no bytes", i)
		}
	}
}

// TestCapsHold: a flood of new Call-IDs, and one of messages under a single Call-ID, stay inside the caps and are
// counted.
func TestCapsHold(t *testing.T) {
	opt := correlate.Options{MaxLegs: 50, MaxBytes: 64 << 10, MaxSightings: 100, NoRecover: true}
	s := correlate.NewShard(0, opt)
	base := payloads(t)[0][0]
	send := func(id string, i int) {
		p := base
		p.Data = []byte("OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK" + id + string(rune('a'+i%26)) +
			"\r\nCall-ID: " + id + "\r\nCSeq: 1 OPTIONS\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n\r\n")
		p.Time = base.Time.Add(time.Duration(i) * time.Microsecond)
		list := []wire.Payload{p}
		s.Messages(list, itemsOf(list))
	}
	closed := 0
	var spent correlate.Spent
	for i := range 5000 {
		send("flood"+string(rune('0'+i%10))+time.Duration(i).String(), i)
		out := s.Take(correlate.Output{})
		closed += len(out.Closed)
		for _, l := range out.Closed {
			spent.Add(l)
		}
		spent.Release()
	}
	if st := s.Stats(); st.Evicted != uint64(closed) || closed < 5000-opt.MaxLegs {
		t.Errorf("%d legs evicted, %d came out, at least %d must", st.Evicted, closed, 5000-opt.MaxLegs)
	}
	for i := range 500 {
		send("one", i)
	}
	if st := s.Stats(); st.Dropped != uint64(500-opt.MaxSightings) {
		t.Errorf("%d sightings dropped, want %d", st.Dropped, 500-opt.MaxSightings)
	}
}
