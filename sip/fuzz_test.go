package sip

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// seeds returns the torture messages and a few of our own.
func seeds(t testing.TB) [][]byte {
	files, err := filepath.Glob("testdata/torture/*/*.dat")
	if err != nil || len(files) == 0 {
		t.Fatal("no torture messages:", err)
	}
	list := [][]byte{
		invite,
		[]byte("\r\n\r\nSIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nReason: Q.850;cause=34;text=\"no circuit\", SIP;cause=503\r\n" +
			"Retry-After: 30 (busy);duration=60\r\nWarning: 305 example.com \"a, b\", 399 x \"y\"\r\nCall-ID\r\n : a\r\n b\r\n\r\n"),
		[]byte("INVITE sip:bob@example.com SIP/2.0\nCall-ID : x\ni: y\nL : 3\n\nabcdef"),
		[]byte("SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", Digest realm=\"c\",stale=TRUE\r\n"),
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

func FuzzParse(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	var used Message
	f.Fuzz(func(t *testing.T, b []byte) { checkParse(t, &used, b) })
}

// checkParse holds what is true of any bytes; used is a Message with something of others in it.
func checkParse(t testing.TB, used *Message, b []byte) {
	var m Message
	err := m.Parse(b)
	if err2 := used.Parse(b); err != err2 {
		t.Fatalf("Parse says %v, in a used Message %v", err, err2)
	}
	if Probe(b) != (err == nil) {
		t.Fatalf("Probe says %v, Parse %v: %q", Probe(b), err, b[:min(len(b), 300)])
	}
	if err != nil {
		return
	}
	if got, want := CallIDOf(b), m.CallID(); !bytes.Equal(got, want) || (got == nil) != (want == nil) && len(want) > 0 {
		t.Fatalf("CallIDOf %q, CallID %q", got, want)
	}
	got := describeAll(&m)
	if again := describeAll(used); !bytes.Equal(got, again) {
		t.Fatalf("read differently in a used Message:\n%s\n%s", got, again)
	}
	defects := m.Check()
	if len(defects) > MaxDefects || m.n > MaxFields+int(headerCount) || len(m.text) > len(b) {
		t.Fatalf("beyond the bounds: %d defects, %d fields, %d bytes unfolded", len(defects), m.n, len(m.text))
	}
	for _, d := range defects {
		if d.Offset < 0 || d.Offset > len(b) || d.Rule.String() == "" || d.Ref == "" && d.Header.Ref() != "" || d.Detail == "" {
			t.Fatalf("defect %+v of %d bytes", d, len(b))
		}
	}
	for _, d := range m.Defects {
		if !slices.Contains(defects, d) && len(defects) < MaxDefects {
			t.Fatalf("Check dropped %+v", d)
		}
	}
	if m.headerEnd+len(m.Body)+m.Surplus() != len(b) {
		t.Fatalf("header %d + body %d + surplus %d, want %d bytes", m.headerEnd, len(m.Body), m.Surplus(), len(b))
	}
}

func FuzzFrame(f *testing.F) {
	list := seeds(f)
	for i, b := range list {
		f.Add(b, uint8(i))
		f.Add(slices.Concat([]byte("lost"), b, []byte("\r\n\r\n"), invite, list[(i+1)%len(list)]), uint8(i*3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		if len(stream) > maxStartLine {
			return
		}
		checkFrame(t, stream, func() int { return int(step)%97 + 1 })
	})
}

// checkFrame holds that cutting the stream into pieces, whose lengths next gives, changes nothing.
func checkFrame(t interface{ Fatalf(string, ...any) }, stream []byte, next func() int) {
	whole, _ := frames(t, stream, func() int { return len(stream) + 1 })
	pieces, _ := frames(t, stream, next)
	if !slices.EqualFunc(whole, pieces, bytes.Equal) {
		t.Fatalf("messages of the whole stream:\n%q\nof its pieces:\n%q", whole, pieces)
	}
}

// frames feeds the stream in pieces and returns the messages found and how many bytes were between them.
func frames(t interface{ Fatalf(string, ...any) }, stream []byte, next func() int) (messages [][]byte, others int) {
	var held []byte
	for done := false; !done; {
		n := min(max(next(), 1), len(stream))
		held = append(held, stream[:n]...)
		stream = stream[n:]
		done = len(stream) == 0
		for len(held) > 0 {
			kind, n := Frame(held, done)
			if n < 0 || n > len(held) || (kind == FrameNeedMore) != (n == 0) || kind == FrameNeedMore && done {
				t.Fatalf("Frame(%q, %v) = %v, %d", held, done, kind, n)
			}
			if kind == FrameNeedMore {
				break
			}
			if kind == FrameMessage {
				messages = append(messages, held[:n:n])
			} else {
				others += n
			}
			held = held[n:]
		}
	}
	return messages, others
}

func FuzzURI(f *testing.F) {
	for _, s := range []string{
		"sip:alice@example.com", "sips:alice:secret@[2001:db8::1]:5061;transport=tls?subject=x&y=z", "tel:+1-202-555-0123;ext=1",
		"urn:service:sos", "sip:user;par=u%40example.net@example.com", "sip:[2001:db8:::192.0.2.1]", "sip:a@b@c:5060", "sip:", ":", "sip:%00@%",
		"soap.beep://192.0.2.103:3002", "sip:@127.0.0.1", "sip:host:99999;lr", "sip:2001:db8::10",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, ok := ParseURI(b)
		u.Addr()
		u.Param("transport")
		if again, _ := ParseURI(b); again.AOR() != u.AOR() {
			t.Fatal("not the same twice")
		}
		n := len(u.Scheme) + len(u.User) + len(u.Password) + len(u.Host) + len(u.Params) + len(u.Headers)
		if n > len(b) || ok && n == 0 {
			t.Fatalf("%q: %d bytes in the parts", b, n)
		}
		if ok && u.IsSIP() && (len(u.Host) == 0 || bytes.ContainsAny(u.Host, "@;?")) {
			t.Fatalf("%q: host %q", b, u.Host)
		}
		var m Message
		if m.Parse(slices.Concat([]byte("OPTIONS sip:x SIP/2.0\r\nContact: <"), b, []byte(">\r\n\r\n"))) != nil {
			t.Fatal("a URI breaks the message")
		}
		m.Check()
	})
}

// TestFrameProperty cuts streams of messages, some cut short, keepalives and junk.
func TestFrameProperty(t *testing.T) {
	list := seeds(t)
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			switch rapid.IntRange(0, 3).Draw(t, "part") {
			case 0:
				stream = append(stream, "\r\n\r\n"...)
			case 1:
				stream = append(stream, rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "junk")...)
			default:
				b := list[rapid.IntRange(0, len(list)-1).Draw(t, "message")]
				stream = append(stream, b[:len(b)-rapid.IntRange(0, 30).Draw(t, "cut")]...)
			}
		}
		checkFrame(t, stream, func() int { return rapid.IntRange(1, 900).Draw(t, "piece") })
	})
}
