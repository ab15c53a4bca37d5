package capture

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/ipv4"

	"sipcause/internal/wire"
)

// BenchmarkAFPacket sends b.N messages through the ring of a veth, as fast as a sender beside it can.
func BenchmarkAFPacket(b *testing.B) {
	n := makeNamespaces(b)
	for _, members := range []int{1, 2} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			var sink net.PacketConn
			n.inside(n.far, func() (err error) {
				sink, err = net.ListenPacket("udp", far4+":5060")
				return err
			})
			defer sink.Close()
			list := n.open("far", AFPacketOptions{Fanout: members})
			ctx, cancel := context.WithCancel(context.Background())
			var came atomic.Int64
			var all sync.WaitGroup
			for _, l := range list {
				all.Go(func() { _ = l.Run(ctx, func(*wire.Packet) { came.Add(1) }, func(wire.Gap) {}) })
			}
			batch := make([]ipv4.Message, 64)
			for i := range batch {
				batch[i].Buffers = [][]byte{sipRequest(i, 500)}
			}
			b.SetBytes(int64(len(batch[0].Buffers[0])))
			b.ReportAllocs()
			n.inside(n.near, func() error {
				c, err := net.Dial("udp", far4+":5060")
				if err != nil {
					return err
				}
				defer c.Close()
				out := ipv4.NewPacketConn(c.(net.PacketConn))
				b.ResetTimer()
				for left := b.N; left > 0; {
					k, err := out.WriteBatch(batch[:min(left, len(batch))], 0)
					if err != nil {
						return err
					}
					left -= k
				}
				return nil
			})
			b.StopTimer()
			sent := float64(b.N) / b.Elapsed().Seconds()
			cancel()
			all.Wait()
			var lost uint64
			for _, l := range list {
				lost += l.State().Dropped[0].Count
			}
			b.ReportMetric(sent, "sent/s")
			b.ReportMetric(float64(lost), "dropped")
			if got := int(came.Load()) + int(lost); got < b.N {
				b.Errorf("%d came and %d were dropped of %d", came.Load(), lost, b.N)
			}
		})
	}
}
