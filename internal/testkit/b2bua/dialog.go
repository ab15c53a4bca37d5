package b2bua

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// asIs sends a request as it was built.
func asIs(*sipgo.Client, *sip.Request) error { return nil }

func (b *agent) contact() string { return fmt.Sprintf("<sip:lab@%s>", b.here) }

// request builds the next request to a leg.
func (b *agent) request(s *side, method sip.RequestMethod) *sip.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	seq := s.invite
	if method != sip.ACK {
		s.cseq++
		seq = s.cseq
	}
	if method == sip.INVITE {
		s.invite = seq
	}
	req := sip.NewRequest(method, *s.target.Clone())
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: b.here.Addr().String(), Port: int(b.here.Port())}
	via.Params.Add("branch", sip.GenerateBranchN(16))
	req.AppendHeader(via)
	for _, r := range s.routes {
		req.AppendHeader(sip.NewHeader("Route", strings.TrimSpace(r)))
	}
	for _, h := range [][2]string{{"From", s.local}, {"To", s.remote}, {"Call-ID", s.callID}} {
		appendParsed(req, h[0], h[1])
	}
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	maxForwards := sip.MaxForwardsHeader(70)
	req.AppendHeader(&maxForwards)
	appendParsed(req, "Contact", b.contact())
	req.AppendHeader(sip.NewHeader("User-Agent", "lab-b2bua"))
	req.SetTransport("UDP")
	req.SetDestination(s.dest)
	req.Laddr = sip.Addr{IP: b.here.Addr().AsSlice(), Port: int(b.here.Port())}
	req.SetBody(nil)
	return req
}

// appendParsed appends a header in the form that sipgo's accessors find.
func appendParsed(req *sip.Request, name, value string) {
	switch name {
	case "Call-ID":
		id := sip.CallIDHeader(value)
		req.AppendHeader(&id)
		return
	case "Contact":
		h := &sip.ContactHeader{}
		h.DisplayName, _ = sip.ParseAddressValue(value, &h.Address, &h.Params)
		req.AppendHeader(h)
		return
	}
	var uri sip.Uri
	var params sip.HeaderParams
	display, _ := sip.ParseAddressValue(value, &uri, &params)
	if name == "From" {
		req.AppendHeader(&sip.FromHeader{DisplayName: display, Address: uri, Params: params})
	} else {
		req.AppendHeader(&sip.ToHeader{DisplayName: display, Address: uri, Params: params})
	}
}

// carried are the headers that a request keeps on its way through.
var carried = []string{"Subject", "Supported", "Require", "Session-Expires", "Min-SE", "Allow", "Accept", "Refer-To", "Event", "Subscription-State", "Expires"}

func (b *agent) carry(from, to *sip.Request) {
	for _, name := range carried {
		for _, h := range from.GetHeaders(name) {
			if name == "Supported" && !b.Rel100 {
				h = sip.NewHeader(name, without(h.Value(), "100rel"))
			}
			if h.Value() != "" {
				to.AppendHeader(sip.HeaderClone(h))
			}
		}
	}
}

// without takes a tag out of a list.
func without(list, tag string) string {
	var kept []string
	for _, t := range strings.Split(list, ",") {
		if t = strings.TrimSpace(t); t != tag && t != "" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, ", ")
}

func setBody(out, from sip.Message, body []byte) {
	if len(body) == 0 {
		out.SetBody(nil)
		return
	}
	if h := headerOf(from, "Content-Type"); h != "" {
		out.AppendHeader(sip.NewHeader("Content-Type", h))
	}
	out.SetBody(body)
}

func headerOf(m sip.Message, name string) string {
	if hs := m.GetHeaders(name); len(hs) > 0 {
		return hs[0].Value()
	}
	return ""
}

// learn takes tag, target and route set from a response to our INVITE (RFC 3261 §12.1.2).
func (b *agent) learn(s *side, res *sip.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.remote = res.To().Value()
	if c := res.Contact(); c != nil {
		s.target = c.Address
	}
	s.routes = nil
	for _, rr := range res.GetHeaders("Record-Route") {
		parts := strings.Split(rr.Value(), ",")
		for _, p := range parts {
			s.routes = append([]string{strings.TrimSpace(p)}, s.routes...)
		}
	}
	if len(s.routes) == 0 && res.Contact() != nil {
		s.dest = s.target.HostPort()
	}
}

// answered hands the 2xx on, and insists until the caller acknowledges (RFC 3261 §13.3.1.4).
func (b *agent) answered(leg, a *side, req *sip.Request, tx sip.ServerTransaction, res *sip.Response) {
	b.learn(leg, res)
	if rr := res.GetHeaders("Record-Route"); len(rr) == 0 && res.Contact() == nil {
		b.mu.Lock()
		leg.dest = res.Source()
		b.mu.Unlock()
	}
	out := sip.NewResponseFromRequest(req, res.StatusCode, res.Reason, nil)
	out.AppendHeader(sip.NewHeader("Contact", b.contact()))
	out.AppendHeader(sip.NewHeader("Server", "lab-b2bua"))
	if b.Refresh > 0 {
		out.AppendHeader(sip.NewHeader("Require", "timer"))
		out.AppendHeader(sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=uac", int(b.Refresh.Seconds()))))
		time.AfterFunc(b.Refresh, func() { b.end(a, leg, `SIP;cause=408;text="Session timer expired"`) })
	}
	body, _ := b.filter(res.Body())
	setBody(out, res, body)
	b.insist(a, tx, out)
}

// insist sends a 2xx until its ACK comes or 64·T1 have passed.
func (b *agent) insist(a *side, tx sip.ServerTransaction, out *sip.Response) {
	const t1, t2 = 500 * time.Millisecond, 4 * time.Second
	b.mu.Lock()
	acked := a.acked
	b.mu.Unlock()
	for wait, deadline := t1, time.After(64*t1); ; wait = min(2*wait, t2) {
		tx.Respond(out) //nolint:errcheck // UDP
		select {
		case <-acked:
			return
		case <-deadline:
			return
		case <-b.ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// end hangs up on both legs.
func (b *agent) end(a, leg *side, reason string) {
	for _, s := range []*side{a, leg} {
		b.mu.Lock()
		over := s.over
		s.over = true
		b.mu.Unlock()
		if over {
			continue
		}
		bye := b.request(s, sip.BYE)
		bye.AppendHeader(sip.NewHeader("Reason", reason))
		go b.client.Do(b.ctx, bye, asIs) //nolint:errcheck // hung up either way
	}
}

// onACK hands the ACK to a 2xx on; sipgo keeps those to failures for itself.
func (b *agent) onACK(req *sip.Request, _ sip.ServerTransaction) {
	s := b.side(req.CallID().Value())
	if s == nil {
		return
	}
	b.mu.Lock()
	first := false
	select {
	case <-s.acked:
	default:
		close(s.acked)
		first = true
	}
	b.mu.Unlock()
	if !first || b.DropACK || s.peer == nil {
		return
	}
	ack := b.request(s.peer, sip.ACK)
	setBody(ack, req, req.Body())
	b.client.WriteRequest(ack, asIs) //nolint:errcheck // UDP
}

// onRequest takes a request within a dialog and hands it on to the other leg.
func (b *agent) onRequest(req *sip.Request, tx sip.ServerTransaction) {
	s := b.side(req.CallID().Value())
	switch {
	case s == nil || b.Forgets:
		b.refuse(req, tx, 481, "Call/Transaction Does Not Exist")
	case req.Method == sip.BYE && b.DropBYE:
		s.over = true
		b.respond(req, tx, sip.StatusOK, "OK")
	case req.Method == sip.PRACK && b.DropPRACK:
		b.respond(req, tx, sip.StatusOK, "OK")
	case req.IsInvite() && b.NoReinvite:
		b.refuse(req, tx, 488, "Not Acceptable Here")
	case req.IsInvite() && b.open(s):
		b.refuse(req, tx, 491, "Request Pending")
	default:
		b.handOn(s, req, tx)
	}
}

// open returns whether an INVITE sent to the leg waits for its final response.
func (b *agent) open(s *side) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.asking
}

func (b *agent) setOpen(s *side, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.asking = open
}

func (b *agent) handOn(s *side, req *sip.Request, tx sip.ServerTransaction) {
	peer := s.peer
	if req.Method == sip.BYE {
		b.mu.Lock()
		s.over, peer.over = true, true
		b.mu.Unlock()
	}
	if req.IsInvite() {
		b.respond(req, tx, sip.StatusTrying, "Trying")
		b.mu.Lock()
		s.acked = make(chan struct{})
		b.mu.Unlock()
		b.setOpen(peer, true)
		defer b.setOpen(peer, false)
	}
	out := b.request(peer, req.Method)
	b.carry(req, out)
	if req.Method == sip.PRACK {
		b.mu.Lock()
		step := peer.rel
		b.mu.Unlock()
		out.AppendHeader(sip.NewHeader("RAck", strconv.Itoa(int(step.rseq))+" "+strconv.Itoa(int(step.cseq))+" INVITE"))
	}
	body, _ := b.filter(req.Body())
	setBody(out, req, body)
	res, err := b.client.Do(b.ctx, out, asIs)
	if err != nil {
		b.refuse(req, tx, 408, "Request Timeout")
		return
	}
	b.setOpen(peer, false)
	reply := sip.NewResponseFromRequest(req, res.StatusCode, res.Reason, nil)
	reply.AppendHeader(sip.NewHeader("Contact", b.contact()))
	for _, name := range []string{"Reason", "Warning", "Retry-After", "Session-Expires", "Require"} {
		sip.CopyHeaders(name, res, reply)
	}
	body, _ = b.filter(res.Body())
	setBody(reply, res, body)
	if req.IsInvite() && res.IsSuccess() {
		b.insist(s, tx, reply)
		return
	}
	tx.Respond(reply) //nolint:errcheck // UDP
	if req.IsInvite() {
		select {
		case <-tx.Acks():
		case <-tx.Done():
		case <-b.ctx.Done():
		}
	}
}
