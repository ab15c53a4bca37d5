// Package b2bua is a small back-to-back user agent for live recordings: it joins two legs with Call-IDs, tags and
// CSeqs of their own (RFC 7092 §3.1) and misbehaves as its Config says. SIP's transactions and transport are
// those of sipgo, which is written by others: so what it sends is not what our own code thinks SIP is.
package b2bua

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Config says where a B2BUA stands and what it does wrong. The zero value of each fault is a B2BUA without it.
type Config struct {
	Listen  string   // its address and port, UDP, for both legs
	Targets []string // addresses and ports of the far side, tried one after the other on 408 and 5xx

	User, Secret string   // its own credentials for the far side; none: a challenge is a failure like any other
	Names        bool     // name the caller's leg to the far side in X-Call-ID
	Rel100       bool     // let 100rel through (RFC 3262); else both legs do without
	Formats      []string // payload types let through, of the first audio stream; empty: all
	MediaHost    string   // address put into c= and o= of each body; empty: bodies pass as they are
	Reason       bool     // name the far side's response in a Reason header (RFC 3326) when Codes hides it

	Codes      map[int]int   // what the caller is told instead of the far side's code
	Patience   time.Duration // how long a target may take to answer; 0: for ever
	GiveUp     int           // code of that
	Limit      time.Duration // how long a call may last; 0: for ever
	Refresh    time.Duration // session interval asked of the caller in the 2xx (RFC 4028); missed: BYE to both
	DropACK    bool          // the caller's ACK is not handed on
	DropBYE    bool          // a BYE is answered and not handed on
	DropPRACK  bool          // a PRACK is answered and not handed on
	NoReinvite bool          // a re-INVITE is refused with 488
	Forgets    bool          // requests within a dialog are answered 481
}

// agent is a B2BUA that is running.
type agent struct {
	Config
	here   netip.AddrPort
	client *sipgo.Client
	ctx    context.Context

	mu    sync.Mutex
	sides map[string]*side // by Call-ID
	next  int              // number of the next leg
}

// side is one leg of a call, as the B2BUA sees it.
type side struct {
	peer          *side
	callID        string
	local, remote string // From and To of requests that we send, with tags
	target        sip.Uri
	dest          string // where requests go: the address and port that the first message came from or went to
	routes        []string
	cseq          uint32
	invite        uint32        // CSeq of the INVITE sent last: that of its ACK
	acked         chan struct{} // closed by the ACK to a 2xx sent to this leg
	rel           relStep
	asking        bool // an INVITE sent to this leg is open
	over          bool
}

// relStep is the reliable provisional response handed on last.
type relStep struct{ rseq, cseq uint32 }

// Listen starts a B2BUA, which runs until ctx is done.
func Listen(ctx context.Context, c Config) error {
	here, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return fmt.Errorf("start B2BUA: %w", err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	sip.SetDefaultLogger(quiet)
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("lab-b2bua"), sipgo.WithUserAgentHostname(here.Addr().String()))
	if err != nil {
		return fmt.Errorf("start B2BUA: %w", err)
	}
	server, err := sipgo.NewServer(ua)
	if err != nil {
		return fmt.Errorf("start B2BUA: %w", err)
	}
	client, err := sipgo.NewClient(ua, sipgo.WithClientAddr(c.Listen), sipgo.WithClientConnectionAddr(c.Listen))
	if err != nil {
		return fmt.Errorf("start B2BUA: %w", err)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(here))
	if err != nil {
		return fmt.Errorf("start B2BUA: %w", err)
	}
	b := &agent{Config: c, here: here, client: client, ctx: ctx, sides: map[string]*side{}}
	server.OnInvite(b.onInvite)
	server.OnAck(b.onACK)
	server.OnCancel(func(req *sip.Request, tx sip.ServerTransaction) {
		b.refuse(req, tx, 481, "Call/Transaction Does Not Exist")
	})
	for _, m := range []sip.RequestMethod{sip.BYE, sip.PRACK, sip.UPDATE, sip.INFO, sip.REFER, sip.NOTIFY, sip.MESSAGE, sip.OPTIONS} {
		server.OnRequest(m, b.onRequest)
	}
	go server.ServeUDP(conn) //nolint:errcheck // ends with an error when the connection is closed
	go func() {
		<-ctx.Done()
		conn.Close()
	}()
	return nil
}

// onInvite takes a new call, or a re-INVITE.
func (b *agent) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if to := req.To(); to.Params.Has("tag") {
		b.onRequest(req, tx)
		return
	}
	req.To().Params.Add("tag", sip.GenerateTagN(8))
	cancelled := make(chan struct{})
	if !tx.OnCancel(func(*sip.Request) { close(cancelled) }) {
		return
	}
	b.respond(req, tx, sip.StatusTrying, "Trying")
	a := b.accept(req)
	body, ok := b.filter(req.Body())
	if !ok {
		b.refuse(req, tx, 488, "Not Acceptable Here")
		return
	}
	if unsupported := b.unsupported(req); unsupported != "" {
		res := sip.NewResponseFromRequest(req, 420, "Bad Extension", nil)
		res.AppendHeader(sip.NewHeader("Unsupported", unsupported))
		tx.Respond(res) //nolint:errcheck // UDP
		return
	}
	var last *sip.Response
	for i, target := range b.Targets {
		leg := b.call(a, req, target)
		res := b.ring(leg, a, req, tx, body, cancelled)
		if res == nil {
			return // cancelled, answered, or given up
		}
		last = res
		if i == len(b.Targets)-1 || res.StatusCode != sip.StatusRequestTimeout && res.StatusCode/100 != 5 {
			break
		}
	}
	b.relayFailure(req, tx, last)
}

// accept makes the side of the caller.
func (b *agent) accept(req *sip.Request) *side {
	a := &side{
		callID: req.CallID().Value(), local: req.To().Value(), remote: req.From().Value(),
		target: req.Recipient, dest: req.Source(), cseq: 100, acked: make(chan struct{}),
	}
	if c := req.Contact(); c != nil {
		a.target = c.Address
	}
	for _, rr := range req.GetHeaders("Record-Route") {
		a.routes = append(a.routes, strings.Split(rr.Value(), ",")...)
	}
	b.keep(a)
	return a
}

// call makes the side of the called party.
func (b *agent) call(a *side, req *sip.Request, target string) *side {
	b.mu.Lock()
	b.next++
	n := b.next
	b.mu.Unlock()
	uri := *req.Recipient.Clone()
	host, port, _ := net.SplitHostPort(target)
	uri.Host = host
	uri.Port, _ = strconv.Atoi(port)
	from := req.From().Address
	from.Host, from.Port = b.here.Addr().String(), 0
	to := sip.Uri{Scheme: "sip", User: uri.User, Host: host}
	leg := &side{
		peer:   a,
		callID: fmt.Sprintf("far%d-%s", n, sip.GenerateTagN(12)),
		local:  fmt.Sprintf("<%s>;tag=%s", from.String(), sip.GenerateTagN(8)),
		remote: fmt.Sprintf("<%s>", to.String()),
		target: uri, dest: target, cseq: 1, acked: make(chan struct{}),
	}
	b.mu.Lock()
	a.peer = leg
	b.mu.Unlock()
	b.keep(leg)
	return leg
}

func (b *agent) keep(s *side) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sides[s.callID] = s
}

func (b *agent) side(callID string) *side {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sides[callID]
}

// ring sends the INVITE to the far side and hands on what comes back. It returns the final response when that is a
// failure; nil when there is nothing left to say to the caller.
func (b *agent) ring(leg, a *side, req *sip.Request, tx sip.ServerTransaction, body []byte, cancelled <-chan struct{}) *sip.Response {
	out := b.request(leg, sip.INVITE)
	b.carry(req, out)
	if b.Names {
		out.AppendHeader(sip.NewHeader("X-Call-ID", a.callID))
	}
	setBody(out, req, body)
	var patience <-chan time.Time
	if b.Patience > 0 {
		patience = time.After(b.Patience)
	}
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	challenged, heard := false, false
	far, err := b.client.TransactionRequest(ctx, out, asIs)
	if err != nil {
		return sip.NewResponse(503, "Service Unavailable")
	}
	for {
		select {
		case res := <-far.Responses():
			heard = true
			switch {
			case res.StatusCode == sip.StatusTrying:
			case res.IsProvisional():
				b.progress(leg, req, tx, res)
			case res.IsSuccess():
				b.answered(leg, a, req, tx, res)
				return nil
			case (res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired) && b.Secret != "" && !challenged:
				challenged = true
				next, err := b.client.TransactionDigestAuth(ctx, out, res, sipgo.DigestAuth{Username: b.User, Password: b.Secret})
				if err != nil {
					return res
				}
				leg.cseq, leg.invite = out.CSeq().SeqNo, out.CSeq().SeqNo
				far = next
			default:
				return res
			}
		case <-far.Done():
			return sip.NewResponse(408, "Request Timeout")
		case <-patience:
			b.cancel(out, far, heard)
			return sip.NewResponse(b.GiveUp, phrase(b.GiveUp))
		case <-cancelled:
			b.cancel(out, far, heard)
			return nil
		}
	}
}

// cancel takes the INVITE back; what still comes of it is taken for a while, so that a late 2xx is not left alone.
// There is no CANCEL before anything was heard (RFC 3261 §9.1).
func (b *agent) cancel(out *sip.Request, far sip.ClientTransaction, heard bool) {
	if !heard {
		far.Terminate()
		return
	}
	c := sip.NewRequest(sip.CANCEL, *out.Recipient.Clone())
	sip.CopyHeaders("Via", out, c)
	for _, name := range []string{"Route", "From", "To", "Call-ID"} {
		sip.CopyHeaders(name, out, c)
	}
	c.AppendHeader(&sip.CSeqHeader{SeqNo: out.CSeq().SeqNo, MethodName: sip.CANCEL})
	c.AppendHeader(sip.NewHeader("Max-Forwards", "70"))
	c.SetBody(nil)
	c.SetDestination(out.Destination())
	c.Laddr = out.Laddr
	b.client.Do(b.ctx, c, asIs) //nolint:errcheck // no answer to a CANCEL changes nothing here
	select {
	case <-far.Responses():
	case <-far.Done():
	case <-time.After(time.Second):
	}
}

// progress hands a provisional response on.
func (b *agent) progress(leg *side, req *sip.Request, tx sip.ServerTransaction, res *sip.Response) {
	b.learn(leg, res)
	out := sip.NewResponseFromRequest(req, res.StatusCode, res.Reason, nil)
	out.AppendHeader(sip.NewHeader("Contact", b.contact()))
	if rseq := res.GetHeader("RSeq"); rseq != nil && b.Rel100 {
		n, _ := strconv.ParseUint(rseq.Value(), 10, 32)
		b.mu.Lock()
		seen := leg.rel.rseq == uint32(n)
		leg.rel = relStep{rseq: uint32(n), cseq: leg.invite}
		b.mu.Unlock()
		if seen {
			return // the far side insists: it has no PRACK yet, and the caller has our response
		}
		out.AppendHeader(sip.NewHeader("Require", "100rel"))
		out.AppendHeader(rseq)
	}
	body, _ := b.filter(res.Body())
	setBody(out, res, body)
	tx.Respond(out) //nolint:errcheck // UDP
}

// relayFailure tells the caller what became of the call.
func (b *agent) relayFailure(req *sip.Request, tx sip.ServerTransaction, res *sip.Response) {
	code, words := res.StatusCode, res.Reason
	if mapped, ok := b.Codes[code]; ok {
		code, words = mapped, phrase(mapped)
	}
	out := sip.NewResponseFromRequest(req, code, words, nil)
	if code == res.StatusCode {
		for _, name := range []string{"Reason", "Warning", "Retry-After", "Contact", "Allow", "Accept", "Unsupported", "Min-SE"} {
			sip.CopyHeaders(name, res, out)
		}
	} else if b.Reason {
		out.AppendHeader(sip.NewHeader("Reason", fmt.Sprintf("SIP;cause=%d;text=%q", res.StatusCode, res.Reason)))
	}
	out.AppendHeader(sip.NewHeader("Server", "lab-b2bua"))
	tx.Respond(out) //nolint:errcheck // UDP
	select {
	case <-tx.Acks():
	case <-tx.Done():
	case <-b.ctx.Done():
	}
}

func (b *agent) respond(req *sip.Request, tx sip.ServerTransaction, code int, words string) {
	tx.Respond(sip.NewResponseFromRequest(req, code, words, nil)) //nolint:errcheck // UDP
}

// refuse answers on the B2BUA's own account.
func (b *agent) refuse(req *sip.Request, tx sip.ServerTransaction, code int, words string) {
	res := sip.NewResponseFromRequest(req, code, words, nil)
	res.AppendHeader(sip.NewHeader("Server", "lab-b2bua"))
	tx.Respond(res) //nolint:errcheck // UDP
	if req.IsInvite() {
		select {
		case <-tx.Acks():
		case <-tx.Done():
		case <-b.ctx.Done():
		}
	}
}

// unsupported names what the caller requires and the B2BUA does not do.
func (b *agent) unsupported(req *sip.Request) string {
	for _, h := range req.GetHeaders("Require") {
		for _, tag := range strings.Split(h.Value(), ",") {
			if tag = strings.TrimSpace(tag); tag == "100rel" && !b.Rel100 {
				return tag
			}
		}
	}
	return ""
}

// filter does to a body what the B2BUA does to bodies; false: nothing is left of its offer.
func (b *agent) filter(body []byte) ([]byte, bool) {
	if len(body) == 0 {
		return nil, true
	}
	lines := strings.Split(strings.TrimRight(string(body), "\r\n"), "\r\n")
	kept := lines[:0:0]
	for _, l := range lines {
		switch {
		case len(b.Formats) > 0 && strings.HasPrefix(l, "m=audio "):
			f := strings.Fields(l)
			f = slices.DeleteFunc(f, func(s string) bool { return slices.Index(f, s) > 2 && !slices.Contains(b.Formats, s) })
			if len(f) < 4 {
				return nil, false
			}
			l = strings.Join(f, " ")
		case len(b.Formats) > 0 && (strings.HasPrefix(l, "a=rtpmap:") || strings.HasPrefix(l, "a=fmtp:")):
			_, rest, _ := strings.Cut(l, ":")
			if pt, _, _ := strings.Cut(rest, " "); !slices.Contains(b.Formats, pt) {
				continue
			}
		case b.MediaHost != "" && strings.HasPrefix(l, "c=IN IP4 "):
			l = "c=IN IP4 " + b.MediaHost
		case b.MediaHost != "" && strings.HasPrefix(l, "o="):
			f := strings.Fields(l)
			f[len(f)-1] = b.MediaHost
			l = strings.Join(f, " ")
		}
		kept = append(kept, l)
	}
	return []byte(strings.Join(kept, "\r\n") + "\r\n"), true
}

// phrases are those of the codes that a B2BUA makes itself.
var phrases = map[int]string{
	403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 480: "Temporarily Unavailable", 486: "Busy Here",
	488: "Not Acceptable Here", 500: "Server Internal Error", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Server Time-out", 603: "Decline",
}

func phrase(code int) string {
	if p := phrases[code]; p != "" {
		return p
	}
	return "Failed"
}
