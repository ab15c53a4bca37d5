package peer

import (
	"net/netip"
	"testing"
	"time"

	"sipcause/internal/wire"
)

// TestLostOfLongAgoMakesRoom: a server that lost many dialogs once is watched for the next time.
func TestLostOfLongAgoMakesRoom(t *testing.T) {
	l := New()
	server := netip.MustParseAddrPort("192.0.2.1:5060")
	at := wire.Time(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	for range 2 * maxLost {
		l.AddLost(server, Lost{Time: at})
	}
	later := at.Add(2 * lostTogether)
	for range 3 {
		l.AddLost(server, Lost{Time: later})
	}
	for _, list := range l.LostDialogs {
		if len(list) != maxLost || list[maxLost-1].Time != later || list[maxLost-3].Time != later || list[0].Time != at {
			t.Errorf("%d kept, the last of %v", len(list), list[len(list)-1].Time)
		}
	}
}
