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

// TestBranchOf: the short way to a branch finds what the long one finds, whatever is put together.
func TestBranchOf(t *testing.T) {
	pieces := []string{
		"SIP/2.0/UDP ", "SIP/2.0/TCP ", "SIP / 2.0 / UDP", "192.0.2.1", "example.com", "[2001:db8::1]", ":5060", ":", ";branch=", "z9hG4bK1",
		";rport", ";rport=5", ";received=192.0.2.1", ",", " ", `"`, "=", ";", "x", ";BRANCH=z", "\t",
	}
	r := rand.New(rand.NewPCG(1, 2))
	branches := 0
	for range 300_000 {
		v := []byte("SIP/2.0/UDP a")
		if r.IntN(4) == 0 {
			v = v[:r.IntN(len(v))]
		}
		for range 1 + r.IntN(8) {
			v = append(v, pieces[r.IntN(len(pieces))]...)
		}
		v = trim(v)
		got, want := branchOf(v), branchOfAny(v)
		if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Fatalf("%q: branch %q, want %q", v, got, want)
		}
		if len(got) > 0 {
			branches++
		}
	}
	if branches < 1000 {
		t.Errorf("only %d branches", branches)
	}
}

// TestNameAt: what is seen of a name at a glance is what HeaderOf says of it.
func TestNameAt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for id := HeaderUnknown + 1; id < headerCount; id++ {
		seen := 0
		for range 2000 {
			b := append(append([]byte("xyz"), id.String()...), ": 1\r\nCSeq: 1 OPTIONS"[:r.IntN(21)]...)
			for range r.IntN(3) {
				b[3+r.IntN(len(b)-3)] ^= 1 << r.IntN(8)
			}
			got, n := nameAt(b, 3)
			if got == HeaderUnknown {
				continue
			}
			seen++
			if n != bytes.IndexByte(b[3:], ':') || got != HeaderOf(b[3:3+n]) {
				t.Fatalf("%q: %v of %d bytes", b, got, n)
			}
		}
		if (seen == 0) != (len(id.String()) > 15) {
			t.Errorf("%v was seen %d times", id, seen)
		}
	}
}
