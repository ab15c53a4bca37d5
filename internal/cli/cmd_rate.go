package cli

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"sipcause/internal/store"
)

func rateCommand() *cobra.Command {
	var server string
	cmd := &cobra.Command{
		Use:   "rate CALL 1|2|3|4|5",
		Short: "note how satisfied a user was with a call",
		Long: `Tell a running server how satisfied a user was with the call of this Call-ID or id, from 1 (bad) to 5 (excellent). It is
counted as if the user agent had said so: see the measure "rating".

Exit status: 0 done; 1 failure, or there is no such call; 2 wrong usage.`,
		Example: `  sipcause rate 3848276298220188511@192.0.2.10 2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("rate takes a call and a number, not %d arguments; see sipcause rate --help", len(args))}
			}
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 1 || n > 5 {
				return usageError{fmt.Errorf("rate: want a number from 1 (bad) to 5 (excellent), not %q", args[1])}
			}
			r, err := openRemote(server)
			if err != nil {
				return err
			}
			defer r.client.CloseIdleConnections()
			resp, err := r.post(cmd.Context(), "calls/"+url.PathEscape(args[0])+"/rating", map[string]int{"rating": n})
			if errors.Is(err, store.ErrNotFound) {
				return noCall(args[0])
			}
			if err != nil {
				return err
			}
			return resp.Body.Close()
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "running server to tell (default: the environment's "+serverEnv+", else "+defaultServer+")")
	return cmd
}
