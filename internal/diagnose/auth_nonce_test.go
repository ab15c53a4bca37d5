package diagnose

import (
	"testing"
	"time"

	"sipcause/internal/wire"
)

func TestReadNonce(t *testing.T) {
	at := wire.Time(1795502774) * wire.Time(time.Second)
	cases := []struct {
		name, nonce string
		want        validity
		ok          bool
	}{
		{"kamailio 5.6, 3 s", "awUyuWsFMrZ9csFcPZTvrOs0g/Oh1Tws", validity{1795502774, 1795502777}, true},
		{"hexadecimal, 3 s", "6b0532b9" + "0123456789abcdef0123456789abcdef", validity{0, 1795502777}, true},
		{"hexadecimal, but a time long ago", "4b0532b9" + "0123456789abcdef0123456789abcdef", validity{}, false},
		{"asterisk", "1795502774/8a59dc5fd73b6d60fd4c452eaf0f4127", validity{}, false},
		{"a hash", "8a59dc5fd73b6d60fd4c452eaf0f4127", validity{}, false},
		{"base64 of something else", "c29tZXRoaW5nIHRoYXQgaXMgbm90IGEgbm9uY2U=", validity{}, false},
		{"uuid", "1b4e28ba-2fa1-11d2-883f-0016d3cca427", validity{}, false},
		{"empty", "", validity{}, false},
		{"short", "awUyuWsF", validity{}, false},
	}
	for _, c := range cases {
		got, ok := readNonce([]byte(c.nonce), at)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %v %v, want %v %v", c.name, got, ok, c.want, c.ok)
		}
	}
	// Issued a week before or after: no nonce of then.
	if _, ok := readNonce([]byte("awUyuWsFMrZ9csFcPZTvrOs0g/Oh1Tws"), at.Add(7*24*time.Hour)); ok {
		t.Error("a nonce of a week ago was read as one of today")
	}
}
