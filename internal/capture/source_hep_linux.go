package capture

import (
	"net"
	"syscall"
	"unsafe"
)

// Socket options that package syscall does not name (include/uapi/asm-generic/socket.h, linux/sock_diag.h).
const (
	soRcvBufForce  = 33
	soMemInfo      = 55
	skMemInfoDrops = 8
	skMemInfoVars  = 9
)

// growBuffer asks for a receive buffer of n bytes, beyond the system's limit where we may, else up to it, and returns
// what was given; 0 when that is not known.
func growBuffer(c *net.UDPConn, n int) (given int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soRcvBufForce, n) != nil {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, n) // as much as may be
		}
		given, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	return given / 2 // the kernel doubles it for its own needs (socket(7))
}

// kernelDrops returns how many datagrams the kernel has dropped since the socket was opened, modulo 2^32. It is the
// count that SO_RXQ_OVFL puts beside a datagram, asked for when no datagram comes, too.
func kernelDrops(c *net.UDPConn) (drops uint32, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	var info [skMemInfoVars]uint32
	size := uint32(unsafe.Sizeof(info))
	err = raw.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soMemInfo,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		ok = errno == 0 && size == uint32(unsafe.Sizeof(info))
	})
	return info[skMemInfoDrops], ok && err == nil
}
