package testkit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"sipcause/internal/decode"
	"sipcause/internal/wire"
)

// got is a decode.Sink that keeps all it is handed, in order.
type got struct{ items []Item }

func (g *got) Payload(p *wire.Payload) {
	c := *p
	c.Data = slices.Clone(p.Data)
	g.items = append(g.items, Item{Payload: &c})
}

func (g *got) Event(e *wire.Event) {
	c := *e
	c.Quote = slices.Clone(e.Quote)
	g.items = append(g.items, Item{Event: &c})
}

func (g *got) Gap(x wire.Gap) { g.items = append(g.items, Item{Gap: &x}) }

func (g *got) Media(m *wire.Media) {
	c := *m
	g.items = append(g.items, Item{Media: &c})
}

func show(i Item) string {
	switch {
	case i.Payload != nil:
		p := *i.Payload
		data := string(p.Data)
		p.Data = nil
		return fmt.Sprintf("payload %+v\n%s", p, data)
	case i.Event != nil:
		return fmt.Sprintf("event %+v", *i.Event)
	case i.Gap != nil:
		return fmt.Sprintf("gap %+v", *i.Gap)
	case i.Media != nil:
		return fmt.Sprintf("media %+v", *i.Media)
	}
	return "nothing"
}

// TestItemsAreWhatDecodeSees: a flow's items and its packets after decoding are the same, but for the gaps
// that its author wrote, which no packet shows.
func TestItemsAreWhatDecodeSees(t *testing.T) {
	for _, pattern := range []string{"testdata/*.txtar", "../diagnose/testdata/flows/*.txtar"} {
		for file, flows := range ReadFlows(t, pattern) {
			for _, f := range flows {
				t.Run(filepath.Base(file)+"/"+f.Name, func(t *testing.T) { compare(t, &f) })
			}
		}
	}
}

func compare(t *testing.T, f *Flow) {
	var g got
	d := decode.New(&g, decode.Options{})
	for i := range f.Packets {
		d.Packet(&f.Packets[i])
	}
	d.Flush(f.End)
	want := slices.DeleteFunc(slices.Clone(f.Items), func(i Item) bool { return i.Gap != nil && i.Gap.Kind != wire.GapFragments })
	if len(g.items) != len(want) {
		t.Errorf("decode found %d items, the flow has %d", len(g.items), len(want))
	}
	for i := range min(len(g.items), len(want)) {
		if a, b := show(g.items[i]), show(want[i]); a != b {
			t.Fatalf("item %d\ndecoded: %s\nflow:    %s", i, a, b)
		}
	}
	for reason, n := range d.Stats().Undecoded {
		if reason != "ip-fragment-incomplete" { // the flow says losefrag
			t.Errorf("not decoded: %d %s", n, reason)
		}
	}
}

// TestPcapReads reads the file back by hand.
func TestPcapReads(t *testing.T) {
	flows, err := ParseFlows([]byte("alice > proxy INVITE sdp\nproxy > alice 100\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := &flows[0]
	b := f.Pcap()
	if magic := binary.LittleEndian.Uint32(b); magic != 0xa1b23c4d {
		t.Fatalf("magic %#x", magic)
	}
	b = b[24:]
	for i, p := range f.Packets {
		at := wire.Time(binary.LittleEndian.Uint32(b))*1e9 + wire.Time(binary.LittleEndian.Uint32(b[4:]))
		n := int(binary.LittleEndian.Uint32(b[8:]))
		if at != p.Time || !bytes.Equal(b[16:16+n], p.Data) {
			t.Errorf("packet %d: time %d, want %d; %d bytes", i, at, p.Time, n)
		}
		b = b[16+n:]
	}
	if len(b) != 0 {
		t.Errorf("%d bytes left", len(b))
	}
}
