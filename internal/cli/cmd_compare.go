package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sipcause/internal/capture"
	"sipcause/internal/compare"
	"sipcause/internal/correlate"
	"sipcause/internal/decode"
	"sipcause/internal/pipeline"
	"sipcause/internal/render"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// compareOptions are the flags of compare.
type compareOptions struct {
	before, after, format, zone, output string
	all                                 bool
	joinHeaders                         []string
	given                               given
}

func compareCommand() *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare A B | compare --before FROM..TO --after FROM..TO FILE...",
		Short: "say what differs between two captures or two periods, and what got worse",
		Long: `Compare two captures, each a file, a directory, a glob in quotes or - for standard input; or, with --before and
--after, two periods of one capture. Say what got worse, then codes, outcomes and root causes (with Call-IDs of
examples), set-up times, failures by user agent and firmware and by who decided, and header fields and user agents
that only one side has.

A period is FROM..TO, without TO itself; either may be missing. Each is 2026-01-15T09:30:00Z (RFC 3339),
2026-01-15 09:30 or 2026-01-15 in the zone of --tz, or a time of day such as 09:30 or 09:30:15.5 of the day on which
the capture begins. A call belongs to the period in which it began.

Shares are of the cases whose end the capture shows. One is marked as different where both populations have at
least ` + fmt.Sprint(compare.MinPopulation) + ` cases and Fisher's exact test (two-sided) gives a chance below ` + fmt.Sprint(compare.Significance) + ` that they are the same; smaller
populations are shown, not judged. A failure is a case without any answer to it, or refused otherwise than by the
person called: outcome failed or challenged.

Formats:
` + helpOf(render.ComparisonFormats()),
		Example: `  sipcause compare monday.pcap tuesday.pcap
  sipcause compare 'old/*.pcap.gz' new/
  sipcause compare --before ..14:00 --after 14:00.. day.pcap
  sipcause compare --format json before.pcap after.pcap`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.before, "before", "", "period of side A, FROM..TO")
	f.StringVar(&o.after, "after", "", "period of side B, FROM..TO")
	f.BoolVar(&o.all, "all", false, "text: every row of every table")
	f.StringVar(&o.format, "format", "text", "output format: "+strings.Join(comparisonFormatNames(), ", "))
	f.StringVar(&o.zone, "tz", "Local", "time zone of text and periods: Local, UTC or a name such as Europe/Berlin")
	f.StringVarP(&o.output, "output", "o", "", "write to this file instead of standard output")
	f.StringSliceVar(&o.joinHeaders, "join-header", nil, "as for analyze")
	f.StringArrayVar(&o.given.keylogs, "keylog", nil, "as for analyze")
	complete(cmd, "format", comparisonFormatNames())
	return cmd
}

func comparisonFormatNames() (names []string) {
	for _, f := range render.ComparisonFormats() {
		names = append(names, f.Name)
	}
	return names
}

func (o *compareOptions) run(cmd *cobra.Command, args []string) error {
	zone, err := location(o.zone)
	if err != nil {
		return err
	}
	if names := comparisonFormatNames(); !slices.Contains(names, o.format) {
		return usageError{fmt.Errorf("read --format: unknown format %q; accepted are %s", o.format, strings.Join(names, ", "))}
	}
	keys, err := o.given.keys()
	if err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	opt := pipeline.Options{Correlate: correlate.Options{JoinHeaders: o.joinHeaders}, Decode: decode.Options{Keys: keys}}
	var a, b compare.Tally
	if o.before != "" || o.after != "" {
		err = o.periods(cmd, args, zone, opt, &a, &b)
	} else {
		err = captures(cmd, args, opt, &a, &b)
	}
	if err != nil {
		return err
	}
	out, done, err := openOutput(o.output, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	err = render.Compare(o.format, out, compare.Compare(&a, &b), render.Options{Width: terminalWidth(out), Color: colorful(out), Zone: zone, All: o.all})
	return errors.Join(err, done())
}

// captures counts two captures, one after the other.
func captures(cmd *cobra.Command, args []string, opt pipeline.Options, a, b *compare.Tally) error {
	if len(args) != 2 {
		return usageError{fmt.Errorf("compare takes two captures, or --before and --after with one, not %d arguments; see sipcause compare --help", len(args))}
	}
	if args[0] == "-" && args[1] == "-" {
		return usageError{errors.New("compare: standard input can be one of the captures, not both")}
	}
	for i, t := range []*compare.Tally{a, b} {
		src, err := openCapture(cmd, args[i:i+1])
		if err != nil {
			return err
		}
		if err := countCases(cmd, src, opt, []*compare.Tally{t}); err != nil {
			return err
		}
	}
	return nil
}

// periods counts two periods of one capture, which is read once; for its first day its beginning is read before.
func (o *compareOptions) periods(cmd *cobra.Command, args []string, zone *time.Location, opt pipeline.Options, a, b *compare.Tally) error {
	if o.before == "" || o.after == "" {
		return usageError{errors.New("compare: --before and --after go together")}
	}
	if len(args) == 0 {
		return usageError{errors.New("compare: name at least one capture to take the periods from")}
	}
	var spans [2]compare.Span
	for i, text := range []string{o.before, o.after} {
		var err error
		if spans[i], err = compare.ParseSpan(text, zone); err != nil {
			return usageError{err}
		}
	}
	var first wire.Time
	if spans[0].NeedsDay() || spans[1].NeedsDay() {
		if slices.Contains(args, "-") {
			return usageError{errors.New("compare: periods of standard input need dates, since its first day is not known before it is read")}
		}
		src, err := capture.Open(args, nil)
		if err != nil {
			return err
		}
		if first, err = began(cmd.Context(), src); err != nil {
			return err
		}
	}
	sides := []*compare.Tally{a, b}
	for i, t := range sides {
		var err error
		if t.Period, err = spans[i].On(first, zone); err != nil {
			return usageError{err}
		}
	}
	if a.Period.Overlaps(b.Period) {
		return usageError{errors.New("compare: the two periods overlap")}
	}
	src, err := openCapture(cmd, args)
	if err != nil {
		return err
	}
	return countCases(cmd, src, opt, sides)
}

// countCases reads a capture to its end and gives each case to the side whose period has its beginning.
func countCases(cmd *cobra.Command, src *capture.Source, opt pipeline.Options, sides []*compare.Tally) error {
	progress := newProgress(cmd.ErrOrStderr(), src)
	defer progress.stop()
	s, err := pipeline.Run(cmd.Context(), src, opt, func(k *view.Case) error {
		for _, t := range sides {
			if t.Period.Contains(k.Call.Began) {
				t.Add(k)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range sides {
		t.Files = s.Files
		for i := range s.Gaps {
			if g := (compare.Period{From: s.Gaps[i].From, Until: s.Gaps[i].Until + 1}); g.From == 0 || t.Period.Overlaps(g) {
				t.Gaps++
			}
		}
	}
	return nil
}

// openCapture opens what a command line names and says what of it is passed over.
func openCapture(cmd *cobra.Command, paths []string) (*capture.Source, error) {
	src, err := capture.Open(paths, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	for _, what := range src.Skipped() {
		fmt.Fprintf(cmd.ErrOrStderr(), "sipcause: passed over %s\n", what)
	}
	return src, nil
}

// began returns the time of a capture's first packet or message.
func began(ctx context.Context, src *capture.Source) (first wire.Time, err error) {
	err = src.Run(ctx, func(p *wire.Packet) error {
		first = p.Time
		return io.EOF
	}, func(p *wire.Payload) error {
		first = p.Time
		return io.EOF
	}, func(wire.Gap) {})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return first, err
}
