package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/finding"
)

// mediaLate: the first RTP came long after the answer: what was said until then is cut off.
func mediaLate(x *Case) *report {
	if !x.hasRTP() {
		return nil
	}
	hops := x.mediaHops()
	for i := range hops {
		h := &hops[i]
		if !h.twoWay() || h.sides[0].ice || h.sides[1].ice || h.sides[0].srtp || h.sides[1].srtp {
			continue // checks and handshakes come first there
		}
		both := [2]lane{x.toward(h, callerSide), x.toward(h, calleeSide)}
		if both[0].first == 0 || both[1].first == 0 {
			continue // one way, or none
		}
		to := callerSide
		if both[calleeSide].first > both[callerSide].first {
			to = calleeSide
		}
		late, other := both[to].first-h.answered-both[to].unseen(), both[1-to].first-h.answered-both[1-to].unseen()
		confidence := 0.75
		switch {
		case late <= lateMedia:
			continue
		case other > lateMedia:
			confidence = 0.85
		case late <= lateSide:
			confidence = 0.45
		}
		target, source := h.sides[to].last(), h.sides[1-to].last()
		r := x.report("media.late", x.missing(confidence, h, h.answered, both[to].first),
			"The first RTP from %s (%s) to %s came %.1f s after the answer", sideNames[1-to], source.at, target.at, Seconds(h.answered, both[to].first))
		if confidence < finding.Plausible {
			r.add("; there are devices that take that long to open their audio.")
		} else {
			r.add(": the first words are lost.")
		}
		if other > lateMedia {
			r.add(" The other direction began %.1f s after it.", Seconds(h.answered, both[1-to].first))
		}
		return r.do("Look at what %s does between answer and first packet: transcoder or media server that is set up late, a relay that waits for the other side's first packet, a re-INVITE right after the answer.", source.at).
			do("Let the relay learn both addresses from the descriptions, and the device open its audio before it answers.").
			see(target.ref, "announces %s", target.at).see(source.ref, "announces %s", source.at).
			suspect(source.at, call.RoleUnknown)
	}
	return nil
}
