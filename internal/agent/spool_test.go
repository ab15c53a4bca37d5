package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sipcause/internal/hep"
)

// packet is number i, of so many bytes of payload.
func packet(i, size int) []byte {
	var e hep.Encoder
	b, _ := e.Append(nil, &hep.Message{Type: hep.TypeSIP, Payload: fmt.Appendf(nil, "%08d%s", i, strings.Repeat("x", size))})
	return b
}

// numbers returns which packets are in b, in order.
func numbers(t interface{ Fatalf(string, ...any) }, b []byte) (list []int) {
	for len(b) > 0 {
		junk, n := hep.Frame(b)
		if junk != 0 || n == 0 || n > len(b) {
			t.Fatalf("junk %d, packet of %d in %d bytes", junk, n, len(b))
		}
		for rest := b[hep.HeaderLen:n]; ; {
			c, next, ok := hep.Next(rest)
			if !ok {
				break
			}
			if c.Type == hep.ChunkPayload {
				var i int
				if _, err := fmt.Sscanf(string(c.Value[:8]), "%d", &i); err != nil {
					t.Fatalf("payload %q", c.Value)
				}
				list = append(list, i)
			}
			rest = next
		}
		b = b[n:]
	}
	return list
}

// TestQueueIsFIFO: whatever is pushed, read, confirmed and read again, with or without a disk, the server away or not,
// and over restarts: what is read is what was pushed, in order, from the first that is not confirmed.
func TestQueueIsFIFO(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		var q queue
		disk := rapid.Bool().Draw(r, "disk")
		open := func() {
			q = queue{}
			if !disk {
				return
			}
			if q.disk, err = openSpool(dir, 1<<30); err != nil {
				r.Fatal(err)
			}
		}
		open()
		defer func() {
			if disk {
				q.disk.close()
			}
		}()
		var pushed, read, done int
		type flight struct{ n, packets int }
		var flights []flight
		away := false
		r.Repeat(map[string]func(*rapid.T){
			"push": func(r *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(r, "packets") {
					if err := q.push(packet(pushed, rapid.SampledFrom([]int{10, 600, 20000, 60000}).Draw(r, "size")), away); err == nil {
						pushed++
					} else if !errors.Is(err, errFull) || disk {
						r.Fatal(err)
					}
				}
			},
			"away": func(*rapid.T) { away = !away },
			"read": func(r *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(r, "batches") {
					b, n, err := q.next()
					if err != nil {
						r.Fatal(err)
					}
					got := numbers(r, b)
					for _, i := range got {
						if i != read {
							r.Fatalf("read %d, want %d", i, read)
						}
						read++
					}
					if len(got) == 0 && read != pushed || len(b) > batchBytes && len(got) > 1 {
						r.Fatalf("%d packets in %d bytes; read %d of %d", len(got), len(b), read, pushed)
					}
					if n > 0 {
						flights = append(flights, flight{n, len(got)})
					}
				}
			},
			"confirm": func(r *rapid.T) {
				for range rapid.IntRange(0, len(flights)).Draw(r, "flights") {
					if err := q.confirm(flights[0].n); err != nil {
						r.Fatal(err)
					}
					done += flights[0].packets
					flights = flights[1:]
				}
			},
			"rewind": func(*rapid.T) {
				q.rewind()
				read, flights = done, nil
			},
			"restart": func(r *rapid.T) {
				if !disk {
					return
				}
				q.rewind()
				if err := errors.Join(q.spill(), q.disk.close()); err != nil {
					r.Fatal(err)
				}
				open()
				read, flights = done, nil
			},
			"": func(r *rapid.T) {
				if n := q.packets(); n != pushed-done || len(q.mem) > maxQueued {
					r.Fatalf("%d packets wait in %d bytes, want %d", n, len(q.mem), pushed-done)
				}
			},
		})
	})
}

// TestSpoolKilled: a run that was killed leaves a buffer that is read: half a packet is passed over, and no more is sent
// again than was confirmed since the place was written down.
func TestSpoolKilled(t *testing.T) {
	dir := t.TempDir()
	s, err := openSpool(dir, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := s.push(packet(i, 600)); err != nil {
			t.Fatal(err)
		}
	}
	_, n, err := s.next()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.confirm(n), s.save()); err != nil {
		t.Fatal(err)
	}
	from := int(s.done)/len(packet(0, 600)) - 1
	s.unlock() // as the end of the process does
	name := s.path(s.segments[0].start)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(packet(100, 600)[:300]); err != nil {
		t.Fatal(err)
	}
	f.Close()

	s, err = openSpool(dir, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.push(packet(101, 600)); err != nil {
		t.Fatal(err)
	}
	var got []int
	for {
		b, n, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			break
		}
		got = append(got, numbers(t, b)...)
		if err := s.confirm(n); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 100-from-1+1 || got[0] != from+1 || got[len(got)-1] != 101 || got[len(got)-2] != 99 {
		t.Errorf("read %v, want %d to 99 and 101", got, from+1)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix)); err != nil || len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestSpoolLimit(t *testing.T) {
	dir := t.TempDir()
	s, err := openSpool(dir, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	n := 0
	for ; ; n++ {
		if err := s.push(packet(n, 600)); err != nil {
			if !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if s.bytes() > 100_000 || n < 100 {
		t.Errorf("%d packets, %d bytes", n, s.bytes())
	}
	if _, err := openSpool(dir, 1); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("opened twice: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openSpool(filepath.Join(dir, "x"), 1); err == nil || !strings.Contains(err.Error(), "make buffer") {
		t.Errorf("a file is a directory: %v", err)
	}
}

// TestLongPackets: packets longer than a batch go alone.
func TestLongPackets(t *testing.T) {
	q := queue{}
	for i := range 5 {
		if err := q.push(packet(i, 60000), false); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		b, n, err := q.next()
		if got := numbers(t, b); err != nil || n != len(b) || len(got) != 1 || got[0] != i {
			t.Errorf("%v, %v", got, err)
		}
	}
	if b, n, _ := q.next(); n != 0 || len(b) != 0 || !bytes.Equal(b, nil) {
		t.Errorf("%d more", n)
	}
}
