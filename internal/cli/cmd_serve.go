package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"sipcause/internal/config"
)

// serveCommand makes the command of the server; run serves until ctx ends.
func serveCommand(run func(ctx context.Context, cfg *config.Config, stdout, stderr io.Writer) error) *cobra.Command {
	var c configFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "receive SIP traffic as it comes, keep its history, and count every code",
		Long: `Receive HEP, capture from interfaces, read a folder of rotating captures, or all of them; rebuild and diagnose each
call as analyze does, keep it, and answer for it at http://127.0.0.1:8060/api/v1. It needs no configuration: HEP is then
received on this machine, at UDP port 9060.

Each option is a flag, an environment variable (SIPCAUSE_ and the flag's name: SIPCAUSE_HEP_ALLOW) and a key of the
file; the flag wins, then the environment. docs/configuration.md lists them. SIGHUP reads the file again; SIGTERM and an
interrupt write what is on the way and end the server.`,
		Example: `  sipcause serve
  sipcause serve --config /etc/sipcause/sipcause.yaml
  sipcause serve --hep udp://0.0.0.0:9060 --hep-allow 192.0.2.0/24 --keep-messages 30d
  sipcause serve --iface eth0 --data /srv/sipcause
  sipcause serve --route '{name: carrier-a, addresses: 192.0.2.0/24}'`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			for _, note := range append(config.UnknownEnv(os.Environ(), sendKeyEnv, serverEnv), cfg.Notes()...) {
				fmt.Fprintf(cmd.ErrOrStderr(), "sipcause: note: %s\n", note)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM) // an interrupt ends the context already
			defer stop()
			return run(ctx, cfg, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.flags(cmd)
	return cmd
}
