package storetest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// Start is when what the generator makes begins, unless told otherwise: a midnight UTC.
var Start = At(time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC))

// At returns t as time of the wire.
func At(t time.Time) wire.Time { return wire.Time(t.UnixNano()) }

// Generator makes random cases, messages, cells and gaps whose values meet often, so that filters find some and not
// others. The same seed gives the same sequence. It is for one goroutine.
type Generator struct {
	*rand.Rand
	made uint64
}

// NewGenerator returns a generator of the seed's sequence.
func NewGenerator(seed uint64) *Generator {
	return &Generator{Rand: rand.New(rand.NewPCG(seed, 0x5eed))}
}

// What values are taken from. Among them is what a store may trip over: wildcards of SQL, quotes, letters whose case
// only Unicode knows, numbers that begin or end like others.
var (
	users    = []string{"+493055501", "+4930555012", "+15555550100", "5550100", "alice", "Alice", "al%ce", "al_ce", "o'hara", `b"ob`, "*31*5550100", "jörg", "JÖRG", "a\\*b", "[x]"}
	hosts    = []string{"example.com", "example.org", "192.0.2.1", "[2001:db8::1]"}
	codes    = []int{0, 0, 200, 200, 401, 403, 404, 407, 408, 480, 486, 487, 488, 500, 503, 503, 600, 603}
	reasons  = []string{"", "OK", "Busy Here", "Service Unavailable", "100% busy", "Zu_viele Anrufe", "Größe 'x'"}
	causes   = []string{"", "server.capacity", "server.capacity", "auth.password", "auth.nonce", "callee.busy", "network.silent", "policy.barred"}
	findings = []string{"retry.storm", "auth.rounds", "media.one-way", "isup.cause", "server.capacity"}
	levels   = []string{"", "info", "warning", "error", "critical"}
	roles    = []string{"", "uas", "proxy", "registrar", "b2bua", "timer"}
	servers  = []string{"kamailio (5.8.3 (x86_64/linux))", "Asterisk PBX 20", "100% Server_1", "gate 2"}
	agents   = []string{"phone 1", "Phone 1", "sipp", "Yealink SIP-T46U 108.86", `"quoted" agent`, "ümlaut"}
	methods  = []string{"INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "REFER"}
	carriers = []string{"sctp", "udp", "tcp", "tls", "ws", "wss", "unknown"}
	realms   = []string{"example.com", "gw.example", "a b"}
	routes   = []string{"carrier-a", "carrier-b", "Carrier-A", "203.0.113.61", "other", "büro"}
	ends     = []string{"", "", "caller", "callee"}
	counters = []string{"calls", "answered", "codes", "pdd", "causes"}
	labels   = []string{"", "486", "503", "auth.password"}
	points   = []string{"", "eth0", "hep:2001", "büro"}
	addrs    = []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.1:5061"), netip.MustParseAddrPort("192.0.2.10:5060"),
		netip.MustParseAddrPort("203.0.113.61:5060"), netip.MustParseAddrPort("203.0.113.200:33333"), netip.MustParseAddrPort("198.51.100.7:1"),
		netip.MustParseAddrPort("[2001:db8::1]:5060"), netip.MustParseAddrPort("[2001:db8:ffff::2]:65535"),
	}
)

func one[T any](g *Generator, list []T) T { return list[g.IntN(len(list))] }

// some returns up to most different values of the list, nil for none.
func some[T any](g *Generator, list []T, most int) []T {
	var out []T
	for _, i := range g.Perm(len(list))[:g.IntN(most+1)] {
		out = append(out, list[i])
	}
	return out
}

func (g *Generator) addr(known float64) netip.AddrPort {
	if g.Float64() > known {
		return netip.AddrPort{}
	}
	return one(g, addrs)
}

func (g *Generator) duration() *time.Duration {
	if g.IntN(4) == 0 {
		return nil
	}
	d := []time.Duration{0, time.Millisecond, 500 * time.Millisecond, 3 * time.Second, 3*time.Second + 1, time.Minute, 400 * time.Hour}[g.IntN(7)]
	return &d
}

// Case makes a case that began then, with an ID that no other of the generator has.
func (g *Generator) Case(began wire.Time) record.Case {
	g.made++
	from, to := one(g, users), one(g, users)
	c := record.Case{
		ID: fmt.Sprintf("%x-%s@%s", g.made, one(g, users), one(g, hosts)), Kind: call.Kind(g.IntN(3)), Revision: 1, Final: g.IntN(3) > 0,
		Began: began, Ended: began.Add(time.Duration(g.IntN(100)) * time.Second),
		From: "sip:" + from + "@" + one(g, hosts), To: "sip:" + to + "@" + one(g, hosts), Target: "sip:" + to + "@" + one(g, hosts) + ";user=phone",
		Numbers: []string{from}, Code: one(g, codes), Reason: one(g, reasons), Outcome: call.Outcome(g.IntN(10)), Cause: one(g, causes),
		Findings: some(g, findings, 3), Severity: one(g, levels), Origin: g.addr(0.7), OriginRole: one(g, roles), Suspect: g.addr(0.5),
		Servers: some(g, servers, 2), UAs: some(g, agents, 2), Methods: some(g, methods, 4), Transports: some(g, carriers, 2), Realms: some(g, realms, 2),
		PDD: g.duration(), Setup: g.duration(), Duration: g.duration(), Ring: g.duration(), Attempts: g.IntN(4), Messages: g.IntN(200),
		HungUpBy: one(g, ends), Gap: g.IntN(5) == 0, RoutesOut: some(g, routes, 3), Doc: g.bytes(g.IntN(200)),
	}
	if to != from {
		c.Numbers = append(c.Numbers, to)
	}
	if g.IntN(2) == 0 {
		c.RouteIn = one(g, routes)
	}
	if c.Code != 0 {
		c.Decided = began.Add(time.Duration(g.IntN(5000)) * time.Millisecond)
	}
	c.CallIDs = []string{c.ID}
	c.Keys = []uint64{g.Uint64()}
	for i := range g.IntN(3) {
		c.CallIDs = append(c.CallIDs, fmt.Sprintf("%x.%d-%s", g.made, i, one(g, users)))
		c.Keys = append(c.Keys, g.Uint64())
	}
	for range g.IntN(3) {
		c.Counted = append(c.Counted, g.Cell(int64(began)/int64(time.Minute)))
	}
	for range 1 + g.IntN(3) {
		c.Src, c.Dst = append(c.Src, one(g, addrs)), append(c.Dst, one(g, addrs))
	}
	return c
}

// Revise makes a later revision of c, with another verdict.
func (g *Generator) Revise(c record.Case, final bool) record.Case {
	r := g.Case(c.Began)
	r.ID, r.Revision, r.Final = c.ID, c.Revision+1, final
	r.Keys, r.CallIDs = append(c.Keys[:len(c.Keys):len(c.Keys)], r.Keys...), append(c.CallIDs[:len(c.CallIDs):len(c.CallIDs)], r.CallIDs[1:]...)
	return r
}

func (g *Generator) bytes(n int) []byte {
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// Message makes a message under the key, as of then. It looks like SIP, but has bytes of every value.
func (g *Generator) Message(key uint64, at wire.Time) record.Message {
	g.made++
	data := fmt.Appendf(nil, "%s sip:%s@%s SIP/2.0\r\nCall-ID: %x\r\n\r\n", one(g, methods), one(g, users), one(g, hosts), key)
	return record.Message{
		Key: key, Time: at, Ref: wire.PacketRef{Source: uint32(g.IntN(3)), Number: g.made},
		Flow: wire.Flow{Transport: wire.Transport(g.IntN(7)), Src: g.addr(0.9), Dst: g.addr(0.9)}, Point: one(g, points), What: record.What(g.IntN(3)),
		IPID: uint16(g.Uint32()), Fragments: uint8(g.Uint32()), Truncated: g.IntN(9) == 0, ViaHEP: g.IntN(2) == 0, Data: append(data, g.bytes(g.IntN(300))...),
	}
}

// Cell makes a cell of a minute.
func (g *Generator) Cell(minute int64) record.Cell {
	c := record.Cell{Minute: minute, Counter: one(g, counters), Label: one(g, labels), Bucket: record.NoBucket, N: int64(g.IntN(9) - 3)}
	if g.IntN(2) == 0 {
		c.Route = one(g, routes)
	}
	if c.Counter == "pdd" {
		c.Bucket = int16(g.IntN(5) * 300)
	}
	return c
}

// Gap makes a gap that begins then.
func (g *Generator) Gap(from wire.Time) record.Gap {
	p := one(g, points)
	return record.Gap{PointName: p, Gap: wire.Gap{
		Kind: wire.GapKind(g.IntN(15)), Point: uint16(len(p)), Ref: wire.PacketRef{Source: 1, Number: g.Uint64()}, From: from, Until: from.Add(time.Duration(g.IntN(90)) * time.Second),
		Where: one(g, users), Flow: wire.Flow{Transport: wire.UDP, Src: g.addr(0.5), Dst: g.addr(0.5)}, Lost: g.Uint64(), Bytes: uint64(g.IntN(1 << 20)),
	}}
}

// Batch makes a batch of cases that begin within the hour after at, each with some messages, and cells and gaps of
// that hour. Begins are whole seconds, so that some are equal.
func (g *Generator) Batch(seq uint64, at wire.Time, cases int) *store.Batch {
	b := &store.Batch{Seq: seq, At: at}
	for range cases {
		c := g.Case(at.Add(time.Duration(g.IntN(3600)) * time.Second))
		for i := range 1 + g.IntN(4) {
			b.Messages = append(b.Messages, g.Message(one(g, c.Keys), c.Began.Add(time.Duration(i)*time.Millisecond)))
		}
		b.Cases = append(b.Cases, c)
		b.Cells = append(b.Cells, g.Cell(int64(at)/int64(time.Minute)+int64(g.IntN(60))))
	}
	b.Gaps = append(b.Gaps, g.Gap(at))
	return b
}

// Filter writes a filter of up to depth levels, of fields, operators and values that the generator's cases meet.
func (g *Generator) Filter(depth int) string {
	if depth > 0 {
		switch g.IntN(4) {
		case 0:
			return "(" + g.Filter(depth-1) + one(g, []string{" and ", " or "}) + g.Filter(depth-1) + ")"
		case 1:
			return "not (" + g.Filter(depth-1) + ")"
		case 2:
			return g.Filter(depth-1) + " and " + g.Filter(depth-1)
		}
	}
	return g.Comparison(one(g, query.Fields()))
}

// Comparison writes a comparison of the field.
func (g *Generator) Comparison(f query.Field) string {
	info := f.Info()
	op := one(g, info.Type.Ops())
	if g.IntN(10) == 0 {
		op = query.Exists
	}
	switch op {
	case query.Exists:
		return "exists " + info.Name
	case query.In:
		var list []string
		for range 1 + g.IntN(3) {
			list = append(list, g.literal(f))
		}
		return info.Name + " in (" + strings.Join(list, ", ") + ")"
	case query.Match, query.NotMatch:
		return info.Name + " " + op.String() + " " + quote(g.pattern(f))
	}
	return info.Name + " " + op.String() + " " + g.literal(f)
}

// texts are values of the fields of text.
var texts = map[query.Field][]string{
	query.Numbers: users, query.Reason: reasons[1:], query.Cause: causes[1:], query.Finding: findings, query.OriginRole: roles[1:],
	query.Server: servers, query.UA: agents, query.Method: methods, query.Route: routes, query.Realm: realms,
}

// text returns a value that cases may have, in either case and at times cut to a pattern.
func (g *Generator) text(f query.Field) string {
	var s string
	switch f {
	case query.From, query.To:
		s = "sip:" + one(g, users) + "@" + one(g, hosts)
	case query.ID, query.CallID:
		s = fmt.Sprintf("%x-%s@%s", 1+g.Uint64N(g.made+1), one(g, users), one(g, hosts))
		return "*" + s[g.IntN(3):]
	default:
		s = one(g, texts[f])
	}
	s = strings.ReplaceAll(s, "*", `\*`)
	runes := []rune(s)
	cut := g.IntN(len(runes))
	switch g.IntN(6) {
	case 0:
		return string(runes[:cut]) + "*"
	case 1:
		return "*" + string(runes[cut:])
	case 2:
		return "*" + string(runes[cut/2:cut]) + "*"
	case 3:
		return strings.ToUpper(s)
	}
	return s
}

func (g *Generator) literal(f query.Field) string {
	info := f.Info()
	switch info.Type {
	case query.TypeText:
		if f == query.Route && g.IntN(3) == 0 {
			return quote(one(g, []string{"in:", "out:", "OUT:"}) + g.text(f))
		}
		return quote(g.text(f))
	case query.TypeChoice, query.TypeLevel:
		return one(g, info.Values)
	case query.TypeNumber:
		if f == query.Code {
			return one(g, []string{"486", "503", "4xx", "5xx", "40x", "200", "404"})
		}
		return one(g, []string{"0", "1", "2", "3", "100", "1xx", "5x"})
	case query.TypeDuration:
		return one(g, []string{"0s", "1ms", "500ms", "3s", "1m", "400h"})
	case query.TypeTime:
		return one(g, []string{"00:30", "12:00", "00:10:05", "2026-01-15T00:30:00Z", "2026-01-15T12:00:00+01:00", "2026-01-16T00:00:00Z"})
	case query.TypeAddr:
		return one(g, []string{"192.0.2.1", "192.0.2.1:5061", "192.0.2.0/24", "203.0.113.128/25", "0.0.0.0/0", "::/0", "2001:db8::/48", "[2001:db8::1]:5060", "::ffff:192.0.2.10", "198.51.100.8"})
	}
	return one(g, []string{"true", "false"})
}

// pattern returns a regular expression, for some fields one that means to find.
func (g *Generator) pattern(f query.Field) string {
	general := []string{`^s`, `0$`, `(?i)alice`, `[%_*]`, `a|e`, `^$`, `\d{3}`, `ö`, `^[^0-9]+$`, `.`, `'`, `\\`}
	if f.Info().Type == query.TypeAddr {
		general = append(general, `^192\.0\.2\.1:`, `5060$`, `^2001:db8`, `^\[2001`)
	}
	return one(g, general)
}

// quote writes a value in quotes.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
