package peer

import (
	"testing"
	"time"

	"sipcause/internal/wire"
)

const begin = wire.Time(1768478400e9)

// TestBindingUnsaid: a binding whose expiry is not known does not hold for months.
func TestBindingUnsaid(t *testing.T) {
	l := New()
	l.Apply(&Fact{Kind: FactBinding, Time: begin, Code: 200, Seconds: -1, Account: "sip:bob@example.com", Detail: "sip:bob@192.0.2.31"})
	for after, want := range map[time.Duration]BindingState{time.Hour: Bound, 23 * time.Hour: Bound, 25 * time.Hour: Unsure} {
		if got, _ := l.Binding("sip:bob@example.com", begin.Add(after)); got != want {
			t.Errorf("after %s: state %d, want %d", after, got, want)
		}
	}
}

// TestRouteForgets: minutes of days ago are no measure of the load now.
func TestRouteForgets(t *testing.T) {
	var r Route
	for i := range 5 {
		r.add(begin.Add(time.Duration(i)*time.Minute), 200, 100)
	}
	for after, want := range map[time.Duration]int{5 * time.Minute: 5, 100 * time.Minute: 5, 48 * time.Hour: 0} {
		at := begin.Add(after)
		if _, _, earlier := r.MinuteAt(at); earlier != want {
			t.Errorf("after %s: %d minutes before, want %d", after, earlier, want)
		}
		if _, ok := r.MeanBefore(at); ok != (want > 0) {
			t.Errorf("after %s: a mean: %v", after, ok)
		}
	}
}
