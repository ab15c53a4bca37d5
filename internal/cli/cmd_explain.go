package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sipcause/code"
	"sipcause/internal/explain"
)

func explainCommand() *cobra.Command {
	var lang, audience, vendor, folder string
	cmd := &cobra.Command{
		Use:   "explain [TOPIC]",
		Short: "say what a code, a cause, a finding or a pasted response means and what to do about it",
		Long: `Say what a topic means, what to check first, and whether the request may be tried again. A topic is

  486                                a response code, or its phrase: busy here
  Q.850 34                           a cause of ITU-T Q.850
  warning 305                        a code of the Warning header
  reason RELEASE_CAUSE 4             a protocol of the Reason header, and its cause
  auth.wrong-credentials             a finding of analyze
  "SIP/2.0 488 Not Acceptable Here"  a status line

Without a topic, or with -, a response is read from standard input and its headers are taken into account:
Reason, Warning, Retry-After, challenges, Contact, Min-SE and others. It may be quoted ("> ") or indented, and
may be the packet details of Wireshark. What the playbooks know of the software in its Server header is added; with
--vendor also to a code or a finding.

Sentences for the audiences caller and support are there for response codes and responses.`,
		Example: `  sipcause explain 503 --audience caller
  sipcause explain 503 --vendor asterisk
  sipcause explain Q.850 34
  sipcause explain < response.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := code.ParseAudience(audience)
			if err != nil {
				return usageError{fmt.Errorf("explain: %w", err)}
			}
			if _, ok := isTerminal(cmd.InOrStdin()); ok && len(args) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "Paste a response and end with Ctrl-D on a line of its own.")
			}
			book, err := openPlaybooks(folder)
			if err != nil {
				return err
			}
			opt := explain.Options{
				Lang: lang, Audience: to, Width: terminalWidth(cmd.OutOrStdout()), Playbooks: book(), Vendor: vendor,
			}
			return inputAsUsage("explain", explain.Explain(args, cmd.InOrStdin(), opt, cmd.OutOrStdout()))
		},
	}
	f := cmd.Flags()
	f.StringVar(&lang, "lang", "en", "language: "+strings.Join(code.Languages(), ", "))
	f.StringVar(&audience, "audience", code.Engineer.String(), "for whom: "+strings.Join(audiences(), ", "))
	f.StringVar(&vendor, "vendor", "", "say also what the playbooks know of this software: asterisk, kamailio and others")
	f.StringVar(&folder, "playbooks", "", playbooksHelp)
	completeLate(cmd, "vendor", vendorIDs)
	complete(cmd, "lang", code.Languages())
	complete(cmd, "audience", audiences())
	return cmd
}

func audiences() []string {
	return []string{code.Engineer.String(), code.Caller.String(), code.Support.String()}
}

// inputAsUsage makes a topic that cannot be explained wrong usage; other errors stay.
func inputAsUsage(command string, err error) error {
	var input *explain.InputError
	if errors.As(err, &input) {
		return usageError{fmt.Errorf("%s: %w", command, err)}
	}
	return err
}
