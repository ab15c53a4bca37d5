package archive

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// CaseRow is a row of cases.parquet. Times are nanoseconds since 1970 UTC, durations nanoseconds; what is not known is
// null, or "" for text. Record is the case as the store has it: what import reads; the other columns are for queries.
type CaseRow struct {
	ID         string   `parquet:"id"`
	Kind       string   `parquet:"kind,dict"`
	Began      int64    `parquet:"began,timestamp(nanosecond)"`
	Ended      int64    `parquet:"ended,timestamp(nanosecond)"`
	Decided    *int64   `parquet:"decided,optional,timestamp(nanosecond)"`
	Revision   int32    `parquet:"revision"`
	Final      bool     `parquet:"final"`
	CallIDs    []string `parquet:"call_ids,list"`
	From       string   `parquet:"from_uri"`
	To         string   `parquet:"to_uri"`
	Target     string   `parquet:"target_uri"`
	Numbers    []string `parquet:"numbers,list"`
	Code       *int32   `parquet:"code,optional"`
	Reason     string   `parquet:"reason,dict"`
	Outcome    string   `parquet:"outcome,dict"`
	Cause      string   `parquet:"cause,dict"`
	Findings   []string `parquet:"findings,list"`
	Severity   string   `parquet:"severity,dict"`
	Origin     string   `parquet:"origin,dict"`
	OriginRole string   `parquet:"origin_role,dict"`
	Suspect    string   `parquet:"suspect,dict"`
	Servers    []string `parquet:"servers,list"`
	UAs        []string `parquet:"user_agents,list"`
	Methods    []string `parquet:"methods,list"`
	Transports []string `parquet:"transports,list"`
	Realms     []string `parquet:"realms,list"`
	Src        []string `parquet:"src,list"`
	Dst        []string `parquet:"dst,list"`
	PDD        *int64   `parquet:"pdd,optional"`
	Setup      *int64   `parquet:"setup,optional"`
	Duration   *int64   `parquet:"duration,optional"`
	Ring       *int64   `parquet:"ring,optional"`
	Attempts   int32    `parquet:"attempts"`
	Messages   int32    `parquet:"messages"`
	HungUpBy   string   `parquet:"hung_up_by,dict"`
	Gap        bool     `parquet:"gap"`
	RouteIn    string   `parquet:"route_in,dict"`
	RoutesOut  []string `parquet:"routes_out,list"`
	Keys       []uint64 `parquet:"message_keys,list"`
	Record     []byte   `parquet:"record"`
}

func caseRow(c *record.Case) CaseRow {
	r := CaseRow{
		ID: c.ID, Kind: c.Kind.String(), Began: int64(c.Began), Ended: int64(c.Ended), Revision: int32(c.Revision), Final: c.Final,
		CallIDs: c.CallIDs, From: c.From, To: c.To, Target: c.Target, Numbers: c.Numbers, Reason: c.Reason, Outcome: c.Outcome.String(),
		Cause: c.Cause, Findings: c.Findings, Severity: c.Severity, Origin: address(c.Origin), OriginRole: c.OriginRole, Suspect: address(c.Suspect),
		Servers: c.Servers, UAs: c.UAs, Methods: c.Methods, Transports: c.Transports, Realms: c.Realms, Src: addresses(c.Src), Dst: addresses(c.Dst),
		PDD: nanoseconds(c.PDD), Setup: nanoseconds(c.Setup), Duration: nanoseconds(c.Duration), Ring: nanoseconds(c.Ring),
		Attempts: int32(c.Attempts), Messages: int32(c.Messages), HungUpBy: c.HungUpBy, Gap: c.Gap, RouteIn: c.RouteIn, RoutesOut: c.RoutesOut,
		Keys: c.Keys, Record: record.AppendCase(nil, c),
	}
	if c.Decided != 0 {
		t := int64(c.Decided)
		r.Decided = &t
	}
	if c.Code != 0 {
		n := int32(c.Code)
		r.Code = &n
	}
	return r
}

func nanoseconds(d *time.Duration) *int64 { return (*int64)(d) }

// address writes an address; "" for none.
func address(a netip.AddrPort) string {
	if a == (netip.AddrPort{}) {
		return ""
	}
	return a.String()
}

func addresses(list []netip.AddrPort) (out []string) {
	for _, a := range list {
		out = append(out, address(a))
	}
	return out
}

// readAddress is the contrary of address.
func readAddress(text string) (netip.AddrPort, error) {
	if text == "" {
		return netip.AddrPort{}, nil
	}
	return netip.ParseAddrPort(text)
}

// MessageRow is a row of messages.parquet: what the columns of record.Message say.
type MessageRow struct {
	Key       uint64 `parquet:"key"`
	Time      int64  `parquet:"time,timestamp(nanosecond)"`
	Source    uint32 `parquet:"source"`
	Number    uint64 `parquet:"number,delta"`
	Transport string `parquet:"transport,dict"`
	Src       string `parquet:"src,dict"`
	Dst       string `parquet:"dst,dict"`
	Point     string `parquet:"point,dict"`
	What      string `parquet:"what,dict"`
	IPID      uint32 `parquet:"ip_id"`
	Fragments uint32 `parquet:"fragments"`
	Truncated bool   `parquet:"truncated"`
	ViaHEP    bool   `parquet:"via_hep"`
	Data      []byte `parquet:"data"`
}

func messageRow(m *record.Message) MessageRow {
	return MessageRow{
		Key: m.Key, Time: int64(m.Time), Source: m.Ref.Source, Number: m.Ref.Number, Transport: m.Flow.Transport.String(), Src: address(m.Flow.Src), Dst: address(m.Flow.Dst),
		Point: m.Point, What: m.What.String(), IPID: uint32(m.IPID), Fragments: uint32(m.Fragments), Truncated: m.Truncated, ViaHEP: m.ViaHEP, Data: m.Data,
	}
}

// message reads a row; its Data is the row's.
func (r *MessageRow) message() (record.Message, error) {
	flow, err := readFlow(r.Transport, r.Src, r.Dst)
	if err != nil {
		return record.Message{}, err
	}
	if r.IPID > math.MaxUint16 || r.Fragments > math.MaxUint8 {
		return record.Message{}, fmt.Errorf("ip_id %d or fragments %d is out of range", r.IPID, r.Fragments)
	}
	what, err := indexOf("kind of message", record.Whats(), r.What)
	return record.Message{
		Key: r.Key, Time: wire.Time(r.Time), Ref: wire.PacketRef{Source: r.Source, Number: r.Number}, Flow: flow, Point: r.Point, What: record.What(what),
		IPID: uint16(r.IPID), Fragments: uint8(r.Fragments), Truncated: r.Truncated, ViaHEP: r.ViaHEP, Data: r.Data,
	}, err
}

// transports are the names of wire.Transport.
var transports = func() (names []string) {
	for t := wire.UnknownTransport; t <= wire.SCTP; t++ {
		names = append(names, t.String())
	}
	return names
}()

func readFlow(transport, src, dst string) (f wire.Flow, err error) {
	t, err := indexOf("transport", transports, transport)
	if err != nil {
		return f, err
	}
	f.Transport = wire.Transport(t)
	if f.Src, err = readAddress(src); err != nil {
		return f, err
	}
	f.Dst, err = readAddress(dst)
	return f, err
}

func indexOf(what string, names []string, name string) (int, error) {
	for i, n := range names {
		if n == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q", what, name)
}

// CellRow is a row of rollups.parquet: what was counted in a minute. Bucket is -1 for what is no time.
type CellRow struct {
	Minute  int64  `parquet:"minute,delta"`
	Counter string `parquet:"counter,dict"`
	Route   string `parquet:"route,dict"`
	Label   string `parquet:"label,dict"`
	Bucket  int32  `parquet:"bucket"`
	N       int64  `parquet:"n"`
}

func cellRow(c *record.Cell) CellRow {
	return CellRow{Minute: c.Minute, Counter: c.Counter, Route: c.Route, Label: c.Label, Bucket: int32(c.Bucket), N: c.N}
}

func (r *CellRow) cell() (record.Cell, error) {
	if r.Bucket < int32(record.NoBucket) || r.Bucket > math.MaxInt16 {
		return record.Cell{}, fmt.Errorf("bucket %d is out of range", r.Bucket)
	}
	return record.Cell{Minute: r.Minute, Counter: r.Counter, Route: r.Route, Label: r.Label, Bucket: int16(r.Bucket), N: r.N}, nil
}

// GapRow is a row of gaps.parquet: what is known to be missing.
type GapRow struct {
	Kind      string `parquet:"kind,dict"`
	Point     string `parquet:"point,dict"`
	From      int64  `parquet:"began,timestamp(nanosecond)"`
	Until     int64  `parquet:"ended,timestamp(nanosecond)"`
	Where     string `parquet:"place"`
	Transport string `parquet:"transport,dict"`
	Src       string `parquet:"src,dict"`
	Dst       string `parquet:"dst,dict"`
	Lost      uint64 `parquet:"lost"`
	Bytes     uint64 `parquet:"bytes"`
	Source    uint32 `parquet:"source"`
	Number    uint64 `parquet:"number"`
	PointID   uint32 `parquet:"point_id"`
}

// gapKinds are the names of wire.GapKind.
var gapKinds = func() (names []string) {
	for k := wire.GapUnknown; k <= wire.GapExpired; k++ {
		names = append(names, k.String())
	}
	return names
}()

func gapRow(g *record.Gap) GapRow {
	return GapRow{
		Kind: g.Kind.String(), Point: g.PointName, From: int64(g.From), Until: int64(g.Until), Where: g.Where, Transport: g.Flow.Transport.String(), Src: address(g.Flow.Src),
		Dst: address(g.Flow.Dst), Lost: g.Lost, Bytes: g.Bytes, Source: g.Ref.Source, Number: g.Ref.Number, PointID: uint32(g.Point),
	}
}

func (r *GapRow) gap() (record.Gap, error) {
	flow, err := readFlow(r.Transport, r.Src, r.Dst)
	if err != nil {
		return record.Gap{}, err
	}
	kind, err := indexOf("kind of gap", gapKinds, r.Kind)
	return record.Gap{PointName: r.Point, Gap: wire.Gap{
		Kind: wire.GapKind(kind), Point: uint16(r.PointID), Ref: wire.PacketRef{Source: r.Source, Number: r.Number}, From: wire.Time(r.From), Until: wire.Time(r.Until),
		Where: r.Where, Flow: flow, Lost: r.Lost, Bytes: r.Bytes,
	}}, err
}
