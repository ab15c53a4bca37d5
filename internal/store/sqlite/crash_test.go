package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/storetest"
	"sipcause/internal/wire"
)

const crashFolder = "SIPCAUSE_TEST_CRASH_FOLDER"

// numbered makes the batch of a number: a case begins, the one of three batches before ends, with messages and cells.
// Every thirtieth is of another day.
func numbered(seq uint64) *store.Batch {
	at := storetest.Start.Add(time.Duration(seq/30) * 24 * time.Hour).Add(time.Duration(seq) * time.Second)
	c := func(n uint64, revision int, final bool) record.Case {
		return record.Case{
			ID: fmt.Sprintf("case-%d", n), Began: storetest.Start.Add(time.Duration(n) * time.Second), Revision: revision, Final: final,
			Code: 486, Cause: "callee.busy", CallIDs: []string{fmt.Sprintf("call-%d", n)}, Numbers: []string{fmt.Sprintf("+4930%06d", n)},
		}
	}
	b := &store.Batch{Seq: seq, At: at, Cases: []record.Case{c(seq, 1, false)}}
	cell := record.Cell{Minute: int64(at) / minute, Counter: "begun", Bucket: record.NoBucket, N: 1}
	b.Cells = append(b.Cells, cell)
	if seq > 3 {
		b.Cases = append(b.Cases, c(seq-3, 2, true))
		cell.Counter = "ended"
		b.Cells = append(b.Cells, cell)
	}
	for i := range 20 {
		b.Messages = append(b.Messages, record.Message{Key: seq * 31 % 7, Time: at.Add(time.Duration(i)), Ref: wire.PacketRef{Number: seq}, Data: fmt.Appendf(nil, "message %d of batch %d", i, seq)})
	}
	return b
}

// prefix checks that the store has the numbered batches up to its last one, whole, and nothing else.
func prefix(t *testing.T, s *Store) (last uint64) {
	t.Helper()
	ctx := context.Background()
	st, err := s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	last = st.LastSeq
	open := min(last, 3)
	if st.Open != open || st.Cases != last || st.Messages != 20*last || len(st.BadPartitions) > 0 {
		t.Errorf("after batch %d: %d cases, %d open, %d messages, bad %v", last, st.Cases, st.Open, st.Messages, st.BadPartitions)
	}
	n := uint64(0)
	err = s.Replay(ctx, 0, 0, func(m *record.Message) error {
		if want := fmt.Sprintf("message %d of batch %d", n%20, n/20+1); string(m.Data) != want {
			return fmt.Errorf("message %d is %q, want %q", n, m.Data, want)
		}
		n++
		return nil
	})
	if err != nil || n != 20*last {
		t.Errorf("replay: %d messages of %d batches, %v", n, last, err)
	}
	page, err := s.Search(ctx, store.Search{Limit: int(last) + 10})
	if err != nil || uint64(len(page.Cases)) != last {
		t.Fatalf("search: %d cases of %d, %v", len(page.Cases), last, err)
	}
	for i := range page.Cases {
		c := &page.Cases[i]
		n := last - uint64(i)
		if c.ID != fmt.Sprintf("case-%d", n) || c.Final != (n+3 <= last) {
			t.Fatalf("case %d is %s, final %v, of %d", n, c.ID, c.Final, last)
		}
	}
	sums := map[string]int64{}
	if err := s.Rollup(ctx, store.Rollup{}, func(c *record.Cell) error { sums[c.Counter] += c.N; return nil }); err != nil {
		t.Fatal(err)
	}
	if sums["begun"] != int64(last) || sums["ended"] != int64(last-open) {
		t.Errorf("sums %v after batch %d", sums, last)
	}
	return last
}

// TestCrashChild writes numbered batches until it is killed. It is started by TestKill alone.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashFolder)
	if dir == "" {
		t.Skipf("%s is not set: this is the program that TestKill kills", crashFolder)
	}
	s, err := Open(dir, Options{fileBytes: 200_000})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	for seq := s.seq.Load() + 1; ; seq++ {
		if err := s.Write(context.Background(), numbered(seq)); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println(seq)
	}
}

// TestKill kills a writing program at random moments. What its Write had returned for is there; what is there is a whole
// number of batches; cases, messages and sums fit together.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	var last uint64
	for round := range 20 {
		child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		child.Env = append(os.Environ(), crashFolder+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed after so many batches and a while, or, every fifth time, while it opens.
		lines, acknowledged := bufio.NewScanner(out), last
		quota := rng.IntN(60)
		if round%5 == 4 {
			quota = 0
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
		}
		for range quota {
			if !lines.Scan() {
				break
			}
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				_ = child.Process.Kill()
				t.Fatalf("the program said %q", lines.Text())
			}
		}
		time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			_, _ = fmt.Sscan(lines.Text(), &acknowledged)
		}
		_ = child.Wait() // killed
		s, err := Open(dir, Options{fileBytes: 200_000})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if last = prefix(t, s); last < acknowledged {
			t.Errorf("round %d: batch %d was written, the last is %d", round, acknowledged, last)
		}
		if round%3 == 0 {
			err = s.Close()
		} else {
			s.abandon()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if last < 100 {
		t.Errorf("%d batches in all: the test proves little", last)
	}
}
