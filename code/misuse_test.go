package code_test

import (
	"strings"
	"testing"

	"sipcause/code"
)

func TestMisuse(t *testing.T) {
	for _, m := range []struct {
		method string
		code   int
		word   string // "": no misuse
	}{
		{"INVITE", 101, "registry"},
		{"INVITE", 202, "202"},
		{"BYE", 202, "202"},
		{"REFER", 202, ""},
		{"SUBSCRIBE", 202, ""},
		{"MESSAGE", 202, ""},
		{"INVITE", 199, ""},
		{"REGISTER", 199, "RFC 4320"},
		{"REGISTER", 183, "RFC 4320"},
		{"INVITE", 183, ""},
		{"REGISTER", 100, ""},
		{"INVITE", 414, ""},
		{"INVITE", 483, ""},
		{"INVITE", 406, ""},
		{"INVITE", 408, ""},
		{"OPTIONS", 408, "RFC 4320"},
		{"CANCEL", 407, "never challenged"},
		{"BYE", 407, ""},
		{"ACK", 200, "never answered"},
		{"INVITE", 423, "expiry"},
		{"REGISTER", 423, ""},
		{"UPDATE", 422, ""},
		{"REGISTER", 422, "session timers"},
		{"REGISTER", 429, "Referred-By"},
		{"INVITE", 477, "Kamailio"},
		{"INVITE", 452, "400"},
		{"INVITE", 786, "100 to 699"},
		{"INVITE", 60, "100 to 699"},
		{"", 687, "registry"},
		{"", 202, ""},
		{"FOO", 202, ""},
		{"REGISTER", 487, ""},
		{"INVITE", 702, "100 to 699"},
	} {
		got, bad := code.Misuse(m.method, m.code)
		if bad != (m.word != "") || !strings.Contains(got, m.word) {
			t.Errorf("Misuse(%s, %d) = %q, %v, want %q", m.method, m.code, got, bad, m.word)
		}
		if bad {
			sentence(t, m.code, got)
		}
	}
}

// What healthy traffic answers is never misuse.
func TestNoMisuseOnHealthyTraffic(t *testing.T) {
	healthy := map[string][]int{
		"INVITE":    {100, 180, 181, 182, 183, 199, 200, 302, 401, 404, 407, 408, 422, 429, 480, 486, 487, 488, 491, 500, 503, 600, 603, 606, 607, 608},
		"REGISTER":  {100, 200, 401, 403, 407, 423, 439, 555},
		"BYE":       {200, 401, 407, 481, 500},
		"CANCEL":    {200, 481},
		"PRACK":     {200, 481, 488},
		"UPDATE":    {200, 422, 488, 491, 500, 504},
		"SUBSCRIBE": {200, 202, 204, 401, 423, 489},
		"NOTIFY":    {200, 481, 489},
		"PUBLISH":   {200, 412, 423},
		"REFER":     {200, 202, 429, 603},
		"MESSAGE":   {200, 202, 404, 480},
		"INFO":      {200, 415, 469, 481},
		"OPTIONS":   {200, 404, 405, 486, 501},
	}
	for method, codes := range healthy {
		for _, n := range codes {
			if s, bad := code.Misuse(method, n); bad {
				t.Errorf("%d to %s: %s", n, method, s)
			}
			if s, bad := code.MisuseBySign(n, code.Phrase(n), 0); bad {
				t.Errorf("%d with its own phrase: %s", n, s)
			}
		}
	}
}

func TestMisuseBySign(t *testing.T) {
	for _, m := range []struct {
		code    int
		phrase  string
		warning int
		word    string
	}{
		{483, "Decline", 0, "603"},
		{483, "Too Many Hops", 0, ""},
		{603, "Decline", 0, ""},
		{199, "Reserved", 0, "RFC 6228"},
		{406, "Not Acceptable", 305, "488"},
		{406, "Not Acceptable", 399, ""},
		{406, "Not Acceptable", 0, ""},
		{406, "No Codec", 0, "488"},
		{488, "Not Acceptable Here", 305, ""},
		{414, "Request-URI Too Large", 0, ""},
	} {
		got, bad := code.MisuseBySign(m.code, m.phrase, m.warning)
		if bad != (m.word != "") || !strings.Contains(got, m.word) {
			t.Errorf("MisuseBySign(%d, %q, %d) = %q, %v", m.code, m.phrase, m.warning, got, bad)
		}
	}
}
