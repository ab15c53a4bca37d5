package finding

import "strings"

// Bounds of Finding.Confidence. A finding at or above Proven rests on messages that leave no other reading;
// one below Plausible is a guess that the capture does not exclude.
const (
	Proven    = 0.9
	Plausible = 0.5
)

// CanBeRoot says whether f may be the root cause of the call it was found on. Its row must allow it, and a
// severity below the row's says that it failed nothing there: a defect that the peer tolerated, a branch that
// did not decide, a challenge that the retry met.
func CanBeRoot(f *Finding) bool {
	d, ok := byID[f.ID]
	if !ok {
		return strings.HasPrefix(string(f.ID), codePrefix)
	}
	return d.Root && f.Severity >= d.Severity
}

// Less orders the findings of one verdict; the first is the root cause if CanBeRoot allows it and the call
// failed. It is a strict total order of findings with different IDs: those that can be the root cause come
// first, then those that are at least Plausible, then the greater Weight, then the ID.
//
// Proof is compared in two classes and not by the number, since a specific finding at 0.8 is nearer to the
// cause than the bare code at 1.0 ("specific beats general"), while a guess never beats what is known
// ("proven beats likely"). A third class for Proven would break the first of these; comparing Proven with
// less than Plausible only would let three findings beat each other in a circle.
func Less(a, b *Finding) bool {
	if x, y := CanBeRoot(a), CanBeRoot(b); x != y {
		return x
	}
	if x, y := a.Confidence >= Plausible, b.Confidence >= Plausible; x != y {
		return x
	}
	if a.Weight != b.Weight {
		return a.Weight > b.Weight
	}
	return a.ID < b.ID
}
