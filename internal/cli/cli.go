// Package cli is the command line: one file per command, a table of them, and the exit codes. Its one rule:
// it decides nothing about calls; it wires sources, the pipeline and faces.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

// Exit codes, as scripts rely on them.
const (
	exitOK       = 0 // done, whatever was found
	exitFailure  = 1 // our own failure: a file, a disk
	exitUsage    = 2 // wrong usage
	exitFindings = 3 // findings at or above --fail-on
)

// Version is set when the binary is linked.
var Version = "devel"

// usageError is what the user wrote that cannot be meant.
type usageError struct{ error }

// errFindings says that --fail-on was met.
var errFindings = errors.New("findings at or above --fail-on")

// commands is the table of commands, in the order of the help text.
var commands = []func() *cobra.Command{
	analyzeCommand,
	compareCommand,
	explainCommand,
	codesCommand,
	demoCommand,
	func() *cobra.Command { return serveCommand(runServer) },
	sendCommand,
	queryCommand,
	annotateCommand,
	rateCommand,
	dbCommand,
	configCommand,
	manCommand,
}

// Main runs one command line and returns the exit code. An interrupt ends a run cleanly.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once, a blocked read included
	root := Root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "sipcause: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "sipcause: %v\n", err)
	return exitFailure
}

// Root returns the command tree; the man page and the completion are made from it.
func Root() *cobra.Command {
	root := &cobra.Command{
		Use:   "sipcause",
		Short: "say who decided that a SIP call fails, why, and what to do now",
		Long: "sipcause reads SIP signalling from captures, rebuilds each call across every hop, and says per call\n" +
			"which element decided, why, and what to do now.\n\n" +
			"Exit status: 0 done, 1 failure, 2 wrong usage, 3 findings at or above --fail-on.",
		Version:       Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q%s", args[0], nearestCommand(cmd, args[0]))}
			}
			return nil
		},

		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, c := range commands {
		root.AddCommand(c())
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	return root
}

func nearestCommand(root *cobra.Command, name string) string {
	if s := root.SuggestionsFor(name); len(s) > 0 {
		return fmt.Sprintf("; did you mean %q?", s[0])
	}
	return "; see sipcause --help"
}
