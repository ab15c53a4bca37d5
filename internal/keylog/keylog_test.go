package keylog

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func random(c byte) (Random, string) {
	var r Random
	for i := range r {
		r[i] = c
	}
	return r, fmt.Sprintf("%x", r)
}

func TestAdd(t *testing.T) {
	a, one := random(0xa1)
	b, two := random(0xb2)
	long, short := strings.Repeat("0d", 48), strings.Repeat("0E", 32)
	text := "# written by a browser\r\n" +
		"CLIENT_RANDOM " + one + " " + long + "\r\n" +
		"\n" +
		"RSA 0123456789abcdef " + long + "\n" +
		"EXPORTER_SECRET " + two + " " + short + "\n" +
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET " + strings.ToUpper(two) + " " + short + "\n" +
		"SERVER_TRAFFIC_SECRET_0 " + two + " " + long // no line end
	var l Log
	if err := l.Add([]byte(text)); err != nil || l.Len() != 2 {
		t.Fatalf("%d connections: %v", l.Len(), err)
	}
	if s := l.Find(&a); s == nil || len(s[Master]) != 48 || s[Master][0] != 0x0d || s[ClientTraffic] != nil {
		t.Errorf("%v", s)
	}
	s := l.Find(&b)
	if s == nil || len(s[ClientHandshake]) != 32 || len(s[ServerTraffic]) != 48 {
		t.Errorf("%v", s)
	}
	if err := l.Add([]byte("CLIENT_TRAFFIC_SECRET_0 " + two + " " + short)); err != nil || s[ClientTraffic] == nil {
		t.Errorf("what is added later does not appear in what was found: %v", err)
	}
	if none, _ := random(1); l.Find(&none) != nil || (*Log)(nil).Find(&a) != nil || (*Log)(nil).Len() != 0 {
		t.Error("secrets of nothing")
	}
}

// TestErrors names the line that is wrong, and never has a word of it.
func TestErrors(t *testing.T) {
	_, one := random(0xa1)
	for _, c := range []struct{ line, want string }{
		{"CLIENT_RANDOM", "line 2: CLIENT_RANDOM is not followed by a client random of 64 hexadecimal digits and a secret"},
		{"CLIENT_RANDOM " + one, "line 2: CLIENT_RANDOM is not followed by a client random of 64 hexadecimal digits and a secret"},
		{"CLIENT_RANDOM " + one[:62] + " 0d", "line 2: CLIENT_RANDOM is not followed by a client random of 64 hexadecimal digits and a secret"},
		{"CLIENT_RANDOM " + one[:62] + "zz 0d", "line 2: the client random after CLIENT_RANDOM is not hexadecimal"},
		{"CLIENT_RANDOM " + one + " 0dx", "line 2: the secret of CLIENT_RANDOM is not hexadecimal"},
		{"CLIENT_RANDOM " + one + " 0d0d", "line 2: the secret of CLIENT_RANDOM has 2 bytes"},
		{"CLIENT_RANDOM " + one + " " + strings.Repeat("0d", 32), "line 2: the secret of CLIENT_RANDOM has 32 bytes"},
		{"SERVER_TRAFFIC_SECRET_0 " + one + " " + strings.Repeat("0d", 33), "line 2: the secret of SERVER_TRAFFIC_SECRET_0 has 33 bytes"},
		{"hunter2 is my password", "line 2: no label at its beginning"},
		{"\x00\x01\x02", "line 2: no label at its beginning"},
	} {
		var l Log
		err := l.Add([]byte("# comment\n" + c.line + "\nCLIENT_RANDOM " + one + " " + strings.Repeat("0d", 48)))
		var line *Error
		if !errors.As(err, &line) || err.Error() != c.want || strings.Contains(err.Error(), "0d") {
			t.Errorf("%q: %v, want %s", c.line, err, c.want)
		}
		if l.Len() != 1 {
			t.Errorf("%q: what follows is not read", c.line)
		}
	}
}

func TestCap(t *testing.T) {
	var l Log
	l.sessions = map[Random]*Secrets{}
	for i := range maxSessions {
		l.sessions[Random{byte(i), byte(i >> 8), byte(i >> 16)}] = nil
	}
	_, one := random(0xff)
	if err := l.Add([]byte("CLIENT_RANDOM " + one + " " + strings.Repeat("0d", 48))); !errors.Is(err, ErrFull) || l.Len() != maxSessions {
		t.Errorf("%d connections: %v", l.Len(), err)
	}
}

func FuzzAdd(f *testing.F) {
	_, one := random(0xa1)
	f.Add([]byte("CLIENT_RANDOM " + one + " " + strings.Repeat("0d", 48) + "\r\n# x\nSERVER_TRAFFIC_SECRET_0 " + one + " " + strings.Repeat("0e", 32)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var l Log
		err := l.Add(b)
		if n := bytes.Count(b, []byte("\n")) + 1; l.Len() > n {
			t.Errorf("%d connections of %d lines", l.Len(), n)
		}
		var line *Error
		if err != nil && (!errors.As(err, &line) || line.Line < 1 || line.Line > bytes.Count(b, []byte("\n"))+1) {
			t.Errorf("%v", err)
		}
		for _, s := range l.sessions {
			for _, secret := range s {
				if secret != nil && len(secret) != 32 && len(secret) != 48 {
					t.Errorf("a secret of %d bytes", len(secret))
				}
			}
		}
	})
}
