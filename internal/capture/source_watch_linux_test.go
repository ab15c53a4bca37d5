package capture

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// A folder that tcpdump rotates in, with a packed file every second and a ring of files written anew, has each packet
// once: those of the ring of the interface.
func TestWatchRotationByTcpdump(t *testing.T) {
	n := makeNamespaces(t)
	for name, args := range map[string][]string{
		"seconds": {"-G", "1", "-z", "gzip", "-w", "%s.pcap"},
		"ring":    {"-C", "1", "-W", "3", "-w", "ring.pcap"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			folder := startWatch(t, dir, "")
			want, stop := take(t, n.open("far", AFPacketOptions{}), nil)
			cmd := exec.Command("ip", append([]string{"netns", "exec", n.far, "tcpdump", "-i", "far", "-n", "-s", "0", "-B", "32768", "-U", "--immediate-mode", "-Z", "root"}, append(args, "udp and dst port 5060")...)...)
			cmd.Dir = dir
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			n.inside(n.near, func() error {
				c, err := net.Dial("udp", far4+":5060")
				if err != nil {
					return err
				}
				defer c.Close()
				for i := range 2500 {
					_, _ = c.Write(sipRequest(i, 1000)) // refused at times: nobody listens
					time.Sleep(500 * time.Microsecond)
				}
				return nil
			})
			time.Sleep(300 * time.Millisecond)
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait()
			time.Sleep(3 * time.Second) // the last is packed, and watched for a while
			stop()
			folder.stop()
			sent := func(s string) bool { return !strings.HasPrefix(s, "{udp") }
			diff(t, "messages", slices.DeleteFunc(decoded(folder.packets), sent), slices.DeleteFunc(decoded(want.packets), sent))
			folder.noGaps()
			if len(want.packets) < 2500 {
				t.Errorf("only %d packets", len(want.packets))
			}
		})
	}
}
