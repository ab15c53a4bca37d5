package agent

import "sipcause/internal/hep"

const (
	batchBytes  = 16 << 10 // written at once: one TLS record
	packetBytes = 64 << 10 // no packet is longer
	maxQueued   = 1 << 20  // bytes of packets in memory
)

// queue keeps packets in order until they are confirmed: all in memory, or, when they are many or the server is away
// and there is a disk to keep them on, all on disk.
type queue struct {
	mem  []byte
	read int // bytes of mem that are read
	disk *spool
}

// onDisk says whether what there is is on disk.
func (q *queue) onDisk() bool { return q.disk != nil && q.disk.done < q.disk.end }

// packets counts those that are not confirmed, which takes reading them.
func (q *queue) packets() (n int) {
	if !q.onDisk() {
		return count(q.mem)
	}
	was := q.disk.read
	q.disk.read = q.disk.done
	for {
		b, _, err := q.disk.next()
		if err != nil || len(b) == 0 {
			break
		}
		n += count(b)
	}
	q.disk.read = was
	return n
}

// count returns how many packets are in b.
func count(b []byte) (n int) {
	for {
		junk, size := hep.Frame(b)
		if size == 0 || junk+size > len(b) {
			return n
		}
		b = b[junk+size:]
		n++
	}
}

// push appends one packet; errFull when there is no room. away says that the server is.
func (q *queue) push(b []byte, away bool) error {
	full := len(q.mem)+len(b) > maxQueued
	switch {
	case q.disk == nil && full:
		return errFull
	case q.disk == nil || !q.onDisk() && !full && !away:
		q.mem = append(q.mem, b...)
		return nil
	}
	if err := q.spill(); err != nil {
		return err
	}
	return q.disk.push(b)
}

// spill puts what is in memory on disk.
func (q *queue) spill() error {
	if len(q.mem) == 0 {
		return nil
	}
	if err := q.disk.push(q.mem); err != nil {
		return err
	}
	q.disk.read += int64(q.read)
	q.mem, q.read = q.mem[:0], 0
	return nil
}

// next returns the packets to be sent next, nil when there are none, and how many bytes to confirm them are. They are
// valid until the next call.
func (q *queue) next() (batch []byte, n int, err error) {
	if q.onDisk() {
		return q.disk.next()
	}
	_, n = wholePackets(q.mem[q.read:])
	q.read += n
	return q.mem[q.read-n : q.read], n, nil
}

// confirm says that the n bytes read first are done with.
func (q *queue) confirm(n int) error {
	if q.onDisk() {
		return q.disk.confirm(n)
	}
	q.mem = q.mem[:copy(q.mem, q.mem[n:])]
	q.read -= n
	return nil
}

// rewind goes back to what is not confirmed.
func (q *queue) rewind() {
	q.read = 0
	if q.disk != nil {
		q.disk.read = q.disk.done
	}
}
