package pipeline

import (
	"container/list"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// Bounds of what agents say of calls: Call-IDs of which something is kept, and how much of one and of all.
const (
	maxNotedCalls = 16384
	maxNoteBytes  = 64 << 10
	maxNotesBytes = 16 << 20
	// noteBulk is what a note is taken to need besides its text.
	noteBulk = 192
)

// notes keeps what agents said, by Call-ID, whether or not something of the call was seen: agents may be ahead of their
// messages. The Call-IDs that were heard of first go.
type notes struct {
	byCall  map[string]*list.Element // of noted
	order   list.List
	bytes   int
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
	size, had := noteBulk+len(said.Text), 0
	if at == nil {
		size += len(said.CallID)
	} else {
		had = at.Value.(*noted).bytes
	}
	if had+size > maxNoteBytes {
		n.Evicted++
		return
	}
	for n.bytes+size > maxNotesBytes || at == nil && len(n.byCall) >= maxNotedCalls {
		first := n.order.Front()
		if first == at {
			at, size = nil, size+len(said.CallID)
		}
		old := n.order.Remove(first).(*noted)
		delete(n.byCall, old.callID)
		n.bytes -= old.bytes
		n.Evicted++
	}
	if at == nil {
		at = n.order.PushBack(&noted{callID: string(said.CallID)})
		n.byCall[string(said.CallID)] = at
	}
	k := at.Value.(*noted)
	k.bytes += size
	n.bytes += size
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
