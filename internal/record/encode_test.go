package record

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

var texts = rapid.OneOf(rapid.SampledFrom([]string{"", "INVITE", "sip:+4930123456@example.com", "a", "carrier-a"}), rapid.String())

func listOf[T any](g *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Custom(func(t *rapid.T) []T {
		n := rapid.IntRange(0, 5).Draw(t, "n")
		if rapid.IntRange(0, 20).Draw(t, "long") == 0 {
			n = maxKnown + 20
		}
		if n == 0 {
			return nil
		}
		list := make([]T, n)
		for i := range list {
			list[i] = g.Draw(t, "one")
		}
		return list
	})
}

var addrs = rapid.Custom(func(t *rapid.T) netip.AddrPort {
	port := rapid.Uint16().Draw(t, "port")
	switch rapid.IntRange(0, 4).Draw(t, "family") {
	case 0:
		return netip.AddrPort{}
	case 1:
		return netip.AddrPortFrom(netip.Addr{}, port)
	case 2:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, rapid.Byte().Draw(t, "b")}), port)
	case 3:
		return netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), port)
	}
	return netip.AddrPortFrom(netip.MustParseAddr("fe80::1%eth0"), port)
})

var durations = rapid.Custom(func(t *rapid.T) *time.Duration {
	if rapid.Bool().Draw(t, "unknown") {
		return nil
	}
	d := time.Duration(rapid.Int64().Draw(t, "ns"))
	return &d
})

var cases = rapid.Custom(func(t *rapid.T) Case {
	cells := listOf(rapid.Custom(func(t *rapid.T) Cell {
		return Cell{rapid.Int64().Draw(t, "minute"), texts.Draw(t, "counter"), texts.Draw(t, "route"), texts.Draw(t, "label"), rapid.Int16().Draw(t, "bucket"), rapid.Int64().Draw(t, "n")}
	}))
	many, times := listOf(texts), rapid.Custom(func(t *rapid.T) wire.Time { return wire.Time(rapid.Int64Range(0, 1<<61).Draw(t, "t")) })
	text := func(name string) string { return texts.Draw(t, name) }
	number := rapid.IntRange(-1, 1<<30)
	return Case{
		ID: text("id"), Kind: call.Kind(rapid.IntRange(0, 2).Draw(t, "kind")), Revision: number.Draw(t, "rev"), Final: rapid.Bool().Draw(t, "final"),
		Began: times.Draw(t, "began"), Ended: times.Draw(t, "ended"), Decided: times.Draw(t, "decided"),
		Keys: listOf(rapid.Uint64()).Draw(t, "keys"), CallIDs: many.Draw(t, "ids"),
		From: text("from"), To: text("to"), Target: text("target"), Numbers: many.Draw(t, "numbers"),
		Code: number.Draw(t, "code"), Reason: text("reason"), Outcome: call.Outcome(rapid.IntRange(0, int(call.Ongoing)).Draw(t, "outcome")),
		Cause: text("cause"), Findings: many.Draw(t, "findings"), Severity: text("severity"),
		Origin: addrs.Draw(t, "origin"), OriginRole: text("role"), Suspect: addrs.Draw(t, "suspect"),
		Servers: many.Draw(t, "servers"), UAs: many.Draw(t, "uas"), Methods: many.Draw(t, "methods"), Transports: many.Draw(t, "transports"),
		Realms: many.Draw(t, "realms"), Src: listOf(addrs).Draw(t, "src"), Dst: listOf(addrs).Draw(t, "dst"),
		PDD: durations.Draw(t, "pdd"), Setup: durations.Draw(t, "setup"), Duration: durations.Draw(t, "duration"), Ring: durations.Draw(t, "ring"),
		Attempts: number.Draw(t, "attempts"), Messages: number.Draw(t, "messages"), HungUpBy: text("hung"), Gap: rapid.Bool().Draw(t, "gap"),
		RouteIn: text("in"), RoutesOut: many.Draw(t, "out"), Counted: cells.Draw(t, "counted"), Doc: bytes.Clone(listOf(rapid.Byte()).Draw(t, "doc")),
	}
})

func TestCaseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cases.Draw(t, "case")
		b := AppendCase([]byte("before"), &c)
		if !bytes.HasPrefix(b, []byte("before")) {
			t.Fatal("what was there is gone")
		}
		var got Case
		if err := DecodeCase(b[len("before"):], &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, c) {
			t.Fatalf("got  %+v\nwant %+v", got, c)
		}
		for n := range len(b) - len("before") {
			if DecodeCase(b[len("before"):len("before")+n], &got) == nil {
				t.Fatalf("%d of %d bytes read without an error", n, len(b)-len("before"))
			}
		}
	})
}

// TestCaseKnowsEachField notices a field that was added to Case and not to its encoding.
func TestCaseKnowsEachField(t *testing.T) {
	kind := reflect.TypeFor[Case]()
	for i := range kind.NumField() {
		var c, got Case
		fill(reflect.ValueOf(&c).Elem().Field(i))
		if err := DecodeCase(AppendCase(nil, &c), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(c, got) {
			t.Errorf("%s is lost", kind.Field(i).Name)
		}
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int16, reflect.Int64:
		v.SetInt(2)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(2)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Cell]() {
			for i := range v.NumField() {
				fill(v.Field(i))
			}
			return
		}
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("192.0.2.1:5060")))
	default:
		panic(v.Kind())
	}
}

func TestLaterVersion(t *testing.T) {
	b := AppendCase(nil, &Case{ID: "x"})
	b[0] = caseVersion + 1
	if err := DecodeCase(b, new(Case)); !errors.Is(err, ErrVersion) {
		t.Errorf("error %v, want one that says that it is of a later version", err)
	}
	b[0] = 0
	if err := DecodeCase(b, new(Case)); err == nil || errors.Is(err, ErrVersion) {
		t.Errorf("error %v, want damaged", err)
	}
}

// TestSizeOfCase holds how much a plain call takes.
func TestSizeOfCase(t *testing.T) {
	d := 1234567890 * time.Nanosecond
	a, b := netip.MustParseAddrPort("192.0.2.10:5060"), netip.MustParseAddrPort("198.51.100.20:5060")
	c := Case{
		ID: "3848276298220188511@192.0.2.10", CallIDs: []string{"3848276298220188511@192.0.2.10"}, Revision: 2, Final: true,
		Began: 1785000000e9, Ended: 1785000060e9, Decided: 1785000003e9, Keys: []uint64{1 << 63},
		From: "sip:+49301234567@example.com", To: "sip:+49309876543@example.net", Target: "sip:+49309876543@198.51.100.20", Numbers: []string{"+49301234567", "+49309876543"},
		Code: 200, Reason: "OK", Outcome: call.Answered, Methods: []string{"INVITE", "ACK", "BYE"}, Transports: []string{"udp"},
		UAs: []string{"ExamplePhone 1.2"}, Servers: []string{"ExamplePBX 3"}, Src: []netip.AddrPort{a, b}, Dst: []netip.AddrPort{b, a},
		PDD: &d, Setup: &d, Duration: &d, Ring: &d, Attempts: 1, Messages: 8, HungUpBy: "caller",
	}
	n := len(AppendCase(nil, &c))
	t.Logf("%d bytes", n)
	if n > 300 {
		t.Errorf("a plain call takes %d bytes", n)
	}
	if got := testing.AllocsPerRun(100, func() { _ = AppendCase(make([]byte, 0, 512), &c) }); got > 1 {
		t.Errorf("AppendCase allocates %.0f times", got)
	}
}

func TestEventRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Message{Time: 7, Ref: wire.PacketRef{Source: 1, Number: 2}, Flow: wire.Flow{Transport: wire.TCP, Src: addrs.Draw(t, "src")}}
		e := wire.Event{
			Kind: wire.EventKind(rapid.IntRange(0, int(wire.EventKinds)-1).Draw(t, "kind")), Ref: m.Ref, Time: m.Time, Flow: m.Flow,
			From: addrs.Draw(t, "from").Addr(), ICMPType: rapid.Byte().Draw(t, "type"), ICMPCode: rapid.Byte().Draw(t, "code"), V6: rapid.Bool().Draw(t, "v6"),
			Until: wire.Time(rapid.Int64Range(0, 1<<61).Draw(t, "until")), Detail: texts.Draw(t, "detail"), Name: texts.Draw(t, "name"),
			Quote: bytes.Clone(listOf(rapid.Byte()).Draw(t, "quote")), FirstBytes: rapid.IntRange(0, 1<<16).Draw(t, "bytes"),
		}
		if rapid.Bool().Draw(t, "cert") {
			at := func(name string) time.Time {
				return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, name), 0).UTC()
			}
			e.Cert = &wire.Certificate{
				Fingerprint: [32]byte{1, 31: 2}, Subject: texts.Draw(t, "subject"), Issuer: texts.Draw(t, "issuer"), Common: texts.Draw(t, "cn"),
				Names: listOf(texts).Draw(t, "names"), MoreNames: rapid.IntRange(0, 99).Draw(t, "more"), DNS: rapid.Bool().Draw(t, "dns"), NotBefore: at("b"), NotAfter: at("a"),
			}
		}
		m.Data = EncodeEvent(nil, &e)
		var got wire.Event
		if err := DecodeEvent(&m, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("got  %+v\nwant %+v", got, e)
		}
	})
}

func TestNoteRoundTrip(t *testing.T) {
	m := Message{Time: 7, Ref: wire.PacketRef{Number: 2}}
	n := wire.Note{Ref: m.Ref, Time: m.Time, Kind: wire.NoteQuality, CallID: []byte("a@b"), Text: []byte(`{"MOS":4.1}`)}
	m.Data = EncodeNote(nil, &n)
	var got wire.Note
	if err := DecodeNote(&m, &got); err != nil || !reflect.DeepEqual(got, n) {
		t.Fatalf("got %+v, %v; want %+v", got, err, n)
	}
	m.Data[1] = byte(wire.NoteKinds)
	if DecodeNote(&m, &got) == nil {
		t.Error("a kind that there is not is no error")
	}
}

// FuzzDecode: what is read of garbage takes no more memory than a small multiple of its length, and what is accepted
// can be written and read again.
func FuzzDecode(f *testing.F) {
	d := time.Second
	f.Add(AppendCase(nil, &Case{ID: "a@b", CallIDs: []string{"a@b"}, PDD: &d, Src: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5060")}, Doc: []byte{1}}))
	f.Add(EncodeEvent(nil, &wire.Event{Kind: wire.EventTLSCert, Cert: &wire.Certificate{Names: []string{"x"}}}))
	f.Add([]byte{caseVersion, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var c, again Case
		err := DecodeCase(b, &c)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 64*uint64(len(b))+1<<16 {
			t.Fatalf("%d bytes took %d of memory", len(b), took)
		}
		if err == nil {
			if err := DecodeCase(AppendCase(nil, &c), &again); err != nil || !reflect.DeepEqual(c, again) {
				t.Fatalf("written and read again: %v\n%+v\n%+v", err, c, again)
			}
		}
		_ = DecodeEvent(&Message{Data: b}, new(wire.Event))
		_ = DecodeNote(&Message{Data: b}, new(wire.Note))
	})
}
