package capture

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/wire"
)

// classic returns a capture of packets with these numbers, each a second after that before it.
func classic(numbers ...int) []byte {
	return append(pcapFile(binary.LittleEndian, pcapMicro, 1), classicRecords(numbers...)...)
}

func classicRecords(numbers ...int) (b []byte) {
	for _, n := range numbers {
		b = append(b, record(binary.LittleEndian, start+wire.Time(n)*1e9, payload(n), len(payload(n)))...)
	}
	return b
}

func ngCapture(numbers ...int) []byte {
	b := slices.Concat(ngSectionBlock(binary.LittleEndian), ngInterfaceBlock(binary.LittleEndian, 1))
	for _, n := range numbers {
		b = append(b, ngPacketBlock(binary.LittleEndian, 0, uint64(start+wire.Time(n)*1e9)/1000, payload(n), len(payload(n)))...)
	}
	return b
}

// watch is a running source.
type watch struct {
	*harvest
	t    *testing.T
	live Live
	stop func()
}

func startWatch(t *testing.T, dir, position string) *watch {
	t.Helper()
	live, err := WatchFolder(dir, WatchOptions{Position: position, Source: 7, Points: func(string) uint16 { return 3 }})
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: t, live: live}
	w.harvest, w.stop = take(t, []Live{live}, nil)
	return w
}

// numbers returns which packets came, in order.
func (w *watch) numbers() (list []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.packets {
		var n int
		if _, err := fmt.Sscanf(string(p.Data), "packet %d ", &n); err != nil || string(p.Data) != string(payload(n)) {
			w.t.Errorf("strange packet %q", p.Data)
		}
		list = append(list, n)
	}
	return list
}

// expect waits until these packets came, and a little longer for others that should not.
func (w *watch) expect(what string, want ...int) {
	w.t.Helper()
	for range 100 {
		if len(w.numbers()) >= len(want) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond)
	if got := w.numbers(); !slices.Equal(got, want) {
		w.t.Fatalf("%s: %v, want %v; gaps %+v; state %+v", what, got, want, w.gaps, w.live.State())
	}
}

func (w *watch) noGaps() {
	w.t.Helper()
	for _, g := range w.gaps {
		w.t.Errorf("gap %+v", g)
	}
}

func appendTo(t *testing.T, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(b)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// age makes a file look as if it was written long ago.
func age(t *testing.T, path string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(-by)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestWatchReadsWhatIsThereByTime(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "z.pcap", classic(1, 5, 9))
	write(t, dir, "y.pcapng", ngCapture(2, 6))
	age(t, write(t, dir, "x.pcap.gz", gz(classic(3, 7))), time.Minute)
	age(t, write(t, dir, "w.pcap.zst", zst(ngCapture(4, 8))), time.Minute)
	write(t, dir, "empty.pcap", nil)
	write(t, dir, "header.pcap", classic())
	write(t, dir, ".hidden.pcap", classic(10))
	write(t, dir, "below/other.pcap", classic(11))
	w := startWatch(t, dir, "")
	w.expect("all", 1, 2, 3, 4, 5, 6, 7, 8, 9)
	w.stop()
	w.noGaps()
	for i, p := range w.packets {
		if p.Ref != (wire.PacketRef{Source: 7, Number: uint64(i + 1)}) || p.Point != 3 || p.Link != 1 {
			t.Errorf("packet %d: %+v", i, p)
		}
	}
	s := w.live.State()
	if s.Packets != 9 || s.Bytes == 0 || s.Last.UnixNano() != int64(start+9e9) || s.Problem != "" {
		t.Errorf("state %+v", s)
	}
}

// A file is written in pieces of every size, both formats, two files at the same time.
func TestWatchFollows(t *testing.T) {
	dir := t.TempDir()
	w := startWatch(t, dir, "")
	one, two := classic(1, 3, 5), ngCapture(2, 4, 6)
	a, b := write(t, dir, "a.pcap", nil), write(t, dir, "b.pcapng", nil)
	for len(one)+len(two) > 0 {
		k, m := min(37, len(one)), min(53, len(two))
		appendTo(t, a, one[:k])
		appendTo(t, b, two[:m])
		one, two = one[k:], two[m:]
		time.Sleep(5 * time.Millisecond)
	}
	for range 50 {
		if len(w.numbers()) == 6 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	got := w.numbers()
	slices.Sort(got) // the files race
	if !slices.Equal(got, []int{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v", got)
	}
	last := classicRecords(7)
	appendTo(t, a, last[:20])
	time.Sleep(300 * time.Millisecond)
	if n := len(w.numbers()); n != 6 {
		t.Errorf("%d packets with half of the seventh", n)
	}
	appendTo(t, a, last[20:])
	time.Sleep(500 * time.Millisecond)
	w.stop()
	if n := w.numbers(); len(n) != 7 || n[6] != 7 {
		t.Errorf("%v", n)
	}
	w.noGaps()
}

func TestWatchSurvivesRotation(t *testing.T) {
	dir := t.TempDir()
	w := startWatch(t, dir, "")
	path := write(t, dir, "a.pcap", classic(1))
	w.expect("first", 1)
	old := filepath.Join(dir, "a.pcap.1")
	if err := os.Rename(path, old); err != nil {
		t.Fatal(err)
	}
	appendTo(t, old, classicRecords(2)) // the writer has not let go yet
	write(t, dir, "a.pcap", classic(3))
	w.expect("renamed", 1, 2, 3)
	write(t, dir, "a.pcap", classic(4)) // truncated, of the same size
	w.expect("written anew, same size", 1, 2, 3, 4)
	write(t, dir, "a.pcap", classic(5, 6, 7, 8))
	w.expect("written anew, longer", 1, 2, 3, 4, 5, 6, 7, 8)
	write(t, dir, "a.pcap", classic(9))
	w.expect("written anew, shorter", 1, 2, 3, 4, 5, 6, 7, 8, 9)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(classicRecords(10)); err != nil {
		t.Fatal(err)
	}
	w.expect("written to when deleted", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	write(t, dir, "a.pcap", classic(11))
	w.expect("made anew", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	w.stop()
	w.noGaps()
}

func TestWatchPacked(t *testing.T) {
	dir := t.TempDir()
	w := startWatch(t, dir, "")
	path := write(t, dir, "a.pcap", classic(1, 2))
	write(t, dir, "kept.pcap", classic(3, 4))
	w.expect("plain", 1, 2, 3, 4)
	age(t, write(t, dir, "a.pcap.gz", gz(classic(1, 2))), time.Minute)
	age(t, write(t, dir, "kept.pcap.zst", zst(classic(3, 4))), time.Minute)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "b.pcap.gz", gz(classic(5))) // taken when it has not changed for a while
	w.expect("packed", 1, 2, 3, 4, 5)
	age(t, write(t, dir, "kept.pcap.zst", zst(classic(6))), 30*time.Second) // no copy any more
	w.expect("another one packed", 1, 2, 3, 4, 5, 6)
	w.stop()
	w.noGaps()
}

// A restart reads nothing twice and misses nothing of what was written, renamed and packed meanwhile.
func TestWatchRestarts(t *testing.T) {
	dir := t.TempDir()
	position := filepath.Join(dir, "position") // in the folder itself
	a := write(t, dir, "a.pcap", classic(1))
	b := write(t, dir, "b.pcap", classic(2))
	write(t, dir, "c.pcapng", ngCapture(3))
	write(t, dir, "junk.txt", []byte("no capture, whatever it is called: just some words"))
	w := startWatch(t, dir, position)
	w.expect("first run", 1, 2, 3)
	w.stop()
	w.noGaps()
	if d := w.live.State().Dropped; d[0].Count != 1 || !strings.Contains(d[0].Last, "junk.txt: expected a capture") || d[1] != (Dropped{Reason: "bad-record"}) {
		t.Errorf("of the bad file: %+v", d)
	}
	w = startWatch(t, dir, position)
	w.expect("nothing new")
	w.stop()
	w.noGaps()
	appendTo(t, a, classicRecords(4))
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	age(t, write(t, dir, "b.pcap.gz", gz(classic(2, 5))), time.Minute)
	if err := os.Rename(filepath.Join(dir, "c.pcapng"), filepath.Join(dir, "old.pcapng")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "c.pcapng", ngCapture(6))
	w = startWatch(t, dir, position)
	w.expect("third run", 4, 5, 6)
	w.stop()
	w.noGaps()
	write(t, dir, "position", []byte("{"))
	if _, err := WatchFolder(dir, WatchOptions{Position: position}); err == nil || !strings.Contains(err.Error(), position) {
		t.Errorf("damaged position file: %v", err)
	}
}

// Stopped in the middle of a file, it goes on there.
func TestWatchStopsInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	position := filepath.Join(t.TempDir(), "position")
	var numbers []int
	for n := range 5000 {
		numbers = append(numbers, n)
	}
	write(t, dir, "a.pcap", classic(numbers...))
	var all []int
	for runs := 0; len(all) < len(numbers) && runs < 20; runs++ {
		live, err := WatchFolder(dir, WatchOptions{Position: position})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		first := len(all)
		err = live.Run(ctx, func(p *wire.Packet) {
			var n int
			_, _ = fmt.Sscanf(string(p.Data), "packet %d ", &n)
			if all = append(all, n); len(all) > first+1000 || len(all) == len(numbers) {
				cancel()
			}
		}, func(g wire.Gap) { t.Errorf("gap %+v", g) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(all, numbers) {
		t.Errorf("%d packets, want %d", len(all), len(numbers))
	}
}

// Half a record at the end of a file that nobody writes to any more is a gap; so is damage, once.
func TestWatchTellsWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	cut := classic(1, 2)
	age(t, write(t, dir, "cut.pcap", cut[:len(cut)-5]), time.Hour)
	whole := gz(classic(3, 4, 5, 6))
	age(t, write(t, dir, "cut.gz", whole[:len(whole)-20]), time.Hour)
	position := filepath.Join(t.TempDir(), "position")
	w := startWatch(t, dir, position)
	time.Sleep(2 * time.Second) // several scans
	w.stop()
	if n := w.numbers(); len(n) == 0 || n[0] != 1 || slices.Contains(n, 2) {
		t.Errorf("packets %v", n)
	}
	if len(w.gaps) != 2 || w.gaps[0].Kind != wire.GapTruncated || w.gaps[1].Kind != wire.GapTruncated {
		t.Errorf("gaps %+v", w.gaps)
	}
	w = startWatch(t, dir, position)
	w.expect("again")
	w.stop()
	w.noGaps()
}

func TestWatchFlood(t *testing.T) {
	dir := t.TempDir()
	const files = maxRemembered + 500
	for n := range files {
		age(t, write(t, dir, fmt.Sprintf("%05d.pcap", n), classic(n)), time.Duration(files-n)*time.Minute)
	}
	w := startWatch(t, dir, filepath.Join(t.TempDir(), "position"))
	for range 200 {
		if w.live.State().Packets >= files {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(1500 * time.Millisecond)
	w.stop()
	folder := w.live.(*folder)
	if n := w.numbers(); len(n) != files || !slices.IsSorted(n) {
		t.Errorf("%d packets, want %d, in order", len(n), files)
	}
	if len(folder.files) > maxRemembered+maxPending || len(folder.open) > maxFollowed {
		t.Errorf("%d files remembered, %d open", len(folder.files), len(folder.open))
	}
}

func TestWatchAllocates(t *testing.T) {
	dir := t.TempDir()
	numbers := make([]int, 20000)
	write(t, dir, "a.pcap", classic(numbers...))
	live, err := WatchFolder(dir, WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	count := 0
	err = live.Run(ctx, func(*wire.Packet) {
		if count++; count == len(numbers) {
			cancel()
		}
	}, func(wire.Gap) {})
	runtime.ReadMemStats(&after)
	if made := after.Mallocs - before.Mallocs; err != nil || made > 1000 {
		t.Errorf("%d objects made for %d packets, %v", made, count, err)
	}
}

func TestWatchRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "nosuch"), write(t, dir, "file", nil)} {
		if _, err := WatchFolder(path, WatchOptions{}); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
}

// What is no capture loses no packets: it is counted once, told, and makes no gap, whatever it is called and however it grows.
func TestWatchPassesOverWhatIsNoCapture(t *testing.T) {
	dir := t.TempDir()
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(i*i*31 + i>>3 + 7)
	}
	random := write(t, dir, "rand.pcap", noise)
	write(t, dir, "notes.txt", []byte("these are the notes of last night, and no capture\n"))
	write(t, dir, "good.pcap", classic(1))
	w := startWatch(t, dir, "")
	w.expect("beside others", 1)
	appendTo(t, random, noise)
	write(t, dir, "better.pcap", classic(2))
	w.expect("later", 1, 2)
	cut := classic(3, 4)
	age(t, write(t, dir, "cut.pcap.gz", gz(cut[:len(cut)-5])), time.Minute)
	w.expect("a capture that is cut", 1, 2, 3)
	w.stop()
	if len(w.gaps) != 1 || !strings.Contains(w.gaps[0].Where, "cut.pcap.gz") {
		t.Errorf("gaps %+v", w.gaps)
	}
	d := w.live.State().Dropped
	if d[0].Count != 2 || d[1].Count != 1 || !strings.Contains(d[1].Last, "cut.pcap.gz") {
		t.Errorf("%+v", d)
	}
}

// A file that may not be read is tried again, counted once, and an alarm as long as it is there.
func TestWatchMayNotRead(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.pcap", classic(1))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &folder{dir: dir, gap: func(g wire.Gap) { t.Errorf("gap %+v", g) }}
	f := &watched{mark: mark{Name: "a.pcap"}, info: info}
	w.files = append(w.files, f)
	for range 2 {
		w.place(f, nil, 0, &os.PathError{Op: "open", Path: path, Err: os.ErrPermission})
	}
	w.assess()
	if s := w.State(); s.Dropped[0].Count != 1 || !strings.Contains(s.Problem, "a.pcap: "+os.ErrPermission.Error()) {
		t.Errorf("%+v", s)
	}
	w.scan()
	if s := w.State(); len(w.pending) != 1 || s.Problem != "" || f.Bad {
		t.Errorf("when it may be read: %+v, %+v", f, s)
	}
}
