package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/store/sqlite"
	"sipcause/internal/wire"
)

// TestServeOnFullDisk runs a server on a small disk that another program fills, and then on one that is made smaller:
// an alarm says so, capture and counting go on, what waited is written when there is room again.
//
// Long because: one story, told in order.
func TestServeOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	st, err := sqlite.Open(filepath.Join(dir, "data"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begin := wire.Time(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	var now clock
	now.set(begin)
	var told counts
	r := start(t, Options{Store: st, Now: now.now, Flush: time.Second, Counted: told.add}, func(s *Server) {
		s.rec.limits.unstored = 400 << 10
	})
	all := traffic(4, begin, 300*time.Second, 10)
	i, upTo := 0, begin
	play := func(d time.Duration) {
		upTo = upTo.Add(d)
		for ; i < len(all) && all[i].at < upTo; i++ {
			r.src.sendAt(&all[i], all[i].at, all[i].at)
			if i%200 == 0 {
				r.idle(t)
				now.set(all[i].at)
			}
		}
		r.idle(t)
		now.set(upTo)
		time.Sleep(150 * time.Millisecond)
	}
	alarmed := func() bool {
		return slices.ContainsFunc(r.alarms.list(), func(a string) bool { return strings.HasPrefix(a, "store: no space left") })
	}
	play(20 * time.Second)
	for _, trouble := range []struct {
		name       string
		begin, end func()
	}{
		{"full", func() { fillDisk(t, filepath.Join(dir, "filler")) }, func() {
			if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
				t.Fatal(err)
			}
		}},
		{"made smaller", func() { resize(t, dir, "") }, func() { resize(t, dir, "24m") }},
	} {
		if alarmed() {
			t.Fatalf("%s: the alarm is on before", trouble.name)
		}
		trouble.begin()
		counted := told.of("attempts")
		for range 20 {
			play(5 * time.Second)
			if alarmed() {
				break
			}
		}
		if !alarmed() {
			t.Fatalf("%s: no alarm: %v", trouble.name, r.alarms.list())
		}
		for range 3 {
			play(10 * time.Second)
			bytes, _, _ := r.rec.waiting()
			more := told.of("attempts")
			if bytes > 400<<10 || more <= counted {
				t.Fatalf("%s: %d bytes wait; %d attempts after %d", trouble.name, bytes, more, counted)
			}
			counted = more
		}
		st, err := r.Status(context.Background())
		if err != nil || len(st.Alarms) == 0 {
			t.Errorf("%s: status: %v, %v", trouble.name, st.Alarms, err)
		}
		trouble.end()
		until(t, trouble.name+": the end of the alarm", func() bool { return !alarmed() })
	}
	play(30 * time.Second)
	now.advance(10 * time.Minute)
	time.Sleep(400 * time.Millisecond)
	r.end(t)
	_, _, lost := r.rec.waiting()
	last, n := wire.Time(0), 0
	if err := st.Replay(context.Background(), 0, 0, func(m *record.Message) error {
		if n++; m.Time < last {
			return fmt.Errorf("message at %d is after %d", m.Time, last)
		}
		last = m.Time
		return nil
	}); err != nil {
		t.Error(err)
	}
	if n+int(lost.messages) != i {
		t.Errorf("%d messages stored and %d dropped, of %d", n, lost.messages, i)
	}
	gaps, err := st.Gaps(context.Background(), 0, 1<<62, 1000)
	if err != nil {
		t.Fatal(err)
	}
	missing := uint64(0)
	for _, g := range gaps {
		if g.Kind == wire.GapQueue {
			missing += g.Lost
		}
	}
	if missing != lost.messages {
		t.Errorf("gaps tell of %d messages, %d were dropped", missing, lost.messages)
	}
	if d := kpi.Diff(told.cells, rollups(t, st)); len(d) > 0 {
		t.Errorf("what was counted and what is stored differ in %d cells, first %+v", len(d), d[0])
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if report, ok, err := sqlite.Check(filepath.Join(dir, "data")); err != nil || !ok {
		t.Errorf("check: %v\n%s", err, report)
	}
	t.Logf("%d messages stored, %d dropped", n, lost.messages)
}

// fillDisk writes a file until no byte is left.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		if _, err := f.Write(chunk); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		} else if err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
}

// resize changes the size of a tmpfs.
func resize(t *testing.T, dir, size string) {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	if size == "" { // as small as it can be
		size = fmt.Sprint((fs.Blocks - fs.Bfree) * uint64(fs.Bsize))
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
		t.Fatal(err)
	}
}
