package diagnose

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/finding"
)

// natALGSuspected: a device that puts no Via of its own into a request rewrites addresses in it. Shown by the same
// message on both sides of it, or by a Content-Length that is wrong by just what the address was lengthened by. A
// rewriting whose lengths are right failed nothing by itself.
func natALGSuspected(x *Case) *report {
	for k, l := range x.Legs {
		if !l.Shared {
			continue
		}
		for i := range l.Txns {
			if rep := x.rewritten(call.TxnRef{Leg: k, Txn: int32(i)}); rep != nil {
				return rep
			}
		}
	}
	if rep := x.rewrittenBetween(); rep != nil {
		return rep
	}
	return x.lengthOfOldAddress()
}

// rewrittenBetween looks for a request that is not the same at two capture points, though its packets have the same
// addresses.
func (x *Case) rewrittenBetween() *report {
	for _, p := range anatomy.Passages(x.Call) {
		if p.Between != anatomy.ALG {
			continue
		}
		for _, w := range p.Rewrites {
			if !x.Sighting(w.Near).IsRequest() {
				continue
			}
			if rep := x.algBetween(w.Near, w.Far); rep != nil {
				return rep
			}
		}
	}
	return nil
}

// rewritten compares the request of r with the same one on the hop before: same branch, so nobody between added a Via.
func (x *Case) rewritten(r call.TxnRef) *report {
	t := x.Txn(r)
	if t.Parent == call.None || len(t.Branch) == 0 {
		return nil
	}
	p := call.TxnRef{Leg: r.Leg, Txn: t.Parent}
	before, after := x.RequestRef(p), x.RequestRef(r)
	if !bytes.Equal(t.Branch, x.Txn(p).Branch) || !before.Valid() || !after.Valid() ||
		x.Sighting(before).Truncated || x.Sighting(after).Truncated {
		return nil
	}
	return x.algBetween(before, after)
}

// algBetween reports what of addresses was exchanged between two sightings of a request.
func (x *Case) algBetween(before, after call.MsgRef) *report {
	changes := x.rewrites(before, after)
	if len(changes) == 0 {
		return nil
	}
	r := call.TxnRef{Leg: after.Leg, Txn: x.Sighting(after).Txn}
	client, t := x.Txn(call.TxnRef{Leg: before.Leg, Txn: x.Sighting(before).Txn}).Client, x.Txn(r)
	announced, there, _ := x.short(after)
	broken := announced != there && !t.Transport.Reliable()
	rep := x.report("nat.alg-suspected", 0.95, "Between %s and %s something that adds no Via rewrote the %s: %s.", client, t.Server, x.methodOf(r), strings.Join(changes, ", "))
	if broken {
		rep.add(" It left Content-Length at %d although the body now has %d bytes.", announced, there)
	} else {
		rep.severity(finding.Info)
	}
	return x.algActions(rep, t.Client).
		see(before, "as sent by %s", client).
		see(after, "as it came on to %s", t.Server)
}

// rewrites lists for people what of addresses differs between two sightings of a message.
func (x *Case) rewrites(before, after call.MsgRef) []string {
	var out []string
	if a, b := x.contactAddr(before), x.contactAddr(after); a.Addr().IsValid() && b.Addr().IsValid() && a != b {
		out = append(out, fmt.Sprintf("Contact %s became %s", a, b))
	}
	s, d := x.Session(before), x.Session(after)
	if s == nil || d == nil || len(s.Media) == 0 || len(d.Media) == 0 {
		return out
	}
	if a, b := s.Media[0].Connection.Addr, d.Media[0].Connection.Addr; a.IsValid() && b.IsValid() && a != b {
		out = append(out, fmt.Sprintf("the media address %s became %s", a, b))
	}
	return out
}

// maxRewrites bounds how many addresses of a body a device may have exchanged.
const maxRewrites = 8

// lengthOfOldAddress is for a capture on one side: the refused or unanswered request's body names the packet's own
// source, its Via still a private address, and Content-Length is wrong by the difference of the two in letters.
func (x *Case) lengthOfOldAddress() *report {
	r, ok := x.malformedTry()
	if !ok {
		return nil
	}
	msg := x.RequestRef(r)
	if !msg.Valid() || x.Sighting(msg).Truncated || x.Txn(r).Transport.Reliable() {
		return nil
	}
	source := x.Txn(r).Client.Addr()
	via := x.Msg(msg).TopVia()
	old, err := netip.ParseAddr(string(via.Host))
	announced, there, _ := x.short(msg)
	if err != nil || announced == there || !foreign(old, source) {
		return nil
	}
	step := len(source.String()) - len(old.String())
	_, body, _ := bytes.Cut(x.Raw(msg), []byte("\r\n\r\n"))
	n := bytes.Count(body, []byte(source.String()))
	if step == 0 || n == 0 || (there-announced)%step != 0 || (there-announced)/step < 1 || (there-announced)/step > min(n, maxRewrites) {
		return nil
	}
	rep := x.report("nat.alg-suspected", 0.85, "The %s of %s says Content-Length %d, and its body has %d bytes: just as many off as writing %s for %s makes in it. A device on the way exchanged the address and left the length.",
		x.methodOf(r), x.Txn(r).Client, announced, there, source, old)
	return x.algActions(rep, x.Txn(r).Client).
		see(msg, "Via %s, body with %s", old, source).
		see(x.DecidingRef(), "what came of it")
}

// malformedTry is the request that was refused as malformed, or the last one that nobody answered.
func (x *Case) malformedTry() (call.TxnRef, bool) {
	if status, t, ok := x.deciding(); ok {
		return t, status == 400 || status == 488
	}
	t, ok := x.LastTry()
	return t, ok && x.unanswered(t)
}

func (x *Case) algActions(rep *report, device netip.AddrPort) *report {
	return rep.do("Switch the SIP ALG off in the router or firewall at %s (settings called 'SIP ALG', 'SIP helper', 'SIP inspection', 'session helper').", device.Addr()).
		do("If it cannot be switched off: use TLS, or another port than 5060, which it does not look into; let the server handle NAT instead.").
		suspect(device, call.RoleUnknown)
}
