package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sipcause/internal/render/schema"
	"sipcause/internal/testkit"
	"sipcause/internal/wire"
)

// day is one capture to compare: calls a minute apart from midday on, of which some fail.
type day struct {
	calls, failed int
	firmware      string
	ring          time.Duration
	header        string
}

// packets makes the capture. What fails is a 503 of the gateway, which the proxy hands on.
func (d day) packets() (packets []wire.Packet, err error) {
	for i := range d.calls {
		text := fmt.Sprintf(`elements alice=192.0.2.10:5060;ua=ExamplePhone_T46_%s
alice > proxy INVITE sdp callid=%s-%d %s
proxy > alice 100
proxy > gw1 INVITE
`, d.firmware, d.firmware, i, d.header)
		if i%max(1, d.calls/max(1, d.failed)) == 0 && i/max(1, d.calls/max(1, d.failed)) < d.failed {
			text += "gw1 > proxy 503 \"Service Unavailable\"\nproxy > gw1 ACK\nproxy > alice 503\nalice > proxy ACK\n"
		} else {
			text += fmt.Sprintf("+%s gw1 > proxy 180\nproxy > alice 180\n+1s gw1 > proxy 200 sdp\nproxy > alice 200\nalice > proxy ACK\nproxy > gw1 ACK\n+2s alice > proxy BYE\nproxy > gw1 BYE\ngw1 > proxy 200\nproxy > alice 200\n", d.ring)
		}
		flows, err := testkit.ParseFlows([]byte(text))
		if err != nil {
			return nil, err
		}
		for _, p := range flows[0].Packets {
			p.Time = p.Time.Add(time.Duration(i) * time.Minute)
			packets = append(packets, p)
		}
	}
	return packets, nil
}

// compared are the captures to compare, by file name.
var compared = sync.OnceValues(func() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, d := range map[string]day{
		"before.pcap": {60, 2, "66.84.0.15", 200 * time.Millisecond, "X-Old: 1"},
		"after.pcap":  {60, 20, "66.85.0.5", 900 * time.Millisecond, "X-New: 1"},
		"few.pcap":    {6, 3, "66.85.0.5", 900 * time.Millisecond, ""},
	} {
		packets, err := d.packets()
		if err != nil {
			return nil, err
		}
		files[name] = testkit.Pcap(packets)
	}
	return files, nil
})

// writeCompared writes the captures to compare into a folder.
func writeCompared(dir string) error {
	files, err := compared()
	for name, b := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	return err
}

// TestComparisonFollowsTheSchema: also for sides without anything, and of captures as they are met.
func TestComparisonFollowsTheSchema(t *testing.T) {
	dir := t.TempDir()
	if err := writeCompared(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "empty.pcap"), testkit.Pcap(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, args := range [][]string{
		{at("before.pcap"), at("after.pcap")},
		{at("empty.pcap"), at("few.pcap")},
		{at("empty.pcap"), at("empty.pcap")},
		{"../../testdata/captures", at("after.pcap")},
		{"--before", "12:00..12:20", "--after", "12:20..", "--tz", "UTC", at("after.pcap")},
	} {
		var out, errs bytes.Buffer
		if status := Main(append([]string{"compare", "--format", "json"}, args...), nil, &out, &errs); status != exitOK {
			t.Errorf("%v: status %d: %s", args, status, errs.String())
			continue
		}
		if err := schema.ValidateComparison(out.Bytes()); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		out.Reset()
		if status := Main(append([]string{"compare"}, args...), nil, &out, &errs); status != exitOK {
			t.Errorf("%v: status %d: %s", args, status, errs.String())
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if n := len([]rune(line)); n > 80 && !strings.Contains(line, dir) {
				t.Errorf("%v: %d columns: %s", args, n, line)
			}
		}
	}
	if err := schema.ValidateComparison([]byte(`{"schema":"sipcause.compare/v1"}`)); err == nil {
		t.Error("the schema accepts what lacks everything")
	}
}
