package cli

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// TestDemoCapture: the embedded capture is what testdata/demo.txtar says. -update writes it.
func TestDemoCapture(t *testing.T) {
	text, err := os.ReadFile("testdata/demo.txtar")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := testkit.ParseFlows(text)
	if err != nil {
		t.Fatal(err)
	}
	var packets []wire.Packet
	for i := range flows {
		for _, p := range flows[i].Packets {
			p.Time = p.Time.Add(time.Duration(i) * time.Minute)
			packets = append(packets, p)
		}
	}
	slices.SortStableFunc(packets, func(a, b wire.Packet) int { return int(a.Time - b.Time) })
	want := testkit.Pcap(packets)
	if testkit.Updating() {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, err := z.Write(want)
		if err := errors.Join(err, z.Close(), os.WriteFile("demo.pcap.gz", b.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(demoCapture))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("demo.pcap.gz is not what demo.txtar says (%v): run go test ./internal/cli -run DemoCapture -update", err)
	}
}

// TestREADMEShowsTheDemo: the picture in README is what the program prints today.
func TestREADMEShowsTheDemo(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(readme, []byte("```\n"))
	picture, _, ok := bytes.Cut(rest, []byte("```\n"))
	if !ok || len(picture) == 0 {
		t.Fatal("README.md begins with no picture")
	}
	var got, stderr bytes.Buffer
	if code := Main([]string{"demo", "--tz", "UTC", "--call", "1.seen-through@flow.example.com"}, nil, &got, &stderr); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr.Bytes())
	}
	if !bytes.Contains(got.Bytes(), picture) {
		t.Errorf("README.md does not show what the demo prints:\n%s", got.Bytes())
	}
}
