// Command gen writes a capture of SIP traffic, invented but lifelike, together with what is true of it: many calls at
// once through a proxy, captured at the proxy so that both hops are seen, with registrations and keepalives among
// them. The same flags give the same bytes.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	messages := flags.Int("messages", 1_000_000, "SIP messages, exactly")
	seed := flags.Uint64("seed", 1, "seed of everything random")
	out := flags.String("o", "-", "capture to write; - is standard output")
	first := flags.String("from", "2026-01-15T10:00:00Z", "time of the first message (RFC 3339)")
	rate := flags.Float64("rate", arrivalRate, "calls, registrations and keepalives that begin in a second; of other rates the truth is not known")
	tcp := flags.Bool("tcp", false, "carry the messages over a few TCP connections instead of UDP")
	truthFile := flags.String("truth", "", "file for the truth (JSON)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *messages < 2 {
		return fmt.Errorf("-messages %d: at least 2, a request and its response", *messages)
	}
	from, err := time.Parse(time.RFC3339, *first)
	if err != nil {
		return fmt.Errorf("-from: %w", err)
	}
	if *rate <= 0 {
		return fmt.Errorf("-rate %g: more than 0", *rate)
	}
	w, done := stdout, func() error { return nil }
	if *out != "-" {
		f, err := os.Create(*out)
		if err != nil {
			return err
		}
		w, done = f, f.Close
	}
	truth, err := generate(w, plan{messages: *messages, seed: *seed, tcp: *tcp, from: from, rate: *rate})
	if cerr := done(); err == nil {
		err = cerr
	}
	if err != nil || *truthFile == "" {
		return err
	}
	b, err := json.MarshalIndent(truth, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*truthFile, append(b, '\n'), 0o644)
}
