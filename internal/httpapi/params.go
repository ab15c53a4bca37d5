package httpapi

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"

	"sipcause/internal/call"
	"sipcause/internal/query"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// request is a request whose parameters are known to be those of its route.
type request struct {
	*http.Request
	query url.Values
	now   time.Time
}

// repeated are the parameters that may stand several times, or hold several values with commas between them.
var repeated = []string{"measure", "route"}

// parameters reads a query and refuses what is not allowed.
func parameters(raw string, allowed []string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &problem{Status: http.StatusBadRequest, Detail: "read query: " + err.Error()}
	}
	for name, list := range values {
		if !slices.Contains(allowed, name) {
			p := badParameter(name, fmt.Sprintf("unknown parameter %q", name))
			p.Suggestion = nearest(name, allowed)
			if p.Suggestion != "" {
				p.Detail += ": did you mean " + p.Suggestion + "?"
			}
			return nil, p
		}
		if len(list) > 1 && !slices.Contains(repeated, name) {
			return nil, badParameter(name, name+" stands "+strconv.Itoa(len(list))+" times: once is allowed")
		}
	}
	return values, nil
}

// nearest returns the name that is probably meant, "" when none comes near.
func nearest(text string, names []string) string {
	best, distance := "", 2+len(text)/3
	for _, n := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(text), n); d < distance {
			best, distance = n, d
		}
	}
	return best
}

// takes checks a body's media type. Of those that are taken browsers send only textTrace to another site without asking it
// first; guard refuses that.
func takes(types []string, given string) error {
	if t, _, err := mime.ParseMediaType(given); err == nil && slices.Contains(types, t) {
		return nil
	}
	return &problem{Status: http.StatusUnsupportedMediaType, Detail: "Content-Type must be " + strings.Join(types, " or ")}
}

// choice reads a parameter that is one of several words; the first stands for none.
func (r *request) choice(name string, words ...string) (string, error) {
	v := r.query.Get(name)
	if v == "" {
		return words[0], nil
	}
	if !slices.Contains(words, v) {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
		p := badParameter(name, fmt.Sprintf("unknown %s %q; accepted are %s", name, v, strings.Join(words, ", ")))
		p.Suggestion = nearest(v, words)
		return "", p
	}
	return v, nil
}

// Items of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

func (r *request) limit() (int, error) {
	v := r.query.Get("limit")
	if v == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxLimit {
		return 0, badParameter("limit", "limit must be a number from 1 to "+strconv.Itoa(maxLimit))
	}
	return n, nil
}

// list returns the values of a repeated parameter.
func (r *request) list(name string) []string {
	var out []string
	for _, v := range r.query[name] {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// interval reads from (or since) and until (or to). 0 is open.
func (r *request) interval() (from, until wire.Time, err error) {
	if from, err = r.moment("from", "since"); err != nil {
		return 0, 0, err
	}
	if until, err = r.moment("until", "to"); err != nil {
		return 0, 0, err
	}
	if from != 0 && until != 0 && until <= from {
		return 0, 0, badParameter("until", "until must be after from")
	}
	return from, until, nil
}

// intervalWithin is interval, for answers that need both ends: the last d by default.
func (r *request) intervalWithin(d time.Duration) (from, until wire.Time, err error) {
	if from, until, err = r.interval(); err != nil {
		return 0, 0, err
	}
	if until == 0 {
		until = wire.Time(r.now.UnixNano())
	}
	if from == 0 {
		from = until.Add(-d)
	}
	if until <= from {
		return 0, 0, badParameter("from", "from must be before until")
	}
	return from, until, nil
}

// moment reads a time, or how long ago it was, by either of two names.
func (r *request) moment(name, other string) (wire.Time, error) {
	v := r.query.Get(name)
	if o := r.query.Get(other); o != "" {
		if v != "" {
			return 0, badParameter(other, other+" is another name for "+name+": give one of them")
		}
		name, v = other, o
	}
	if v == "" {
		return 0, nil
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		if ns := t.UnixNano(); ns > 0 && t.Year() < 2262 {
			return wire.Time(ns), nil
		}
	} else if d, err := duration(v); err == nil && d >= 0 {
		return wire.Time(r.now.Add(-d).UnixNano()), nil
	}
	return 0, badParameter(name, fmt.Sprintf("%s = %q: expected a time such as 2026-11-23T10:30:00Z, or how long ago it was, such as 90s, 15m, 2h, 7d", name, v))
}

// ago says whether a time is told, by either of two names, as how long ago it was.
func (r *request) ago(name, other string) bool {
	_, err := duration(cmp.Or(r.query.Get(name), r.query.Get(other)))
	return err == nil
}

// cursor makes the cursor of the next page. How long ago something was is another time when that is asked for: the cursor
// keeps the times that it was.
func (r *request) cursor(q *store.Search, next string) string {
	if next == "" || !r.ago("from", "since") && !r.ago("until", "to") {
		return next
	}
	return fmt.Sprintf("%d.%d.%s", q.From, q.Until, next)
}

// resume makes q go on where the cursor says.
func (r *request) resume(q *store.Search) error {
	from, until := r.ago("from", "since"), r.ago("until", "to")
	if q.After = r.query.Get("cursor"); q.After == "" || !from && !until {
		return nil
	}
	var at [2]int64
	parts := strings.SplitN(q.After, ".", 3)
	for i := range at {
		n, err := strconv.ParseInt(parts[min(i, len(parts)-1)], 10, 64)
		if err != nil || len(parts) < 3 {
			return store.ErrCursor
		}
		at[i] = n
	}
	if from {
		q.From = wire.Time(at[0])
	}
	if until {
		q.Until = wire.Time(at[1])
	}
	q.After = parts[2]
	return nil
}

// duration is time.ParseDuration that knows days and weeks.
func duration(s string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil || !(n >= 0 && n < 36500) {
				return 0, fmt.Errorf("read duration %q", s)
			}
			return time.Duration(n * float64(unit)), nil
		}
	}
	return time.ParseDuration(s)
}

func (r *request) zone() (*time.Location, error) {
	name := r.query.Get("tz")
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, badParameter("tz", fmt.Sprintf("unknown time zone %q: expected UTC or a name such as Europe/Berlin", name))
	}
	return zone, nil
}

// filter reads the filter expression; nil is none.
func (r *request) filter() (*query.Expr, error) {
	text := r.query.Get("filter")
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	return query.Parse(text)
}

// search reads what chooses cases, without limit and cursor.
func (r *request) search() (q store.Search, err error) {
	if q.From, q.Until, err = r.interval(); err != nil {
		return q, err
	}
	if q.Zone, err = r.zone(); err != nil {
		return q, err
	}
	if q.Where, err = r.filter(); err != nil {
		return q, err
	}
	kind, err := r.choice("kind", "", call.KindCall.String(), call.KindRegistration.String(), call.KindTransaction.String())
	if err != nil || kind == "" {
		return q, err
	}
	only, err := query.Parse("kind = " + kind)
	if err != nil {
		return q, err
	}
	if q.Where == nil {
		q.Where = only
	} else {
		args := []*query.Expr{only, q.Where}
		if q.Where.Op == query.And { // none within another
			args = append(args[:1:1], q.Where.Args...)
		}
		q.Where = &query.Expr{Op: query.And, Args: args}
	}
	return q, nil
}
