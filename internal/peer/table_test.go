package peer

import "testing"

// TestTable: a flood stays within the bound and is counted, and what is used meanwhile is kept.
func TestTable(t *testing.T) {
	var evicted uint64
	tab := newTable[int, int](&evicted, 100)
	tab.put(-1, 7)
	for i := range 1000 {
		tab.put(i, i)
		if v, ok := tab.get(-1); !ok || v != 7 {
			t.Fatalf("after %d: %d, %v; want the entry in use to be kept", i, v, ok)
		}
		if n := tab.size(); n > 101 {
			t.Fatalf("after %d: %d entries, want no more than 100 and the one just moved", i, n)
		}
	}
	if got := uint64(1001 - tab.size()); evicted != got {
		t.Errorf("%d evicted are counted, want %d", evicted, got)
	}
	if _, ok := tab.peek(0); ok {
		t.Error("the first entry is still there")
	}
}
