package agent

import (
	"errors"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// unsent returns how many bytes written to a TCP connection the other side has not acknowledged (SIOCOUTQ, tcp(7)). That
// is known until it is closed, after it broke, too.
func unsent(c *net.TCPConn) (n int64, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	var queued int32
	err = raw.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&queued)))
		ok = errno == 0
	})
	return int64(queued), ok && err == nil
}

// lockFile makes the file and locks it; an error when another process has.
func lockFile(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another process uses it")
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}
