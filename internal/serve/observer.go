package serve

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/kpi"
	"sipcause/internal/peer"
	"sipcause/internal/pipeline"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/store"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

var _ view.Observer = (*Server)(nil)

// Cases finds cases (view.Observer).
func (s *Server) Cases(ctx context.Context, q store.Search) (store.Page, error) {
	return s.opt.Store.Search(ctx, q)
}

// Case hands on one case whole (view.Observer).
func (s *Server) Case(ctx context.Context, id string, show func(*view.Case, *view.Summary) error) error {
	rec, err := s.opt.Store.Case(ctx, id)
	if err != nil {
		return err
	}
	gaps, err := s.opt.Store.Gaps(ctx, rec.Began, rec.Ended, maxGapsShown)
	if err != nil {
		return err
	}
	sum := &view.Summary{First: rec.Began, Last: rec.Ended, Messages: uint64(rec.Messages)}
	for i := range gaps {
		sum.Gaps = append(sum.Gaps, gaps[i].Gap)
	}
	switch rec.Kind {
	case call.KindCall:
		sum.Calls = 1
	case call.KindRegistration:
		sum.Registrations = 1
	default:
		sum.Transactions = 1
	}
	return s.whole(ctx, &rec, view.NewAdviser(s.opt.Book), func(c *view.Case, files []string) error {
		sum.Files = files
		return show(c, sum)
	})
}

// maxGapsShown bounds the gaps that are told with one case.
const maxGapsShown = 64

// Whole hands on each of the cases whole (view.Observer).
func (s *Server) Whole(ctx context.Context, cases []record.Case, show func(*view.Case) error) error {
	adviser := view.NewAdviser(s.opt.Book)
	for i := range cases {
		if err := s.whole(ctx, &cases[i], adviser, func(c *view.Case, _ []string) error { return show(c) }); err != nil {
			return err
		}
	}
	return nil
}

// whole hands on one case whole, with advice, and the names of what its packets were captured by.
func (s *Server) whole(ctx context.Context, rec *record.Case, adviser *view.Adviser, show func(*view.Case, []string) error) error {
	msgs, err := s.messages(ctx, rec)
	if err != nil {
		return err
	}
	err = pipeline.Reopen(rec, msgs, s.opt.Engine.Options, func(c *view.Case) error {
		adviser.Advise(c)
		return show(c, pipeline.FilesOf(msgs))
	})
	if err != nil {
		return fmt.Errorf("reopen %s: %w", rec.ID, err)
	}
	return nil
}

// Messages returns what is kept of a case (view.Observer).
func (s *Server) Messages(ctx context.Context, id string) ([]record.Message, error) {
	rec, err := s.opt.Store.Case(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.messages(ctx, &rec)
}

func (s *Server) messages(ctx context.Context, c *record.Case) ([]record.Message, error) {
	from, until, err := pipeline.Window(c)
	if err != nil {
		return nil, err
	}
	return s.opt.Store.Messages(ctx, c.Keys, from, until)
}

// Count counts cases by the values of a field (view.Observer).
func (s *Server) Count(ctx context.Context, q store.Search, f query.Field, limit int) ([]store.Count, error) {
	return s.opt.Store.Count(ctx, q, f, limit)
}

// Registrations lists the accounts as they are now (view.Observer).
func (s *Server) Registrations(ctx context.Context, limit int) ([]view.AccountState, error) {
	var accounts []peer.Account
	for _, l := range s.lines {
		if !l.live.Ask(ctx, func(e *pipeline.Engine) { accounts = append(accounts, e.Estate()...) }) {
			return nil, ctx.Err()
		}
	}
	slices.SortStableFunc(accounts, func(a, b peer.Account) int { return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.AOR, b.AOR)) })
	var all []view.AccountState
	for _, a := range accounts[:min(limit, len(accounts))] {
		st := view.AccountState{AOR: a.AOR, State: a.State.String()}
		if f := a.Failure; f != nil {
			st.Code, st.Cause, st.Since, st.CallID = f.Code, f.Cause, f.Time, f.CallID
		}
		if len(a.Contacts) > 0 {
			c := &a.Contacts[0]
			st.Contact, st.Until = c.URI, c.Until
			if a.Failure == nil {
				st.Since = c.Since
			}
		}
		all = append(all, st)
	}
	return all, nil
}

// Gaps returns what is known to be missing (view.Observer).
func (s *Server) Gaps(ctx context.Context, from, until wire.Time, limit int) ([]record.Gap, error) {
	return s.opt.Store.Gaps(ctx, from, until, limit)
}

// Annotate adds a note beside the series (view.Observer).
func (s *Server) Annotate(ctx context.Context, a record.Annotation) (uint64, error) {
	return s.opt.Store.Annotate(ctx, a)
}

// Rate notes a user's rating of a call (view.Observer).
func (s *Server) Rate(ctx context.Context, id string, rating int) error {
	rec, err := s.opt.Store.Case(ctx, id)
	if err != nil {
		return err
	}
	return kpi.Rate(&rec, s.ratings.replace(caseKey{rec.ID, rec.Began}, rating), rating, s.rec.Add)
}

// Follow tells of revisions as they come (view.Observer).
func (s *Server) Follow(ctx context.Context, filter *query.Expr, told func(c *record.Case, missed uint64) error) error {
	return s.feed.follow(ctx, filter, told)
}

// Analyze reads a capture beside the live traffic (view.Observer).
func (s *Server) Analyze(ctx context.Context, name string, r io.Reader, format string, w io.Writer) error {
	src, err := capture.Open([]string{"-"}, r)
	if err != nil {
		return err
	}
	out, err := render.New(format, w, render.Options{Files: []string{name}})
	if err != nil {
		return err
	}
	opt := pipeline.Options{
		Decode: s.opt.Engine.Decode, Correlate: s.opt.Engine.Correlate, Secrets: s.opt.Engine.Secrets, Certs: s.opt.Engine.Certs, Workers: 1,
	}
	opt.Correlate.LookAfter = 0
	adviser := view.NewAdviser(s.opt.Book)
	sum, err := pipeline.Run(ctx, src, opt, func(c *view.Case) error {
		adviser.Advise(c)
		return out.Case(c)
	})
	if err != nil {
		return err
	}
	sum.Files = []string{name}
	return out.End(sum)
}
