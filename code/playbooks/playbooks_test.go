package playbooks

import "testing"

func TestLines(t *testing.T) {
	for want, f := range map[string]Fix{
		"allow=alaw (pjsip.conf): names a codec": {Set: "allow=alaw", Where: "pjsip.conf", Do: "names a codec"},
		"allow=alaw (pjsip.conf)":                {Set: "allow=alaw", Where: "pjsip.conf"},
		"allow=alaw: names a codec":              {Set: "allow=alaw", Do: "names a codec"},
		"In the menu: choose":                    {Where: "the menu", Do: "choose"},
		"Restart.":                               {Do: "Restart."},
	} {
		if got := f.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, r := range map[string]Ref{
		"Manual <https://example.com>": {"Manual", "https://example.com"},
		"<https://example.com>":        {"", "https://example.com"},
		"RFC 3261 §21":                 {"RFC 3261 §21", ""},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		word, name string
		want       bool
	}{
		{"auth.*", "auth.stale-nonce", true},
		{"auth.*", "author", false},
		{"auth.stale-nonce", "auth.stale-nonce", true},
		{"auth.stale", "auth.stale-nonce", false},
		{"asterisk*", "asterisk", true},
		{"asterisk*", "asterisk-pjsip", true},
		{"*", "x", true},
	} {
		if Covers(c.word, c.name) != c.want {
			t.Errorf("%s covers %s: %v", c.word, c.name, !c.want)
		}
	}
}
