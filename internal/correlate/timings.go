package correlate

import (
	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// timings measures the call from the originator's first request, challenged ones included, to its end.
// What was not seen stays nil.
func timings(l *call.Leg, tries []int32, d int32) (tm call.Timings) {
	start := firstRequest(l, tries)
	if start == 0 {
		return tm
	}
	t := &l.Txns[d]
	tm.Trying = since(l, start, firstOf(l, tries, func(t *call.Txn) int32 { return t.Trying }))
	tm.PDD = since(l, start, t.Progress)
	tm.Final = since(l, start, t.Final)
	if t.Progress != call.None && (t.Final != call.None || t.Cancel != call.None) {
		tm.Ring = ms(ringTime(l, t))
	}
	if st := l.FinalStatus(t); st >= 200 && st < 300 {
		tm.Setup = tm.Final
		for i := range l.Dialogs {
			if dl := &l.Dialogs[i]; dl.Confirmed != 0 && dl.Bye != call.None {
				tm.Duration = ms(int64(l.Start(&l.Txns[dl.Bye]) - dl.Confirmed))
				break
			}
		}
	}
	return tm
}

func firstRequest(l *call.Leg, tries []int32) wire.Time {
	for _, ti := range tries {
		if r := l.Txns[ti].Request; r != call.None {
			return l.Sightings[r].Time
		}
	}
	return 0
}

func firstOf(l *call.Leg, tries []int32, pick func(*call.Txn) int32) int32 {
	for _, ti := range tries {
		if i := pick(&l.Txns[ti]); i != call.None {
			return i
		}
	}
	return call.None
}

func since(l *call.Leg, start wire.Time, i int32) *float64 {
	if i == call.None {
		return nil
	}
	return ms(int64(l.Sightings[i].Time - start))
}

func ms(ns int64) *float64 {
	v := float64(ns) / 1e6
	return &v
}
