package diagnose

import (
	"bytes"

	"sipcause/internal/call"
	"sipcause/internal/finding"
)

// transportTruncated: the message on which the failure hangs is cut: its datagram ends before the end that its
// Content-Length announces (RFC 3261 §18.3), in the middle of a line or short of what was sent on the hop before.
// What only the capture cut failed nothing; it is said so that nobody takes it for the cause.
func transportTruncated(x *Case) *report {
	for _, r := range x.cutCandidates() {
		if rep := x.truncated(r); rep != nil {
			return rep
		}
	}
	return x.cutByCapture()
}

// cutCandidates are the messages that a cut would explain: the request that was refused as malformed or not answered,
// and a response that its receiver had to discard.
func (x *Case) cutCandidates() []call.MsgRef {
	var out []call.MsgRef
	if status, t, ok := x.deciding(); ok && (status == 400 || status == 488) {
		out = append(out, x.RequestRef(t))
	}
	for _, r := range x.deadEnds() {
		if x.unanswered(r) {
			out = append(out, x.RequestRef(r))
		}
	}
	if u, ok := x.unheard(); ok {
		out = append(out, u.reply)
	}
	return out
}

// short returns the length announced and the bytes of body there; ok is false when the message is whole.
func (x *Case) short(r call.MsgRef) (announced, there int, ok bool) {
	m := x.Msg(r)
	if m == nil {
		return 0, 0, false
	}
	announced, has := m.ContentLength()
	if at := bytes.Index(x.Raw(r), []byte("\r\n\r\n")); at >= 0 {
		there = len(x.Raw(r)) - at - 4
	}
	return announced, there, has && there < announced
}

func (x *Case) truncated(r call.MsgRef) *report {
	if !r.Valid() || x.Sighting(r).Truncated || x.Sighting(r).Txn == call.None {
		return nil
	}
	t := call.TxnRef{Leg: r.Leg, Txn: x.Sighting(r).Txn}
	announced, there, short := x.short(r)
	if !short || x.Txn(t).Transport.Reliable() {
		return nil
	}
	raw := x.Raw(r)
	confidence, how := 0.85, "it ends in the middle of a line"
	whole := x.wholeBefore(r, t)
	switch {
	case whole.Valid():
		confidence, how = 0.95, "on the hop before it was whole"
	case bytes.HasSuffix(raw, []byte("\n")):
		return nil // a clean end under a wrong length: protocol.content-length
	}
	flow := x.Legs[r.Leg].FlowOf(x.Sighting(r))
	return x.report("transport.truncated", confidence, "The %s from %s to %s is cut: its datagram has %d bytes, %d of body where Content-Length says %d, and %s. The capture did not cut it.",
		x.messageName(r), flow.Src, flow.Dst, len(raw), there, announced, how).
		do("Compare it on both sides of each device from %s on: who sends it short? A fixed buffer in the sender, a tunnel or a SIP ALG cut datagrams.", flow.Src.Addr()).
		do("Send over TCP or TLS, or make the message smaller: fewer codecs and candidates, no unused header fields.").
		see(whole, "whole on the hop before").
		see(r, "%d of %d bytes of body", there, announced).
		see(x.DecidingRef(), "what came of it").
		suspect(flow.Src, call.RoleUnknown)
}

// wholeBefore returns the same message on the hop it came from, if that carries the length announced here.
func (x *Case) wholeBefore(r call.MsgRef, t call.TxnRef) call.MsgRef {
	if !x.Sighting(r).IsRequest() || x.Txn(t).Parent == call.None {
		return call.NoMsg
	}
	before := x.RequestRef(call.TxnRef{Leg: t.Leg, Txn: x.Txn(t).Parent})
	if !before.Valid() {
		return call.NoMsg
	}
	m := x.Msg(r)
	says, _ := m.ContentLength()
	if b := x.Msg(before); b != nil && len(b.Body) == says && bytes.HasPrefix(b.Body, m.Body) {
		return before
	}
	return call.NoMsg
}

// cutByCapture names the messages of a failed call that are not whole in the capture.
func (x *Case) cutByCapture() *report {
	first, n := call.NoMsg, 0
	for k, l := range x.Legs {
		for i := range l.Sightings {
			if l.Sightings[i].Truncated && l.Sightings[i].Repeat == call.First {
				if n++; n == 1 {
					first = call.MsgRef{Leg: k, Msg: int32(i)}
				}
			}
		}
	}
	if n == 0 {
		return nil
	}
	return x.report("transport.truncated", 1, "%d messages of this call are cut in the capture, not on the wire: what stood behind the cut (header fields, SDP) could not be looked at.", n).
		do("Capture again with whole packets (tcpdump -s 0, dumpcap -s 262144).").
		see(first, "only %d bytes were captured", len(x.Raw(first))).
		severity(finding.Info)
}
