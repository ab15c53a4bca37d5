package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// crowd writes some hundred cases over three days, in several batches.
func (w *world) crowd(n int) {
	w.Helper()
	for i := range 6 {
		w.write(w.gen.Batch(0, Start.Add(time.Duration(i)*12*time.Hour), n/6))
	}
}

// everyFieldAndOperator: each operator of each field, with values that some cases have.
func everyFieldAndOperator(w *world) {
	w.crowd(150)
	found := map[query.Field]bool{}
	for _, f := range query.Fields() {
		for range 40 {
			q := store.Search{Where: w.parse(w.gen.Comparison(f))}
			w.finds(q)
			n := len(w.want(q))
			found[f] = found[f] || n > 0 && n < len(w.cases)
		}
	}
	for _, f := range query.Fields() {
		if !found[f] && f != query.ID && f != query.CallID { // those are asked for by name below
			w.Errorf("no filter of %s told cases apart: the test proves nothing", f)
		}
	}
	for _, c := range w.want(store.Search{})[:10] {
		w.finds(store.Search{Where: w.parse("id = " + quote(c.ID))})
		w.finds(store.Search{Where: w.parse("callid = " + quote(c.CallIDs[len(c.CallIDs)-1]))})
		w.finds(store.Search{Where: w.parse("callid != " + quote(c.CallIDs[len(c.CallIDs)-1]))})
	}
}

// check is a filter and the IDs of the cases that it has to find.
type check struct {
	filter string
	want   []string
}

func (w *world) check(checks []check, zone *time.Location) {
	w.Helper()
	for _, c := range checks {
		w.same(c.filter, c.want, ids(w.all(store.Search{Where: w.parse(c.filter), Zone: zone})))
	}
}

// severalValues: any of the values satisfies = and ~; != and !~ hold when there are values and none does.
func severalValues(w *world) {
	w.writeCases(
		record.Case{ID: "a", Began: Start + 3, UAs: []string{"phone", "soft phone"}, RouteIn: "in", RoutesOut: []string{"x", "y"}},
		record.Case{ID: "b", Began: Start + 2, UAs: []string{"soft phone"}, RoutesOut: []string{"x"}},
		record.Case{ID: "c", Began: Start + 1},
		record.Case{ID: "d", Began: Start, UAs: []string{""}, RoutesOut: []string{"", "y"}},
	)
	w.check([]check{
		{"ua = phone", []string{"a"}},
		{"ua = *phone", []string{"a", "b"}},
		{"ua != phone", []string{"b"}},
		{"not ua = phone", []string{"b", "c", "d"}},
		{"ua ~ ^phone$", []string{"a"}},
		{"ua !~ ^phone$", []string{"b"}},
		{"exists ua", []string{"a", "b"}},
		{"not exists ua", []string{"c", "d"}},
		{"ua in (phone, nothing)", []string{"a"}},
		{"not ua in (phone, nothing)", []string{"b", "c", "d"}},
		{"route = y", []string{"a", "d"}},
		{`route = "in" or route = x`, []string{"a", "b"}},
		{"route = x and route = y", []string{"a"}},
		{"route != x", []string{"d"}},
		{"route != y", []string{"b"}},
		{"not route != y", []string{"a", "c", "d"}},
		{"route = out:y", []string{"a", "d"}},
		{"route = OUT:X and route = in:in", []string{"a"}},
		{"route = in:x", []string{}},
		{"route in (in:in, out:x)", []string{"a", "b"}},
		{"route in (in:y, x)", []string{"a", "b"}},
		{"route != out:x", []string{"d"}},
		{"route != in:x", []string{"a", "b", "d"}},
		{"not route = out:x", []string{"c", "d"}},
		{"route = out:*", []string{"a", "b", "d"}},
		{"route = o*", []string{"a", "b", "d"}},
		{"route = i*", []string{"a"}},
		{"route = in:*", []string{"a"}},
		{"route = *:y", []string{"a", "d"}},
		{"route ~ ^out:", []string{"a", "b", "d"}},
		{`route = "out:\\*"`, []string{}},
	}, nil)
}

// trickyText: what a store's own language would read otherwise.
func trickyText(w *world) {
	for i, reason := range []string{"100% busy", "100 busy", "a_c", "abc", "a*c", `a\c`, "Größe", "größe", "GRÖSSE", "it's", `say "no"`, "a?c", "[a]", " a "} {
		w.writeCases(record.Case{ID: fmt.Sprintf("%02d", i), Began: Start, Reason: reason, Numbers: []string{reason, "+4930555" + fmt.Sprint(i)}})
	}
	w.check([]check{
		{`reason = "100% busy"`, []string{"00"}},
		{`reason = "100%*"`, []string{"00"}},
		{`reason = "100*"`, []string{"01", "00"}},
		{`reason = a_c`, []string{"02"}},
		{`reason = "*_*"`, []string{"02"}},
		{`reason = "a?c"`, []string{"11"}},
		{`reason = a*c`, []string{"11", "05", "04", "03", "02"}},
		{`reason = "a\*c"`, []string{"04"}},
		{`reason = "a\\c"`, []string{"05"}},
		{`reason = "*\\*"`, []string{}}, // a star at the end, after anything
		{`reason = "*c" and reason ~ "\\\\"`, []string{"05"}},
		{`reason = "GrößE"`, []string{"07", "06"}},
		{`reason = größe`, []string{"07", "06"}},
		{`reason ~ "(?i)größe"`, []string{"07", "06"}},
		{`reason = "it's"`, []string{"09"}},
		{`reason = 'say "no"'`, []string{"10"}},
		{`reason = "[A]"`, []string{"12"}},
		{`reason = "[*"`, []string{"12"}},
		{`reason = a`, []string{}},
		{`reason = " a "`, []string{"13"}},
		{`reason = "A_C"`, []string{"02"}},
		{`number = "a_*"`, []string{"02"}},
		{`number = "*_c"`, []string{"02"}},
		{`number = "*%*"`, []string{"00"}},
		{`number = "+49305551"`, []string{"01"}},
		{`number = "+49305551*"`, []string{"13", "12", "11", "10", "01"}},
		{`number = *5551`, []string{"01"}},
		{`number = "*3055512"`, []string{"12"}},
		{`number = "+4930*13"`, []string{"13"}},
		{`number != "+4930*"`, []string{}},
	}, nil)
}

// timesOfDay: of the zone that the search names, across days.
func timesOfDay(w *world) {
	berlin := time.FixedZone("", 3600)
	w.writeCases(
		record.Case{ID: "late", Began: Start.Add(-30 * time.Minute)}, // 23:30, the day before
		record.Case{ID: "early", Began: Start.Add(30 * time.Minute)},
		record.Case{ID: "noon", Began: Start.Add(12 * time.Hour)},
		record.Case{ID: "next", Began: Start.Add(36*time.Hour + 59*time.Second)},
	)
	w.check([]check{
		{"start < 01:00", []string{"early"}},
		{"start >= 23:00", []string{"late"}},
		{"start = 12:00", []string{"next", "noon"}},
		{"start = 12:00:00", []string{"noon"}},
		{"start != 12:00", []string{"early", "late"}},
		{"start < 2026-01-15T00:00:00Z", []string{"late"}},
		{"start >= 2026-01-15T12:00:00Z", []string{"next", "noon"}},
		{"start = 2026-01-15T13:00:00+01:00", []string{"noon"}},
	}, nil)
	w.check([]check{
		{"start < 01:00", []string{"late"}},
		{"start = 13:00", []string{"next", "noon"}},
	}, berlin)
}

func orderAndLimits(w *world) {
	for i := range 250 {
		c := w.gen.Case(Start.Add(time.Duration(i%10) * time.Second))
		w.writeCases(c)
	}
	for _, limit := range []int{1, 2, 3, 7, 99, 100, 101, 249, 250, 251, 1000} {
		w.finds(store.Search{Limit: limit})
	}
	p, err := w.Search(w.Context(), store.Search{})
	if err != nil || len(p.Cases) != 100 || p.Next == "" {
		w.Errorf("without a limit: %d cases, next %q, %v", len(p.Cases), p.Next, err)
	}
	p, err = w.Search(w.Context(), store.Search{Limit: 250})
	if err != nil || len(p.Cases) != 250 || p.Scanned < 250 {
		w.Errorf("as many as there are: %d cases, %d scanned, %v", len(p.Cases), p.Scanned, err)
	}
	w.finds(store.Search{Where: w.parse("cause = server.capacity"), Limit: 5})
}

func fromAndUntil(w *world) {
	w.crowd(60)
	list := w.want(store.Search{})
	newest, middle, oldest := list[0].Began, list[len(list)/2].Began, list[len(list)-1].Began
	for _, q := range []store.Search{
		{From: oldest, Until: newest},
		{From: oldest + 1, Until: newest + 1},
		{From: middle},
		{Until: middle},
		{From: middle, Until: middle},
		{From: middle, Until: middle + 1},
		{From: newest + 1},
		{Until: oldest},
		{From: newest, Until: oldest},
		{From: Start.Add(24 * time.Hour), Until: Start.Add(48 * time.Hour)},
	} {
		for _, limit := range []int{0, 7} {
			q.Limit = limit
			w.finds(q)
			q.Where = w.parse("code >= 400")
			w.finds(q)
			q.Where = nil
		}
	}
}

func openCases(w *world) {
	w.crowd(60)
	w.finds(store.Search{Open: true})
	w.finds(store.Search{Open: true, Limit: 3, Where: w.parse("not exists cause or cause != auth.*")})
	var ended []record.Case
	for _, c := range w.want(store.Search{Open: true})[:5] {
		ended = append(ended, w.gen.Revise(c, true))
	}
	w.write(&store.Batch{At: Start.Add(72 * time.Hour), Cases: ended})
	w.finds(store.Search{Open: true})
	w.finds(store.Search{})
}

// pagesWhileCasesArrive: what was there when the walk began is found once and in order, whatever is written meanwhile.
func pagesWhileCasesArrive(w *world) {
	w.crowd(60)
	want := w.want(store.Search{})
	newer := want[0].Began
	var got []record.Case
	q := store.Search{Limit: 7}
	for {
		p, err := w.Search(w.Context(), q)
		if err != nil {
			w.Fatal(err)
		}
		got = append(got, p.Cases...)
		if q.After = p.Next; p.Next == "" {
			break
		}
		newer = newer.Add(time.Second)
		w.writeCases(w.gen.Case(newer), w.gen.Case(newer))
	}
	w.same("walk", want, got)
	w.finds(store.Search{})
}

func foreignCursor(w *world) {
	w.crowd(30)
	q := store.Search{Limit: 3, Where: w.parse("code >= 200"), From: Start}
	p, err := w.Search(w.Context(), q)
	if err != nil || p.Next == "" {
		w.Fatalf("search: next %q, %v", p.Next, err)
	}
	for name, other := range map[string]store.Search{
		"filter": {Where: w.parse("code >= 201"), From: Start}, "no filter": {From: Start}, "from": {Where: q.Where, From: Start + 1},
		"until": {Where: q.Where, From: Start, Until: Start.Add(time.Hour)}, "open": {Where: q.Where, From: Start, Open: true},
	} {
		other.After = p.Next
		if _, err := w.Search(w.Context(), other); !errors.Is(err, store.ErrCursor) {
			w.Errorf("another %s: %v", name, err)
		}
	}
	for _, bad := range []string{"x", "AAAA", p.Next + "A", p.Next[1:], "'; --", "\xff"} {
		q.After = bad
		if _, err := w.Search(w.Context(), q); !errors.Is(err, store.ErrCursor) {
			w.Errorf("cursor %q: %v", bad, err)
		}
	}
	// The limit may change from page to page, and a filter that says the same is the same.
	q.After, q.Limit, q.Where = p.Next, 1000, w.parse("(CODE>=200)")
	rest, err := w.Search(w.Context(), q)
	if err != nil {
		w.Fatal(err)
	}
	w.same("rest", w.want(q), append(p.Cases, rest.Cases...))
}

// partialPages: a deadline cuts a page short, and the walk goes on from there.
func partialPages(w *world) {
	w.crowd(300)
	filter := w.parse(`ua ~ "(p|q)h.n[e-f]|ü" or reason ~ "(?i)b[u-v]sy$"`)
	past, cancel := context.WithDeadline(w.Context(), time.Unix(0, 0))
	defer cancel()
	p, err := w.Search(past, store.Search{Where: filter})
	if err != nil || !p.Partial || p.Next == "" {
		w.Fatalf("deadline in the past: %d cases, partial %v, next %q, %v", len(p.Cases), p.Partial, p.Next, err)
	}
	var got []record.Case
	patience := 10 * time.Microsecond
	for q := (store.Search{Where: filter, Limit: 1000}); ; {
		ctx, cancel := context.WithTimeout(w.Context(), patience)
		p, err := w.Search(ctx, q)
		cancel()
		if err != nil {
			w.Fatalf("deadline of %v: %v", patience, err)
		}
		got = append(got, p.Cases...)
		if p.Next == "" {
			if p.Partial {
				w.Error("partial, and yet there is no more")
			}
			break
		}
		if !p.Partial {
			w.Fatalf("%d of 1000 cases, more to come, and not partial", len(p.Cases))
		}
		if p.Next == q.After {
			patience *= 2
		}
		q.After = p.Next
	}
	w.same("walk", w.want(store.Search{Where: filter}), got)
	ended, cancel := context.WithCancel(w.Context())
	cancel()
	if _, err := w.Search(ended, store.Search{Where: filter}); !errors.Is(err, context.Canceled) {
		w.Errorf("context that was cancelled: %v", err)
	}
}

func caseByID(w *world) {
	at := func(i int) wire.Time { return Start.Add(time.Duration(i) * 24 * time.Hour) }
	w.writeCases(record.Case{ID: "a@example.com", Began: at(0), CallIDs: []string{"a@example.com", "b@example.com"}})
	w.writeCases(record.Case{ID: "c@example.com", Began: at(1), CallIDs: []string{"c@example.com", "b@example.com"}})
	w.writeCases(record.Case{ID: "a@example.com", Began: at(2), CallIDs: []string{"a@example.com", "d@example.com"}})
	w.writeCases(record.Case{ID: "A@example.com", Began: at(3), CallIDs: []string{"A@example.com"}})
	for _, c := range []struct {
		id    string
		began wire.Time
	}{{"a@example.com", at(2)}, {"b@example.com", at(1)}, {"c@example.com", at(1)}, {"d@example.com", at(2)}, {"A@example.com", at(3)}} {
		got, err := w.Case(w.Context(), c.id)
		if err != nil || got.Began != c.began {
			w.Errorf("%s: began %v, want %v, %v", c.id, got.Began.Std(), c.began.Std(), err)
			continue
		}
		w.same(c.id, w.cases[caseKey{got.ID, got.Began}], got)
	}
	// An older case that is written late is not the newest.
	w.writeCases(record.Case{ID: "d@example.com", Began: at(-1), CallIDs: []string{"d@example.com"}})
	if got, err := w.Case(w.Context(), "d@example.com"); err != nil || got.Began != at(2) {
		w.Errorf("after an older one: began %v, %v", got.Began.Std(), err)
	}
	for _, id := range []string{"", "*", "a@example.co", "a@example.com ", "%"} {
		if got, err := w.Case(w.Context(), id); !errors.Is(err, store.ErrNotFound) {
			w.Errorf("%q: %s, %v", id, got.ID, err)
		}
	}
}

func counts(w *world) {
	w.crowd(120)
	twice := w.gen.Case(Start) // counts once for what it says twice
	twice.UAs, twice.RouteIn, twice.RoutesOut = []string{"phone 1", "phone 1", ""}, "carrier-a", []string{"carrier-a", "carrier-a"}
	w.writeCases(twice)
	for _, f := range []query.Field{query.Cause, query.Code, query.Outcome, query.Finding, query.Route, query.UA, query.OriginRole, query.Method} {
		for _, q := range []store.Search{
			{},
			{Where: w.parse("code >= 400 and not ua = nothing")},
			{From: Start.Add(12 * time.Hour), Until: Start.Add(36 * time.Hour)},
			{Open: true},
			{Where: w.parse("id = nobody"), Limit: 1},
			{Where: w.parse("start < 06:00"), Zone: time.FixedZone("", 8*3600)},
		} {
			for _, limit := range []int{1, 3, 1000} {
				got, err := w.Count(w.Context(), q, f, limit)
				if err != nil {
					w.Fatalf("count %s: %v", f, err)
				}
				w.same("count by "+f.String(), w.wantCounts(q, f, limit), got)
			}
		}
	}
}
