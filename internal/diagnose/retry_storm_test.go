package diagnose

import (
	"testing"
	"time"

	"sipcause/internal/wire"
)

// TestStormRun: failures of days before are no part of a storm.
func TestStormRun(t *testing.T) {
	const begin = wire.Time(1768478400e9)
	var list []ended
	for _, s := range []int{0, 86400, 86430, 86460, 172800, 172830, 172860} {
		at := begin.Add(time.Duration(s) * time.Second)
		list = append(list, ended{began: at, ended: at.Add(time.Second), code: 503})
	}
	if got := stormRun(list); got != 4 {
		t.Errorf("the run begins at try %d, want 4", got)
	}
}
