// Command recv receives HEP and decodes it as the server does, and does nothing else with it; or, to measure what the
// sender alone can do, throws away what comes. It ends by SIGTERM, when nothing more comes, and prints what it took.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/decode"
	"sipcause/internal/wire"
)

// Taken is what is printed at the end, as JSON. Of a sink only Bytes is known.
type Taken struct {
	Packets, Payloads, Bytes uint64
	Seconds                  float64 // from the first packet to the last
	Dropped                  map[string]uint64
}

// quiet is how long nothing must come at the end.
const quiet = 500 * time.Millisecond

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "recv:", err)
		os.Exit(1)
	}
}

func run() error {
	from := flag.String("from", "udp://127.0.0.1:9060", "where to listen")
	sink := flag.Bool("sink", false, "throw away what comes")
	flag.Parse()
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer done()
	receive := decoded
	if *sink {
		receive = thrown
	}
	t, err := receive(stop, *from)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(t)
}

// whenQuiet calls end when stop has ended and then taken stands still.
func whenQuiet(stop context.Context, taken func() uint64, end func()) {
	<-stop.Done()
	for n := taken(); ; {
		time.Sleep(quiet)
		now := taken()
		if now == n {
			break
		}
		n = now
	}
	end()
}

// counter is a sink of the decoder.
type counter struct{ payloads uint64 }

func (c *counter) Payload(*wire.Payload) { c.payloads++ }
func (c *counter) Event(*wire.Event)     {}
func (c *counter) Gap(wire.Gap)          {}
func (c *counter) Media(*wire.Media)     {}

// decoded receives by the source of the server into its decoder.
func decoded(stop context.Context, from string) (*Taken, error) {
	src, err := capture.OpenHEP(from, capture.HEPOptions{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go whenQuiet(stop, func() uint64 { return src.State().Packets }, cancel)
	var c counter
	dec := decode.New(&c, decode.Options{})
	var first, last time.Time
	err = src.Run(ctx, func(p *wire.Packet) {
		if last = p.Time.Std(); first.IsZero() {
			first = last
		}
		dec.Packet(p)
	}, func(wire.Gap) {})
	if err != nil {
		return nil, err
	}
	st := src.State()
	t := &Taken{Packets: st.Packets, Payloads: c.payloads, Bytes: st.Bytes, Seconds: last.Sub(first).Seconds(), Dropped: map[string]uint64{}}
	for _, d := range st.Dropped {
		t.Dropped[d.Reason] = d.Count
	}
	return t, nil
}

// thrown reads and forgets.
func thrown(stop context.Context, from string) (*Taken, error) {
	u, err := url.Parse(from)
	if err != nil {
		return nil, err
	}
	var n atomic.Uint64
	read := func(c net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			k, err := c.Read(buf)
			n.Add(uint64(k))
			if err != nil {
				return
			}
		}
	}
	var open io.Closer
	var running sync.WaitGroup
	if u.Scheme == "udp" {
		a, err := net.ResolveUDPAddr("udp", u.Host)
		if err != nil {
			return nil, err
		}
		c, err := net.ListenUDP("udp", a)
		if err != nil {
			return nil, err
		}
		open = c
		running.Go(func() { read(c) })
	} else {
		l, err := net.Listen("tcp", u.Host)
		if err != nil {
			return nil, err
		}
		open = l
		running.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				running.Go(func() { read(c) })
			}
		})
	}
	var closing error
	whenQuiet(stop, n.Load, func() { closing = open.Close() })
	running.Wait()
	if closing != nil && !errors.Is(closing, net.ErrClosed) {
		return nil, closing
	}
	return &Taken{Bytes: n.Load()}, nil
}
