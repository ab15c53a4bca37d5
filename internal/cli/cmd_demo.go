package cli

import (
	"bytes"
	_ "embed"

	"github.com/spf13/cobra"

	"sipcause/internal/capture"
)

// demoCapture is made from testdata/demo.txtar: see TestDemoCapture.
//
//go:embed demo.pcap.gz
var demoCapture []byte

func demoCommand() *cobra.Command {
	o := analyzeOptions{name: "built-in demo"}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "analyse a built-in capture: a dozen calls that fail in different ways",
		Example: `  sipcause demo
  sipcause demo --format html -o demo.html`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			src, err := capture.Open([]string{"-"}, bytes.NewReader(demoCapture))
			if err != nil {
				return err
			}
			return o.run(cmd, src)
		},
	}
	o.flags(cmd)
	return cmd
}
