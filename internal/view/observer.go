package view

import (
	"context"
	"io"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// Observer is what faces read a running server or a store through. Its methods may be called from several goroutines.
type Observer interface {
	// Cases finds cases, newest first.
	Cases(ctx context.Context, q store.Search) (store.Page, error)
	// Case hands on one case whole, by its ID or a Call-ID of one of its legs, and what is said of the capture
	// around it (files, gaps, points). Both are valid during the call only. store.ErrNotFound.
	Case(ctx context.Context, id string, show func(*Case, *Summary) error) error
	// Whole hands on each of the cases whole, in their order.
	Whole(ctx context.Context, cases []record.Case, show func(*Case) error) error
	// Messages returns what is kept of a case, in order of time.
	Messages(ctx context.Context, id string) ([]record.Message, error)
	// Count counts cases by the values of a field.
	Count(ctx context.Context, q store.Search, f query.Field, limit int) ([]store.Count, error)
	// Series evaluates measures over time.
	Series(ctx context.Context, q SeriesQuery) ([]Series, error)
	// Routes lists the routes known, with what was counted in the interval.
	Routes(ctx context.Context, from, until wire.Time) ([]RouteState, error)
	// Registrations lists the accounts as of now, worst first, at most limit.
	Registrations(ctx context.Context, limit int) ([]AccountState, error)
	// Gaps returns what is known to be missing.
	Gaps(ctx context.Context, from, until wire.Time, limit int) ([]record.Gap, error)
	// Annotations and Annotate: see store.Store.
	Annotations(ctx context.Context, from, until wire.Time) ([]record.Annotation, error)
	Annotate(ctx context.Context, a record.Annotation) (uint64, error)
	// Rate notes how satisfied a user was with a call, from 1 (bad) to 5 (excellent).
	Rate(ctx context.Context, id string, rating int) error
	// Follow calls told for each revision of a case that filter holds for (nil: all), until the context ends. A
	// follower that is too slow misses some; missed says how many.
	Follow(ctx context.Context, filter *query.Expr, told func(c *record.Case, missed uint64) error) error
	// Analyze reads a capture or a text trace beside the live traffic and writes the report in the named format.
	Analyze(ctx context.Context, name string, r io.Reader, format string, w io.Writer) error
	// Status says how the server is.
	Status(ctx context.Context) (Status, error)
}

// SeriesQuery asks for measures over time.
type SeriesQuery struct {
	Measures    []string // names of kpi's table
	From, Until wire.Time
	Step        time.Duration // 0: one value over all
	By          string        // "", "route", "label" (code, cause, …, as the measure has it) or "route,label"
	Routes      []string      // only these; nil: all
}

// Series is one measure over time, of one route and label.
type Series struct {
	Measure, Unit, Ref string
	Route, Label       string
	Points             []Point
}

// Point is one value. Population is what it was computed over; Refused says why there is no value.
type Point struct {
	At         wire.Time // beginning of its step
	Value      float64
	Population int64
	Refused    string
	Quality    Quality
	Expected   *Band    // from the baseline; nil: not known yet
	Notes      []string // annotations and maintenance windows that it lies in
}

// Band is what a value normally is.
type Band struct{ Low, Mid, High float64 }

// Quality says how far the capture can be relied on in a step.
type Quality struct {
	Grade   string   // "good", "fair", "poor"
	Reasons []string // what lowers it: drops, half-seen dialogs, one direction
}

// RouteState is what is known of a route.
type RouteState struct {
	Name       string
	Configured bool
	Last       wire.Time // of its newest case
	KPIs       []KPI
}

// AccountState is an address of record, as it is now.
type AccountState struct {
	AOR, State, Cause, Contact string
	Code                       int
	Since, Until               wire.Time
	CallID                     string
}

// Status is how a server is.
type Status struct {
	Version      string
	Started      time.Time
	Ready        bool
	Alarms       []string // what is wrong now, in words
	Sources      []SourceState
	Queue        QueueState
	Store        store.Stats
	StoreLag     time.Duration // age of what is seen and not stored yet
	StoreDropped uint64        // messages that were not stored
	OpenLegs     int
	Counters     []Count // what happened since the start: messages, cases, panics …
	EventTime    wire.Time
	Points       []string          // names of the capture points
	Findings     []finding.Finding // of all traffic since the start: peers, accounts, storms
}

// SourceState is one live source.
type SourceState struct {
	Name, Kind     string
	Packets, Bytes uint64
	Dropped        []Count // by reason
	Last           time.Time
	Error          string
	Points         []string
}

// QueueState is the queue between sources and engine.
type QueueState struct {
	Bytes, Limit  int64
	DroppedSignal uint64 // messages
	DroppedMedia  uint64
}
