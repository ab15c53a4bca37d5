package sip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestFrame(t *testing.T) {
	const (
		options = "OPTIONS sip:a SIP/2.0\r\ni: 1\r\nl: 0\r\n\r\n"
		notify  = "NOTIFY sip:a SIP/2.0\r\ni: 2\r\nContent-Type: message/sipfrag\r\nContent-Length:  19\r\n\r\nSIP/2.0 200 OK\r\nX:\r"
		ok      = "SIP/2.0 200 OK\r\ni: 3\r\n\r\n"
		sdp     = "INVITE sip:a SIP/2.0\r\nc: application/sdp\r\nl: %d\r\n\r\nv=0\r\ns=-\r\n"
	)
	for _, c := range []struct {
		name, stream string
		messages     []string
		others       int
	}{
		{"nothing", "", nil, 0},
		{"one", options, []string{options}, 0},
		{"several", options + notify + ok + options, []string{options, notify, ok, options}, 0},
		{"keepalives", "\r\n\r\n" + options + "\r\n\x00" + ok + "\r\n", []string{options, ok}, 9},
		{"no length: no body", ok + "body\r\n" + options, []string{ok, options}, 6},
		{"begun in mid-stream", "rt;branch=z\r\nl: 3\r\n\r\nabc" + options, []string{options}, 24},
		{"body without a line end before", "v=0</x>" + ok + "{}" + options, []string{ok, options}, 9},
		{"a status line in junk that no header follows", "xx\r\nSIP/2.0 200 OK\r\n\r\n" + options, []string{options}, 22},
		{"length too large", fmt.Sprintf(sdp, 40) + options + ok, []string{fmt.Sprintf(sdp, 40), options, ok}, 0},
		{"length too small", fmt.Sprintf(sdp, 5) + options, []string{strings.TrimSuffix(fmt.Sprintf(sdp, 5), "s=-\r\n"), options}, 5},
		{"length unreadable", fmt.Sprintf(sdp, -5) + options, []string{strings.TrimSuffix(fmt.Sprintf(sdp, -5), "v=0\r\ns=-\r\n"), options}, 10},
		{"length beyond belief", strings.Replace(options, "0\r\n\r\n", "99999999999\r\n\r\n", 1) + ok, []string{strings.Replace(options, "0\r\n\r\n", "99999999999\r\n\r\n", 1), ok}, 0},
		{"header cut by the next message", "BYE sip:a SIP/2.0\r\nVia: S" + options, []string{"BYE sip:a SIP/2.0\r\nVia: S", options}, 0},
		{"header without its empty line", "BYE sip:a SIP/2.0\r\ni: 9\r\n" + ok, []string{"BYE sip:a SIP/2.0\r\ni: 9\r\n", ok}, 0},
		{"end in the header", options + "BYE sip:a SIP/2.0\r\ni: 9", []string{options, "BYE sip:a SIP/2.0\r\ni: 9"}, 0},
		{"end in the start line", options + "BYE sip:alice@exam", []string{options, "BYE sip:alice@exam"}, 0},
		{"end in the body", fmt.Sprintf(sdp, 100), []string{fmt.Sprintf(sdp, 100)}, 0},
		{"unknown method", "FOO sip:a SIP/2.0\r\ni: 1\r\n\r\n", []string{"FOO sip:a SIP/2.0\r\ni: 1\r\n\r\n"}, 0},
		{"bare line feeds", "FOO sip:a SIP/2.0\nL : 1\n\nx" + options, []string{"FOO sip:a SIP/2.0\nL : 1\n\nx", options}, 0},
		{"other protocols", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil, 27},
		{"header too long", "FOO sip:a SIP/2.0\r\n" + strings.Repeat("a: b\r\n", MaxHeader/6) + "\r\n" + options, []string{options}, 19 + MaxHeader/6*6 + 2},
		{"line too long", strings.Repeat("x", 3*maxStartLine) + "\r\n" + options, []string{options}, 3*maxStartLine + 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1 << 30, 1, 2, 7, 1000} {
				if size < 1000 && len(c.stream) > 4*maxStartLine {
					continue // the same in many small pieces takes long: it is read anew with each
				}
				messages, others := frames(t, []byte(c.stream), func() int { return min(size, len(c.stream)) })
				var got []string
				for _, m := range messages {
					got = append(got, string(m))
				}
				if !slices.Equal(got, c.messages) || others != c.others {
					t.Fatalf("in pieces of %d: %q and %d bytes, want %q and %d", size, got, others, c.messages, c.others)
				}
			}
		})
	}
}
