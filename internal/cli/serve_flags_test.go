package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"sipcause/internal/config"
)

// What a command line of serve means, and what is wrong in it.
func TestServeFlags(t *testing.T) {
	t.Setenv("SIPCAUSE_HEP_RATE", "7")
	for _, c := range []struct {
		args []string
		want string // "" wrong usage
	}{
		{nil, "127.0.0.1:8060 [udp://127.0.0.1:9060] 7 [] true"},
		{[]string{"--listen", "[::1]:0", "--hep", "udp://127.0.0.1:1", "--hep", "tcp://127.0.0.1:2", "--hep-rate=8"}, "[::1]:0 [udp://127.0.0.1:1 tcp://127.0.0.1:2] 8 [] true"},
		{[]string{"--hep", "off", "--iface", "eth0,eth1", "--rtp=false"}, "127.0.0.1:8060 [] 7 [eth0 eth1] false"},
		{[]string{"--rtp"}, "127.0.0.1:8060 [udp://127.0.0.1:9060] 7 [] true"},
		{[]string{"--listen", "0.0.0.0:8060"}, ""},
		{[]string{"--lisen", "127.0.0.1:1"}, ""},
		{[]string{"eth0"}, ""},
	} {
		var got string
		cmd := serveCommand(func(_ context.Context, cfg *config.Config, _, _ io.Writer) error {
			got = fmt.Sprint(cfg.Listen, " ", cfg.HEP.Listen, " ", cfg.HEP.Rate, " ", cfg.Capture.Interfaces, " ", cfg.Capture.RTP)
			return nil
		})
		err := runServe(cmd, c.args...)
		if d := cmp.Diff(got, c.want); d != "" {
			t.Errorf("%q: %v\n%s", c.args, err, d)
		}
		var usage usageError
		if (c.want == "") != errors.As(err, &usage) {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}

// runServe runs one command line with this command in place of the table's.
func runServe(cmd *cobra.Command, args ...string) error {
	root := Root()
	for _, known := range root.Commands() {
		if known.Name() == "serve" {
			root.RemoveCommand(known)
		}
	}
	root.AddCommand(cmd)
	root.SetArgs(append([]string{"serve"}, args...))
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	return root.ExecuteContext(context.Background())
}

// systemd ends a service by SIGTERM: the server is told, and ends well.
func TestServeEndsBySignal(t *testing.T) {
	err := runServe(serveCommand(func(ctx context.Context, _ *config.Config, _, _ io.Writer) error {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		if err := self.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(10 * time.Second):
			return errors.New("the context did not end")
		}
	}))
	if err != nil {
		t.Error(err)
	}
}
