package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/record"
)

// TestWatcherIsBounded: of each case the first cause is told, of each cause one case in five seconds, and what is
// remembered has a bound.
func TestWatcherIsBounded(t *testing.T) {
	var b bytes.Buffer
	w := newWatcher(&b, nil)
	w.opt.Zone = time.UTC
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	told := func(id, cause string) {
		w.failure(&record.Case{ID: id, Outcome: call.Failed, Code: 503, Cause: cause}, 0, now)
	}
	for i := range 3 * maxTold {
		told(fmt.Sprint(i), "server.capacity")
		told(fmt.Sprint(i), "server.capacity")
		told(fmt.Sprint(i), "")
		if len(w.shown) > maxTold {
			t.Fatalf("%d cases are remembered", len(w.shown))
		}
	}
	told("another", "server.overload")
	if n := strings.Count(b.String(), "\n"); n != 4 || w.more != 3*maxTold-1 {
		t.Errorf("%d lines, %d not shown:\n%s", n, w.more, b.String())
	}
	now = now.Add(failureEvery)
	told("later", "server.capacity")
	if n := strings.Count(b.String(), "\n"); n != 6 {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}
