// Package store says what a store of history can do. Its one rule: filters and aggregates, no SQL; what one store
// answers, every other answers in the same words and order (see storetest).
package store

import (
	"context"
	"errors"
	"time"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// Errors that stores return, wrapped with what they are about.
var (
	ErrNotFound = errors.New("not found")
	ErrCursor   = errors.New("cursor of another search")
	ErrFull     = errors.New("no space left")
	ErrClosed   = errors.New("store is closed")
)

// MaxMessages bounds the bytes of texts that Store.Messages returns at once.
const MaxMessages = 128 << 20

// Batch is what is written at once. It is written whole or not at all.
type Batch struct {
	Seq      uint64    // grows from batch to batch; what the store has already, or a lower one, is passed over without an error
	At       wire.Time // decides the partition: live the wall clock, of an import the event time
	Messages []record.Message
	Cases    []record.Case // revisions; a later one takes the place of an earlier one with the same ID and Began
	Cells    []record.Cell
	Gaps     []record.Gap
}

// Search asks for cases, newest beginning first; of equal beginning by ID, descending.
type Search struct {
	From, Until wire.Time      // of Began; From inclusive, Until exclusive; 0: open
	Where       *query.Expr    // nil: all
	Zone        *time.Location // of times of day in Where; nil: UTC
	Limit       int            // at most this many; 0: 100
	After       string         // Page.Next of the page before; "": from the newest
	Open        bool           // only those without a final revision
}

// Page is what was found.
type Page struct {
	Cases   []record.Case
	Next    string // "" when there is no more
	Partial bool   // the context's deadline came before Limit cases were found: Next goes on from there
	Scanned uint64 // cases looked at
}

// Rollup asks for sums of cells.
type Rollup struct {
	From, Until wire.Time     // whole minutes; From inclusive, Until exclusive; 0: open
	Step        time.Duration // width of the sums, in whole minutes, the first from From (0: from the epoch); 0: one sum over all, at From
	Counters    []string      // nil: all
	Routes      []string      // those asked for; nil: "" (all traffic) alone, unless ByRoute
	ByRoute     bool          // every route apart, "" left out; else they are summed and Route is ""
	ByLabel     bool          // every label apart; else they are summed and Label is ""
}

// Policy says what may stay. Zero fields: no bound.
type Policy struct {
	Messages, Cases, Rollups time.Duration // ages
	MaxBytes                 int64         // of all files together
	MinFree                  int64         // bytes to be left free on the file system
}

// Freed says what was dropped.
type Freed struct {
	Partitions int
	Bytes      int64
}

// Stats say what there is.
type Stats struct {
	Messages, Cases, Open, Cells uint64
	Bytes                        int64
	ByKind                       map[string]int64 // bytes of "messages", "cases", "rollups"
	Oldest, Newest               wire.Time        // of cases
	Partitions                   int
	LastSeq                      uint64
	LastMessage                  wire.Time // greatest time of a message: what is after it was lost in a crash
	BadPartitions                []string  // set aside as damaged
}

// Store keeps history. Its methods may be called from several goroutines at once; Write from one at a time. What they
// return owns its memory. A context that ends makes them return its error, but see Page.Partial.
type Store interface {
	// Write adds a batch: all of it is durable (against a crash of this program) when Write returns. An error leaves
	// the store as it was; the same batch may be written again. ErrFull: wait and try again.
	Write(ctx context.Context, b *Batch) error
	// Search finds cases.
	Search(ctx context.Context, q Search) (Page, error)
	// Case returns the newest revision of a case by its ID or by a Call-ID of one of its legs, the newest of several;
	// ErrNotFound.
	Case(ctx context.Context, id string) (record.Case, error)
	// Count counts cases by the text values of a field (query.Value.Strings; a case with several values counts once for
	// each), largest first, equal ones by value, at most limit; field Cause, Code, Outcome, Finding, Route, UA,
	// OriginRole, Method. Limit and After of q are not looked at.
	Count(ctx context.Context, q Search, field query.Field, limit int) ([]Count, error)
	// Messages returns what is kept under the keys from from to until (inclusive; 0: open), in order of (time, ref); of a
	// flood about MaxMessages bytes, those written first.
	Messages(ctx context.Context, keys []uint64, from, until wire.Time) ([]record.Message, error)
	// Replay hands on every message from from to until (as of Messages) in the order in which they were written, until visit
	// returns an error. The message is valid only during the call.
	Replay(ctx context.Context, from, until wire.Time, visit func(*record.Message) error) error
	// Rollup hands on sums of cells in order of (Minute, Counter, Route, Label, Bucket); Minute is the first of the
	// step. Sums of 0 are left out.
	Rollup(ctx context.Context, q Rollup, visit func(*record.Cell) error) error
	// Gaps returns the gaps that touch the interval, in order of time, at most limit.
	Gaps(ctx context.Context, from, until wire.Time, limit int) ([]record.Gap, error)
	// Put and Get keep small documents by name (baselines, settings); Get returns ErrNotFound.
	Put(ctx context.Context, name string, doc []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
	// Annotate adds an annotation, or replaces the one with its ID when that is not 0, and returns the ID.
	Annotate(ctx context.Context, a record.Annotation) (uint64, error)
	// Annotations returns those that touch the interval, in order of time.
	Annotations(ctx context.Context, from, until wire.Time) ([]record.Annotation, error)
	// Retain drops the oldest partitions until the policy holds, as of now.
	Retain(ctx context.Context, p Policy, now time.Time) (Freed, error)
	Stats(ctx context.Context) (Stats, error)
	// Close writes nothing more and gives back what the store holds.
	Close() error
}

// Count is how many cases have a value.
type Count struct {
	Value string
	N     uint64
}
