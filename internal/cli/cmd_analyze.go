package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sipcause/code/playbooks"
	"sipcause/internal/capture"
	"sipcause/internal/correlate"
	"sipcause/internal/decode"
	"sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/keylog"
	"sipcause/internal/passport"
	"sipcause/internal/pipeline"
	"sipcause/internal/query"
	"sipcause/internal/render"
	"sipcause/internal/view"
)

// analyzeOptions are the flags of analyze and demo.
type analyzeOptions struct {
	filter, call, format, failOn, zone, output string
	all, helpFilter, decodeOnly, stats         bool
	workers                                    int
	joinHeaders                                []string
	playbooks                                  string // folder
	given                                      given
	stirCerts                                  string // folder
	name                                       string // of the source, where it is no file
}

func analyzeCommand() *cobra.Command {
	var o analyzeOptions
	cmd := &cobra.Command{
		Use:   "analyze [FILE|DIRECTORY|GLOB|-]...",
		Short: "read captures and say of each call what happened, who decided, why, and what to do",
		Long: `Read captures (pcap and pcapng) and text traces (the logs of Asterisk, FreeSWITCH, Kamailio, pjsip, baresip,
Linphone, Cisco, AudioCodes, Oracle and SIPp, the output of ngrep, sngrep and tcpdump -A, or just messages), also
gzip or zstd; - is standard input. Rebuild each call across all hops, and say of each that failed which element
decided, why, and what to do now. Several files and directories are merged by time; those of
several capture points are put on one clock, and compared.

Formats:
` + helpOf(render.Formats()) + `
Exit status: 0 analysed (whatever was found), 1 failure, 2 wrong usage, 3 findings at or above --fail-on.`,
		Example: `  sipcause analyze trace.pcap
  sipcause analyze --filter 'code >= 500 and to ~ "^sip:\+?33"' /var/captures
  sipcause analyze --call 3848276298220188511@192.0.2.10 --all trace.pcap
  sipcause analyze --format html -o report.html *.pcapng.gz
  tcpdump -i any -w - port 5060 | sipcause analyze -
  ssh pbx cat /var/log/asterisk/full | sipcause analyze -
  sipcause analyze --format ndjson --fail-on error trace.pcap > calls.ndjson`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.helpFilter {
				_, err := io.WriteString(cmd.OutOrStdout(), query.Help(terminalWidth(cmd.OutOrStdout())))
				return err
			}
			if len(args) == 0 {
				return usageError{errors.New("analyze: name at least one capture, or - for standard input; see sipcause analyze --help")}
			}
			src, err := openCapture(cmd, args)
			if err != nil {
				return err
			}
			return o.run(cmd, src)
		},
	}
	o.flags(cmd)
	o.given.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.stirCerts, "stir-certs", "", stirCertsHelp)
	f.BoolVar(&o.helpFilter, "help-filter", false, "describe the filter language and its fields")
	f.BoolVar(&o.decodeOnly, "decode-only", false, "decode and count only")
	f.BoolVar(&o.stats, "stats", false, "print memory and allocation figures to standard error")
	f.IntVar(&o.workers, "workers", 0, "goroutines that parse and correlate (0: one per CPU)")
	for _, hidden := range []string{"decode-only", "stats", "workers"} {
		_ = f.MarkHidden(hidden)
	}
	return cmd
}

// flags adds the flags that say what is shown.
func (o *analyzeOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.filter, "filter", "", "show only what this expression holds for (see analyze --help-filter)")
	f.StringVar(&o.call, "call", "", "show only the call with this Call-ID or id")
	f.BoolVar(&o.all, "all", false, "text, html, markdown, mermaid: show calls that succeeded, every account and every source of retries, too; json, ndjson: say what those were made of")
	f.StringVar(&o.format, "format", "text", "output format: "+strings.Join(formatNames(), ", "))
	f.StringVar(&o.failOn, "fail-on", "", "exit with 3 when a finding is at or above this severity: info, warning, error, critical")
	f.StringVar(&o.zone, "tz", "Local", "time zone of text and HTML: Local, UTC or a name such as Europe/Berlin")
	f.StringVarP(&o.output, "output", "o", "", "write to this file instead of standard output")
	f.StringSliceVar(&o.joinHeaders, "join-header", nil, "header field by which a B2BUA names the Call-ID of its other leg, beside X-Call-ID and X-CID (may be repeated)")
	f.StringVar(&o.playbooks, "playbooks", "", playbooksHelp)
	complete(cmd, "format", formatNames())
	complete(cmd, "fail-on", []string{"info", "warning", "error", "critical"})
}

func complete(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // only for a flag that is not there
	}
}

func formatNames() (names []string) {
	for _, f := range render.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// helpOf says what each format is, a line each.
func helpOf(formats []render.Format) string {
	var b strings.Builder
	for _, f := range formats {
		fmt.Fprintf(&b, "  %-9s %s\n", f.Name, f.Help)
	}
	return b.String()
}

// chosen is what the flags mean.
type chosen struct {
	zone   *time.Location
	filter *query.Expr
	failOn finding.Severity
	fail   bool
	book   func() *playbooks.Book
	keys   *keylog.Log
	secret *digest.Secrets
	certs  *passport.Store
}

func (o *analyzeOptions) choose() (c chosen, err error) {
	if c.zone, err = location(o.zone); err != nil {
		return c, err
	}
	if o.filter != "" {
		if c.filter, err = query.Parse(o.filter); err != nil {
			var q *query.Error
			if errors.As(err, &q) {
				return c, usageError{fmt.Errorf("%w\n%s", err, q.Caret())}
			}
			return c, usageError{err}
		}
	}
	if c.book, err = openPlaybooks(o.playbooks); err != nil {
		return c, err
	}
	if c.keys, err = o.given.keys(); err != nil {
		return c, err
	}
	if c.secret, err = o.given.secrets(); err != nil {
		return c, err
	}
	if c.certs, err = openCertificates(o.stirCerts); err != nil {
		return c, err
	}
	if o.failOn != "" {
		if c.failOn, c.fail = finding.ParseSeverity(o.failOn); !c.fail {
			return c, usageError{fmt.Errorf("read --fail-on: unknown severity %q; accepted are info, warning, error and critical", o.failOn)}
		}
	}
	if names := formatNames(); !slices.Contains(names, o.format) {
		return c, usageError{fmt.Errorf("read --format: unknown format %q; accepted are %s", o.format, strings.Join(names, ", "))}
	}
	return c, nil
}

// location is the time zone that --tz names.
func location(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("read --tz: unknown time zone %q; accepted are Local, UTC and names such as Europe/Berlin", name)}
	}
	return zone, nil
}

// run analyses the source and renders what is asked for.
func (o *analyzeOptions) run(cmd *cobra.Command, src *capture.Source) error {
	c, err := o.choose()
	if err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	progress := newProgress(cmd.ErrOrStderr(), src)
	defer progress.stop()
	if o.decodeOnly {
		s, err := pipeline.DecodeOnly(cmd.Context(), src)
		progress.stop()
		fmt.Fprintf(cmd.OutOrStdout(), "%d packets, %d bytes, %d SIP messages\n", s.Packets, s.Bytes, s.Messages)
		return err
	}
	out, done, err := openOutput(o.output, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	seen, err := o.report(cmd.Context(), src, c, out, progress)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	if o.stats {
		printStats(cmd.ErrOrStderr(), seen.summary)
	}
	if c.fail && seen.findings && seen.worst >= c.failOn {
		return errFindings
	}
	return nil
}

// openOutput returns where a report goes, which is stdout where no file is named; done completes it.
func openOutput(name string, stdout io.Writer) (out io.Writer, done func() error, err error) {
	if name == "" {
		return stdout, func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, nil, fmt.Errorf("create output: %w", err)
	}
	return f, func() error {
		if err := f.Close(); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		return nil
	}, nil
}

// seen is what a report said, as far as the exit status depends on it.
type seen struct {
	summary  *view.Summary
	worst    finding.Severity
	findings bool // any at all
	cases    bool
}

func (s *seen) note(fs []finding.Finding) {
	for i := range fs {
		s.worst, s.findings = max(s.worst, fs[i].Severity), true
	}
}

// report runs the pipeline and renders the cases that were chosen.
func (o *analyzeOptions) report(ctx context.Context, src *capture.Source, c chosen, out io.Writer, progress *progress) (s seen, err error) {
	one := o.call != ""
	r, err := render.New(o.format, out, render.Options{
		Width: terminalWidth(out), Color: colorful(out), Zone: c.zone, All: o.all || one, Brief: one, Certs: c.certs, Files: src.Files(),
	})
	if err != nil {
		return s, err
	}
	var subject view.Subject
	adviser := view.NewAdviser(c.book)
	opt := pipeline.Options{
		Workers: o.workers, Correlate: correlate.Options{JoinHeaders: o.joinHeaders}, Decode: decode.Options{Keys: c.keys}, Secrets: c.secret, Certs: c.certs,
	}
	s.summary, err = pipeline.Run(ctx, src, opt, func(k *view.Case) error {
		if one && !k.Is(o.call) || c.filter != nil && !c.filter.Match(subject.Of(k), c.zone) {
			return nil
		}
		s.cases = true
		s.note(k.Verdict.Findings)
		adviser.Advise(k)
		return r.Case(k)
	})
	progress.stop()
	if err != nil {
		return s, err
	}
	if one && !s.cases {
		return s, fmt.Errorf("find call: none has the id or Call-ID %q", o.call)
	}
	if o.name != "" {
		s.summary.Files = []string{o.name}
	}
	s.note(s.summary.Findings)
	return s, r.End(s.summary)
}

// memoryLimit makes the garbage collector work harder before the program takes more: what is live stays below it
// by the caps of the stages.
const memoryLimit = 240 << 20

func printStats(w io.Writer, s *view.Summary) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "mallocs %d (%.2f per message), heap in use %d, from the system %d, collections %d\n",
		m.Mallocs, float64(m.Mallocs)/float64(max(s.Messages, 1)), m.HeapInuse, m.Sys, m.NumGC)
}

// exactArgs is cobra.ExactArgs with an error that says what is wanted.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s takes %s, not %d arguments; see %s --help", cmd.Name(), what, len(args), cmd.CommandPath())}
		}
		return nil
	}
}
