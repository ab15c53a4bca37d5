package record

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// caseVersion is the version of AppendCase's format, its first byte. A reader knows this one and those before.
const caseVersion = 1

// ErrVersion is wrapped by the error of bytes that a later version of the program wrote.
var ErrVersion = errors.New("written by a later version")

// CheckVersion says whether version is one that this program reads: from 1 to known.
func CheckVersion(version, known byte) error {
	switch {
	case version == 0:
		return errData
	case version > known:
		return fmt.Errorf("%w: format %d, and %d is known", ErrVersion, version, known)
	}
	return nil
}

// flags of an encoded case: what follows, and what is true.
const (
	hasFinal = 1 << iota
	hasGap
	hasDecided
	hasPDD
	hasSetup
	hasDuration
	hasRing
	hasOrigin
	hasSuspect
)

// AppendCase appends the case in a compact form to dst. Nil and empty lists are the same to it, as they are to Value.
func AppendCase(dst []byte, c *Case) []byte {
	w := Writer{B: dst}
	w.Byte(caseVersion)
	w.Uint(c.flags())
	w.Byte(byte(c.Kind))
	w.Byte(byte(c.Outcome))
	w.Int(int64(c.Revision))
	w.Fixed(uint64(c.Began))
	w.Time(c.Ended, c.Began)
	if c.Decided != 0 {
		w.Time(c.Decided, c.Began)
	}
	for _, d := range [...]*time.Duration{c.PDD, c.Setup, c.Duration, c.Ring} {
		if d != nil {
			w.Int(int64(*d))
		}
	}
	w.Int(int64(c.Code))
	w.Int(int64(c.Attempts))
	w.Int(int64(c.Messages))
	w.Uint(uint64(len(c.Keys)))
	for _, k := range c.Keys {
		w.Fixed(k)
	}
	for _, s := range [...]string{c.ID, c.From, c.To, c.Target, c.Reason, c.Cause, c.Severity, c.OriginRole, c.HungUpBy, c.RouteIn} {
		w.Text(s)
	}
	for _, list := range [...][]string{c.CallIDs, c.Numbers, c.Findings, c.Servers, c.UAs, c.Methods, c.Transports, c.Realms, c.RoutesOut} {
		w.Texts(list)
	}
	for _, list := range [...][]netip.AddrPort{c.Src, c.Dst} {
		w.Uint(uint64(len(list)))
		for _, a := range list {
			w.Addr(a)
		}
	}
	if c.Origin != (netip.AddrPort{}) {
		w.Addr(c.Origin)
	}
	if c.Suspect != (netip.AddrPort{}) {
		w.Addr(c.Suspect)
	}
	w.Uint(uint64(len(c.Counted)))
	for i := range c.Counted {
		w.Cell(&c.Counted[i])
	}
	w.Bytes(c.Doc)
	return w.B
}

func (c *Case) flags() (n uint64) {
	for _, f := range [...]struct {
		set bool
		bit uint64
	}{
		{c.Final, hasFinal},
		{c.Gap, hasGap},
		{c.Decided != 0, hasDecided},
		{c.PDD != nil, hasPDD},
		{c.Setup != nil, hasSetup},
		{c.Duration != nil, hasDuration},
		{c.Ring != nil, hasRing},
		{c.Origin != (netip.AddrPort{}), hasOrigin},
		{c.Suspect != (netip.AddrPort{}), hasSuspect},
	} {
		if f.set {
			n |= f.bit
		}
	}
	return n
}

// DecodeCase reads what AppendCase wrote, all of b, into c. Empty lists become nil. What c holds then is its own.
func DecodeCase(b []byte, c *Case) error {
	*c = Case{}
	r := NewReader(b)
	if err := CheckVersion(r.Byte(), caseVersion); err != nil {
		return fmt.Errorf("decode case: %w", err)
	}
	flags := r.Uint()
	c.Final, c.Gap = flags&hasFinal != 0, flags&hasGap != 0
	c.Kind, c.Outcome = call.Kind(r.Byte()), call.Outcome(r.Byte())
	if c.Kind > call.KindTransaction || c.Outcome > call.Ongoing {
		r.Fail()
	}
	c.Revision = r.Size()
	c.Began = wire.Time(r.Fixed())
	c.Ended = r.Time(c.Began)
	if flags&hasDecided != 0 {
		c.Decided = r.Time(c.Began)
	}
	for i, d := range [...]**time.Duration{&c.PDD, &c.Setup, &c.Duration, &c.Ring} {
		if flags&(hasPDD<<i) != 0 {
			known := time.Duration(r.Int())
			*d = &known
		}
	}
	c.Code, c.Attempts, c.Messages = r.Size(), r.Size(), r.Size()
	if n := r.Count(8); n > 0 {
		c.Keys = make([]uint64, n)
		for i := range c.Keys {
			c.Keys[i] = r.Fixed()
		}
	}
	for _, s := range [...]*string{&c.ID, &c.From, &c.To, &c.Target, &c.Reason, &c.Cause, &c.Severity, &c.OriginRole, &c.HungUpBy, &c.RouteIn} {
		*s = r.Text()
	}
	for _, list := range [...]*[]string{&c.CallIDs, &c.Numbers, &c.Findings, &c.Servers, &c.UAs, &c.Methods, &c.Transports, &c.Realms, &c.RoutesOut} {
		*list = r.Texts()
	}
	c.Src, c.Dst = r.list(), r.list()
	if flags&hasOrigin != 0 {
		c.Origin = r.Addr()
	}
	if flags&hasSuspect != 0 {
		c.Suspect = r.Addr()
	}
	if n := r.Count(LeastCell); n > 0 {
		c.Counted = make([]Cell, n)
		for i := range c.Counted {
			c.Counted[i] = r.Cell()
		}
	}
	c.Doc = r.Bytes()
	if r.err == nil && r.Left() > 0 {
		r.Fail()
	}
	if r.err != nil {
		*c = Case{}
		return fmt.Errorf("decode case: %w", r.err)
	}
	return nil
}

// LeastCell is how many bytes a cell takes at least: see Reader.Count.
const LeastCell = 6

// Cell writes a cell of the roll-ups.
func (w *Writer) Cell(c *Cell) {
	w.Int(c.Minute)
	w.Text(c.Counter)
	w.Text(c.Route)
	w.Text(c.Label)
	w.Int(int64(c.Bucket))
	w.Int(c.N)
}

// Cell reads what Writer.Cell wrote.
func (r *Reader) Cell() Cell {
	c := Cell{Minute: r.Int(), Counter: r.Text(), Route: r.Text(), Label: r.Text()}
	bucket := r.Int()
	if bucket < math.MinInt16 || bucket > math.MaxInt16 {
		r.Fail()
	}
	c.Bucket, c.N = int16(bucket), r.Int()
	return c
}

func (r *Reader) list() []netip.AddrPort {
	n := r.Count(1)
	if n == 0 {
		return nil
	}
	list := make([]netip.AddrPort, n)
	for i := range list {
		list[i] = r.Addr()
	}
	return list
}
