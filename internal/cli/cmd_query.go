package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sipcause/code"
	"sipcause/internal/finding"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// history is where query asks: a folder, or a running server.
type history interface {
	// list hands on the cases that a search finds, newest first, until show is false.
	list(ctx context.Context, s *search, show func(*record.Case) (bool, error)) error
	// report writes analyze's report on them; more says that the limit left some out.
	report(ctx context.Context, s *search, w io.Writer) (more bool, err error)
	// one writes analyze's report on one case, by its ID or a Call-ID.
	one(ctx context.Context, s *search, id string, w io.Writer) error
	// count counts them by the values of a field.
	count(ctx context.Context, s *search, f query.Field) ([]store.Count, error)
	// annotate keeps a note of people and returns it with its ID.
	annotate(ctx context.Context, a record.Annotation) (record.Annotation, error)
	// annotations returns the notes that touch what is from then on (0: all), in order of time.
	annotations(ctx context.Context, from wire.Time) ([]record.Annotation, error)
	// messages returns what is kept of a case that was listed, or of one of which only the ID, or a Call-ID, is known.
	messages(ctx context.Context, c *record.Case) ([]record.Message, error)
	close() error
}

// search is what the flags ask for.
type search struct {
	filter       string
	since, until string // as given
	limit        int    // 0: all
	zone         *time.Location
	format       string
	width        int
	color        bool
}

// defaultServer is where serve listens when it is not told otherwise.
const defaultServer = "http://127.0.0.1:8060"

type queryOptions struct {
	search
	data, server, call, countBy, pcap, zoneName, output, playbooks string
	whole, helpFilter                                              bool
	nothing                                                        bool // was listed
}

func queryCommand() *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query [EXPRESSION]",
		Short: "search the history of a server for calls, and show them again whole",
		Long: `Search what serve has kept, newest first, and list what is found, a line each: when, what, code, outcome, from, to,
root cause, routes, and the ID, which --call takes. With --whole, or in any other format, show each case as analyze does:
diagnosis, evidence, ladder, messages, as far as its messages are still kept.

The expression is that of analyze --filter (see --help-filter); without one everything is found. A running server is
asked, at ` + defaultServer + ` unless --server or the environment's ` + serverEnv + ` names another; --data reads the
folder of one that is not running. A server reports on at most 1000 cases at once, in csv and ndjson on any number.

--since and --until bound when a case began: how long ago (90s, 15m, 2h, 7d, 2w), a time of day (09:30, of today), a date
(2026-01-15), both ("2026-01-15 09:30") in the zone of --tz, or RFC 3339.

Formats:
` + helpOf(render.Formats()) + `
Exit status: 0 done, also when nothing was found; 1 failure, or --call names no case; 2 wrong usage.`,
		Example: `  sipcause query 'cause = auth.* and route = "carrier-a"' --since 2h
  sipcause query 'code >= 500' --since 09:00 --until 09:30 --whole
  sipcause query 'number = +4930*' --since 7d --limit 0 --format csv -o calls.csv
  sipcause query 'outcome = failed' --since 1d --count-by cause
  sipcause query --call 3848276298220188511@192.0.2.10
  sipcause query --call 3848276298220188511@192.0.2.10 --format html -o call.html
  sipcause query 'ua ~ "^ExamplePhone"' --since 1h --pcap phones.pcap
  sipcause query 'severity = critical' --data /var/lib/sipcause
  sipcause query --server http://sip1.example.com:8060 'code = 503'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.helpFilter {
				_, err := io.WriteString(cmd.OutOrStdout(), query.Help(terminalWidth(cmd.OutOrStdout())))
				return err
			}
			if len(args) > 1 {
				return usageError{fmt.Errorf("query takes one expression, not %d arguments: put it in quotes; see sipcause query --help", len(args))}
			}
			if len(args) == 1 {
				o.filter = args[0]
			}
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "only what began then or later: 2h, 7d, 09:30, 2026-01-15, RFC 3339")
	f.StringVar(&o.until, "until", "", "only what began before then")
	f.IntVar(&o.limit, "limit", 100, "at most so many cases, or values with --count-by; 0: all")
	f.StringVar(&o.call, "call", "", "show the case with this Call-ID or id, whole")
	f.BoolVar(&o.whole, "whole", false, "text: show each case whole instead of a line of it")
	f.StringVar(&o.format, "format", "text", "output format: "+strings.Join(formatNames(), ", "))
	f.StringVar(&o.countBy, "count-by", "", "count the cases by the values of this field instead: "+strings.Join(countable(), ", ")+" (formats text, csv, json)")
	f.StringVar(&o.pcap, "pcap", "", "write the messages of the cases to this file as a capture instead; - is standard output")
	f.StringVar(&o.data, "data", "", "folder of a server that is not running")
	f.StringVar(&o.server, "server", "", "running server to ask (default: the environment's "+serverEnv+", else "+defaultServer+")")
	f.StringVar(&o.zoneName, "tz", "Local", "time zone of text, times and the expression: Local, UTC or a name such as Europe/Berlin")
	f.StringVarP(&o.output, "output", "o", "", "write to this file instead of standard output")
	f.StringVar(&o.playbooks, "playbooks", "", "with --data: "+playbooksHelp)
	f.BoolVar(&o.helpFilter, "help-filter", false, "describe the filter language and its fields")
	complete(cmd, "format", formatNames())
	complete(cmd, "count-by", countable())
	return cmd
}

// countedFields are those that stores count by.
var countedFields = []query.Field{query.Cause, query.Code, query.Outcome, query.Finding, query.Route, query.UA, query.OriginRole, query.Method}

func countable() (names []string) {
	for _, f := range countedFields {
		names = append(names, f.String())
	}
	return names
}

// check finds what cannot be meant.
func (o *queryOptions) check() (err error) {
	if o.zone, err = location(o.zoneName); err != nil {
		return err
	}
	if names := formatNames(); !slices.Contains(names, o.format) {
		return usageError{fmt.Errorf("read --format: unknown format %q; accepted are %s", o.format, strings.Join(names, ", "))}
	}
	switch {
	case o.limit < 0:
		return usageError{fmt.Errorf("read --limit: want a number from 0, not %d", o.limit)}
	case o.countBy != "" && !slices.Contains(countable(), o.countBy):
		return usageError{fmt.Errorf("read --count-by: cases are not counted by %q; accepted are %s", o.countBy, strings.Join(countable(), ", "))}
	case o.countBy != "" && !slices.Contains([]string{"text", "csv", "json"}, o.format):
		return usageError{fmt.Errorf("query: counts are not written as %s; accepted are text, csv, json", o.format)}
	case o.countBy != "" && (o.pcap != "" || o.call != "" || o.whole), o.pcap != "" && o.whole:
		return usageError{errors.New("query: --count-by, --pcap and --whole each ask for something else, and --call for one case")}
	case o.pcap != "" && o.output != "":
		return usageError{errors.New("query: --pcap names the file that is written: -o has nothing to do")}
	case o.call != "" && o.filter+o.since+o.until != "":
		return usageError{errors.New("query: --call names the case: an expression, --since and --until have nothing to do")}
	}
	return nil
}

func (o *queryOptions) run(cmd *cobra.Command) error {
	if err := o.check(); err != nil {
		return err
	}
	h, err := openHistory(o.data, o.server, o.playbooks)
	if err != nil {
		return err
	}
	defer func() { _ = h.close() }() // nothing was written
	if o.pcap != "" {
		return o.writePcap(cmd, h)
	}
	out, done, err := openOutput(o.output, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	o.width, o.color = terminalWidth(out), colorful(out)
	more, err := o.write(cmd.Context(), h, out)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	switch {
	case more:
		fmt.Fprintf(cmd.ErrOrStderr(), "sipcause: shown are the newest %d; --limit or a narrower search shows others\n", o.limit)
	case o.nothing:
		fmt.Fprintln(cmd.ErrOrStderr(), "sipcause: nothing was found")
	}
	return nil
}

// openHistory opens the folder or names the server, where neither is given the default one.
func openHistory(data, server, dir string) (history, error) {
	switch {
	case data != "" && server != "":
		return nil, usageError{errors.New("--data and --server exclude each other")}
	case data == "":
		r, err := openRemote(server)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	book, err := openPlaybooks(dir)
	if err != nil {
		return nil, err
	}
	return openLocal(data, book)
}

// write writes what is asked for.
func (o *queryOptions) write(ctx context.Context, h history, out io.Writer) (more bool, err error) {
	switch {
	case o.call != "":
		return false, h.one(ctx, &o.search, o.call, out)
	case o.countBy != "":
		field := countedFields[slices.Index(countable(), o.countBy)]
		counts, err := h.count(ctx, &o.search, field)
		if err != nil {
			return false, err
		}
		return false, render.Counts(o.format, out, o.countBy, counts, meaningOf(field))
	case o.whole || o.format != "text":
		return h.report(ctx, &o.search, out)
	}
	list := render.NewList(out, render.Options{Color: o.color, Zone: o.zone})
	return o.each(ctx, h, list.Case)
}

// each hands on what is found, up to the limit; more says that there is more.
func (o *queryOptions) each(ctx context.Context, h history, show func(*record.Case) error) (more bool, err error) {
	n := 0
	err = h.list(ctx, &o.search, func(c *record.Case) (bool, error) {
		if o.limit > 0 && n == o.limit {
			more = true
			return false, nil
		}
		n++
		return true, show(c)
	})
	o.nothing = n == 0
	return more, err
}

// meaningOf returns what says what a counted value stands for.
func meaningOf(f query.Field) func(string) string {
	switch f {
	case query.Cause, query.Finding:
		return func(id string) string {
			if d, ok := finding.Lookup(finding.ID(id)); ok {
				return d.Title
			}
			return ""
		}
	case query.Code:
		return func(v string) string {
			n, _ := strconv.Atoi(v) // 0 has no phrase
			return code.Phrase(n)
		}
	}
	return func(string) string { return "" }
}

// writePcap writes the messages of what is found as a capture.
func (o *queryOptions) writePcap(cmd *cobra.Command, h history) (err error) {
	var all []record.Message
	cases, more := 0, false
	add := func(c *record.Case) error {
		list, err := h.messages(cmd.Context(), c)
		cases++
		all = append(all, list...)
		return err
	}
	if o.call != "" {
		err = add(&record.Case{ID: o.call})
	} else {
		more, err = o.each(cmd.Context(), h, add)
	}
	if err != nil {
		return err
	}
	all = record.Sorted(all)
	name := o.pcap
	if name == "-" {
		name = ""
	}
	out, done, err := openOutput(name, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	if err := errors.Join(render.Pcap(out, all), done()); err != nil {
		return err
	}
	said := fmt.Sprintf("sipcause: wrote %s of %s", numbered(len(all), "message"), numbered(cases, "case"))
	if more {
		said += "; there are more: --limit takes them too"
	}
	fmt.Fprintln(cmd.ErrOrStderr(), said)
	return nil
}

// numbered is "1 case" or "2 cases".
func numbered(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// moments are the layouts of --since and --until without an offset.
var moments = []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"}

// moment reads a --since or --until as of now; 0 for "".
func moment(flag, text string, now time.Time, zone *time.Location) (wire.Time, error) {
	if text == "" {
		return 0, nil
	}
	if d, ok := ago(text); ok {
		return wire.Time(now.Add(-d).UnixNano()), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return wire.Time(t.UnixNano()), nil
	}
	for _, layout := range moments {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return wire.Time(t.UnixNano()), nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			day := now.In(zone)
			return wire.Time(time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone).UnixNano()), nil
		}
	}
	return 0, usageError{fmt.Errorf("read --%s: %q is no time; accepted are how long ago (90s, 15m, 2h, 7d), 09:30, 2026-01-15, \"2026-01-15 09:30\" and RFC 3339", flag, text)}
}

// ago reads how long ago something was.
func ago(text string) (time.Duration, bool) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			n, err := strconv.ParseFloat(number, 64)
			return time.Duration(n * float64(unit)), err == nil && n >= 0 && n < 36500
		}
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

// interval reads both.
func (s *search) interval(now time.Time) (from, until wire.Time, err error) {
	if from, err = moment("since", s.since, now, s.zone); err != nil {
		return 0, 0, err
	}
	if until, err = moment("until", s.until, now, s.zone); err != nil {
		return 0, 0, err
	}
	if from != 0 && until != 0 && until <= from {
		return 0, 0, usageError{errors.New("query: --until must be after --since")}
	}
	return from, until, nil
}

// filterError is a filter that cannot be read, with a line that points at what is wrong.
func filterError(err error) error {
	var q *query.Error
	if errors.As(err, &q) {
		return usageError{fmt.Errorf("%w\n%s", err, q.Caret())}
	}
	return usageError{err}
}

// isFolder says whether there is a folder of that name.
func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
