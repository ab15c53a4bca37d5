package kpi

import (
	"cmp"
	"slices"

	"sipcause/internal/record"
)

// Merge sums the cells of the same minute, counter, route, label and bucket, in their order; sums of 0 are left out.
// It works in the slice given.
func Merge(list []record.Cell) []record.Cell {
	slices.SortFunc(list, compare)
	out := list[:0]
	for i := 0; i < len(list); {
		c := list[i]
		for i++; i < len(list) && compare(list[i], c) == 0; i++ {
			c.N += list[i].N
		}
		if c.N != 0 {
			out = append(out, c)
		}
	}
	return out
}

// compare orders cells as store.Store.Rollup does.
func compare(a, b record.Cell) int {
	return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Counter, b.Counter), cmp.Compare(a.Route, b.Route),
		cmp.Compare(a.Label, b.Label), cmp.Compare(a.Bucket, b.Bucket))
}

// Diff returns what has to be added so that a case counted as before is counted as after.
func Diff(before, after []record.Cell) []record.Cell {
	list := make([]record.Cell, 0, len(before)+len(after))
	list = append(list, after...)
	for _, c := range before {
		c.N = -c.N
		list = append(list, c)
	}
	return Merge(list)
}
