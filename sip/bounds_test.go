package sip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBounds floods a Message with header fields and defects.
func TestBounds(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("OPTIONS sip:a SIP/2.0\r\n")
	for i := range 3 * MaxFields {
		fmt.Fprintf(&b, "X-%d: %d\r\nno colon\r\nVia: SIP/2.0/UDP a,,\r\n", i, i)
	}
	b.WriteString("Call-ID: last\r\nFrom: <sip:a@b>;tag=1\r\n\r\n")
	var m Message
	for range 3 {
		if err := m.Parse(b.Bytes()); err != nil {
			t.Fatal(err)
		}
		if n := 6*MaxFields + 2; m.n+m.Dropped() != n || m.n > MaxFields+int(headerCount) {
			t.Errorf("%d fields kept, %d dropped, want %d in all", m.n, m.Dropped(), n)
		}
		if string(m.CallID()) != "last" || string(m.FromTag()) != "1" {
			t.Error("the first of a known header was dropped")
		}
		if n := len(m.Check()); n != MaxDefects {
			t.Errorf("%d defects, want the limit", n)
		}
	}
	if n := testing.AllocsPerRun(5, func() { readHot(&m, b.Bytes()) }); n != 0 {
		t.Errorf("%v allocations in a used Message", n)
	}
}

// TestMutations holds what is true of any bytes for many near misses of messages.
func TestMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(3261, 2543))
	list := seeds(t)
	var used Message
	for range 3000 {
		checkParse(t, &used, mutate(r, list))
		stream := slices.Concat(mutate(r, list), mutate(r, list))
		if size := 1 + r.IntN(300); len(stream) <= maxStartLine {
			checkFrame(t, stream, func() int { return 1 + r.IntN(size) })
		}
	}
}

// mutate returns one of the messages with a few bytes changed, lost, moved or put in.
func mutate(r *rand.Rand, list [][]byte) []byte {
	pieces := []string{
		"\r\n", "\n", " ", "\t", ":", ";", ",", "<", ">", "\"", "\\", "=", "@", "[", "]", "%", "\r", "\x00", "SIP/2.0", "\r\n ", "Call-ID", "i:",
		"INVITE ", "SIP/2.0 200 OK\r\n", "INVITE sip:b SIP/2.0\r\nv:",
	}
	b := slices.Clone(list[r.IntN(len(list))])
	for range 1 + r.IntN(8) {
		if len(b) == 0 {
			break
		}
		i := r.IntN(len(b))
		other := list[r.IntN(len(list))]
		j := r.IntN(len(other))
		switch r.IntN(5) {
		case 0:
			b[i] = byte(r.Uint32())
		case 1:
			b = slices.Delete(b, i, min(len(b), i+1+r.IntN(20)))
		case 2:
			b = slices.Insert(b, i, []byte(pieces[r.IntN(len(pieces))])...)
		case 3:
			b = slices.Insert(b, i, other[j:min(len(other), j+r.IntN(100))]...)
		default:
			b = b[:i]
		}
	}
	return b
}

// TestAdvisories reads the messages of published advisories, when present: they must not crash anything.
func TestAdvisories(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpora/torture/advisories/*.sip")
	var used Message
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		checkParse(t, &used, b)
		checkParse(t, &used, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
		checkFrame(t, b, func() int { return 7 })
	}
	t.Logf("%d files", len(files))
	// What they are made of, larger: many long values, endless digits, a credential that asks for more.
	for _, s := range []string{
		strings.Repeat("Accept: "+strings.Repeat("A", 100)+"\r\n", 2000), "Authorization: Digest " + strings.Repeat("x=\"", 50000),
		"Content-Length: " + strings.Repeat("9", 100000) + "\r\n", "CSeq: " + strings.Repeat("0", 100000) + "1 INVITE\r\n",
		"Via: SIP/2.0/UDP [" + strings.Repeat(":", 50000), "Contact: " + strings.Repeat("<", 100000), "To: " + strings.Repeat("\r\n ", 50000),
	} {
		b := []byte("SUBSCRIBE sip:3000@192.0.2.1 SIP/2.0\r\n" + s)
		checkParse(t, &used, b)
	}
}
