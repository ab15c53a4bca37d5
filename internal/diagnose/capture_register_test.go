package diagnose_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/diagnose"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

// reg is one answer of a registrar, in seconds since the beginning.
type reg struct {
	at      int
	callID  string
	from    string // address of the device
	contact string // host of the contact; "" = from
	expires int
	code    int // 0 = 200
	removed bool
}

// ledger returns one that has seen the answers for one user, and traffic until end; of the registrar until
// quiet seconds before.
func ledger(end, quiet int, regs ...reg) *peer.Ledger {
	const start = wire.Time(1768478400e9)
	l := peer.New()
	server := netip.MustParseAddrPort("198.51.100.121:5060")
	for i, r := range regs {
		if r.contact == "" {
			r.contact = r.from
		}
		if r.code == 0 {
			r.code = 200
		}
		l.Apply(&peer.Fact{
			Kind: peer.FactBinding, Time: start.Add(time.Duration(r.at) * time.Second), Ref: wire.PacketRef{Number: uint64(2*i + 2)},
			CallID: r.callID, From: netip.AddrPortFrom(netip.MustParseAddr(r.from), 5060), Server: server, Code: r.code,
			Account: "sip:alice@example.com", Detail: "sip:alice@" + r.contact + ":5060", Seconds: r.expires, Removed: r.removed,
		})
	}
	l.Saw(server, start.Add(time.Duration(end-quiet)*time.Second))
	l.AddTraffic(start.Add(time.Duration(end)*time.Second), 1)
	return l
}

// every returns n answers, the i-th made by answer(i).
func every(n int, answer func(i int) reg) []reg {
	var out []reg
	for i := range n {
		out = append(out, answer(i))
	}
	return out
}

func TestCaptureRegister(t *testing.T) {
	const phone, other = "192.0.2.10", "192.0.2.99"
	cases := []struct {
		name  string
		end   int
		regs  []reg
		want  []finding.ID
		quiet int
	}{
		{"refreshed in time", 130, every(3, func(i int) reg { return reg{at: 50 * i, callID: "a", from: phone, expires: 60} }), nil, 0},
		{"never refreshed", 500, []reg{{at: 0, callID: "a", from: phone, expires: 60}}, []finding.ID{"register.expired"}, 0},
		{"just run out", 61, []reg{{at: 0, callID: "a", from: phone, expires: 60}}, nil, 0},
		{"removed", 500, []reg{{at: 0, callID: "a", from: phone, expires: 60}, {at: 20, callID: "a", from: phone, removed: true}}, nil, 0},
		{"expiry unknown", 500, []reg{{at: 0, callID: "a", from: phone, expires: -1}}, nil, 0},
		{"another device holds", 500, []reg{{at: 0, callID: "a", from: phone, expires: 60}, {at: 5, callID: "b", from: other, expires: 3600}}, nil, 0},
		{"refused at last", 500, []reg{{at: 0, callID: "a", from: phone, expires: 60}, {at: 50, callID: "a", from: phone, code: 503, expires: -1}}, []finding.ID{"register.expired"}, 0},
		{"address changes", 400, every(5, func(i int) reg {
			return reg{at: 50 * i, callID: "a", from: []string{phone, other}[i%2], expires: 300}
		}), []finding.ID{"register.flapping"}, 0},
		{"moves now and then", 29000, every(5, func(i int) reg {
			return reg{at: 7200 * i, callID: "a", from: []string{phone, other}[i%2], expires: 9000}
		}), nil, 0},
		{"restarted every day", 350000, every(9, func(i int) reg {
			return reg{at: 43200 * i, callID: "a", from: phone, expires: 86400, removed: i%2 == 1}
		}), nil, 0},
		{"moved once", 200, every(4, func(i int) reg {
			return reg{at: 50 * i, callID: "a", from: []string{phone, other}[i/2], expires: 100}
		}), nil, 0},
		{"two devices", 400, every(6, func(i int) reg {
			return reg{at: 50 * i, callID: []string{"a", "b"}[i%2], from: []string{phone, other}[i%2], expires: 200}
		}), nil, 0},
		{"removed and made again", 200, every(8, func(i int) reg {
			return reg{at: 10 * i, callID: "a", from: phone, expires: 600, removed: i%2 == 1}
		})[:7], []finding.ID{"register.flapping"}, 0},
		{"restarts", 200, every(5, func(i int) reg {
			return reg{at: 20 * i, callID: fmt.Sprint("c", i), from: phone, expires: 600}
		}), []finding.ID{"register.flapping"}, 0},
		{"far too often", 200, every(6, func(i int) reg { return reg{at: 20 * i, callID: "a", from: phone, expires: 3600} }), []finding.ID{"register.interval"}, 0},
		{"often, behind NAT", 200, every(6, func(i int) reg {
			return reg{at: 20 * i, callID: "a", from: phone, contact: "10.0.0.5", expires: 3600}
		}), nil, 0},
		{"excerpt", 500, []reg{{at: 0, callID: "a", from: phone, expires: 60}}, nil, 490},
		{"at half", 200, every(6, func(i int) reg { return reg{at: 30 * i, callID: "a", from: phone, expires: 60} }), nil, 0},
	}
	fired := map[finding.ID]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []finding.ID
			for _, f := range diagnose.Capture(ledger(c.end, c.quiet, c.regs...)) {
				got = append(got, f.ID)
				fired[f.ID] = true
				if len(f.Evidence) == 0 || len(f.Actions) == 0 || f.Subject != "sip:alice@example.com" || strings.Contains(f.Summary, "%!") {
					t.Errorf("%s is incomplete: %+v", f.ID, f)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	for _, id := range diagnose.CaptureRuleIDs() {
		if strings.HasPrefix(string(id), "register.") && !fired[id] {
			t.Errorf("%s: no case in which it must be found", id)
		}
	}
}

// TestCaptureExpiredGap: what the capture lost may have been the refresh.
func TestCaptureExpiredGap(t *testing.T) {
	whole := ledger(500, 0, reg{at: 0, callID: "a", from: "192.0.2.10", expires: 60})
	holed := ledger(500, 0, reg{at: 0, callID: "a", from: "192.0.2.10", expires: 60})
	holed.AddGap(wire.Gap{Kind: wire.GapDrops, From: holed.Start, Until: holed.End, Lost: 1000})
	a, b := diagnose.Capture(whole), diagnose.Capture(holed)
	if len(a) != 1 || len(b) != 1 || b[0].Confidence > a[0].Confidence/2 {
		t.Errorf("confidence %v without and %v with a gap", a, b)
	}
}
