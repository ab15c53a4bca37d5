package serve

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sipcause/internal/hep"
	"sipcause/internal/wire"
)

// said is one message of a schedule: when it is seen, between which sockets, and of which Call-ID.
type said struct {
	at     wire.Time
	flow   wire.Flow
	callID string
	data   []byte
}

// schedule collects messages; script puts those of one call in.
type schedule struct{ all []said }

// script is one dialogue between two sockets.
type script struct {
	s            *schedule
	uac, uas     netip.AddrPort
	callID, from string
	to, tag      string
	at           wire.Time
	branch, cseq int
	method       string
}

func (s *schedule) talk(id string, uac, uas netip.AddrPort, from, to string, at wire.Time) *script {
	return &script{s: s, uac: uac, uas: uas, callID: id, from: from, to: to, at: at}
}

func (c *script) wait(d time.Duration) *script {
	c.at = c.at.Add(d)
	return c
}

func (c *script) put(down bool, text string) {
	f := wire.Flow{Src: c.uac, Dst: c.uas, Transport: wire.UDP}
	if !down {
		f.Src, f.Dst = f.Dst, f.Src
	}
	c.s.all = append(c.s.all, said{c.at, f, c.callID, []byte(text)})
}

func (c *script) headers() string {
	tag := ""
	if c.tag != "" {
		tag = ";tag=" + c.tag
	}
	return fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s.%d\r\nFrom: <sip:%s@example.com>;tag=f%s\r\nTo: <sip:%s@example.com>%s\r\nCall-ID: %s\r\n",
		c.uac, c.callID, c.branch, c.from, c.callID, c.to, tag, c.callID)
}

// request sends a new request; an ACK of a 2xx has a branch of its own and the INVITE's number.
func (c *script) request(method, extra string) *script {
	c.branch++
	if method != "ACK" {
		c.cseq++
		c.method = method
	}
	return c.again(method, extra)
}

// again sends a request once more, or the ACK of a failure.
func (c *script) again(method, extra string) *script {
	uri := "sip:" + c.to + "@example.com"
	if method == "REGISTER" {
		uri = "sip:example.com"
	}
	c.put(true, fmt.Sprintf("%s %s SIP/2.0\r\n%sCSeq: %d %s\r\nContact: <sip:%s@%s>\r\nMax-Forwards: 70\r\n%sContent-Length: 0\r\n\r\n",
		method, uri, c.headers(), c.cseq, method, c.from, c.uac, extra))
	return c
}

func (c *script) answer(code int, reason, extra string) *script {
	if code > 100 && c.tag == "" {
		c.tag = "t" + c.callID
	}
	c.put(false, fmt.Sprintf("SIP/2.0 %d %s\r\n%sCSeq: %d %s\r\nContact: <sip:%s@%s>\r\n%sContent-Length: 0\r\n\r\n",
		code, reason, c.headers(), c.cseq, c.method, c.to, c.uas, extra))
	return c
}

const little = 20 * time.Millisecond

// answered is a call that rings, is answered, and hung up after talk.
func (c *script) answered(ring, talk time.Duration) {
	c.request("INVITE", "").wait(little).answer(100, "Trying", "").wait(little).answer(180, "Ringing", "")
	c.wait(ring).answer(200, "OK", "").wait(little).request("ACK", "")
	c.wait(talk).request("BYE", "").wait(little).answer(200, "OK", "")
}

// refused is a call that fails with a code.
func (c *script) refused(ring time.Duration, code int, reason string) {
	c.request("INVITE", "").wait(little).answer(100, "Trying", "")
	c.wait(ring).answer(code, reason, "").wait(little).again("ACK", "")
}

// unanswered is a call to somebody who is not there.
func (c *script) unanswered() {
	c.request("INVITE", "")
	for d := 500 * time.Millisecond; d <= 16*time.Second; d *= 2 {
		c.wait(d).again("INVITE", "")
	}
}

// bound is a device that stays registered: it is challenged at first, and refreshes.
func (c *script) bound(every time.Duration, times int) {
	c.request("REGISTER", "Expires: 120\r\n").wait(little).answer(401, "Unauthorized", "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n"+c.callID+"\"\r\n")
	c.tag = ""
	for range times {
		auth := "Authorization: Digest username=\"" + c.from + "\", realm=\"example.com\", nonce=\"n" + c.callID + "\", uri=\"sip:example.com\", response=\"00000000000000000000000000000000\"\r\n"
		c.wait(little).request("REGISTER", "Expires: 120\r\n"+auth).wait(little).answer(200, "OK", "Expires: 120\r\n")
		c.tag = ""
		c.wait(every)
	}
}

// traffic is a schedule of every kind of call, perSecond beginning each second of the span, in order of time.
func traffic(seed uint64, start wire.Time, span time.Duration, perSecond int) []said {
	var s schedule
	rng := rand.New(rand.NewPCG(seed, 2))
	// Every caller has an address of its own: what is said of one call is not to depend on others.
	server := func(n int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0xff, 15: byte(n)}), 5060)
	}
	between := func(lo, hi time.Duration) time.Duration { return lo + time.Duration(rng.Int64N(int64(hi-lo))) }
	end := start.Add(span)
	n := 0
	for at := start; at < end; at = at.Add(time.Second / time.Duration(perSecond)) {
		n++
		id := fmt.Sprintf("k%d-%d@example.com", seed, n)
		from, to := fmt.Sprintf("493055%06d", n), fmt.Sprintf("498955%06d", n)
		c := s.talk(strings.ReplaceAll(id, "@", "."), addrOf(n), server(n%5), from, to, at+wire.Time(rng.Int64N(int64(time.Second))/int64(perSecond)))
		switch k := rng.IntN(20); {
		case k < 9:
			c.answered(between(500*time.Millisecond, 6*time.Second), between(time.Second, 25*time.Second))
		case k == 9 && at < end.Add(-span/3):
			c.answered(3*time.Second, between(span/8, span/4))
		case k < 12:
			c.refused(between(time.Second, 5*time.Second), 486, "Busy Here")
		case k < 14:
			c.refused(little, 404, "Not Found")
		case k < 16:
			c.refused(little, 503, "Service Unavailable")
		case k == 16:
			c.unanswered()
		case k == 17:
			c.request("OPTIONS", "").wait(little).answer(200, "OK", "")
		default:
			c.bound(50*time.Second, 1)
		}
	}
	for d := range 40 {
		user := fmt.Sprintf("49405550%03d", d)
		s.talk(fmt.Sprintf("bound%d-%d", seed, d), addrOf(1<<20+d), server(9), user, user, start.Add(time.Duration(d)*700*time.Millisecond)).bound(50*time.Second, int(span/(55*time.Second)))
	}
	slices.SortStableFunc(s.all, func(a, b said) int { return cmp.Compare(a.at, b.at) })
	for i := range s.all { // HEP has whole microseconds, and no two messages are at one time
		s.all[i].at -= s.all[i].at % 1000
		if i > 0 && s.all[i].at <= s.all[i-1].at {
			s.all[i].at = s.all[i-1].at + 1000
		}
	}
	return s.all
}

// hepPacket wraps a message as an agent would that saw it at a time.
func hepPacket(m *said, seen wire.Time) []byte {
	var e hep.Encoder
	b, ok := e.Append(nil, &hep.Message{Time: seen, Flow: m.flow, Type: hep.TypeSIP, Payload: m.data})
	if !ok {
		panic("a message that is too long")
	}
	return b
}

// addrOf returns the n-th address.
func addrOf(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}), 5060)
}
