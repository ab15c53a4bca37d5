package accuracy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sipcause/internal/finding"
	"sipcause/internal/testkit"
)

var sections = longSDP() + `
-- busy.sipfrag --
SIP/2.0 486 Busy Here
`

// TestScenesAreHealthy: what the faults change is well without them.
func TestScenesAreHealthy(t *testing.T) {
	for _, s := range scenes() {
		flows, err := testkit.ParseFlows([]byte(s.text()))
		if err != nil {
			t.Errorf("%s: %v\n%s", s.name, err, s.text())
			continue
		}
		a, err := analyse(flows[0].Pcap())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range a.cases {
			if d := describe(c.root, c.findings); c.outcome != "answered" || !strings.HasPrefix(d, "nothing") {
				t.Errorf("%s: %s %s %d: %s", s.name, c.kind, c.outcome, c.code, d)
			}
		}
		want := 2
		if s.kind == "options" {
			want = 7
		}
		if len(a.cases) != want {
			t.Errorf("%s: %d cases\n%s", s.name, len(a.cases), s.text())
		}
	}
}

// TestFaults changes each healthy scene by each fault that fits it: that fault is found, as the root cause of all that
// failed, and no other error but what is listed beside it.
func TestFaults(t *testing.T) {
	fits, total := map[string]int{}, 0
	for _, base := range scenes() {
		for i := range faults {
			f := &faults[i]
			s := base.clone()
			if cmp.Or(f.kind, "call") != base.kind || !f.do(s) {
				continue
			}
			fits[f.name]++
			total++
			for _, wrong := range f.judge(t, s) {
				t.Errorf("%s, %s: %s", s.name, f.name, wrong)
			}
		}
	}
	for i := range faults {
		if fits[faults[i].name] == 0 {
			t.Errorf("%s fits no scene", faults[i].name)
		}
	}
	t.Logf("%d faults, %d scenes, %d flows", len(faults), len(scenes()), total)
}

// judge says what sipcause should not have said of the scene, and what it should have.
func (f *fault) judge(t *testing.T, s *scene) (wrong []string) {
	t.Helper()
	flows, err := testkit.ParseFlows([]byte(s.text() + sections))
	if err != nil {
		t.Fatalf("%s, %s: %v\n%s", s.name, f.name, err, s.text())
	}
	a, err := analyse(flows[0].Pcap())
	if err != nil {
		t.Fatal(err)
	}
	list, ok := slices.Clone(a.capture), false
	for i := range a.cases {
		c := &a.cases[i]
		list = append(list, c.findings...)
		if c.bad && (c.root == nil || string(c.root.ID) != f.want && !f.parts(c.root.ID)) {
			wrong = append(wrong, fmt.Sprintf("%s %s %d: %s", c.kind, c.outcome, c.code, describe(c.root, nil)))
		}
	}
	for i := range list {
		g := &list[i]
		ok = ok || string(g.ID) == f.want
		if g.Severity >= finding.Error && string(g.ID) != f.want && !slices.Contains(beside[f.want], g.ID) && !slices.Contains(beside[""], g.ID) {
			wrong = append(wrong, "also "+describe(nil, list[i:i+1]))
		}
	}
	if !ok {
		wrong = append(wrong, "no "+f.want+"\n"+s.text())
	}
	return wrong
}

// parts says whether the finding of the fault is about a peer, and id what each of its requests has for root cause.
func (f *fault) parts(id finding.ID) bool {
	d, ok := finding.Lookup(finding.ID(f.want))
	return ok && d.Scope&finding.ScopePeer != 0 && slices.Contains(beside[f.want], id)
}

// beside holds what may be an error beside the finding of a fault; "": beside each.
var beside = map[string][]finding.ID{
	// What the failure means for the user.
	"": {"register.failed"},
	// What the response says by itself, or the same silence as the element saw it that gave up.
	"transport.no-response":     {"timeout.request"},
	"timeout.provisional-stall": {"timeout.request"},
	"transport.unreachable":     {"server.unavailable"},
	"transport.connect-timeout": {"timeout.request", "timeout.downstream"},
	"transport.fragment-lost":   {"timeout.request", "timeout.downstream"},
	"nat.binding-expired":       {"timeout.request", "transport.no-response"},
	"routing.all-routes-failed": {"server.unavailable"},
	"server.capacity":           {"server.unavailable"},
	"server.overload":           {"server.unavailable"},
	"auth.wrong-credentials":    {"policy.forbidden"},
	"dialog.prack-missing":      {"server.internal-error"},
	// The loop that the stale nonces make.
	"auth.stale-nonce": {"auth.challenge-loop"},
	// What the cause does further: the 200 is repeated; the body is read as far as the wrong length goes.
	"nat.private-contact":     {"dialog.ack-missing"},
	"protocol.content-length": {"media.malformed-sdp"},
	// The finding is about the peer; each of its requests has its own.
	"keepalive.lost": {"transport.no-response"},
}

// longSDP is a body that makes a request larger than the path takes in one packet.
func longSDP() string {
	b := "-- long.sdp --\nv=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\nm=audio 40000 RTP/AVP 0"
	for pt := 96; pt < 127; pt++ {
		b += " " + strconv.Itoa(pt)
	}
	b += "\na=rtpmap:0 PCMU/8000\n"
	for pt := 96; pt < 127; pt++ {
		b += "a=rtpmap:" + strconv.Itoa(pt) + " codec-of-a-long-name-" + strconv.Itoa(pt) + "/48000\n"
	}
	return b
}
