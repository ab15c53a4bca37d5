package config

import (
	"testing"
	"time"
)

func TestSpans(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	night := Window{Name: "n", Weekly: Weekly{Day: time.Saturday, From: 23 * time.Hour, Until: time.Hour, Zone: berlin}}
	switchOver := Window{Name: "s", Weekly: Weekly{Day: time.Sunday, From: time.Hour + 30*time.Minute, Until: 4 * time.Hour, Zone: berlin}}
	once := Window{Name: "o", From: at("2026-03-01T00:00:00Z"), Until: at("2026-03-01T01:00:00Z")}
	for _, c := range []struct {
		w           Window
		from, until string
		want        []Span
	}{
		{once, "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z", nil},
		{once, "2026-03-01T00:59:59Z", "2026-03-02T00:00:00Z", []Span{{once.From, once.Until}}},
		{once, "2026-03-01T01:00:00Z", "2026-03-02T00:00:00Z", nil},
		// CET is UTC+1: Saturday 23:00 is 22:00Z.
		{night, "2026-01-10T00:00:00Z", "2026-01-12T00:00:00Z", []Span{{at("2026-01-10T22:00:00Z"), at("2026-01-11T00:00:00Z")}}},
		{night, "2026-01-10T23:30:00Z", "2026-01-10T23:40:00Z", []Span{{at("2026-01-10T22:00:00Z"), at("2026-01-11T00:00:00Z")}}},
		{night, "2026-01-11T00:00:00Z", "2026-01-17T22:00:00Z", nil},
		// 2026-03-29, 02:00 becomes 03:00: the window is an hour shorter.
		{switchOver, "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", []Span{{at("2026-03-29T00:30:00Z"), at("2026-03-29T02:00:00Z")}}},
	} {
		got := c.w.Spans(at(c.from), at(c.until))
		same := len(got) == len(c.want)
		for i := range got {
			same = same && got[i].From.Equal(c.want[i].From) && got[i].Until.Equal(c.want[i].Until)
		}
		if !same {
			t.Errorf("%s, %s to %s: %v, want %v", c.w.Name, c.from, c.until, got, c.want)
		}
	}
	if got := night.Spans(at("2000-01-01T00:00:00Z"), at("2100-01-01T00:00:00Z")); len(got) != maxSpans {
		t.Errorf("%d spans of a century", len(got))
	}
}
