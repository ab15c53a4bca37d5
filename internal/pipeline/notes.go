package pipeline

import (
	"container/list"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// Bounds of what agents say of calls: Call-IDs of which something is kept, and how much of one.
const (
	maxNotedCalls = 16384
	maxNoteBytes  = 64 << 10
)

// notes keeps what agents said, by Call-ID, until the call is out: agents may be ahead of their messages. The oldest
// Call-IDs go.
type notes struct {
	byCall  map[string]*list.Element // of noted
	order   list.List
	Evicted uint64
}

type noted struct {
	callID string
	notes  []wire.Note
	bytes  int
}

func (n *notes) add(said *wire.Note) {
	if n.byCall == nil {
		n.byCall = map[string]*list.Element{}
	}
	at := n.byCall[string(said.CallID)]
	if at == nil {
		if len(n.byCall) >= maxNotedCalls {
			old := n.order.Remove(n.order.Front()).(*noted)
			delete(n.byCall, old.callID)
			n.Evicted++
		}
		at = n.order.PushBack(&noted{callID: string(said.CallID)})
		n.byCall[string(said.CallID)] = at
	}
	k := at.Value.(*noted)
	if k.bytes += len(said.Text); k.bytes > maxNoteBytes {
		k.bytes -= len(said.Text)
		n.Evicted++
		return
	}
	own := *said
	own.CallID, own.Text = []byte(k.callID), append([]byte(nil), said.Text...)
	k.notes = append(k.notes, own)
}

// of returns what was said of the legs of c, in the order heard.
func (n *notes) of(c *call.Call) (all []wire.Note) {
	if len(n.byCall) == 0 {
		return nil
	}
	for _, l := range c.Legs {
		if at := n.byCall[l.CallID]; at != nil {
			all = append(all, at.Value.(*noted).notes...)
		}
	}
	return all
}
