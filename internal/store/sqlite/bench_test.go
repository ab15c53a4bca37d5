package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/storetest"
	"sipcause/internal/wire"
)

// benchMessages is how many messages the benchmarks store; the environment may say another number.
const benchMessages, benchVariable = 300_000, "SIPCAUSE_BENCH_MESSAGES"

// callMaker makes calls over two hops, as many as fill a day: 14 messages, two Call-IDs, one in twelve fails.
type callMaker struct {
	*rand.Rand
	n    int
	step time.Duration
}

var benchCauses = []string{"callee.busy", "auth.wrong_credentials", "routing.no_route", "server.capacity", "timeout.no_answer", "media.none"}

func (g *callMaker) addr(net string, n int) netip.AddrPort {
	return netip.MustParseAddrPort(net + strconv.Itoa(1+g.IntN(n)) + ":5060")
}

// next makes a call: its messages, its case, its cells.
func (g *callMaker) next(b *store.Batch) {
	g.n++
	began := storetest.Start.Add(time.Duration(g.n) * g.step)
	from, to := fmt.Sprintf("+4930%06d", g.IntN(60_000)), fmt.Sprintf("+49171%07d", g.IntN(60_000))
	route := fmt.Sprintf("carrier-%d", g.IntN(20))
	ua := fmt.Sprintf("phone %d.%d", g.IntN(20), g.IntN(3))
	client, proxy, server := g.addr("192.0.2.", 200), g.addr("198.51.100.", 4), g.addr("203.0.113.", 40)
	c := record.Case{
		ID: fmt.Sprintf("%016x", g.Uint64()), Kind: call.KindCall, Revision: 2, Final: true, Began: began, Ended: began.Add(time.Minute), Decided: began.Add(3 * time.Second),
		From: "sip:" + from + "@example.com", To: "sip:" + to + "@example.com", Target: "sip:" + to + "@198.51.100.1;user=phone", Numbers: []string{from, to},
		Code: 200, Reason: "OK", Outcome: call.Answered, OriginRole: "uas", Origin: server, Severity: "info", Realms: []string{"example.com"}, Findings: []string{"nat.private_contact"},
		UAs: []string{ua}, Servers: []string{"example proxy 5.8"}, Methods: []string{"INVITE", "ACK", "BYE"}, Transports: []string{"udp"},
		Src: []netip.AddrPort{client, proxy, server}, Dst: []netip.AddrPort{proxy, server, client}, Attempts: 1, Messages: 14, RouteIn: "access", RoutesOut: []string{route},
	}
	for range 150 {
		c.Doc = append(c.Doc, byte(g.IntN(20)))
	}
	for hop := range 2 {
		c.CallIDs = append(c.CallIDs, fmt.Sprintf("%016x%08x@host%d.example.com", g.Uint64(), g.Uint32(), hop))
		c.Keys = append(c.Keys, g.Uint64())
	}
	if g.IntN(12) == 0 {
		c.Code, c.Reason, c.Outcome = []int{404, 408, 480, 486, 500, 503}[g.IntN(6)], "Failed", call.Failed
		c.Cause = benchCauses[g.IntN(len(benchCauses))]
		c.Findings = append(c.Findings, c.Cause)
		c.Severity, c.Suspect = "error", server
	}
	for i, method := range []string{"INVITE", "100", "180", "200", "ACK", "BYE", "200"} {
		for hop := range 2 {
			src, dst := c.Src[hop], c.Dst[hop]
			b.Messages = append(b.Messages, record.Message{
				Key: c.Keys[hop], Time: began.Add(time.Duration(i)*time.Second + time.Duration(hop)*time.Millisecond), Ref: wire.PacketRef{Number: uint64(g.n*14 + 2*i + hop)},
				Flow: wire.Flow{Transport: wire.UDP, Src: src, Dst: dst}, Point: "eth0", IPID: uint16(g.Uint32()), Data: g.text(&c, hop, method, from, to, ua),
			})
		}
	}
	b.Cases = append(b.Cases, c)
	at := int64(began) / minute
	for _, r := range []string{"", "access", route} {
		b.Cells = append(b.Cells,
			record.Cell{Minute: at, Counter: "attempts", Route: r, Bucket: record.NoBucket, N: 1},
			record.Cell{Minute: at, Counter: "codes", Route: r, Label: strconv.Itoa(c.Code), Bucket: record.NoBucket, N: 1},
			record.Cell{Minute: at, Counter: "pdd", Route: r, Bucket: int16(500 + g.IntN(150)), N: 1})
	}
}

func (g *callMaker) text(c *record.Case, hop int, method, from, to, ua string) []byte {
	return fmt.Appendf(nil, "%s sip:%s@198.51.100.1;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%016x;rport\r\nMax-Forwards: 70\r\n"+
		"From: \"%s\" <sip:%s@example.com>;tag=%08x\r\nTo: <sip:%s@example.com>;tag=%08x\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s;transport=udp>\r\n"+
		"User-Agent: %s\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY\r\nSupported: timer, 100rel, replaces\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nContent-Type: application/sdp\r\nContent-Length: 180\r\n\r\n"+
		"v=0\r\no=- %d %d IN IP4 192.0.2.%d\r\ns=-\r\nc=IN IP4 192.0.2.%d\r\nt=0 0\r\nm=audio %d RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n",
		method, to, c.Src[hop], g.Uint64(), from, from, uint32(c.Keys[0]), to, uint32(c.Keys[1]), c.CallIDs[hop], 1+g.IntN(3), method, from, c.Src[hop],
		ua, g.Uint32(), g.Uint32(), g.IntN(250), g.IntN(250), 10000+2*g.IntN(20000))
}

// filled writes a day of calls.
func filled(b testing.TB, s *Store, total int) {
	const perBatch = 20_000
	g := &callMaker{Rand: rand.New(rand.NewPCG(1, 1)), step: 24 * time.Hour / time.Duration(total/14+1)}
	var spent time.Duration
	n := 0
	for seq := uint64(1); n < total; seq++ {
		batch := &store.Batch{Seq: seq}
		for len(batch.Messages) < perBatch {
			g.next(batch)
		}
		batch.At = batch.Cases[len(batch.Cases)-1].Began
		n += len(batch.Messages)
		started := time.Now()
		if err := s.Write(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(started)
	}
	st, err := s.Stats(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	per := func(kind string) float64 { return float64(st.ByKind[kind]) / float64(st.Messages) }
	fmt.Printf("stored %d messages, %d cases, %d cells in %d partitions: %.0f messages/s; bytes/message %.0f (messages %.0f, cases %.0f, roll-ups %.0f)\n", st.Messages, st.Cases, st.Cells, st.Partitions,
		float64(n)/spent.Seconds(), float64(st.Bytes)/float64(st.Messages), per("messages"), per("cases"), per("rollups"))
}

// BenchmarkStore prints the rate and the bytes of writing, then the time of each query over what was written.
func BenchmarkStore(b *testing.B) {
	total := benchMessages
	if v := os.Getenv(benchVariable); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			b.Fatalf("%s: %v", benchVariable, err)
		}
		total = n
	}
	s := open(b, b.TempDir(), Options{})
	filled(b, s, total)
	page, err := s.Search(context.Background(), store.Search{Limit: 1, Where: parse(b, "code = 486"), Until: storetest.Start.Add(6 * time.Hour)})
	if err != nil || len(page.Cases) == 0 {
		b.Fatal(err)
	}
	benchSearches(b, s, &page.Cases[0])
	benchOthers(b, s, &page.Cases[0])
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("heap %d MB in use, %d MB from the system\n", m.HeapInuse>>20, m.Sys>>20)
}

func benchSearches(b *testing.B, s *Store, c *record.Case) {
	for _, filter := range []string{
		"", "callid = " + c.CallIDs[1], "callid = nobody@example.com", "number = " + c.Numbers[0], "number = +4917100*", "number = *4711", "number = +49171*", "ip = 192.0.2.7",
		"ip = 192.0.2.0/28", "code = 486", "code >= 500", "cause = auth.*", "cause = auth.wrong_credentials and route = carrier-3", "route = carrier-3", "route = nobody", `ua = "phone 3.1"`,
		"outcome = failed", "kind = registration", `to ~ "4711@"`, "pdd > 1h",
	} {
		q := store.Search{}
		if filter != "" {
			q.Where = parse(b, filter)
		}
		b.Run("search/"+filter, func(b *testing.B) {
			var p store.Page
			var err error
			for b.Loop() {
				if p, err = s.Search(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(p.Cases)), "cases")
			b.ReportMetric(float64(p.Scanned), "scanned")
		})
	}
}

func benchOthers(b *testing.B, s *Store, c *record.Case) {
	ctx := context.Background()
	run := func(name string, ask func() (n int, err error)) {
		b.Run(name, func(b *testing.B) {
			n := 0
			var err error
			for b.Loop() {
				if n, err = ask(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n), "found")
		})
	}
	run("case by Call-ID", func() (int, error) {
		_, err := s.Case(ctx, c.CallIDs[1])
		return 1, err
	})
	run("messages of a case", func() (int, error) {
		list, err := s.Messages(ctx, c.Keys, c.Began-1, c.Ended)
		return len(list), err
	})
	for _, counter := range []string{"attempts", "codes", "pdd"} {
		run("day per minute by route/"+counter, func() (n int, err error) {
			q := store.Rollup{From: storetest.Start, Until: storetest.Start.Add(24 * time.Hour), Step: time.Minute, ByRoute: true, ByLabel: true, Counters: []string{counter}}
			err = s.Rollup(ctx, q, func(*record.Cell) error { n++; return nil })
			return n, err
		})
	}
	for _, f := range []query.Field{query.Cause, query.UA} {
		run("count/"+f.String(), func() (int, error) {
			list, err := s.Count(ctx, store.Search{}, f, 10)
			return len(list), err
		})
	}
}
