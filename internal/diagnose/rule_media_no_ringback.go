package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// waiting is what a caller was told while it waited.
type waiting struct {
	early  call.MsgRef // first 183 with a description
	alert  call.MsgRef // first 180 without one after it
	bare   bool        // a 180 without a description came before the 183: the caller's phone rings by itself
	since  wire.Time
	until  wire.Time // final response
	answer bool
}

// minRinging is how long somebody has to wait in silence to notice.
const minRinging = wire.Time(2e9)

// mediaNoRingback: the caller heard nothing while the callee's phone rang: 183 announced early media that never came,
// or 180 after it left open who makes the ringing tone (RFC 3960 §3.2).
func mediaNoRingback(x *Case) *report {
	tries := x.Lead().Tries()
	if len(tries) == 0 {
		return nil
	}
	w, ok := x.waiting(call.TxnRef{Txn: tries[len(tries)-1]})
	if !ok || w.bare || w.since.Ordinal() || w.until-w.since < minRinging {
		return nil
	}
	if x.noEarlyMedia(w.early) {
		return nil
	}
	rang := x.earlyRTP(&w)
	visible := x.hasRTP() || x.OnPath >= 2
	switch {
	case rang:
		return nil
	case !visible && !w.alert.Valid():
		return nil // nothing of the media is in the capture
	}
	source := x.Legs[0].FlowOf(x.Sighting(w.early)).Src
	confidence, words := 0.45, ""
	if visible {
		confidence, words = x.absentEarly(&w), " and no early media came"
	}
	var r *report
	if w.alert.Valid() {
		r = x.report("media.no-ringback", confidence, "%s sent 183 with a session description and then 180 without one%s: many phones go on waiting for early media and make no ringing tone, for %.1f s here.", source, words, Seconds(w.since, w.until)).
			see(w.early, "early media announced").see(w.alert, "180 without a description")
	} else {
		r = x.report("media.no-ringback", confidence, "%s announced early media with 183%s: the caller heard silence for %.1f s.", source, words, Seconds(w.since, w.until)).
			see(w.early, "early media announced")
	}
	return r.do("Let the gateway at %s either send RTP after 183, or signal 180 without a description so that the caller's phone rings by itself.", source).
		do("Check whether the RTP of the early dialog is blocked (a relay or firewall that opens only after 200, or for one fork).").
		suspect(source, call.RoleUnknown)
}

// waiting reads the provisional responses of an INVITE.
func (x *Case) waiting(r call.TxnRef) (w waiting, ok bool) {
	l, t := x.Legs[r.Leg], x.Txn(r)
	w.early, w.alert = call.NoMsg, call.NoMsg
	if t.Final == call.None || t.Progress == call.None {
		return w, false
	}
	for i := range l.Messages(t) {
		s := &l.Sightings[i]
		ref := call.MsgRef{Leg: r.Leg, Msg: i}
		switch {
		case s.Repeat != call.First || s.Method != sip.MethodInvite:
		case s.Status == 183 && s.HasSDP && !w.early.Valid():
			w.early, w.since = ref, s.Time
		case s.Status == 180 && s.HasSDP:
			w.bare = true // describes the early media anew
		case s.Status == 180 && w.early.Valid() && !w.alert.Valid():
			w.alert, w.since = ref, s.Time
		case s.Status == 180 && !w.early.Valid():
			w.bare = true
		}
	}
	w.until, w.answer = l.Sightings[t.Final].Time, l.FinalStatus(t)/100 == 2
	return w, w.early.Valid()
}

// noEarlyMedia says whether the 183 describes media only for later: its sender will not send, asks for preconditions
// (RFC 3312), or says in P-Early-Media (RFC 5009) that there is none.
func (x *Case) noEarlyMedia(early call.MsgRef) bool {
	m, session := x.Msg(early), x.Session(early)
	if m == nil || session == nil {
		return true
	}
	if says := bytes.ToLower(m.HeaderByName("P-Early-Media")); len(says) > 0 && !bytes.Contains(says, []byte("sendrecv")) && !bytes.Contains(says, []byte("sendonly")) {
		return true
	}
	for i := range session.Media {
		if a := &session.Media[i]; a.Type.Is("audio") && !a.Rejected() {
			return a.QoS || !a.Direction.Sends() || a.ZeroAddress()
		}
	}
	return true
}

// earlyRTP says whether RTP ran towards the caller while it waited: to a socket that its INVITE announced, or from
// one that the 183 did.
func (x *Case) earlyRTP(w *waiting) bool {
	for i := range x.Media {
		s := &x.Media[i]
		if s.RTCP || s.First >= w.until || s.Last <= w.since {
			continue
		}
		if !s.To.Valid() || x.Sighting(s.To).IsRequest() {
			return true
		}
	}
	return false
}

// absentEarly is how sure it is that no early media came.
func (x *Case) absentEarly(w *waiting) float64 {
	f := x.Legs[0].FlowOf(x.Sighting(w.early))
	return 0.75 * (1 - x.Ledger.Loss(w.since, w.until, f.Src.Addr(), f.Dst.Addr()))
}
