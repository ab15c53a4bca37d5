//go:build !linux

package capture

import (
	"fmt"
	"runtime"
)

// OpenAFPacket is there on Linux only.
func OpenAFPacket(iface string, _ AFPacketOptions) ([]Live, error) {
	return nil, fmt.Errorf("capture on %s: live capture needs Linux, this is %s; send HEP, or watch a folder of captures", iface, runtime.GOOS)
}

// DropPrivileges is there on Linux only.
func DropPrivileges(user string) error {
	return fmt.Errorf("drop privileges: that needs Linux, this is %s; start the program as an ordinary user", runtime.GOOS)
}
