package demo

import (
	"bytes"
	"net/netip"
	"regexp"
	"slices"
	"testing"
	"time"

	"sipcause/sip"
)

// some returns the messages of two periods.
func some(seed uint64) (list []Packet) {
	s := New(seed)
	for p := s.Next(); p.At < 2*Period; p = s.Next() {
		list = append(list, p)
	}
	return list
}

// TestSameSeed: the same seed gives the same bytes at the same times, another one others; time never goes back and no
// Call-ID comes twice.
func TestSameSeed(t *testing.T) {
	a, b, other := some(1), some(1), some(2)
	same := func(x, y Packet) bool {
		return x.At == y.At && x.From == y.From && x.To == y.To && x.Node == y.Node && bytes.Equal(x.Data, y.Data)
	}
	if !slices.EqualFunc(a, b, same) {
		t.Error("the same seed gives other traffic")
	}
	if slices.EqualFunc(a, other, same) {
		t.Error("another seed gives the same traffic")
	}
	ids := map[string]bool{}
	for i := range a {
		if i > 0 && a[i].At < a[i-1].At {
			t.Errorf("message %d comes before the one before it", i)
		}
		if m := a[i].Begins; m != nil {
			if ids[m.CallID] {
				t.Errorf("%s comes twice", m.CallID)
			}
			ids[m.CallID] = true
		}
	}
	if len(ids) < 1000 {
		t.Errorf("%d calls in two periods", len(ids))
	}
}

// TestFirstFailure: who starts it need not wait.
func TestFirstFailure(t *testing.T) {
	list := some(1)
	i := slices.IndexFunc(list, func(p Packet) bool { return p.Begins != nil && p.Begins.Outcome == "failed" })
	if i < 0 || list[i].Begins.Ended > 2*time.Second {
		t.Errorf("no call has failed within two seconds of traffic: %+v", list[max(i, 0)].Begins)
	}
}

// What may be written of the world: networks of RFC 5737 and numbers reserved for fiction, 555-0100 to 555-0199.
var (
	fictional = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24")}
	address   = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	number    = regexp.MustCompile(`sip:(\+\d+)@`)
	fiction   = regexp.MustCompile(`^\+(00)?1\d{3}55501\d\d$|^\+1\d{3}555$`)
	domains   = regexp.MustCompile(`@([a-z][a-z.]+)`)
)

// TestMessages: every message is what RFC 3261 wants, says what it is about, and names nobody who exists.
func TestMessages(t *testing.T) {
	var m sip.Message
	for i, p := range some(3) {
		if err := m.Parse(p.Data); err != nil {
			t.Fatalf("message %d: %v\n%s", i, err, p.Data)
		}
		if d := m.Check(); len(d) > 0 {
			t.Fatalf("message %d: %v\n%s", i, d, p.Data)
		}
		if b := p.Begins; b != nil && (string(m.CallID()) != b.CallID || !m.IsRequest() || b.Ended < p.At || b.Began != p.At) {
			t.Errorf("message %d does not begin %+v\n%s", i, b, p.Data)
		}
		for _, a := range address.FindAllString(string(p.Data), -1) {
			ip, err := netip.ParseAddr(a)
			if err == nil && !slices.ContainsFunc(fictional, func(n netip.Prefix) bool { return n.Contains(ip) }) {
				t.Errorf("%s is no address for examples", a)
			}
		}
		for _, n := range number.FindAllStringSubmatch(string(p.Data), -1) {
			if !fiction.MatchString(n[1]) {
				t.Errorf("%s is no number for examples", n[1])
			}
		}
		for _, d := range domains.FindAllStringSubmatch(string(p.Data), -1) {
			if d[1] != domain {
				t.Errorf("%s is no domain for examples", d[1])
			}
		}
	}
}
