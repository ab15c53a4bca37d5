package diagnose

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestWordsContain: the index of pairs changes no answer, and what is kept stays within its bound.
func TestWordsContain(t *testing.T) {
	const letters = "abc -\x01\xc3\xa9"
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, random.IntN(n+1))
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	var v vocabulary
	found := 0
	for range 100_000 {
		whole, part := text(12), text(4)
		got := v.of([]byte(whole)).contain(part)
		if want := strings.Contains(strings.ToLower(whole), part); got != want {
			t.Fatalf("%q in %q: %v, want %v", part, whole, got, want)
		}
		if got {
			found++
		}
	}
	if found < 1000 {
		t.Errorf("only %d found", found)
	}
	if len(v) > maxVocabulary {
		t.Errorf("%d texts kept", len(v))
	}
}
