package call

import "time"

// Times by which correlate tells outcomes and diagnose explains them: the two must agree.
const (
	TimerB   = 32 * time.Second // 64·T1: Timer B and F, how long a client waits for any response (RFC 3261 §17.1.1.2, §17.1.2.2)
	TimerC   = 3 * time.Minute  // what a proxy waits for a final response to an INVITE at least (RFC 3261 §16.6 step 11)
	LongRing = 10 * time.Second // of alerting: from here on nobody picked up; before it the caller gave up
)
