package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/sip"
)

// dialogSessionExpired: the call was ended because a session refresh failed or never came (RFC 4028 §10).
func dialogSessionExpired(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Dialogs {
			d := &l.Dialogs[i]
			inv := &l.Txns[d.Invite]
			if d.Confirmed == 0 || d.Bye == call.None || inv.Final == call.None || !l.Sightings[inv.Final].Timed {
				continue
			}
			switch lasted := d.Terminated.Sub(d.Confirmed); {
			case lasted < shortestSession, lasted < timedSession && !x.troubled(k, d):
				continue
			}
			if r := x.sessionExpired(k, d); r != nil {
				return r
			}
		}
	}
	return nil
}

// shortestSession is below every time at which a session timer ends a call, with peers that go below the least interval
// of 90 s (RFC 4028 §4) as well; the side that does not refresh sends BYE 32 s or a third of it before the end.
const shortestSession = 5e9

// timedSession is below every time that by itself says that a timer ended the call; a shorter one needs another sign.
const timedSession = 50e9

// troubled says, without parsing, whether the BYE of a dialog gives a reason or a request in it had no 2xx.
func (x *Case) troubled(leg int, d *call.Dialog) bool {
	l := x.Legs[leg]
	if bye := l.Txns[d.Bye].Request; bye != call.None && l.Sightings[bye].Reasoned {
		return true
	}
	for i := range l.Txns {
		if t := &l.Txns[i]; t.InDialog && (t.Method == sip.MethodInvite || t.Method == sip.MethodUpdate) && l.FinalStatus(t)/100 != 2 {
			return true
		}
	}
	return false
}

// leastInterval is the least session interval in seconds (RFC 4028 §4).
const leastInterval = 90

func (x *Case) sessionExpired(leg int, d *call.Dialog) *report {
	l := x.Legs[leg]
	answer := call.MsgRef{Leg: leg, Msg: l.Txns[d.Invite].Final}
	m := x.Msg(answer)
	if m == nil {
		return nil
	}
	interval, refresher, ok := m.SessionExpires()
	if !ok || interval <= 0 {
		return nil
	}
	bye := call.TxnRef{Leg: leg, Txn: d.Bye}
	last, failed := d.Confirmed, call.TxnRef{Txn: call.None}
	for i := range l.Txns {
		t := &l.Txns[i]
		o := call.TxnRef{Leg: leg, Txn: int32(i)}
		if t.Method != sip.MethodInvite && t.Method != sip.MethodUpdate || !t.InDialog || t.Parent != call.None {
			continue
		}
		switch {
		case l.FinalStatus(t)/100 == 2:
			last, failed = x.FinalTime(o), call.TxnRef{Txn: call.None}
		case x.missed(o): // answered where the capture did not see it
			last, failed = x.Start(o), call.TxnRef{Txn: call.None}
		default:
			failed = o
		}
	}
	idle := Seconds(last, d.Terminated)
	due := float64(interval) - min(32, float64(interval)/3)
	confidence := 0.0
	switch q := x.Request(bye); {
	case q != nil && saysSession(q):
		confidence = 0.95
	case failed.Txn != call.None && x.refreshLost(failed) && x.Txn(bye).Client == x.Txn(failed).Client && Seconds(x.Start(failed), d.Terminated) < 70:
		confidence = 0.85
	case failed.Txn != call.None && Seconds(x.Start(failed), d.Terminated) >= 0 && Seconds(x.Start(failed), d.Terminated) < 70 && idle > float64(interval)/3:
		confidence = 0.8
	case interval < leastInterval: // so short that a time proves nothing
		return nil
	case abs(idle-due) < 1.5 || abs(idle-float64(interval)) < 1.5:
		confidence = 0.7
	default:
		return nil
	}
	r := x.report("dialog.session-expired", confidence, "The call was ended with BYE %.0f s after the last session refresh; the session interval is %d s, to be refreshed by the %s.", idle, interval, refresherName(refresher)).
		see(answer, "Session-Expires: %d", interval).
		see(x.RequestRef(bye), "BYE by %s", x.Txn(bye).Client)
	if confidence == 0.7 {
		r.severity(finding.Warning) // only the time says so
	}
	if failed.Txn != call.None {
		r.suspect(x.Txn(failed).Server, call.RoleUnknown)
		if status := x.Status(failed); status == 0 {
			r.add(" The refresh of %s got no answer.", x.Txn(failed).Client)
		} else {
			r.add(" The refresh of %s was not accepted (status %d).", x.Txn(failed).Client, status)
		}
		r.see(x.RequestRef(failed), "the refresh")
	} else {
		r.add(" No refresh was seen.")
	}
	return r.do("Look at the refresher: did it send re-INVITE or UPDATE half-way through the interval, and where to? Its Route and Contact must reach the other side through every NAT and firewall for the whole call.").
		do("If one side does not refresh in spite of its role, switch session timers off there, or let the other side refresh.")
}

// saysSession says whether a BYE names the session timer in its Reason.
func saysSession(q *sip.Message) bool {
	for v := range q.Reasons() {
		text := bytes.ToLower(v.Text)
		if bytes.Contains(text, []byte("session timer")) || bytes.Contains(text, []byte("session expired")) || bytes.Contains(text, []byte("session-expires")) || bytes.Contains(text, []byte("timer expired")) {
			return true
		}
	}
	return false
}

func refresherName(refresher []byte) string {
	switch {
	case equalFold(refresher, "uac"):
		return "caller"
	case equalFold(refresher, "uas"):
		return "callee"
	}
	return "side that the response does not name"
}

// refreshLost says whether a request that refreshes the session got no answer, or one that ends the dialog: who sent it
// has to send BYE then (RFC 4028 §10).
func (x *Case) refreshLost(r call.TxnRef) bool {
	if status := x.Status(r); status != 0 && status != 408 && status != 481 {
		return false
	}
	m := x.Request(r)
	return m != nil && m.Count(sip.HeaderSessionExpires) > 0
}
