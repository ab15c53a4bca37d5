// Command sipcause says who decided that a SIP call fails, why, and what to do now.
package main

import (
	"os"

	"sipcause/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
