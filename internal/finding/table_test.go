package finding

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var topics = []string{
	"auth", "identity", "policy", "routing", "transport", "tls", "nat", "timeout", "media", "capability",
	"callee", "caller", "server", "isup", "dialog", "protocol", "retry", "register", "keepalive", "security", "kpi",
}

// TestIDsAreForEver compares the table with the committed list: an ID is never renamed, reused or dropped. A
// new one is added to testdata/ids.txt by hand, at the place of its row.
func TestIDsAreForEver(t *testing.T) {
	b, err := os.ReadFile("testdata/ids.txt")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, d := range Table() {
		have = append(have, string(d.ID))
	}
	want := strings.Fields(string(b))
	slices.Sort(have)
	slices.Sort(want)
	for _, id := range want {
		if !slices.Contains(have, id) {
			t.Errorf("%s is in testdata/ids.txt but not in the table", id)
		}
	}
	for _, id := range have {
		if !slices.Contains(want, id) {
			t.Errorf("%s is in the table but not in testdata/ids.txt", id)
		}
	}
	if len(have) != len(want) {
		t.Errorf("%d rows, %d IDs", len(have), len(want))
	}
}

func TestRowsAreComplete(t *testing.T) {
	form := regexp.MustCompile(`^([a-z]+)\.[a-z]+(-[a-z0-9]+)*$`)
	ref := regexp.MustCompile(`^RFC [1-9][0-9]{2,3}( §[1-9][0-9]*(\.[1-9][0-9]*)*)?$`)
	acts := []Acts{ActsUser, ActsCaller, ActsCallee, ActsProxy, ActsNetwork, ActsCarrier, ActsNobody}
	titles := map[string]ID{}
	for _, d := range Table() {
		m := form.FindStringSubmatch(string(d.ID))
		if m == nil {
			t.Errorf("%q is not topic.kebab-name", d.ID)
			continue
		}
		if !slices.Contains(topics, m[1]) {
			t.Errorf("%s: unknown topic", d.ID)
		}
		if d.Scope == 0 || d.Scope >= ScopeCapture<<1 {
			t.Errorf("%s: scope %#b", d.ID, d.Scope)
		}
		if d.Severity > Critical {
			t.Errorf("%s: severity %d", d.ID, d.Severity)
		}
		if !slices.Contains(acts, d.Acts) {
			t.Errorf("%s: acts %q", d.ID, d.Acts)
		}
		if n := len([]rune(d.Title)); n == 0 || n > 50 || strings.HasSuffix(d.Title, ".") {
			t.Errorf("%s: title %q: want 1 to 50 characters, no full stop", d.ID, d.Title)
		}
		if other, ok := titles[d.Title]; ok {
			t.Errorf("%s and %s share the title %q", other, d.ID, d.Title)
		}
		titles[d.Title] = d.ID
		for _, r := range d.Refs {
			if !ref.MatchString(r) {
				t.Errorf("%s: reference %q", d.ID, r)
			}
		}
		if d.Root && len(d.Refs) == 0 {
			t.Errorf("%s: a root cause without reference", d.ID)
		}
		if got, ok := Lookup(d.ID); !ok || got.ID != d.ID {
			t.Errorf("Lookup(%s) = %v, %v", d.ID, got, ok)
		}
	}
}

// TestRootsHaveTheirOwnWeight: no two possible root causes are ordered by their names, and none is in
// the band of what only explains, or in that of the bare code.
func TestRootsHaveTheirOwnWeight(t *testing.T) {
	weights := map[int]ID{}
	for _, d := range Table() {
		if !d.Root {
			if d.Weight <= explain || d.Weight >= coded {
				t.Errorf("%s only explains but weighs %d", d.ID, d.Weight)
			}
			continue
		}
		if d.Weight <= coded || d.Weight >= said+100 {
			t.Errorf("%s: weight %d is outside the bands", d.ID, d.Weight)
		}
		if d.Scope&(ScopeCall|ScopeRegistration|ScopeTransaction) == 0 {
			t.Errorf("%s: a root cause of nothing that can fail", d.ID)
		}
		if other, ok := weights[d.Weight]; ok {
			t.Errorf("%s and %s both weigh %d", other, d.ID, d.Weight)
		}
		weights[d.Weight] = d.ID
	}
}

// TestPeopleAreNoFaults: what people do and what healthy networks show is never above info.
func TestPeopleAreNoFaults(t *testing.T) {
	quiet := []ID{"timeout.no-answer", "isup.cause", "register.interval", "dialog.glare", "dialog.cancel-race", "security.plaintext", "security.weak-auth", "security.topology-leak"}
	for _, d := range Table() {
		topic, _, _ := strings.Cut(string(d.ID), ".")
		person := topic == "callee" || topic == "caller" || slices.Contains(quiet, d.ID)
		if person != (d.Severity == Info) {
			t.Errorf("%s: severity %s", d.ID, d.Severity)
		}
		if topic == "retry" && d.Severity != Warning {
			t.Errorf("%s: severity %s, want warning", d.ID, d.Severity)
		}
	}
}

func TestCodeDef(t *testing.T) {
	for code := 100; code < 1000; code++ {
		d := CodeDef(code)
		got, ok := Lookup(d.ID)
		if !ok || got.ID != d.ID || got.Weight != d.Weight {
			t.Fatalf("Lookup(%s) = %v, %v", d.ID, got, ok)
		}
		if !d.Root || d.Weight != coded {
			t.Errorf("%s: root %v, weight %d", d.ID, d.Root, d.Weight)
		}
	}
	for _, code := range []int{486, 487, 600, 603} {
		if d := CodeDef(code); d.Severity != Info || d.Acts != ActsNobody {
			t.Errorf("%s: %s, acts %s", d.ID, d.Severity, d.Acts)
		}
	}
	if d := CodeDef(480); d.ID != "code.480" || d.Severity != Error || !slices.Equal(d.Refs, []string{"RFC 3261 §21.4"}) {
		t.Errorf("CodeDef(480) = %+v", d)
	}
	for _, id := range []ID{"code.", "code.48", "code.4800", "code.4x0", "code.-48", "code.+48", "code.099", "nosuch.finding", ""} {
		if d, ok := Lookup(id); ok {
			t.Errorf("Lookup(%q) = %v", id, d)
		}
	}
}
