package pipeline

import (
	"bytes"
	"fmt"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// TestNotesAreBounded: whatever agents say, and of how many calls, what is kept of it has room in its bounds; the newest is.
func TestNotesAreBounded(t *testing.T) {
	said := func(n *notes, id string, text []byte) { n.add(&wire.Note{CallID: []byte(id), Text: text}) }
	held := func(n *notes) (calls, bytes int) {
		for id, e := range n.byCall {
			k := e.Value.(*noted)
			bytes += len(id)
			for i := range k.notes {
				bytes += noteBulk + len(k.notes[i].Text)
			}
		}
		if bytes != n.bytes {
			t.Errorf("%d bytes are held, %d are counted", bytes, n.bytes)
		}
		return len(n.byCall), bytes
	}
	for name, text := range map[string][]byte{"empty": nil, "short": []byte("x"), "long": bytes.Repeat([]byte("x"), 60<<10)} {
		var n notes
		for i := range 2 * maxNotedCalls {
			said(&n, fmt.Sprint(i), text)
		}
		if calls, bytes := held(&n); calls > maxNotedCalls || bytes > maxNotesBytes || n.Evicted == 0 {
			t.Errorf("%s notes of many calls: %d bytes of %d calls, %d evicted", name, bytes, calls, n.Evicted)
		}
		last := fmt.Sprint(2*maxNotedCalls - 1)
		if got := n.of(&call.Call{Legs: []*call.Leg{{CallID: last}}}); len(got) != 1 {
			t.Errorf("%s notes: of the last call there are %d", name, len(got))
		}
		n = notes{}
		for range 2 * maxNoteBytes / noteBulk {
			said(&n, "one", text)
		}
		if _, bytes := held(&n); bytes > maxNoteBytes || n.Evicted == 0 {
			t.Errorf("%s notes of one call: %d bytes, %d evicted", name, bytes, n.Evicted)
		}
	}
	var n notes
	said(&n, "giant", make([]byte, maxNotesBytes))
	if calls, bytes := held(&n); calls != 0 || bytes != 0 || n.Evicted != 1 {
		t.Errorf("a note beyond all bounds: %d bytes of %d calls, %d evicted", bytes, calls, n.Evicted)
	}
}
