package render

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/media"
	"sipcause/internal/view"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// t0 is when the tests' captures begin.
var t0 = wire.Time(time.Date(2026, 3, 14, 3, 2, 11, 123456789, time.UTC).UnixNano())

func at(ms float64) wire.Time { return t0 + wire.Time(ms*1e6) }

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func num(v float64) *float64 { return &v }

// flow builds a leg message by message. It knows no more of SIP than the reports need.
type flow struct {
	leg   *call.Leg
	frame uint64
	from  string
	to    string
	extra string // header lines put into every message
	body  string
}

func newFlow(kind call.Kind, callID, from, to string) *flow {
	return &flow{leg: &call.Leg{Kind: kind, CallID: callID}, from: from, to: to}
}

func method(name string) sip.Method {
	for m := sip.MethodInvite; m <= sip.MethodUpdate; m++ {
		if m.String() == name {
			return m
		}
	}
	return sip.MethodUnknown
}

// msg adds a message: line is "INVITE sip:bob@example.com" or "486 Busy Here/INVITE" with the method after
// the slash. It returns the message's index.
func (f *flow) msg(ms float64, src, dst, line string) int32 {
	s := call.Sighting{Time: at(ms), Txn: call.None, Next: call.None, Of: call.None, CSeq: 1}
	f.frame++
	s.Ref = wire.PacketRef{Number: f.frame}
	start := line + " SIP/2.0"
	name, _, _ := strings.Cut(line, " ")
	if status, m, ok := strings.Cut(line, "/"); ok && line[0] >= '0' && line[0] <= '9' {
		start, name = "SIP/2.0 "+status, m
		code, err := strconv.ParseUint(strings.Fields(status)[0], 10, 16)
		if err != nil {
			panic(err) // the test's own line
		}
		s.Status = uint16(code)
	}
	s.Method = method(name)
	s.Raw = []byte(fmt.Sprintf("%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nFrom: <%s>;tag=a1\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n%sContent-Length: %d\r\n\r\n%s",
		start, src, name, f.from, f.to, f.leg.CallID, name, f.extra, len(f.body), f.body))
	s.Flow = f.flow(src, dst)
	i := int32(len(f.leg.Sightings))
	f.leg.Sightings = append(f.leg.Sightings, s)
	f.txn(i, src, dst)
	if f.leg.Began == 0 {
		f.leg.Began = s.Time
	}
	f.leg.Ended = s.Time
	return i
}

func (f *flow) flow(src, dst string) uint16 {
	w := wire.Flow{Transport: wire.UDP, Src: addr(src), Dst: addr(dst)}
	for i, o := range f.leg.Flows {
		if o == w {
			return uint16(i)
		}
	}
	f.leg.Flows = append(f.leg.Flows, w)
	return uint16(len(f.leg.Flows) - 1)
}

func (f *flow) txn(i int32, src, dst string) {
	s := &f.leg.Sightings[i]
	client, server := addr(src), addr(dst)
	if !s.IsRequest() {
		client, server = server, client
	}
	for k := range f.leg.Txns {
		if t := &f.leg.Txns[k]; t.Method == s.Method && t.Client == client && t.Server == server {
			s.Txn = int32(k)
			if s.Status >= 200 {
				t.Final = i
			}
			return
		}
	}
	s.Txn = int32(len(f.leg.Txns))
	f.leg.Txns = append(f.leg.Txns, call.Txn{
		Method: s.Method, Client: client, Server: server, Transport: wire.UDP, First: i, Last: i, Request: i,
		Trying: call.None, Progress: call.None, Final: call.None, Ack: call.None, AltFinal: call.None,
		Parent: call.None, Cancel: call.None, Dialog: call.None,
	})
}

// again repeats message i.
func (f *flow) again(ms float64, i int32, r call.Repeat) {
	s := f.leg.Sightings[i]
	f.frame++
	s.Ref.Number, s.Time, s.Raw, s.Of, s.Repeat = f.frame, at(ms), nil, i, r
	f.leg.Sightings = append(f.leg.Sightings, s)
	f.leg.Ended = s.Time
	f.leg.Repeats++
}

func (f *flow) call() *call.Call {
	l := f.leg
	return &call.Call{
		ID: l.CallID, Kind: l.Kind, Legs: []*call.Leg{l}, From: f.from, To: f.to, Target: f.to,
		Began: l.Began, Ended: l.Ended, Final: call.NoMsg,
	}
}

const (
	alice    = "192.0.2.10:5060"
	proxy    = "198.51.100.5:5060"
	gateway1 = "203.0.113.31:5060"
	gateway2 = "203.0.113.32:5060"
	carrier  = "203.0.113.200:5060"
)

func failed(c *call.Call, out call.Outcome, code int, reason string, final int32) {
	c.Outcome, c.Code, c.Reason, c.Final = out, code, reason, call.MsgRef{Leg: 0, Msg: final}
}

func ref(n uint64) wire.PacketRef { return wire.PacketRef{Number: n} }

// busy: two elements, a retransmitted INVITE, 486.
func busyCase() *view.Case {
	f := newFlow(call.KindCall, "a84b4c76e66710@192.0.2.10", "sip:alice@example.com", "sip:bob@example.com")
	i := f.msg(0, alice, gateway1, "INVITE sip:bob@example.com")
	f.again(500, i, call.Retransmission)
	f.msg(620.5, gateway1, alice, "100 Trying/INVITE")
	f.msg(900, gateway1, alice, "180 Ringing/INVITE")
	d := f.msg(2650.75, gateway1, alice, "486 Busy Here/INVITE")
	f.msg(2651, alice, gateway1, "ACK sip:bob@example.com")
	c := f.call()
	failed(c, call.Busy, 486, "Busy Here", d)
	c.Timings = call.Timings{Trying: num(620.5), PDD: num(900), Final: num(2650.75), Ring: num(1750.75)}
	c.Attempts = []call.Attempt{{Target: addr(gateway1), Code: 486, FinalMS: 2650.75}}
	c.Origin = &call.Origin{
		Address: addr(gateway1), Role: call.RoleUAS, Server: "ExamplePhone/4.2", Confidence: 1, Code: 486, Msg: c.Final,
		Evidence: []string{"203.0.113.31:5060 had alerted with the same To tag before it sent 486 in frame 5"},
	}
	root := finding.Finding{
		ID: "callee.busy", Severity: finding.Info, Confidence: 1, Acts: finding.ActsNobody,
		Summary:     "bob@example.com is on another call: the phone at 203.0.113.31 rang for 1.8 s and then said busy.",
		Actions:     []string{"Nothing to repair; call again later.", "If the callee says the line was free, check call waiting and do-not-disturb on the phone at 203.0.113.31."},
		Evidence:    []finding.Evidence{{Ref: ref(5), Note: "486 Busy Here from 203.0.113.31:5060"}},
		Refs:        []string{"RFC 3261 §21.4.24"},
		UserMessage: "The person you called is on another call.",
	}
	return &view.Case{Call: c, Verdict: verdict(c, &finding.Suspect{Address: addr(gateway1), Role: call.RoleUAS}, root)}
}

func verdict(c *call.Call, s *finding.Suspect, list ...finding.Finding) *finding.Verdict {
	v := &finding.Verdict{Call: c.ID, Final: true, Suspect: s, Findings: list}
	if len(list) > 0 && c.Outcome.Bad() {
		v.Root = &v.Findings[0]
	}
	return v
}

// password: three elements, the registrar-proxy challenges twice.
func passwordCase() *view.Case {
	f := newFlow(call.KindCall, "f81d4fae-7dec-11d0@192.0.2.10", "sip:alice@example.com", "sip:+33199005555@example.com")
	f.frame = 100
	f.extra = "Proxy-Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"84a4cc6f3082121f32b42a2187831a9e\", uri=\"sip:example.com\", response=\"7587245234b3434cc3412213e5f113a5\"\r\n"
	f.msg(10000, alice, proxy, "INVITE sip:+33199005555@example.com")
	f.msg(10010, proxy, carrier, "INVITE sip:+33199005555@203.0.113.200")
	f.msg(10050, carrier, proxy, "407 Proxy Authentication Required/INVITE")
	f.msg(10051, proxy, carrier, "ACK sip:+33199005555@203.0.113.200")
	d := f.msg(10060, proxy, alice, "407 Proxy Authentication Required/INVITE")
	f.msg(10061.25, alice, proxy, "ACK sip:+33199005555@example.com")
	c := f.call()
	failed(c, call.Challenged, 407, "Proxy Authentication Required", d)
	c.Timings = call.Timings{Final: num(60)}
	c.Challenge = 2
	c.Origin = &call.Origin{
		Address: addr(carrier), Role: call.RoleProxy, Server: "ExampleSBC 9.1", Confidence: 0.8, Code: 407, Msg: call.MsgRef{Leg: 0, Msg: 2},
		Evidence:     []string{"198.51.100.5:5060 relayed the 407 of 203.0.113.200:5060"},
		Alternatives: []string{"an element behind 203.0.113.200:5060 that this capture does not show; a capture on its other side would tell"},
	}
	root := finding.Finding{
		ID: "auth.wrong-credentials", Severity: finding.Error, Confidence: 0.9, Acts: finding.ActsCaller,
		Summary:     "198.51.100.5 answered the challenge of realm \"example.com\" as user \"alice\", and 203.0.113.200 refused the answer without calling the nonce stale: wrong password.",
		Actions:     []string{"Compare user name and password for realm \"example.com\" on 198.51.100.5 with the carrier's account data.", "If they agree, ask the carrier whether the account is locked."},
		Evidence:    []finding.Evidence{{Ref: ref(102), Note: "INVITE with credentials"}, {Ref: ref(103), Note: "challenged again, stale is not set"}},
		Refs:        []string{"RFC 3261 §22.3", "RFC 7616 §3.3"},
		UserMessage: "The telephone system could not log in to the network.",
	}
	also := finding.Finding{
		ID: "retry.pointless", Severity: finding.Warning, Confidence: 0.6, Acts: finding.ActsCaller,
		Summary:  "The same credentials were sent twice within 1 s.",
		Evidence: []finding.Evidence{{Ref: ref(101)}}, Refs: []string{"RFC 3261 §22.1"},
	}
	return &view.Case{Call: c, Verdict: verdict(c, &finding.Suspect{Address: addr(proxy), Role: call.RoleProxy}, root, also)}
}

// failover: five elements, two gateways and a carrier tried in turn, all silent or failing.
func failoverCase() *view.Case {
	f := newFlow(call.KindCall, "9b1f2c@192.0.2.10", "sip:alice@example.com", "sip:carol@example.net")
	f.frame = 200
	f.msg(20000, alice, proxy, "INVITE sip:carol@example.net")
	f.msg(20000.9, proxy, alice, "100 Trying/INVITE")
	a := f.msg(20001.5, proxy, gateway1, "INVITE sip:carol@203.0.113.31")
	for k, ms := range []float64{20501, 21501, 23501, 27501, 35501, 51501} {
		_ = k
		f.again(ms, a, call.Retransmission)
	}
	f.msg(52001, proxy, gateway2, "INVITE sip:carol@203.0.113.32")
	f.msg(52005, gateway2, proxy, "503 Service Unavailable/INVITE")
	f.msg(52005.5, proxy, gateway2, "ACK sip:carol@203.0.113.32")
	b := f.msg(52006, proxy, carrier, "INVITE sip:carol@203.0.113.200")
	f.again(52006.1, b, call.Duplicate)
	f.msg(52016, carrier, proxy, "500 Server Internal Error/INVITE")
	f.msg(52017, proxy, carrier, "ACK sip:carol@203.0.113.200")
	d := f.msg(52020, proxy, alice, "500 Server Internal Error/INVITE")
	f.msg(52021, alice, proxy, "ACK sip:carol@example.net")
	c := f.call()
	failed(c, call.Failed, 500, "Server Internal Error", d)
	c.Timings = call.Timings{Trying: num(0.9), Final: num(32020)}
	c.Attempts = []call.Attempt{
		{Target: addr(gateway1)}, {Target: addr(gateway2), Code: 503, FinalMS: 4}, {Target: addr(carrier), Code: 500, FinalMS: 10},
	}
	c.Origin = &call.Origin{Address: addr(carrier), Role: call.RoleUAS, Confidence: 0.64, Code: 503, Msg: call.MsgRef{Leg: 0, Msg: d - 2}}
	c.Gaps = []wire.Gap{{Kind: wire.GapEvicted, From: at(20000), Until: at(52021), Where: c.ID, Lost: 3}}
	root := finding.Finding{
		ID: "routing.all-routes-failed", Severity: finding.Error, Confidence: 0.95, Acts: finding.ActsCarrier,
		Summary:     "198.51.100.5 tried 3 targets for carol@example.net and none took the call: 203.0.113.31 never answered in 32 s, 203.0.113.32 said 503, 203.0.113.200 said 500.",
		Actions:     []string{"Check whether 203.0.113.31 is up: ping it from 198.51.100.5.", "Shorten the failover timer on 198.51.100.5: callers do not wait 32 s."},
		Evidence:    []finding.Evidence{{Ref: ref(203)}, {Ref: ref(211), Note: "503 Service Unavailable"}, {Ref: ref(215), Note: "500"}},
		Refs:        []string{"RFC 3261 §16.7"},
		UserMessage: "The number could not be reached.",
	}
	return &view.Case{Call: c, Verdict: verdict(c, &finding.Suspect{Address: addr(gateway1), Role: call.RoleUAS}, root)}
}

// answered: a healthy call over a B2BUA: two legs joined.
func answeredCase() *view.Case {
	f := newFlow(call.KindCall, "leg-one@example.com", "sip:alice@example.com", "sip:dave@example.org")
	f.frame = 300
	g := newFlow(call.KindCall, "leg-two@example.org", "sip:alice@example.org", "sip:dave@example.org")
	g.frame = 301
	f.msg(60000, alice, proxy, "INVITE sip:dave@example.org")
	g.msg(60010, proxy, gateway1, "INVITE sip:dave@203.0.113.31")
	g.frame = 309
	g.msg(60500, gateway1, proxy, "200 OK/INVITE")
	f.frame = 310
	d := f.msg(60510, proxy, alice, "200 OK/INVITE")
	f.msg(60520, alice, proxy, "ACK sip:dave@198.51.100.5")
	g.frame = 312
	g.msg(60530, proxy, gateway1, "ACK sip:dave@203.0.113.31")
	f.frame = 400
	f.msg(90530, alice, proxy, "BYE sip:dave@198.51.100.5")
	f.msg(90540, proxy, alice, "200 OK/BYE")
	c := f.call()
	c.Legs = append(c.Legs, g.leg)
	c.Links = []call.Link{{From: f.leg.CallID, To: g.leg.CallID, By: "x-call-id", Header: "X-Call-ID", Confidence: 1}}
	failed(c, call.Answered, 200, "OK", d)
	c.HungUpBy = "caller"
	c.Timings = call.Timings{Final: num(510), Setup: num(510), Duration: num(30020)}
	c.Media = streams()
	return &view.Case{Call: c, Verdict: verdict(c, nil)}
}

// streams are RTP of which everything is known, RTP of which nothing more is, and RTCP.
func streams() []call.Stream {
	var c media.Counter
	for i := range 1500 {
		if i%50 != 7 {
			c.Add(&media.Packet{Time: at(float64(60530 + 20*i + i%3)), Seq: uint16(i), TS: uint32(160 * i), PT: 8, Bytes: 172})
		}
	}
	src, dst := addr("192.0.2.10:40000"), addr("203.0.113.31:30000")
	known := call.Stream{
		Src: src, Dst: dst, SSRC: 7, PayloadType: 8, Packets: c.Packets, Bytes: c.Bytes, First: c.First, Last: c.Last,
		RTP: &c, Codec: "PCMA", ClockRate: 8000, MOS: 4.1,
		Remote: &media.Report{
			SSRC: 7, Heard: 6, Reports: 5, LossMean: 0.02, LossMax: 0.05, JitterSum: 400, JitterMax: 160, RoundTrip: 48e6,
			XR: 1, VoIP: media.VoIP{Loss: 0.02, Discard: 0.01, RoundTrip: 96, R: -1, MOSLQ: 4},
		},
	}
	known.Jitter, known.JitterMax, _ = c.Jitter(8000)
	var one media.Counter
	one.Add(&media.Packet{Time: at(60540), PT: 120, Bytes: 100})
	return []call.Stream{
		known,
		{Src: dst, Dst: src, SSRC: 8, PayloadType: 120, Packets: 1, Bytes: 100, First: at(60540), Last: at(60540), RTP: &one, Jitter: -1, JitterMax: -1},
		{Src: addr("203.0.113.31:30001"), Dst: addr("192.0.2.10:40001"), RTCP: true, SSRC: 9, PayloadType: 201, Packets: 6, Bytes: 192, First: at(65000), Last: at(90000), Jitter: -1, JitterMax: -1},
	}
}

func registrationCase() *view.Case {
	f := newFlow(call.KindRegistration, "reg-1@192.0.2.10", "sip:alice@example.com", "sip:alice@example.com")
	f.frame = 500
	f.msg(70000, alice, proxy, "REGISTER sip:example.com")
	d := f.msg(70020, proxy, alice, "403 Forbidden/REGISTER")
	c := f.call()
	failed(c, call.Failed, 403, "Forbidden", d)
	c.Reg = &call.Registration{AOR: "sip:alice@example.com", Contacts: []string{"sip:alice@192.0.2.10"}, Requested: 600, Expires: -1}
	c.Origin = &call.Origin{Address: addr(proxy), Role: call.RoleRegistrar, Confidence: 1, Code: 403, Msg: c.Final}
	root := finding.Finding{
		ID: "policy.forbidden", Severity: finding.Error, Confidence: 0.7, Acts: finding.ActsProxy,
		Summary: "198.51.100.5 refuses to register alice@example.com without having asked for credentials.", Actions: []string{"Look into the registrar's log at 03:03:21."},
		Evidence: []finding.Evidence{{Ref: ref(502)}}, Refs: []string{"RFC 3261 §21.4.4"},
	}
	return &view.Case{Call: c, Verdict: verdict(c, nil, root)}
}

// keepaliveCase is the n-th OPTIONS of alice to peer; code 0 is silence.
func keepaliveCase(n int, peer string, code int) *view.Case {
	ms := 80000 + 30000*float64(n)
	f := newFlow(call.KindTransaction, fmt.Sprintf("ka-%d-%s@192.0.2.10", n, peer), "sip:ping@example.com", "sip:"+peer)
	f.frame = 600 + 2*uint64(n)
	i := f.msg(ms, proxy, peer, "OPTIONS sip:"+peer)
	c := f.call()
	c.Outcome = call.Failed
	if code != 0 {
		d := f.msg(ms+12, peer, proxy, fmt.Sprintf("%d OK/OPTIONS", code))
		c = f.call()
		failed(c, call.Answered, code, "OK", d)
		return &view.Case{Call: c, Verdict: verdict(c, nil)}
	}
	f.again(ms+500, i, call.Retransmission)
	c.Ended = f.leg.Ended
	root := finding.Finding{
		ID: "transport.no-response", Severity: finding.Error, Confidence: 1, Acts: finding.ActsNetwork,
		Summary: peer + " does not answer OPTIONS.", Evidence: []finding.Evidence{{Ref: f.leg.Sightings[i].Ref}},
	}
	return &view.Case{Call: c, Verdict: verdict(c, nil, root)}
}

func cases() []*view.Case {
	list := []*view.Case{busyCase(), passwordCase(), failoverCase(), answeredCase(), registrationCase()}
	for n := range 5 {
		list = append(list, keepaliveCase(n, gateway1, 200))
		code := 200
		if n > 1 {
			code = 0
		}
		list = append(list, keepaliveCase(n, gateway2, code))
	}
	return list
}

func summary() *view.Summary {
	s := &view.Summary{
		Files: []string{"trace.pcap"}, Packets: 1024, Bytes: 654321, Messages: 48, First: at(0), Last: at(230000),
		Events:          []view.Count{{Name: "icmp", N: 2}, {Name: "tls-hello", N: 1}},
		Undecoded:       []view.Count{{Name: "tls-no-keys", N: 120}, {Name: "not-sip", N: 31}},
		Gaps:            []wire.Gap{{Kind: wire.GapSnapLength, Ref: ref(77), From: at(100), Until: at(100), Where: "trace.pcap", Lost: 0, Bytes: 512}},
		Methods:         []view.Count{{Name: "INVITE", N: 9}, {Name: "OPTIONS", N: 13}, {Name: "ACK", N: 8}, {Name: "", N: 1}},
		Retransmissions: 10, Duplicates: 1, Defective: 2, RTP: 1500,
		Calls: 4, Registrations: 1, Transactions: 10,
		Findings: []finding.Finding{{
			ID: "keepalive.lost", Severity: finding.Error, Confidence: 1, Acts: finding.ActsNetwork, Subject: gateway2,
			Summary: "203.0.113.32:5060 answers no OPTIONS since 03:04:31.", Evidence: []finding.Evidence{{Ref: ref(604)}},
		}},
		KPIs: []view.KPI{
			{Name: "seer", Value: 66.7, Unit: "%", Population: 3, Excluded: 1, Ref: "RFC 6076 §4.7"},
			{Name: "isa", Unit: "%", Ref: "RFC 6076 §4.8", Refused: "no calls"},
			{Name: "pdd_p50", Value: 744.7, Unit: "ms", Population: 2, Ref: "RFC 6076 §4.3"},
			{Name: "pdd_p95", Value: 7119, Unit: "ms", Population: 2, Ref: "RFC 6076 §4.3"},
			{Name: "rrd_p50", Unit: "ms", Refused: "no calls"},
			{Name: "rrd_p95", Unit: "ms", Refused: "no calls"},
		},
	}
	s.Codes[100], s.Codes[180], s.Codes[200], s.Codes[403], s.Codes[407], s.Codes[486], s.Codes[500], s.Codes[503] = 2, 1, 10, 1, 2, 1, 2, 1
	return s
}

// hostile carries markup, escapes, formulas and bidirectional formatting wherever traffic's text can stand.
const payload = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'`${7*7}{{.}}\x1b[31m\x00\u202egnp\u2028\xff\xc0"

func hostileCase() *view.Case {
	f := newFlow(call.KindCall, "=cmd|' /C calc'!A0"+payload, "=HYPERLINK(\"x\")"+payload, "+1"+payload)
	f.frame = 900
	f.extra = "X-Evil" + payload + ": " + payload + "\r\nSubject: </pre></script><svg onload=alert(3)>\r\n"
	f.body = "</script>]]>--><!--" + payload
	f.msg(0, alice, proxy, "INVITE sip:"+payload)
	d := f.msg(10, proxy, alice, "400 "+strings.ReplaceAll(payload, "/", "|")+"/INVITE")
	c := f.call()
	failed(c, call.Failed, 400, "-2+3"+payload, d)
	c.UserAgent = payload
	c.Origin = &call.Origin{Address: addr(proxy), Role: call.RoleUAS, Server: payload, Confidence: 0.5, Code: 400, Msg: c.Final, Evidence: []string{payload}, Alternatives: []string{payload}}
	root := finding.Finding{
		ID: "protocol.malformed", Severity: finding.Warning, Confidence: 0.5, Acts: finding.ActsCaller, Summary: "@SUM(1)" + payload,
		Actions: []string{payload}, Evidence: []finding.Evidence{{Ref: ref(901), Note: payload}}, Refs: []string{payload}, UserMessage: payload, Subject: payload,
	}
	return &view.Case{Call: c, Verdict: verdict(c, nil, root)}
}
