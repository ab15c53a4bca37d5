package cli

import (
	"context"
	"io"

	"sipcause/internal/config"
	"sipcause/internal/serve"
)

// runServer reads what the configuration names and serves.
func runServer(ctx context.Context, cfg *config.Config, _, stderr io.Writer) error {
	x := serve.Extras{Version: Version}
	var err error
	if x.Book, err = openPlaybooks(cfg.Playbooks); err != nil {
		return err
	}
	if x.Certs, err = openCertificates(cfg.StirCerts); err != nil {
		return err
	}
	return serve.Run(ctx, cfg, x, stderr)
}
