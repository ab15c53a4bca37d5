package correlate

import (
	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// timings measures the call from the originator's first request, challenged ones included, to its end.
// What was not seen stays nil, as does everything where times only keep the order.
func timings(tm *call.Timings, l *call.Leg, tries []int32, d int32) {
	start := firstRequest(l, tries)
	if start == 0 || start.Ordinal() {
		return
	}
	t := &l.Txns[d]
	since := func(field **float64, i int32) {
		if i != call.None {
			tm.Set(field, int64(l.Sightings[i].Time-start))
		}
	}
	since(&tm.Trying, firstTrying(l, tries))
	since(&tm.PDD, t.Progress)
	since(&tm.Final, t.Final)
	if t.Progress != call.None && (t.Final != call.None || t.Cancel != call.None) {
		tm.Set(&tm.Ring, ringTime(l, t))
	}
	if st := l.FinalStatus(t); st >= 200 && st < 300 {
		tm.Setup = tm.Final
		for i := range l.Dialogs {
			if dl := &l.Dialogs[i]; dl.Confirmed != 0 && dl.Bye != call.None {
				tm.Set(&tm.Duration, int64(l.Start(&l.Txns[dl.Bye])-dl.Confirmed))
				break
			}
		}
	}
}

func firstRequest(l *call.Leg, tries []int32) wire.Time {
	for _, ti := range tries {
		if r := l.Txns[ti].Request; r != call.None {
			return l.Sightings[r].Time
		}
	}
	return 0
}

func firstTrying(l *call.Leg, tries []int32) int32 {
	for _, ti := range tries {
		if i := l.Txns[ti].Trying; i != call.None {
			return i
		}
	}
	return call.None
}
