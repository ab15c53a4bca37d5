package code_test

import (
	"testing"

	"sipcause/code"
)

func TestCausesWarningsAndProtocolsAreComplete(t *testing.T) {
	said := map[string]bool{}
	unique := func(n int, s string) {
		sentence(t, n, s)
		if said[s] {
			t.Errorf("%d: said of another too: %q", n, s)
		}
		said[s] = true
	}
	last := 0
	for _, c := range code.Q850Causes() {
		if c.Cause <= last || c.Name == "" || c.Class == "" {
			t.Errorf("after %d: %+v", last, c)
		}
		last = c.Cause
		unique(c.Cause, c.Meaning)
		sentence(t, c.Cause, c.Ask)
		if _, ok := code.Lookup(c.SIP); c.SIP != 0 && !ok {
			t.Errorf("cause %d becomes %d, which is no code", c.Cause, c.SIP)
		}
	}
	names := map[string]int{}
	for _, c := range code.Q850Causes() {
		if other, ok := names[c.Name]; ok {
			t.Errorf("causes %d and %d are both named %q", other, c.Cause, c.Name)
		}
		names[c.Name] = c.Cause
	}
	if n := len(code.Q850Causes()); n != 71 {
		t.Errorf("%d causes, want 71", n)
	}
	for _, w := range code.Warnings() {
		if w.Text == "" || w.RFC == "" {
			t.Errorf("%+v", w)
		}
		unique(w.Code, w.Meaning)
		unique(w.Code, w.Check)
	}
	for i, p := range code.ReasonProtocols() {
		if p.Name == "" || p.Ref == "" {
			t.Errorf("%+v", p)
		}
		unique(i, p.Meaning)
	}
	for _, n := range []int{-1, 0, 10, 45, 64, 126, 128} {
		if c, ok := code.Q850(n); ok {
			t.Errorf("Q850(%d) = %+v", n, c)
		}
	}
	if p, ok := code.ReasonProtocol("q.850"); !ok || p.Name != "Q.850" {
		t.Errorf("ReasonProtocol(q.850) = %+v, %v", p, ok)
	}
	if _, ok := code.ReasonProtocol("X.25"); ok {
		t.Error("ReasonProtocol(X.25) is there")
	}
	p, _ := code.ReasonProtocol("RELEASE_CAUSE")
	if s, err := p.Cause("en", 4); err != nil || s != "The ACK did not come in time." {
		t.Errorf("RELEASE_CAUSE 4: %q, %v", s, err)
	}
}

// RFC 3398 §7.2.4.1, row by row.
func TestCauseToCode(t *testing.T) {
	want := map[int]int{
		1: 404, 2: 404, 3: 404, 16: 0, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
		29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501,
		87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
	}
	beyond := map[int]bool{24: true, 25: true} // said to be not RFC 3398's
	for _, c := range code.Q850Causes() {
		if beyond[c.Cause] {
			if c.Note == "" {
				t.Errorf("cause %d: the mapping is not RFC 3398's and does not say so", c.Cause)
			}
			continue
		}
		if c.SIP != want[c.Cause] {
			t.Errorf("cause %d becomes %d, want %d", c.Cause, c.SIP, want[c.Cause])
		}
	}
	for _, a := range []struct {
		cause, code int
		agrees      bool
	}{
		{17, 486, true},
		{17, 600, true},
		{21, 603, true},
		{21, 403, true},
		{22, 301, true},
		{34, 503, true},
		{25, 482, true},
		{34, 480, false},
		{1, 503, false},
		{16, 487, true},
		{16, 0, false},
		{18, 480, true},
		{1, 604, true},
		{16, 486, false},
		{65, 488, true},
		{31, 488, true},
		{31, 407, false},
		{31, 608, true},
		{31, 200, false},
	} {
		c, _ := code.Q850(a.cause)
		if got := c.Agrees(a.code); got != a.agrees {
			t.Errorf("cause %d agrees with %d: %v", a.cause, a.code, got)
		}
	}
}

// RFC 3398 §8.2.6.1, row by row.
func TestCodeToCause(t *testing.T) {
	want := map[int]int{
		400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127, 415: 79,
		416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 487: 0, 488: 31,
		500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1, 606: 31,
	}
	for _, e := range code.All() {
		m, ok := code.ToQ850(e.Code)
		cause, listed := want[e.Code]
		failure := e.Code >= 400 && e.Code < 700
		if failure && !listed {
			cause = 31 // RFC 3398 §8.2.6.1: all that are not in its table
		}
		if ok != failure || m.Cause != cause {
			t.Errorf("%d becomes %+v, %v, want %d, %v", e.Code, m, ok, cause, failure)
		}
		if ok && m.Cause == 0 && m.Note == "" {
			t.Errorf("%d: no cause and no ground", e.Code)
		}
		if _, known := code.Q850(m.Cause); m.Cause != 0 && !known {
			t.Errorf("%d becomes cause %d, which is not assigned", e.Code, m.Cause)
		}
	}
}
