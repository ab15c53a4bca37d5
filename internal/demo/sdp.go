package demo

import "fmt"

const dtmf = "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=ptime:20\na=sendrecv\n"

func session(h *host, port int, formats, maps string) string {
	return fmt.Sprintf("v=0\no=- 39000%d 1 IN IP4 %s\ns=-\nc=IN IP4 %s\nt=0 0\nm=audio %d RTP/AVP %s\n%s", port, h.ip(), h.ip(), port, formats, maps)
}

// offer is what a phone usually has.
func offer(h *host) string {
	return session(h, 30000, "9 8 0 101", "a=rtpmap:9 G722/8000\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n"+dtmf)
}

// opusOnly is an offer without a codec of the telephone network.
func opusOnly(h *host) string {
	return session(h, 30002, "96", "a=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1\na=ptime:20\na=sendrecv\n")
}

// answer takes the codec that every host has.
func answer(h *host) string {
	return session(h, 40000, "8 101", "a=rtpmap:8 PCMA/8000\n"+dtmf)
}
