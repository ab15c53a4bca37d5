package capture

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DropPrivileges makes all threads of the program run as the named user (or number), without any other group, without
// capabilities, and without a way back: a program it starts cannot gain any either. An empty name keeps user and groups
// and drops the rest. What takes privileges has to be open before.
func DropPrivileges(name string) error {
	if err := becomeUser(name); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	return nil
}

func becomeUser(name string) error {
	if name == "" {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return fmt.Errorf("no user %s", name)
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return fmt.Errorf("user %s has the strange number %q", name, u.Uid)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return fmt.Errorf("user %s has a group of the strange number %q", name, u.Gid)
	}
	switch self := syscall.Geteuid(); {
	case self == uid && self != 0:
		return nil
	case self != 0:
		return fmt.Errorf("only root can become %s; this is user %d", name, self)
	}
	if err := syscall.Setgroups([]int{}); err != nil {
		return fmt.Errorf("give up groups: %w", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("become group %d: %w", gid, err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("become user %s: %w", name, err)
	}
	return nil
}

// dropCapabilities empties every set of capabilities that could be used or passed on, and sees that it is so.
func dropCapabilities() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, forbid := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if forbid == syscall.ENOTSUP {
		return errors.New("this binary is built with cgo, which hides threads; build it with CGO_ENABLED=0")
	}
	_, _, ambient := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	_, _, sets := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&none[0])), 0)
	if err := errors.Join(failed(forbid), failed(ambient), failed(sets)); err != nil {
		return fmt.Errorf("clear capabilities: %w", err)
	}
	var is [2]unix.CapUserData
	if err := unix.Capget(&head, &is[0]); err != nil {
		return fmt.Errorf("look at capabilities: %w", err)
	}
	if is != none {
		return fmt.Errorf("capabilities are still there: %x", is)
	}
	return nil
}

// failed returns the error of a system call, nil for none.
func failed(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
