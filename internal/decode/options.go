package decode

import (
	"time"

	"sipcause/internal/keylog"
)

// Options are the caps of a decoder. Zero stands for the default named beside each.
type Options struct {
	MaxSIPConns      int // connections that carried SIP, TLS or WebSocket, or may: 32768
	MaxHalfOpen      int // connections without any data yet: 8192
	MaxOtherConns    int // connections known to carry something else: 16384
	MaxStreamBytes   int // held of one direction of a connection, in order and beyond holes each: 256 KiB
	MaxBufferedBytes int // held of all connections: 64 MiB
	MaxDatagrams     int // incomplete IP datagrams: 4096
	MaxFragmentBytes int // held of all incomplete datagrams: 16 MiB
	MaxAssociations  int // directions of SCTP associations that carried SIP: 4096
	MaxTLSSessions   int // TLS connections that are decrypted: 8192
	MaxAgents        int // HEP agents whose clock and capture point are known: 1024

	// Keys are the secrets of TLS connections; nil or empty: nothing is decrypted. More may be added between packets.
	Keys *keylog.Log

	// Points gives the number of the capture point of a name, always the same for the same name: HEP agents are points,
	// "hep:2001" or as they call themselves. It is asked once for an agent, on the goroutine of Packet. Nil: what agents
	// send is of the packet's point.
	Points func(name string) uint16
}

func (o Options) withDefaults() Options {
	for _, f := range []struct {
		v   *int
		def int
	}{
		{&o.MaxSIPConns, 32768},
		{&o.MaxHalfOpen, 8192},
		{&o.MaxOtherConns, 16384},
		{&o.MaxStreamBytes, 256 << 10},
		{&o.MaxBufferedBytes, 64 << 20},
		{&o.MaxDatagrams, 4096},
		{&o.MaxFragmentBytes, 16 << 20},
		{&o.MaxAssociations, 4096},
		{&o.MaxTLSSessions, 8192},
		{&o.MaxAgents, 1024},
	} {
		if *f.v <= 0 {
			*f.v = f.def
		}
	}
	return o
}

// How long decode waits, in event time.
const (
	// fragmentWait is how long the fragments of a datagram may take from the first seen. RFC 8200 §4.5
	// and RFC 1122 §3.3.2 say 60 s and more; hosts give up after 30 s (Linux), and so do we.
	fragmentWait = 30 * time.Second
	// fragmentEcho is how long after a datagram's completion more of its fragments are taken to be
	// captured twice, not the beginning of another datagram with the same identification.
	fragmentEcho = 2 * time.Second
	// holeWait is how long a missing TCP segment is awaited while nothing says that it arrived: time
	// for retransmissions after 1 s and 2 s more (RFC 6298 §2, §5.5).
	holeWait = 5 * time.Second
	// ackedHoleWait is how long it is awaited once the peer acknowledged it: the capture has lost or
	// reordered it, the sender will not repeat it.
	ackedHoleWait = 500 * time.Millisecond
	// synWait is how long a SYN may go unanswered until that is an event. SYNs are repeated after
	// 1, 3, 7 and 15 s (RFC 6298 §2.1, §5.5).
	synWait = 20 * time.Second
	// synFlushWait is how old a SYN sent only once must be at the end of a capture to be reported.
	synFlushWait = 3 * time.Second
)
