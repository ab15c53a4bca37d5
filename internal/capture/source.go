// Package capture reads packets from files and standard input, merged by time.
// Its one rule: a damaged capture is read as far as it can be, and what was lost is handed on as a Gap;
// an error is a file that cannot be read at all, or is no capture.
package capture

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"sipcause/internal/wire"
)

// Source is one or more captures read as one. It is for one goroutine, but for Size and Read.
type Source struct {
	inputs  []*input
	names   []string // of the files
	skipped []string
	size    int64
	read    atomic.Int64
	secrets secrets
}

// Files returns the names of the captures as they were given or found; wire.PacketRef.Source indexes them.
// The slice must not be changed.
func (s *Source) Files() []string {
	return s.names
}

// Skipped returns what a directory or a pattern led to that is no capture, each with what it is instead.
func (s *Source) Skipped() []string { return s.skipped }

// Size returns the bytes to be read, compressed where files are, or -1 when that is not known (a pipe).
func (s *Source) Size() int64 { return s.size }

// Read returns the bytes read so far, on the scale of Size. It may be called from any goroutine.
func (s *Source) Read() int64 { return s.read.Load() }

// Secrets returns the TLS key logs in the pcapng files, each block's data as it was written (type and length before it
// left out), in the order read: during Run those that came before the packet at hand.
func (s *Source) Secrets() [][]byte { return s.secrets.blocks }

// Run hands on every packet, and every message of a text trace as a payload, in order of time, packets of equal time in order of file, then number. Within
// one file the order is the file's own, whatever its timestamps say. The packets and payloads are valid only during the
// call. gap takes what is missing, between the packets where it was noticed; counts of packets cut by the
// snap length come at the end of each file. Run ends at the first error of packet or payload, of the file system or of
// ctx, and returns it; it looks at ctx between packets, so a pipe that gives nothing is waited for.
// Run may be called once.
func (s *Source) Run(ctx context.Context, packet func(p *wire.Packet) error, payload func(p *wire.Payload) error, gap func(g wire.Gap)) error {
	defer s.close()
	sink := sink{packet: packet, payload: payload, gap: gap, secret: s.keepSecret}
	if len(s.inputs) == 1 && s.inputs[0].fix == nil {
		return s.runOne(ctx, s.inputs[0], sink)
	}
	return s.merge(ctx, sink)
}

// checkEvery is how many packets pass between two looks at the context.
const checkEvery = 1024

func (s *Source) runOne(ctx context.Context, in *input, to sink) error {
	if err := in.open(s, blockSize(1), to); err != nil {
		return err
	}
	var p wire.Packet
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := in.records.next(&p); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := in.hand(to, &p); err != nil {
			return err
		}
	}
}

func (s *Source) close() {
	for _, in := range s.inputs {
		in.close()
	}
}

// maxSecrets bounds the decryption secrets kept of all files, in bytes.
const maxSecrets = 16 << 20

// secrets are decryption secrets as found.
type secrets struct {
	blocks [][]byte
	held   int
}

// keepSecret keeps one block's secrets; false when the cap forbids it.
func (s *Source) keepSecret(b []byte) bool {
	if s.secrets.held+len(b) > maxSecrets {
		return false
	}
	s.secrets.blocks = append(s.secrets.blocks, b)
	s.secrets.held += len(b)
	return true
}
