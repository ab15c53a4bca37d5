package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// pathMTU is the largest UDP payload that an Ethernet path carries in one piece over IPv4; RFC 3261 §18.1.1
// wants a congestion-controlled transport from 1300 bytes on when the path is not known.
const pathMTU = 1472

// transportFragmentLost: a datagram larger than the path takes did not arrive whole: fragments are missing from
// the capture, ICMP says it is too big, or big requests go unanswered on a hop that answers small ones.
func transportFragmentLost(x *Case) *report {
	if events := x.hopEvents(wire.EventFragLost, wire.EventICMPTooBig); len(events) > 0 {
		e := &events[0]
		what := "fragments of a datagram never arrived"
		confidence := 0.9
		if e.Kind == wire.EventICMPTooBig {
			what, confidence = "ICMP says the datagram is larger than the path takes", 1
		}
		return x.report("transport.fragment-lost", confidence, "From %s to %s %s (%s).", e.Flow.Src.Addr(), e.Flow.Dst.Addr(), what, e.Detail).
			do("Capture on both ends of this hop with 'ip[6:2] & 0x3fff != 0': the end where fragments are missing has the device that drops them before it (firewall, NAT, VPN).").
			do("Send over TCP or TLS, or make the messages smaller: fewer codecs, compact headers, no unused headers.").
			seeEvent(e, "%s", what).
			suspect(e.Flow.Dst, call.RoleUnknown)
	}
	for _, r := range x.deadEnds() {
		t := x.Txn(r)
		if !x.unanswered(r) || t.Transport.Reliable() || t.Resent == 0 {
			continue
		}
		size := len(x.Raw(x.RequestRef(r)))
		if size <= pathMTU {
			continue
		}
		small, ok := x.smallAnswered(t)
		if !ok {
			if rep := x.bigUnanswered(r, size); rep != nil {
				return rep
			}
			continue
		}
		return x.report("transport.fragment-lost", x.Absent(0.8, r, x.Ended), "%s answers small requests of %s, but not this one of %d bytes, which UDP must carry in fragments.", t.Server, t.Client, size).
			do("Capture on %s: are fragments of it missing there? Then a device on the way drops them.", t.Server.Addr()).
			do("Send over TCP or TLS (RFC 3261 §18.1.1 wants that above 1300 bytes), or make the message smaller.").
			see(x.RequestRef(r), "%d bytes, sent %d times, never answered", size, t.Resent+1).
			see(small, "a small request on the same hop was answered").
			suspect(t.Server, call.RoleUnknown)
	}
	return nil
}

// answeredLately is how long before a request its server may have answered an OPTIONS to count as one that works:
// keepalives go once a minute.
const answeredLately = wire.Time(60e9)

// bigUnanswered: the server answered OPTIONS of that client while, or shortly before, this request was repeated in vain.
func (x *Case) bigUnanswered(r call.TxnRef, size int) *report {
	t := x.Txn(r)
	start := x.Start(r)
	heard, ok := x.Ledger.AnsweredOutside(t.Server, t.Client.Addr(), start-answeredLately, t.LastResent)
	if !ok || start.Ordinal() {
		return nil
	}
	confidence, when := 0.6, fmt.Sprintf("%s before it", shortTime(Seconds(heard, start)))
	if heard >= start {
		confidence, when = 0.7, "while it was repeated"
	}
	return x.report("transport.fragment-lost", x.Absent(confidence, r, x.Ended), "%s answered a small request of %s %s, but this one of %d bytes, which UDP must carry in fragments, got no response at all.", t.Server, t.Client.Addr(), when, size).
		do("Capture on %s: are fragments of it missing there? Then a device on the way drops them. If all of them arrive: the server is at fault, or the way back.", t.Server.Addr()).
		do("Send over TCP or TLS (RFC 3261 §18.1.1 wants that above 1300 bytes), or make the message smaller.").
		see(x.RequestRef(r), "%d bytes, sent %d times, never answered", size, t.Resent+1).
		suspect(t.Server, call.RoleUnknown)
}

// smallAnswered finds a request on the same hop that fitted one packet and was answered.
func (x *Case) smallAnswered(big *call.Txn) (call.MsgRef, bool) {
	for r, t := range x.Txns() {
		if t.Client.Addr() == big.Client.Addr() && t.Server == big.Server && t.Request != call.None &&
			(t.Trying != call.None || t.Final != call.None) && len(x.Raw(x.RequestRef(r))) <= pathMTU {
			return x.RequestRef(r), true
		}
	}
	return call.NoMsg, false
}
