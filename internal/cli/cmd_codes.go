package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sipcause/internal/explain"
)

func codesCommand() *cobra.Command {
	var class string
	cmd := &cobra.Command{
		Use:   "codes [sip|q850|warning|reason]",
		Short: "list the response codes, Q.850 causes, Warning codes or Reason protocols that are known",
		Long: `List every response code of IANA's registry and the unregistered ones met in the field, with whether the request
may be tried again: later (the same server), elsewhere (another one), changed (only with something changed),
no. With q850, warning or reason list those instead. sipcause explain says more of each.`,
		Example: `  sipcause codes
  sipcause codes --class 5xx
  sipcause codes q850`,
		ValidArgs: explain.Lists,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("codes: one list at a time, not %s", strings.Join(args, " "))}
			}
			opt := explain.ListOptions{Width: terminalWidth(cmd.OutOrStdout())}
			if len(args) == 1 {
				opt.List = args[0]
			}
			if class != "" {
				n, err := strconv.Atoi(strings.TrimSuffix(strings.ToLower(class), "xx"))
				if err != nil || n < 1 || n > 6 {
					return usageError{fmt.Errorf("codes: read --class: %q is not one of 1xx to 6xx", class)}
				}
				opt.Class = n
			}
			return inputAsUsage("codes", explain.Codes(cmd.OutOrStdout(), opt))
		},
	}
	cmd.Flags().StringVar(&class, "class", "", "only response codes of this class: 1xx to 6xx")
	complete(cmd, "class", []string{"1xx", "2xx", "3xx", "4xx", "5xx", "6xx"})
	return cmd
}
