package diagnose

import (
	"bytes"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// mediaStopped: RTP ended long before the call did, in both directions, or in one whose sender never paused before.
func mediaStopped(x *Case) *report {
	if !x.hasRTP() {
		return x.stoppedInWords()
	}
	hops := x.mediaHops()
	for i := range hops {
		h := &hops[i]
		if !h.twoWay() || h.bye == 0 || x.movedAway(h) {
			continue
		}
		both := [2]lane{x.toward(h, callerSide), x.toward(h, calleeSide)}
		if min(both[0].packets, both[1].packets) < ranWell || min(both[0].last, both[1].last) < h.answered {
			continue
		}
		to := callerSide // the side that heard nothing first
		if both[calleeSide].last < both[callerSide].last {
			to = calleeSide
		}
		quiet, other := h.bye-both[to].last, h.bye-both[1-to].last
		all, enough := other >= stoppedEarly, stoppedAlone
		if both[to].last-both[to].first >= longProof {
			enough = stoppedEarly
		}
		if !all && quiet < enough || !both[to].steady() || all && !both[1-to].steady() {
			continue
		}
		return x.stopped(h, to, both[to].last, all)
	}
	return nil
}

// mediaWords are what the Reason of a BYE says when a media time-out ended the call. All are lower case.
var mediaWords = []string{
	"rtp timeout", "rtp time-out", "rtp time out", "rtp-timeout", "rtp_timeout", "rtp inactivity", "no rtp", "media timeout", "media time-out",
	"media time out", "media-timeout", "media_timeout", "media inactivity", "media-inactivity", "no media",
}

// stoppedInWords is mediaStopped of a capture without media: the BYE says why it is sent.
func (x *Case) stoppedInWords() *report {
	for k, l := range x.Legs {
		for i := range l.Dialogs {
			d := &l.Dialogs[i]
			if d.Bye == call.None || d.Confirmed == 0 {
				continue
			}
			bye := call.TxnRef{Leg: k, Txn: d.Bye}
			ref := x.RequestRef(bye)
			if !ref.Valid() || !bytes.Contains(x.Raw(ref), []byte("eason")) { // cheaper than parsing each
				continue
			}
			m := x.Msg(ref)
			if m == nil {
				continue
			}
			for v := range m.Reasons() {
				words := call.Clean(v.Text)
				if !containsAny(words, mediaWords) {
					continue
				}
				client := x.Txn(bye).Client
				return x.report("media.stopped", 0.8, "%s ended the call because no media reached it: its BYE says %q. The capture has no RTP.", client, words).
					do("Capture the RTP too, at %s: does it never come, or stop during the call? One-way from the beginning is NAT or a firewall, a stop is a binding that ran out or a hold without music.", client.Addr()).
					do("Look for what stops the RTP before raising the time-out (rtptimeout, rtp_timeout, media-inactivity); devices that suppress silence need a longer one.").
					see(ref, "BYE: %s", words)
			}
		}
	}
	return nil
}

// movedAway says whether a later description of the hop named a socket at which nothing was captured: the media may
// go another way since.
func (x *Case) movedAway(h *mediaHop) bool {
	for side := range h.sides {
		last := h.sides[side].last().at
		if last == h.sides[side].said[0].at {
			continue
		}
		seen := false
		for i := range x.Media {
			seen = seen || x.Media[i].Dst == last || x.Media[i].Src == last
		}
		if !seen {
			return true
		}
	}
	return false
}

// stopped reports that the RTP towards a side ended at a time.
func (x *Case) stopped(h *mediaHop, to int, at wire.Time, all bool) *report {
	target, source := h.sides[to].last(), h.sides[1-to].last()
	confidence, what := 0.7, "from "+sideNames[1-to]+" ("+source.at.String()+") to "+target.at.String()
	if all {
		confidence, what = 0.85, "between "+source.at.String()+" and "+target.at.String()+", in both directions,"
		at = max(at, x.toward(h, 1-to).last)
	}
	r := x.report("media.stopped", x.missing(confidence, h, at, h.bye), "The RTP %s ended %.1f s before the call did.", what, Seconds(at, h.bye))
	bye, ref := x.byeOf(h)
	switch {
	case bye != "":
		r.add(" The BYE says %q: a media time-out ended the call.", bye)
	case usualTimeout(h.bye - at):
		r.add(" That is how long usual media time-outs are: it may be one that ended the call, though the BYE does not say so.")
	case !all:
		r.add(" No hold was signalled and the sender never paused before.")
	}
	return r.do("Look at %s and the way from it at the time of the last packet: a NAT binding or firewall state that ran out, a link that failed, a device that went away.", source.at.Addr()).
		do("When BYE regularly follows so long after the last packet, an RTP time-out (rtptimeout, rtp_timeout, media-inactivity) ends the calls: look for what stops the RTP before raising it.").
		see(target.ref, "announces %s, where the RTP ended", target.at).
		see(ref, "BYE, %.1f s after the last packet", Seconds(at, h.bye)).
		suspect(source.at, call.RoleUnknown)
}

// mediaTimeouts are what software waits for RTP before it hangs up, in seconds: defaults and what documentation shows.
var mediaTimeouts = [...]float64{10, 15, 20, 30, 60, 120, 300}

// usualTimeout says whether a silence is as long as one of those; software looks every second or so.
func usualTimeout(silence wire.Time) bool {
	for _, s := range mediaTimeouts {
		if d := float64(silence)/1e9 - s; d > -0.2 && d < 1.5 {
			return true
		}
	}
	return false
}

// byeOf returns the BYE that ended the hop's dialog, and its Reason's words when they speak of media.
func (x *Case) byeOf(h *mediaHop) (words string, ref call.MsgRef) {
	l := x.Legs[h.leg]
	for i := range l.Dialogs {
		if d := &l.Dialogs[i]; d.Bye != call.None && d.Confirmed != 0 {
			ref = x.RequestRef(call.TxnRef{Leg: h.leg, Txn: d.Bye})
			m := x.Msg(ref)
			if m == nil {
				return "", ref
			}
			for v := range m.Reasons() {
				text := strings.ToLower(call.Clean(v.Text))
				if strings.Contains(text, "rtp") || strings.Contains(text, "media") {
					return call.Clean(v.Text), ref
				}
			}
			return "", ref
		}
	}
	return "", call.NoMsg
}
