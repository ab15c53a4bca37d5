package tlsrecord

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKeys13 derives the handshake keys of RFC 8448 §3.
func TestKeys13(t *testing.T) {
	s := Find(TLS13, 0x1301)
	for _, c := range []struct{ secret, key, iv string }{
		{"b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21", "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f"},
		{"b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"},
	} {
		secret := unhex(t, c.secret)
		if key := s.expand(secret, "key", 16); hex.EncodeToString(key) != c.key {
			t.Errorf("key %x, want %s", key, c.key)
		}
		if o := s.Direction13(secret); hex.EncodeToString(o.iv) != c.iv {
			t.Errorf("iv %x, want %s", o.iv, c.iv)
		}
	}
	if s.Direction13(make([]byte, 48)) != nil {
		t.Error("a secret of SHA-384 for a suite of SHA-256")
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		version, id uint16
		found       bool
	}{{TLS13, 0x1301, true}, {TLS12, 0x1301, false}, {TLS12, 0xc02f, true}, {TLS13, 0xc02f, false}, {0x0302, 0x002f, false}, {TLS12, 0x000a, false}, {TLS13, 0x1304, false}} {
		if got := Find(c.version, c.id) != nil; got != c.found {
			t.Errorf("%#x %#x: found %t", c.version, c.id, got)
		}
	}
}

// seal makes a record that o opens.
func seal(o *Opener, typ byte, content []byte) (header, body []byte) {
	header = []byte{typ, 3, 3, 0, 0}
	switch {
	case o.suite.mode != modeCBC && o.suite.version == TLS13:
		inner := append(bytes.Clone(content), typ, 0, 0, 0)
		header = []byte{23, 3, 3, 0, byte(len(inner) + 16)}
		return header, o.aead.Seal(nil, o.xored(), inner, header)
	case o.suite.mode == modeGCM:
		explicit := []byte("explicit")
		return header, append(bytes.Clone(explicit), o.aead.Seal(nil, append(bytes.Clone(o.iv), explicit...), content, o.additional(header, len(content)))...)
	case o.suite.mode == modeChaCha:
		return header, o.aead.Seal(nil, o.xored(), content, o.additional(header, len(content)))
	}
	iv := bytes.Repeat([]byte{7}, 16)
	plain := bytes.Clone(content)
	mac := func(b []byte) []byte {
		o.mac.Reset()
		o.mac.Write(o.additional(header, len(b)))
		o.mac.Write(b)
		return o.mac.Sum(nil)
	}
	if !o.etm {
		plain = append(plain, mac(plain)...)
	}
	n := 15 - len(plain)%16
	plain = append(plain, bytes.Repeat([]byte{byte(n)}, n+1)...)
	cipher.NewCBCEncrypter(o.block, iv).CryptBlocks(plain, plain)
	body = append(iv, plain...)
	if o.etm {
		body = append(body, mac(body)...)
	}
	return header, body
}

// TestOpen opens a record of each kind; not with another sequence number, and not when any of its bits is another.
func TestOpen(t *testing.T) {
	for id, s := range suites {
		for _, etm := range []bool{false, s.mode == modeCBC} {
			o, other := s.Session12(make([]byte, 48), make([]byte, 32), bytes.Repeat([]byte{1}, 32), etm)
			if s.version == TLS13 {
				o = s.Direction13(make([]byte, s.prf().Size()))
				other = o.Next()
			}
			o.Seq, other.Seq = 5, 5
			header, body := seal(o, 22, []byte("a secret"))
			typ, content, ok := o.Open([]byte("before "), header, body)
			if !ok || typ != 22 || string(content) != "before a secret" || o.Seq != 5 {
				t.Fatalf("%#x: %t %d %q", id, ok, typ, content)
			}
			if _, _, ok := other.Open(nil, header, body); ok {
				t.Errorf("%#x: opened with other keys", id)
			}
			o.Seq = 6
			if _, _, ok := o.Open(nil, header, body); ok {
				t.Errorf("%#x: opened out of its place", id)
			}
			o.Seq = 5
			for i := range body {
				for bit := range 8 {
					body[i] ^= 1 << bit
					if _, _, ok := o.Open(nil, header, body); ok {
						t.Errorf("%#x: opened with another bit %d in byte %d", id, bit, i)
					}
					body[i] ^= 1 << bit
				}
				if _, _, ok := o.Open(nil, header, body[:i]); ok {
					t.Errorf("%#x: opened when cut to %d bytes", id, i)
				}
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(uint16(0xc028), true, []byte("a record"))
	f.Add(uint16(0x1301), false, bytes.Repeat([]byte{1}, 64))
	f.Fuzz(func(t *testing.T, id uint16, etm bool, body []byte) {
		s := suites[id]
		if s == nil {
			return
		}
		o, _ := s.Session12(make([]byte, 48), make([]byte, 32), make([]byte, 32), etm)
		if s.version == TLS13 {
			o = s.Direction13(make([]byte, s.prf().Size()))
		}
		if _, content, ok := o.Open(nil, []byte{23, 3, 3, byte(len(body) >> 8), byte(len(body))}, body); ok || content != nil {
			t.Errorf("opened what nobody sealed: %q", content)
		}
	})
}
