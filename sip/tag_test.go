package sip

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestTagOf: the short way to a tag finds what the long one finds, whatever is put together.
func TestTagOf(t *testing.T) {
	pieces := []string{`"`, `\`, "<", ">", ";", "tag=", ";tag=", "x", "a1", "=", ",", " ", "sip:a@example.com", ">;tag=", "TAG=", ";lr"}
	r := rand.New(rand.NewPCG(1, 2))
	tags := 0
	for range 300_000 {
		var v []byte
		for range 1 + r.IntN(8) {
			v = append(v, pieces[r.IntN(len(pieces))]...)
		}
		v = trim(v)
		var a NameAddr
		a.parse(v)
		got, want := tagOf(v), a.Tag()
		if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Fatalf("%q: tag %q, want %q", v, got, want)
		}
		if len(got) > 0 {
			tags++
		}
	}
	if tags < 1000 {
		t.Errorf("only %d tags", tags)
	}
}
