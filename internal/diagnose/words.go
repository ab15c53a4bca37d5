package diagnose

import "strings"

// words is a text in lower case with an index of the pairs of bytes in it: rules ask one response for some hundred
// fragments, nearly all of them in vain, and a pair that is not there says so at once.
type words struct {
	text  string
	pairs [64]uint64 // by the low six bits of the first byte: a bit for those of the second
}

func newWords(text string) *words {
	w := &words{text: text}
	for i := 1; i < len(text); i++ {
		w.pairs[text[i-1]&63] |= 1 << (text[i] & 63)
	}
	return w
}

// contain says whether the fragment is in the text.
func (w *words) contain(fragment string) bool {
	if n := len(fragment); n > 1 && (w.pairs[fragment[0]&63]>>(fragment[1]&63)&1 == 0 || w.pairs[fragment[n-2]&63]>>(fragment[n-1]&63)&1 == 0) {
		return false
	}
	return strings.Contains(w.text, fragment)
}

// Bounds of what is kept to be used again: so many texts, then they are forgotten, none of them longer than that.
const (
	maxVocabulary = 1024
	maxWords      = 1024
)

// vocabulary makes words of texts as written, the same ones for the same text met again: servers say little. The zero
// value is ready.
type vocabulary map[string]*words

func (v *vocabulary) of(text []byte) *words {
	if w, ok := (*v)[string(text)]; ok {
		return w
	}
	if *v == nil {
		*v = vocabulary{}
	}
	if len(*v) >= maxVocabulary {
		clear(*v)
	}
	w := newWords(strings.ToLower(string(text)))
	if len(text) <= maxWords {
		(*v)[string(text)] = w
	}
	return w
}
