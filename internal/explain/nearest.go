package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest returns up to three names that resemble text most, joined; "" when none comes near.
func nearest(text string, names []string) string {
	const longest = 64 // no name is longer, in bytes
	text = strings.ToLower(text[:min(len(text), longest)])
	type candidate struct {
		name  string
		wrong int // letters
	}
	var list []candidate
	limit := 1 + len(text)/4
	for _, n := range names {
		lower := strings.ToLower(n)
		wrong := levenshtein.ComputeDistance(text, lower)
		if len(text) > 2 && strings.Contains(lower, text) {
			wrong = 1 // shortened
		}
		if wrong <= limit {
			list = append(list, candidate{n, wrong})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(a.wrong, b.wrong) })
	var near []string
	for _, c := range list {
		if len(near) < 3 && c.wrong <= list[0].wrong+1 && !slices.Contains(near, c.name) {
			near = append(near, c.name)
		}
	}
	return strings.Join(near, ", ")
}

// nearestNumbers returns the two known numbers that are next to n.
func nearestNumbers(n int, known []int) string {
	i, _ := slices.BinarySearch(known, n)
	near := known[max(0, i-1):min(len(known), i+1)]
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(near), " ", ", "), "[]")
}
