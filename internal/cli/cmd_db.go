package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sipcause/internal/archive"
	"sipcause/internal/query"
	"sipcause/internal/store"
	"sipcause/internal/store/sqlite"
	"sipcause/internal/wire"
)

func dbCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "db",
		Short: "check, measure, export and import the history of a server that is not running",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("db: unknown command %q%s", args[0], nearestCommand(cmd, args[0]))}
			}
			return nil
		},
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(dbCheckCommand(), dbStatsCommand(), dbExportCommand(), dbImportCommand())
	return cmd
}

// dataFlag names the folder; check says when it was not given or arguments are too many or too few.
type dataFlag struct{ dir string }

func (d *dataFlag) flag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.dir, "data", "", "folder of the history, as serve has it")
	_ = cmd.MarkFlagDirname("data")
}

func (d *dataFlag) check(cmd *cobra.Command, args []string, folders int) error {
	switch {
	case d.dir == "":
		return usageError{fmt.Errorf("%s: name the folder of the history with --data", cmd.Name())}
	case len(args) != folders && folders == 0:
		return usageError{fmt.Errorf("%s takes no arguments, not %d; see %s --help", cmd.Name(), len(args), cmd.CommandPath())}
	case len(args) != folders:
		return usageError{fmt.Errorf("%s takes one folder of Parquet files, not %d; see %s --help", cmd.Name(), len(args), cmd.CommandPath())}
	}
	return nil
}

func dbCheckCommand() *cobra.Command {
	var d dataFlag
	cmd := &cobra.Command{
		Use:   "check --data DIR",
		Short: "read all of the history and say what of it is damaged",
		Long: `Read every file of the history, by SQLite's own check and record by record, and say of each whether it is whole.
Nothing is changed. The server must not be running.

Exit status: 0 all is well, 1 something is damaged, or could not be read, 2 wrong usage.`,
		Example: `  sipcause db check --data /var/lib/sipcause`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.check(cmd, args, 0); err != nil {
				return err
			}
			if err := hasHistory(d.dir); err != nil {
				return err
			}
			report, ok, err := sqlite.Check(d.dir)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(cmd.OutOrStdout(), report); err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("check %s: it is damaged; serve sets aside what it cannot read, and goes on without it", d.dir)
			}
			return nil
		},
	}
	d.flag(cmd)
	return cmd
}

func dbStatsCommand() *cobra.Command {
	var d dataFlag
	var format string
	cmd := &cobra.Command{
		Use:   "stats --data DIR",
		Short: "say how much history there is, of what time, and what it takes",
		Example: `  sipcause db stats --data /var/lib/sipcause
  sipcause db stats --data /var/lib/sipcause --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.check(cmd, args, 0); err != nil {
				return err
			}
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("read --format: unknown format %q; accepted are text, json", format)}
			}
			s, err := openStore(d.dir)
			if err != nil {
				return err
			}
			st, err := s.Stats(cmd.Context())
			if err := errors.Join(err, s.Close()); err != nil {
				return err
			}
			return writeStats(cmd.OutOrStdout(), &st, format)
		},
	}
	d.flag(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "output format: text, json")
	complete(cmd, "format", []string{"text", "json"})
	return cmd
}

// storeKinds are the kinds of store.Stats.ByKind, in the order in which they are shown.
var storeKinds = []string{"messages", "cases", "rollups"}

func writeStats(w io.Writer, s *store.Stats, format string) error {
	when := func(t wire.Time) string {
		if t == 0 {
			return ""
		}
		return t.Std().Format(time.RFC3339)
	}
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{
			"messages": s.Messages, "cases": s.Cases, "open": s.Open, "cells": s.Cells, "bytes": s.Bytes, "bytes_by_kind": s.ByKind, "partitions": s.Partitions,
			"oldest": when(s.Oldest), "newest": when(s.Newest), "last_message": when(s.LastMessage), "bad_partitions": append([]string{}, s.BadPartitions...),
		})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, value any) { fmt.Fprintf(t, "%s\t%v\n", name, value) }
	line("cases", fmt.Sprintf("%d, %d of them open", s.Cases, s.Open))
	line("messages", s.Messages)
	line("roll-up cells", s.Cells)
	for _, at := range []struct {
		name string
		time wire.Time
	}{{"oldest case", s.Oldest}, {"newest case", s.Newest}, {"last message", s.LastMessage}} {
		if at.time != 0 {
			line(at.name, when(at.time))
		}
	}
	line("bytes", s.Bytes)
	for _, kind := range storeKinds {
		line("  of "+kind, s.ByKind[kind])
	}
	if s.Messages > 0 {
		line("bytes per message", fmt.Sprintf("%.0f", float64(s.ByKind["messages"])/float64(s.Messages)))
	}
	line("partitions", s.Partitions)
	for _, bad := range s.BadPartitions {
		line("damaged, set aside", bad)
	}
	return t.Flush()
}

func dbExportCommand() *cobra.Command {
	var d dataFlag
	var s search
	var zone string
	cmd := &cobra.Command{
		Use:   "export --data DIR FOLDER",
		Short: "write the history, or some of it, to Parquet files",
		Long: `Write cases.parquet, messages.parquet, rollups.parquet and gaps.parquet to a folder, which is made. DuckDB, pandas, Spark,
ClickHouse and others read them; docs/how-to/export-the-history.md says what their columns are. sipcause db import reads them back.

--since and --until bound when a case began, a message was seen, a minute was counted; their forms are those of sipcause query.
With --filter (see sipcause query --help-filter) only the cases that it holds for are written, and all messages of their
Call-IDs; roll-ups and gaps are of all traffic and are left out.`,
		Example: `  sipcause db export --data /var/lib/sipcause ./export
  sipcause db export --data /var/lib/sipcause --since 2026-01-01 --until 2026-02-01 ./january
  sipcause db export --data /var/lib/sipcause --since 1d --filter 'route = "carrier-a" and outcome = failed' ./failed`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.check(cmd, args, 1); err != nil {
				return err
			}
			sel, err := selection(&s, zone)
			if err != nil {
				return err
			}
			from, err := openStore(d.dir)
			if err != nil {
				return err
			}
			n, err := archive.Export(cmd.Context(), from, args[0], sel)
			return said(cmd, "wrote", n, errors.Join(err, from.Close()))
		},
	}
	d.flag(cmd)
	f := cmd.Flags()
	f.StringVar(&s.since, "since", "", "only what is of then or later: 2h, 7d, 09:30, 2026-01-15, RFC 3339")
	f.StringVar(&s.until, "until", "", "only what is of before then")
	f.StringVar(&s.filter, "filter", "", "only the cases that this expression holds for, and their messages")
	f.StringVar(&zone, "tz", "Local", "time zone of times and of the expression: Local, UTC or a name such as Europe/Berlin")
	return cmd
}

// selection reads the flags.
func selection(s *search, zone string) (sel archive.Selection, err error) {
	if s.zone, err = location(zone); err != nil {
		return sel, err
	}
	sel.Zone = s.zone
	if sel.From, sel.Until, err = s.interval(time.Now()); err != nil {
		return sel, err
	}
	if s.filter != "" {
		if sel.Where, err = query.Parse(s.filter); err != nil {
			return sel, filterError(err)
		}
	}
	return sel, nil
}

func dbImportCommand() *cobra.Command {
	var d dataFlag
	cmd := &cobra.Command{
		Use:   "import --data DIR FOLDER",
		Short: "make a history of what export wrote",
		Long: `Read the Parquet files that sipcause db export wrote into a new history. The folder of --data is made; a history in it must be
empty, since what is there already would be counted twice.`,
		Example: `  sipcause db import --data ./copy ./export
  sipcause query --data ./copy 'outcome = failed'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.check(cmd, args, 1); err != nil {
				return err
			}
			if !isFolder(args[0]) {
				return fmt.Errorf("import: %s is no folder", args[0])
			}
			into, err := sqlite.Open(d.dir, sqlite.Options{})
			if err != nil {
				return err
			}
			n, err := archive.Import(cmd.Context(), into, args[0])
			if err != nil {
				err = fmt.Errorf("import into %s: %w", d.dir, err)
			}
			return said(cmd, "read", n, errors.Join(err, into.Close()))
		},
	}
	d.flag(cmd)
	return cmd
}

// said tells how much was written or read, unless that failed.
func said(cmd *cobra.Command, verb string, n archive.Written, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %d cases, %d messages, %d cells of roll-ups, %d gaps\n", verb, n.Cases, n.Messages, n.Cells, n.Gaps)
	return err
}
