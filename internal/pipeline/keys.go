package pipeline

import (
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/correlate"
	"sipcause/internal/wire"
)

// KeysOf returns what the messages of a call are recorded under, those of its legs first, then those of its flows: see
// record.Case.Keys.
func KeysOf(c *call.Call) []uint64 {
	var legs, flows []uint64
	for _, l := range c.Legs {
		legs = append(legs, correlate.KeyOfCallID([]byte(l.CallID)))
		for _, f := range l.Flows {
			flows = append(flows, correlate.KeyOfFlow(f))
		}
	}
	keys := legs
	for _, k := range flows {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// KeyOfEvent returns what a wire event is recorded under: the Call-ID that its quote shows, else its flow.
func KeyOfEvent(e *wire.Event) uint64 {
	if id := quotedCallID(e.Quote); id != "" {
		return correlate.KeyOfCallID([]byte(id))
	}
	return correlate.KeyOfFlow(e.Flow)
}
