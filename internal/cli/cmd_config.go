package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"sipcause/internal/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "check and print the configuration of the server",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("config: unknown command %q%s", args[0], nearestCommand(cmd, args[0]))}
			}
			return nil
		},
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(configCheckCommand(), configPrintCommand())
	return cmd
}

func configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "say all that is wrong in a configuration, the environment and the files it names included",
		Long: `Read a configuration as serve would, with the environment, and say all that is wrong, with file and line. The
playbooks, certificates and keys that it names are read too. What is allowed but hardly meant goes to standard error as a
note, a variable SIPCAUSE_… that is no option among it.

Exit status: 0 serve would start with it, perhaps with notes; 2 something is wrong.`,
		Example: `  sipcause config check /etc/sipcause/sipcause.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("config check takes at most one file, not %d; see sipcause config check --help", len(args))}
			}
			var c configFlags
			what := "the defaults"
			if named := os.Getenv(config.PathEnv); named != "" {
				what = named
			}
			if len(args) == 1 {
				c.file, what = args[0], args[0]
			}
			cfg, err := config.Check(c.file, os.LookupEnv, nil)
			notes := config.UnknownEnv(os.Environ(), sendKeyEnv, serverEnv)
			if cfg != nil {
				notes = append(notes, cfg.Notes()...)
				err = errors.Join(err, checkNamedFiles(cfg))
			}
			for _, note := range notes {
				fmt.Fprintf(cmd.ErrOrStderr(), "sipcause: note: %s\n", note)
			}
			if err != nil {
				return usageError{err}
			}
			verdict := "nothing is wrong"
			if n := len(notes); n > 0 {
				verdict = fmt.Sprintf("serve would start with it, but see the %s on standard error", map[bool]string{true: "note", false: strconv.Itoa(n) + " notes"}[n == 1])
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", what, verdict)
			return nil
		},
	}
}

// checkNamedFiles reads what the configuration names.
func checkNamedFiles(cfg *config.Config) error {
	_, books := openPlaybooks(cfg.Playbooks)
	_, certs := openCertificates(cfg.StirCerts)
	list := []error{books, certs}
	if cfg.HEP.Cert != "" {
		if _, err := tls.LoadX509KeyPair(cfg.HEP.Cert, cfg.HEP.CertKey); err != nil {
			list = append(list, fmt.Errorf("read hep.tls: %w", err))
		}
	}
	for _, dir := range cfg.Watch {
		if info, err := os.Stat(dir); err != nil {
			list = append(list, fmt.Errorf("read watch: %w", err))
		} else if !info.IsDir() {
			list = append(list, fmt.Errorf("read watch: %s is no folder", dir))
		}
	}
	return errors.Join(list...)
}

func configPrintCommand() *cobra.Command {
	var (
		c        configFlags
		defaults bool
		format   string
	)
	cmd := &cobra.Command{
		Use:   "print",
		Short: "print the values in force, and where each comes from",
		Long: `Print the values that serve would work with, and whether each comes from a flag, the environment, the file or is
the default. Secrets are shown as ***. With --defaults print a file to begin with instead: each option explained and
commented out.`,
		Example: `  sipcause config print --config /etc/sipcause/sipcause.yaml
  sipcause config print --defaults > sipcause.yaml
  sipcause config print --format json --hep udp://0.0.0.0:9060`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "yaml" && format != "json" {
				return usageError{fmt.Errorf("read --format: unknown format %q; accepted are yaml and json", format)}
			}
			return printConfig(cmd.OutOrStdout(), &c, defaults, format == "json")
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&defaults, "defaults", false, "print the defaults, explained, whatever is in force")
	f.StringVar(&format, "format", "yaml", "output format: yaml, json")
	complete(cmd, "format", []string{"yaml", "json"})
	return cmd
}

func printConfig(w io.Writer, c *configFlags, defaults, asJSON bool) error {
	if defaults && !asJSON {
		return config.WriteExample(w)
	}
	var cfg *config.Config
	var err error
	if defaults {
		cfg, err = config.Load("", func(string) (string, bool) { return "", false }, nil)
	} else {
		cfg, err = c.load()
	}
	if err != nil {
		return err
	}
	if asJSON {
		return cfg.WriteJSON(w)
	}
	return cfg.WriteYAML(w)
}
