//go:build !linux

package capture

import "net"

// growBuffer asks for a receive buffer of n bytes; the kernel takes what it may of it, and does not say how much.
func growBuffer(c *net.UDPConn, n int) int {
	_ = c.SetReadBuffer(n)
	return n
}

// kernelDrops: not known here.
func kernelDrops(*net.UDPConn) (uint32, bool) { return 0, false }
