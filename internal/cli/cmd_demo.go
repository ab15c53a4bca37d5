package cli

import (
	"bytes"
	_ "embed"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sipcause/internal/capture"
)

// demoCapture is made from testdata/demo.txtar: see TestDemoCapture.
//
//go:embed demo.pcap.gz
var demoCapture []byte

func demoCommand() *cobra.Command {
	o := analyzeOptions{name: "built-in demo"}
	var d demoServer
	var server bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "analyse a built-in capture: a dozen calls that fail in different ways; or serve invented traffic",
		Long: `Analyse a built-in capture of a dozen calls that fail in different ways.

With --serve, run a server on traffic that the program invents: subscribers, a PBX and two carriers around a proxy and a
gateway, some calls per second, most of them healthy, and troubles that come in the same order every few minutes. The
history is in a temporary folder, which is removed at the end; the API is at 127.0.0.1:8060 or the next port that is free.
On a terminal the failures are shown as they are diagnosed. An interrupt ends it.`,
		Example: `  sipcause demo
  sipcause demo --format html -o demo.html
  sipcause demo --serve
  sipcause demo --serve --for 15s --quiet`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := demoFlags(cmd, server); err != nil {
				return err
			}
			if server {
				if d.lasts < 0 {
					return usageError{fmt.Errorf("read --for: want a duration such as 15s, not %s", d.lasts)}
				}
				if _, ok := isTerminal(cmd.OutOrStdout()); !ok && !cmd.Flags().Changed("quiet") {
					d.quiet = true
				}
				ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM) // an interrupt ends the context already
				defer stop()
				return d.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			src, err := capture.Open([]string{"-"}, bytes.NewReader(demoCapture))
			if err != nil {
				return err
			}
			return o.run(cmd, src)
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&server, "serve", false, "run a server on invented traffic instead")
	f.DurationVar(&d.lasts, "for", time.Duration(0), "with --serve: end after so long, such as 15s; 0: when interrupted")
	f.BoolVar(&d.quiet, "quiet", false, "with --serve: do not tell of failures as they come; --quiet=false tells of them where there is no terminal, too")
	return cmd
}

// Flags that go with one of the two demos only.
var (
	demoServeFlags  = []string{"for", "quiet"}
	demoReportFlags = []string{"filter", "call", "all", "format", "fail-on", "tz", "output", "join-header", "playbooks"}
)

// demoFlags finds flags of the capture given with --serve, and the other way about.
func demoFlags(cmd *cobra.Command, server bool) error {
	if server {
		for _, name := range demoReportFlags {
			if cmd.Flags().Changed(name) {
				return usageError{fmt.Errorf("demo: --%s is about the report on the built-in capture, which --serve does not make", name)}
			}
		}
		return nil
	}
	for _, name := range demoServeFlags {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("demo: --%s needs --serve", name)}
		}
	}
	return nil
}
