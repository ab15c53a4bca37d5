package diagnose

import "sipcause/internal/wire"

// mediaStreamRules are media.*: what RTP and RTCP show of a call that was set up. Without media in the capture
// they say nothing; what only the descriptions show is a guess.
var mediaStreamRules = []rule{
	{id: "media.one-way", on: onCalls, always: true, check: mediaOneWay},
	{id: "media.none", on: onCalls, always: true, check: mediaNone},
	{id: "media.late", on: onCalls, always: true, check: mediaLate},
	{id: "media.stopped", on: onCalls, always: true, check: mediaStopped},
	{id: "media.unannounced-source", on: onCalls, always: true, check: mediaUnannouncedSource},
	{id: "media.payload-mismatch", on: onCalls, always: true, check: mediaPayloadMismatch},
	{id: "media.dtmf-mismatch", on: onCalls, always: true, check: mediaDTMFMismatch},
	{id: "media.no-ringback", on: onCalls, always: true, check: mediaNoRingback},
	{id: "media.quality", on: onCalls, always: true, check: mediaQuality},
}

// How much of a stream it takes.
const (
	enoughPackets = 100             // to say that somebody sends
	ranWell       = 150             // packets, 3 s of usual audio: to say that media ran before it stopped
	enoughTalk    = wire.Time(5e9)  // of a call to say that something never came
	lateMedia     = wire.Time(5e8)  // after the answer (a caller says "hello" into the void)
	lateSide      = wire.Time(15e8) // for one side alone to be more than a guess: many servers wait a second before they speak
	stoppedEarly  = wire.Time(5e9)  // before the end of the call, for both sides, or for one that sent without a pause for longProof
	stoppedAlone  = wire.Time(10e9) // for one side that sent for less
	longProof     = wire.Time(10e9)
)

// talked returns how long the call went on after it was answered on the hop: to its BYE, else to the last RTP.
func (x *Case) talked(h *mediaHop) wire.Time {
	end := h.bye
	if end == 0 {
		for i := range x.Media {
			end = max(end, x.Media[i].Last)
		}
	}
	return max(0, end-h.answered)
}

// twoWay says whether both sides of an answered hop wanted to send and to receive all the time.
func (h *mediaHop) twoWay() bool {
	return h.answered != 0 && !h.sides[callerSide].held && !h.sides[calleeSide].held
}

// unreachable says whether a side announced a private address for media while its messages came from another.
func (s *mediaSide) unreachable() bool {
	d := s.last()
	return misled(d.at.Addr(), d.by)
}
