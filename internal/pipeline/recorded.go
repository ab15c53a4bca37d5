package pipeline

import (
	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// Recorded takes a message that was recorded earlier, as it was taken then. point is the number of its capture point.
// An error is a record that cannot be read; the engine is as before.
func (e *Engine) Recorded(m *record.Message, point uint16) error {
	switch m.What {
	case record.SIP:
		e.Payload(&wire.Payload{
			Ref: m.Ref, Time: m.Time, Point: point, Flow: m.Flow, Data: m.Data,
			Truncated: m.Truncated, IPID: m.IPID, Fragments: int(m.Fragments), ViaHEP: m.ViaHEP,
		})
	case record.Event:
		var ev wire.Event
		if err := record.DecodeEvent(m, &ev); err != nil {
			return err
		}
		ev.Point = point
		e.Event(&ev)
	case record.Note:
		var n wire.Note
		if err := record.DecodeNote(m, &n); err != nil {
			return err
		}
		n.Point = point
		e.Note(&n)
	}
	return nil
}
