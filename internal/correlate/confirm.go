package correlate

import (
	"time"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// unconfirmedFor is how long a 2xx must have been sent again before the call counts as never confirmed: by then
// T1 has doubled four times (RFC 3261 §13.3.1.4; the UAS gives up after 64·T1 = 32 s).
const unconfirmedFor = 7 * time.Second

// exhausted is for how long a UAS that no ACK reaches goes on, but for the last interval: whoever sent an ACK
// meanwhile did so in vain.
const exhausted = 25 * time.Second

// unconfirmed says whether the call was answered but its 2xx was sent again for so long that no ACK can have
// reached the UAS, and nothing after the last one shows that it did in the end. A fork's answer that the caller did not
// keep says nothing of the one that it kept.
func unconfirmed(l *call.Leg) bool {
	for i := range l.Txns {
		t := &l.Txns[i]
		if t.Method != sip.MethodInvite || t.InDialog || t.FinalResent < 4 || t.Final == call.None || l.FinalStatus(t) >= 300 {
			continue
		}
		last := lastSame(l, t.Final).Time
		span := last.Sub(l.Sightings[t.Final].Time)
		if (span >= exhausted || span >= unconfirmedFor && !confirmedAfter(l, t, last)) && !l.PassedOver(int32(i)) {
			return true
		}
	}
	return false
}

// confirmedAfter says whether, after the 2xx had been sent for the last time, an ACK went to the UAS of t or the
// caller's side sent it another request that was answered.
func confirmedAfter(l *call.Leg, t *call.Txn, last wire.Time) bool {
	for k := range l.Txns {
		o := &l.Txns[k]
		if o.Server != t.Server || o.Request == call.None {
			continue
		}
		at := max(l.Sightings[o.Request].Time, o.LastResent)
		if o.Method == sip.MethodAck && at >= last && o.CSeq == t.CSeq {
			return true
		}
		if o.InDialog && o.Method != sip.MethodAck && o.Method != sip.MethodBye && at >= last && l.FinalStatus(o) >= 200 && l.FinalStatus(o) < 300 {
			return true
		}
	}
	return false
}
