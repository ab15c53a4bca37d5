package finding

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCanBeRoot(t *testing.T) {
	for _, c := range []struct {
		id   ID
		sev  Severity
		want bool
	}{
		{"callee.busy", Info, true},
		{"auth.wrong-credentials", Error, true},
		{"auth.wrong-credentials", Critical, true},
		{"auth.stale-nonce", Info, false},           // the retry was accepted
		{"protocol.content-length", Warning, false}, // tolerated
		{"retry.recovered", Error, false},
		{"isup.cause", Critical, false},
		{"code.480", Error, true},
		{"code.486", Info, true},
		{"nosuch.finding", Critical, false},
	} {
		if got := CanBeRoot(&Finding{ID: c.id, Severity: c.sev}); got != c.want {
			t.Errorf("CanBeRoot(%s, %s) = %v", c.id, c.sev, got)
		}
	}
}

func TestLess(t *testing.T) {
	with := func(id ID, confidence float64) *Finding {
		f := certain(id)
		f.Confidence = confidence
		return f
	}
	tolerated := certain("policy.no-credit")
	tolerated.Severity = Warning
	for _, c := range []struct {
		why         string
		first, next *Finding
	}{
		{"a guess never beats what is proven", with("callee.unavailable", 1), with("policy.no-credit", 0.49)},
		{"a guess never beats what is plausible", with("code.480", 0.5), with("callee.busy", 0.49)},
		{"plausible and specific beats proven and general", with("routing.not-registered", 0.5), with("callee.unavailable", 1)},
		{"among guesses the weight decides", with("callee.busy", 0.1), with("code.486", 0.4)},
		{"a guess at a root comes before a proven explanation", with("code.480", 0.1), with("isup.cause", 1)},
		{"what failed nothing comes after what did", certain("code.480"), tolerated},
		{"equal weight: by ID", with("security.enumeration", 1), with("security.scanner", 1)},
	} {
		if !Less(c.first, c.next) || Less(c.next, c.first) {
			t.Errorf("%s: want %s before %s", c.why, c.first.ID, c.next.ID)
		}
	}
}

// TestLessIsAnOrder: findings in any order sort to one and the same sequence, so that a verdict does not
// depend on the order in which the rules ran.
func TestLessIsAnOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 0))
	var all []*Finding
	for _, d := range Table() {
		f := certain(d.ID)
		f.Confidence = float64(rng.IntN(101)) / 100
		f.Severity = Severity(rng.IntN(4))
		all = append(all, f)
	}
	for _, code := range []ID{"code.404", "code.486", "code.503"} {
		all = append(all, certain(code))
	}
	less := func(a, b *Finding) int {
		switch {
		case Less(a, b):
			return -1
		case Less(b, a):
			return 1
		}
		return 0
	}
	slices.SortFunc(all, less)
	for i, a := range all {
		for j, b := range all {
			if Less(a, b) != (i < j) {
				t.Fatalf("%s and %s: not one order", a.ID, b.ID)
			}
		}
	}
}
