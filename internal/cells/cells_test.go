package cells

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	got := Wrap(strings.Fields("one two three extraordinarily long"), 9)
	want := []string{"one two", "three", "extraordi", "narily", "long"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q", got)
	}
}

// TestHang: blanks of any kind part words, wide characters count twice, and a label wider than the line ends nothing.
func TestHang(t *testing.T) {
	for _, c := range []struct {
		label, text string
		width       int
		want        string
	}{
		{"a: ", "one\n\ttwo  three", 10, "a: one two\n   three\n"},
		{"a: ", "", 10, "a:\n"},
		{"", "電話 電話", 8, "電話\n電話\n"},
		{"label ", "x", 2, "label x\n"},
	} {
		if got := Hang(c.label, c.text, c.width); got != c.want {
			t.Errorf("%q %q in %d cells: got %q, want %q", c.label, c.text, c.width, got, c.want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain":            "plain",
		"Žofia 電話":         "Žofia 電話",
		"\x1b[31m\r\n":     `\x1b[31m\x0d\x0a`,
		"a\u202eb\u200b":   `a\u202eb\u200b`,
		"\x9b\xff":         `\x9b\xff`,
		"\u009b\U000e0001": `\x9b\U000e0001`,
	} {
		if got := Visible(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	for in, want := range map[string]string{"four": "four", "fives": "fiv…", "電話番": "電…"} {
		if got := Clip(in, 4); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if got := Clip("x", 0); got != "" {
		t.Errorf("no room: got %s", got)
	}
}
