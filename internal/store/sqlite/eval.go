package sqlite

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"strings"

	"sipcause/internal/query"
	"sipcause/internal/wire"
)

const (
	pageSegments = 64     // segments whose places of a term are read at once
	maxSpanTerms = 32     // terms of a span that are read one by one
	maxSpanRows  = 20_000 // rows of the index that are read for one span; what is wider restricts nothing
)

// segment is 1024 rows, or those that there are of them.
type segment struct {
	id         int64
	n, dead    int
	bmin, bmax wire.Time
}

func (r *reading) segmentsOf() ([]segment, error) {
	db, err := r.opened()
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(bg, `select segment, n, dead, bmin, bmax from segment order by segment`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []segment
	for rows.Next() {
		var s segment
		if err := rows.Scan(&s.id, &s.n, &s.dead, &s.bmin, &s.bmax); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// rowsOf hands on the wanted rows of a segment, newest first.
func (r *reading) rowsOf(segment int64, wanted *bitset, look func(n int64, began wire.Time, body sql.RawBytes) error) error {
	n := wanted.count()
	if n == 0 {
		return nil
	}
	db, err := r.opened()
	if err != nil {
		return err
	}
	first := segment * segmentRows
	var q strings.Builder
	q.WriteString(`select n, began, body from row where n `)
	if n > segmentRows/16 {
		fmt.Fprintf(&q, "between %d and %d", first, first+segmentRows-1)
	} else {
		sep := "in ("
		for i := range segmentRows {
			if wanted.has(i) {
				fmt.Fprintf(&q, "%s%d", sep, first+int64(i))
				sep = ","
			}
		}
		q.WriteByte(')')
	}
	rows, err := db.QueryContext(bg, q.String()+" order by n desc")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at, began int64
		var body sql.RawBytes
		if err := rows.Scan(&at, &began, &body); err != nil {
			return err
		}
		if wanted.has(int(at - first)) {
			if err := look(at, wire.Time(began), body); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

// spanTerms is what is known of a span in a partition.
type spanTerms struct {
	terms  []string          // all of its terms, when they are few
	places map[int64]*bitset // else the places of all of them
	wide   bool              // else nothing: it restricts nothing
}

// termPage names the places of a term in pageSegments segments.
type termPage struct {
	term string
	page int64
}

// eval returns the rows of a segment that a plan leaves.
func (r *reading) eval(p *plan, segment int64) (*bitset, error) {
	switch p.op {
	case query.And:
		out := everyRow
		for _, arg := range p.args {
			b, err := r.eval(arg, segment)
			if err != nil {
				return nil, err
			}
			out.and(b)
			if out == (bitset{}) {
				break
			}
		}
		return &out, nil
	case query.Or:
		var out bitset
		for _, arg := range p.args {
			b, err := r.eval(arg, segment)
			if err != nil {
				return nil, err
			}
			out.or(b)
		}
		return &out, nil
	}
	var out bitset
	for _, sp := range p.spans {
		st, err := r.span(sp)
		switch {
		case err != nil:
			return nil, err
		case st.wide:
			return &everyRow, nil
		case st.places != nil:
			if b := st.places[segment]; b != nil {
				out.or(b)
			}
		}
		for _, term := range st.terms {
			b, err := r.places(term, segment)
			if err != nil {
				return nil, err
			}
			if b != nil {
				out.or(b)
			}
		}
	}
	return &out, nil
}

// narrow says whether a plan was read for all that it names: no span of it was too wide.
func (r *reading) narrow(p *plan) (bool, error) {
	for _, arg := range p.args {
		if ok, err := r.narrow(arg); !ok || err != nil {
			return ok, err
		}
	}
	for _, sp := range p.spans {
		if st, err := r.span(sp); err != nil || st.wide {
			return false, err
		}
	}
	return true, nil
}

// bounds of a span as they are bound: a blob is compared with blobs only.
func (sp span) bounds() (lo, hi []byte) {
	if sp.hi == "" {
		return []byte(sp.lo), []byte{0xff}
	}
	return []byte(sp.lo), []byte(sp.hi)
}

// span finds the terms of a span: few are named, more are read whole, too many are not.
func (r *reading) span(sp span) (*spanTerms, error) {
	if st := r.spans[sp]; st != nil {
		return st, nil
	}
	db, err := r.opened()
	if err != nil {
		return nil, err
	}
	if r.spans == nil {
		r.spans, r.pages = map[span]*spanTerms{}, map[termPage]map[int64]*bitset{}
	}
	st := &spanTerms{}
	r.spans[sp] = st
	lo, hi := sp.bounds()
	for len(st.terms) <= maxSpanTerms {
		var term []byte
		err := db.QueryRowContext(bg, `select term from post where term >= ? and term < ? order by term limit 1`, lo, hi).Scan(&term)
		if err == sql.ErrNoRows {
			return st, nil
		}
		if err != nil {
			return nil, err
		}
		st.terms = append(st.terms, string(term))
		lo = append(term, 0)
	}
	st.terms, st.places = nil, map[int64]*bitset{}
	lo, hi = sp.bounds()
	n := 0
	err = postings(db, `select segment, places from post where term >= ? and term < ? limit ?`, func(segment int64, places []byte) error {
		n++
		return addPlaces(st.places, segment, places)
	}, lo, hi, maxSpanRows+1)
	if n > maxSpanRows {
		st.places, st.wide = nil, true
	}
	return st, err
}

// places returns where a term is in a segment; nil: nowhere.
func (r *reading) places(term string, segment int64) (*bitset, error) {
	page := termPage{term, segment / pageSegments}
	if m, ok := r.pages[page]; ok {
		return m[segment], nil
	}
	m := map[int64]*bitset{}
	first := page.page * pageSegments
	err := postings(r.db, `select segment, places from post where term = ? and segment between ? and ?`, func(segment int64, places []byte) error {
		return addPlaces(m, segment, places)
	}, []byte(term), first, first+pageSegments-1)
	if err != nil {
		return nil, err
	}
	r.pages[page] = m
	return m[segment], nil
}

// rowsWith hands on all rows that have a term of the spans.
func (r *reading) rowsWith(spans []span, look func(n int64, began wire.Time, body sql.RawBytes) error) error {
	db, err := r.opened()
	if err != nil {
		return err
	}
	found := map[int64]*bitset{}
	for _, sp := range spans {
		lo, hi := sp.bounds()
		err := postings(db, `select segment, places from post where term >= ? and term < ?`, func(segment int64, places []byte) error {
			return addPlaces(found, segment, places)
		}, lo, hi)
		if err != nil {
			return err
		}
	}
	for segment, b := range found {
		if err := r.rowsOf(segment, b, look); err != nil {
			return err
		}
	}
	return nil
}

func postings(db querier, q string, each func(segment int64, places []byte) error, args ...any) error {
	rows, err := db.QueryContext(bg, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var segment int64
		var places sql.RawBytes
		if err := rows.Scan(&segment, &places); err != nil {
			return err
		}
		if err := each(segment, places); err != nil {
			return err
		}
	}
	return rows.Err()
}

// bitsetBytes is the length of a bitset as it is stored; what is shorter is a list.
const bitsetBytes = segmentRows / 8

// appendPlaces writes places, in ascending order, as a list of distances or, when that is no longer, as a bitset.
func appendPlaces(b []byte, places []uint16) []byte {
	start, last := len(b), uint16(0)
	for _, p := range places {
		b = binary.AppendUvarint(b, uint64(p-last))
		last = p
		if len(b)-start >= bitsetBytes {
			break
		}
	}
	if len(b)-start < bitsetBytes {
		return b
	}
	var set bitset
	for _, p := range places {
		set.set(int(p))
	}
	b = b[:start]
	for _, w := range set {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

func addPlaces(m map[int64]*bitset, segment int64, places []byte) error {
	set := m[segment]
	if set == nil {
		set = &bitset{}
		m[segment] = set
	}
	return set.add(places)
}

// add adds what appendPlaces wrote.
func (b *bitset) add(places []byte) error {
	if len(places) == bitsetBytes {
		for i := range b {
			b[i] |= binary.LittleEndian.Uint64(places[8*i:])
		}
		return nil
	}
	at := uint64(0)
	for len(places) > 0 {
		d, n := binary.Uvarint(places)
		if at += d; n <= 0 || at >= segmentRows {
			return fmt.Errorf("%w: places of a term", errDamaged)
		}
		b.set(int(at))
		places = places[n:]
	}
	return nil
}
