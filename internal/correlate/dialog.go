package correlate

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/sip"
)

// progress brings the transaction and its dialog forward with sighting i, which link has just added.
func (ol *openLeg) progress(ti, i int32, m *sip.Message) {
	l := ol.leg
	t, s := &l.Txns[ti], &l.Sightings[i]
	if s.Repeat == call.Duplicate {
		return
	}
	if s.IsRequest() {
		ol.request(ti, i, m)
		return
	}
	switch {
	case s.Repeat == call.Retransmission:
		if i := s.Of; i == t.Final {
			t.FinalResent++
		}
		return
	case s.Status < 200:
		if t.Final == call.None && t.Method == sip.MethodInvite && t.Trying == call.None && t.Progress == call.None {
			ol.provision++
		}
		if s.Status == 100 {
			if t.Trying == call.None {
				t.Trying = i
			}
		} else if t.Progress == call.None {
			t.Progress = i
		}
	case t.Final == call.None:
		t.Final = i
		ol.pending--
		if t.Method == sip.MethodInvite && (t.Trying != call.None || t.Progress != call.None) {
			ol.provision--
		}
	case t.AltFinal == call.None:
		t.AltFinal = i
	}
	switch t.Method {
	case sip.MethodInvite:
		ol.inviteResponse(ti, i, m)
	case sip.MethodBye:
		if s.Status >= 200 && s.Status != 401 && s.Status != 407 {
			if d := ol.dialogOf(m); d != call.None {
				l.Dialogs[d].State = call.DialogTerminated
			}
		}
	}
}

// request notes a request's first sighting or retransmission.
func (ol *openLeg) request(ti, i int32, m *sip.Message) {
	l := ol.leg
	t, s := &l.Txns[ti], &l.Sightings[i]
	if s.Method == sip.MethodAck && t.Method == sip.MethodInvite {
		if t.Ack == call.None {
			t.Ack = i
		}
		if st := l.FinalStatus(t); st >= 200 && st < 300 { // an RFC 2543 ACK keeps the INVITE's branch
			ol.acked(m, i)
		}
		return
	}
	t.LastResent = s.Time
	if s.Repeat == call.Retransmission {
		t.Resent++
		return
	}
	if t.Request == call.None {
		t.Request = i
		t.InDialog, t.HasAuth = s.HasToTag, s.HasAuth
		if t.HasAuth && t.Parent == call.None {
			ol.asks(ti, m)
		}
	}
	switch t.Method {
	case sip.MethodAck:
		t.Dialog = ol.acked(m, i)
	case sip.MethodBye:
		if d := ol.dialogOf(m); d != call.None {
			dl := &l.Dialogs[d]
			t.Dialog = d
			if dl.Bye == call.None {
				dl.Bye = ti
				dl.Terminated = s.Time
				dl.ByeFromCaller = bytes.Equal(m.FromTag(), dl.CallerTag)
			}
		} else {
			l.MidCall = true
		}
	default:
		if t.InDialog {
			t.Dialog = ol.dialogOf(m)
			l.MidCall = l.MidCall || (t.Dialog == call.None && len(l.Dialogs) == 0)
		}
	}
}

// acked notes the ACK for a 2xx with its dialog, which it returns.
func (ol *openLeg) acked(m *sip.Message, i int32) int32 {
	d := ol.dialogOf(m)
	if d != call.None && ol.leg.Dialogs[d].AckAt == 0 {
		ol.leg.Dialogs[d].AckAt = ol.leg.Sightings[i].Time
	}
	return d
}

// maxDialogs bounds the dialogs of one leg (forks).
const maxDialogs = 64

// inviteResponse makes or moves the dialog that a response to an INVITE belongs to (RFC 3261 §12.1, §13.2.2).
func (ol *openLeg) inviteResponse(ti, i int32, m *sip.Message) {
	l := ol.leg
	t, s := &l.Txns[ti], &l.Sightings[i]
	if s.Status == 100 || s.Status >= 300 && !t.InDialog && len(l.Dialogs) == 0 || len(m.ToTag()) == 0 {
		return
	}
	d := ol.dialogOf(m)
	switch {
	case d != call.None:
	case t.InDialog || s.Status >= 300 || len(l.Dialogs) >= maxDialogs:
		return
	default:
		d = int32(len(l.Dialogs))
		l.Dialogs = append(l.Dialogs, call.Dialog{
			CallerTag: ol.stock.keep(l, m.FromTag()), CalleeTag: ol.stock.keep(l, m.ToTag()), Invite: ti, Bye: call.None,
		})
	}
	t.Dialog = d
	dl := &l.Dialogs[d]
	if t.InDialog {
		return
	}
	switch {
	case s.Status < 200:
	case s.Status < 300:
		if dl.Confirmed == 0 {
			dl.Confirmed = s.Time
			if dl.State == call.DialogEarly {
				dl.State = call.DialogConfirmed
			}
		}
	default:
		if dl.State == call.DialogEarly {
			dl.State, dl.Terminated = call.DialogTerminated, s.Time
		}
	}
}

// dialogOf finds the dialog of a message by its two tags, in either direction.
func (ol *openLeg) dialogOf(m *sip.Message) int32 {
	from, to := m.FromTag(), m.ToTag()
	for k := range ol.leg.Dialogs {
		d := &ol.leg.Dialogs[k]
		if bytes.Equal(d.CallerTag, from) && bytes.Equal(d.CalleeTag, to) ||
			bytes.Equal(d.CallerTag, to) && bytes.Equal(d.CalleeTag, from) {
			return int32(k)
		}
	}
	return call.None
}
