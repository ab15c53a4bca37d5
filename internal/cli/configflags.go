package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sipcause/internal/config"
)

// configFlags are the options of the server as flags of a command.
type configFlags struct {
	file  string
	given map[string][]string // by flag
}

// optionFlag takes one option as it is written: package config reads it.
type optionFlag struct {
	name, kind string
	given      map[string][]string
}

func (f optionFlag) String() string { return strings.Join(f.given[f.name], ",") }

func (f optionFlag) Type() string { return f.kind }

func (f optionFlag) Set(v string) error {
	f.given[f.name] = append(f.given[f.name], v)
	return nil
}

func (c *configFlags) flags(cmd *cobra.Command) {
	c.given = map[string][]string{}
	f := cmd.Flags()
	f.SortFlags = false // the order of the table
	f.StringVar(&c.file, "config", "", "file of options (also "+config.PathEnv+"); see docs/configuration.md")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	for _, o := range config.Options() {
		help := o.Help
		if o.List() {
			help += " (may be repeated)"
		}
		if o.Default != "[]" && o.Default != "off" {
			help += " (default " + o.Default + ")"
		}
		f.Var(optionFlag{o.Flag, o.Kind(), c.given}, o.Flag, help)
		if o.Bool() {
			f.Lookup(o.Flag).NoOptDefVal = "true"
		}
		switch words := o.Words(); {
		case words != nil:
			complete(cmd, o.Flag, words)
		case o.Kind() == "DIR":
			_ = cmd.MarkFlagDirname(o.Flag)
		case o.Kind() != "FILE":
			complete(cmd, o.Flag, nil)
		}
	}
}

// load reads the configuration that the flags, the environment and the file make.
func (c *configFlags) load() (*config.Config, error) {
	cfg, err := config.Load(c.file, os.LookupEnv, c.given)
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}
