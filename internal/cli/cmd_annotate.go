package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sipcause/internal/cells"
	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// annotateOptions are the flags of annotate.
type annotateOptions struct {
	from, until, since    string
	lasts                 time.Duration
	kind, route           string
	data, server, zoneTag string
	list                  bool
	zone                  *time.Location
}

func annotateCommand() *cobra.Command {
	var o annotateOptions
	cmd := &cobra.Command{
		Use:   "annotate TEXT",
		Short: "note a maintenance window or a change beside the history of a server, or list the notes",
		Long: `Keep a note, which stands beside every series that it touches: a moment, now unless --from says when, or as long as
--for or --until says. Of a spike within one of kind maintenance it is said that it lies there. With --list show the
notes that are kept, oldest first, those too that the server made itself.

A running server is told, at ` + defaultServer + ` unless --server or the environment's ` + serverEnv + ` names another;
--data writes into the folder of one that is not running. Times are given as in sipcause query: how long ago (90s, 15m, 2h, 7d), a time of day (22:00, of today), a
date, both ("2026-01-15 22:00") in the zone of --tz, or RFC 3339.

Exit status: 0 done; 1 failure; 2 wrong usage.`,
		Example: `  sipcause annotate 'edge proxies updated to 5.8'
  sipcause annotate 'carrier-a moves its trunk' --kind maintenance --route carrier-a --from 22:00 --for 30m
  sipcause annotate 'power failure in the second room' --from 2h --until 90m
  sipcause annotate --list --since 7d
  sipcause annotate --list --data /var/lib/sipcause`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "when it begins (default now)")
	f.StringVar(&o.until, "until", "", "when it ends (default: it is a moment)")
	f.DurationVar(&o.lasts, "for", 0, "how long it lasts, instead of --until: 30m, 2h")
	f.StringVar(&o.kind, "kind", "note", "what it is: "+strings.Join(record.AnnotationKinds, ", "))
	f.StringVar(&o.route, "route", "", "the route that it is about (default all)")
	f.BoolVar(&o.list, "list", false, "list the notes instead")
	f.StringVar(&o.since, "since", "", "with --list: only those that touch what is from then on")
	f.StringVar(&o.data, "data", "", "folder of a server that is not running")
	f.StringVar(&o.server, "server", "", "running server to tell (default: the environment's "+serverEnv+", else "+defaultServer+")")
	f.StringVar(&o.zoneTag, "tz", "Local", "time zone of times: Local, UTC or a name such as Europe/Berlin")
	complete(cmd, "kind", record.AnnotationKinds)
	return cmd
}

func (o *annotateOptions) run(cmd *cobra.Command, args []string) (err error) {
	if o.zone, err = location(o.zoneTag); err != nil {
		return err
	}
	now := time.Now()
	since, err := moment("since", o.since, now, o.zone)
	if err != nil {
		return err
	}
	var a record.Annotation
	switch adds := slices.ContainsFunc([]string{"from", "until", "for", "kind", "route"}, cmd.Flags().Changed); {
	case o.list && (len(args) > 0 || adds):
		return usageError{errors.New("annotate: --list adds no note: a text, --from, --until, --for, --kind and --route have nothing to do")}
	case o.list:
	case o.since != "":
		return usageError{errors.New("annotate: --since is for --list; --from says when a note begins")}
	case len(args) != 1:
		return usageError{fmt.Errorf("annotate takes one text, not %d arguments: put it in quotes; see sipcause annotate --help", len(args))}
	default:
		if a, err = o.note(args[0], now); err != nil {
			return err
		}
	}
	h, err := openHistory(o.data, o.server, "")
	if err != nil {
		return err
	}
	list, err := o.do(cmd.Context(), h, a, since)
	if err := errors.Join(err, h.close()); err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipcause: there are no notes")
		return nil
	}
	return writeAnnotations(cmd.OutOrStdout(), list, o.zone)
}

// note reads the flags that say what is to be kept.
func (o *annotateOptions) note(text string, now time.Time) (a record.Annotation, err error) {
	a = record.Annotation{From: wire.Time(now.UnixNano()), Kind: o.kind, Route: o.route, Text: text}
	if o.from != "" {
		if a.From, err = moment("from", o.from, now, o.zone); err != nil {
			return a, err
		}
	}
	switch {
	case o.lasts < 0 || o.lasts > 0 && o.until != "":
		return a, usageError{errors.New("annotate: --for is how long, from 0, and instead of --until")}
	case o.until == "":
		a.Until = a.From.Add(o.lasts)
	default:
		if a.Until, err = moment("until", o.until, now, o.zone); err != nil {
			return a, err
		}
	}
	if err := a.Check(); err != nil {
		return a, usageError{fmt.Errorf("annotate: %w", err)}
	}
	return a, nil
}

// do keeps the note, or lists those that are kept.
func (o *annotateOptions) do(ctx context.Context, h history, a record.Annotation, since wire.Time) ([]record.Annotation, error) {
	if o.list {
		return h.annotations(ctx, since)
	}
	a, err := h.annotate(ctx, a)
	return []record.Annotation{a}, err
}

func writeAnnotations(w io.Writer, list []record.Annotation, zone *time.Location) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FROM\tUNTIL\tKIND\tROUTE\tID\tTEXT")
	for i := range list {
		a := &list[i]
		until := "-"
		if a.Until != a.From {
			until = a.Until.Std().In(zone).Format(time.DateTime)
		}
		route := "-"
		if a.Route != "" {
			route = cells.Visible(a.Route)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", a.From.Std().In(zone).Format(time.DateTime), until, cells.Visible(a.Kind), route, a.ID, cells.Visible(a.Text))
	}
	return t.Flush()
}

func (l *local) annotate(ctx context.Context, a record.Annotation) (_ record.Annotation, err error) {
	a.ID, err = l.store.Annotate(ctx, a)
	return a, err
}

func (l *local) annotations(ctx context.Context, from wire.Time) ([]record.Annotation, error) {
	return l.store.Annotations(ctx, from, 0)
}

// remoteNote is an annotation as the API takes and writes it.
type remoteNote struct {
	ID    string    `json:"id,omitempty"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Kind  string    `json:"kind"`
	Route string    `json:"route,omitempty"`
	Text  string    `json:"text"`
}

func (n *remoteNote) record() (record.Annotation, error) {
	id, err := strconv.ParseUint(n.ID, 10, 64)
	return record.Annotation{ID: id, From: wire.Time(n.From.UnixNano()), Until: wire.Time(n.Until.UnixNano()), Kind: n.Kind, Route: n.Route, Text: n.Text}, err
}

func (r *remote) annotate(ctx context.Context, a record.Annotation) (record.Annotation, error) {
	resp, err := r.post(ctx, "annotations", remoteNote{From: a.From.Std(), Until: a.Until.Std(), Kind: a.Kind, Route: a.Route, Text: a.Text})
	if err != nil {
		return a, err
	}
	var kept remoteNote
	if err := r.whole(resp, &kept); err != nil {
		return a, err
	}
	if a, err = kept.record(); err != nil {
		return a, fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	return a, nil
}

func (r *remote) annotations(ctx context.Context, from wire.Time) ([]record.Annotation, error) {
	v := map[string][]string{}
	if from != 0 {
		v["from"] = []string{from.Std().Format(time.RFC3339Nano)}
	}
	resp, err := r.get(ctx, "annotations", v, "")
	if err != nil {
		return nil, err
	}
	var page struct{ Items []remoteNote }
	if err := r.whole(resp, &page); err != nil {
		return nil, err
	}
	list := make([]record.Annotation, len(page.Items))
	for i := range page.Items {
		if list[i], err = page.Items[i].record(); err != nil {
			return nil, fmt.Errorf("read the answer of %s: %w", r.base, err)
		}
	}
	return list, nil
}
