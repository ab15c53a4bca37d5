package capture

import (
	"context"
	"time"

	"sipcause/internal/wire"
)

// Live is a source that does not end by itself. packet and gap are called by one goroutine at a time; the packet is
// valid only during the call.
type Live interface {
	// Name is what the source reads, for logs and metrics: "af_packet eth0", "watch /var/spool/pcap". It is unique among
	// the sources of one server.
	Name() string
	// Run hands on what comes until ctx ends, and then returns nil; an error is one that no waiting mends. It may be called
	// once.
	Run(ctx context.Context, packet func(p *wire.Packet), gap func(g wire.Gap)) error
	// State may be called from any goroutine, before, during and after Run.
	State() LiveState
}

// LiveState is what a source has taken and lost since it began.
type LiveState struct {
	Packets uint64    // handed on
	Bytes   uint64    // of the packets handed on, as captured
	Dropped []Dropped // every reason the source knows, in a fixed order, also those that are 0
	Last    time.Time // when the last packet was captured; zero before the first
	Problem string    // why nothing comes now: "interface eth1 is down"; "" when all is well
}

// Dropped counts what was lost for one reason.
type Dropped struct {
	Reason string // a fixed word, fit for a metric's label: "kernel", "queue", "auth"
	Count  uint64 // packets, datagrams or files, as the reason says
	Last   string // for the log, what was lost last: an address, or a file and what is wrong with it; "" where that is not known
}
