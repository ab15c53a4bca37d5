package render

import (
	"strings"
	"testing"
)

// TestMediaEvicted: streams that a bound dropped are told of, and only then.
func TestMediaEvicted(t *testing.T) {
	const words = "12 RTP or RTCP streams given up because a limit of memory was reached"
	for _, format := range []string{"text", "html"} {
		s := summary()
		if got := report(t, format, Options{Width: 200}, cases(), s); strings.Contains(string(got), "RTCP streams given up") {
			t.Errorf("%s tells of streams that were not dropped", format)
		}
		s.MediaEvicted, s.Gaps = 12, nil
		if got := report(t, format, Options{Width: 200}, cases(), s); !strings.Contains(string(got), words) {
			t.Errorf("%s does not say %q", format, words)
		}
	}
}
