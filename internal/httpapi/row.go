package httpapi

import (
	"net/netip"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// row is a case in a list. What analysis-json has too is named as there; the rest as in the filter language. Unknown is
// null or absent.
type row struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Revision   int        `json:"revision"`
	Final      bool       `json:"final"`
	CallIDs    []string   `json:"call_ids"`
	From       *string    `json:"from"`
	To         *string    `json:"to"`
	Target     *string    `json:"target"`
	Started    *string    `json:"started"`
	Ended      *string    `json:"ended"`
	Outcome    string     `json:"outcome"`
	Code       *int       `json:"code"`
	Reason     *string    `json:"reason"`
	Cause      *string    `json:"cause"`
	Severity   *string    `json:"severity"`
	Findings   []string   `json:"findings"`
	Origin     *element   `json:"origin"`
	Suspect    *element   `json:"suspect"`
	Methods    []string   `json:"methods"`
	UserAgents []string   `json:"user_agents"`
	Servers    []string   `json:"servers"`
	Transports []string   `json:"transports"`
	Flows      []flowJSON `json:"flows"`
	RouteIn    *string    `json:"route_in"`
	RoutesOut  []string   `json:"routes_out"`
	Timings    timings    `json:"timings"`
	HungUpBy   *string    `json:"hung_up_by"`
	Attempts   int        `json:"attempts"`
	Messages   int        `json:"messages"`
	Gap        bool       `json:"gap"`
}

type element struct {
	Address *string `json:"address"`
	Role    *string `json:"role,omitempty"`
}

type flowJSON struct {
	Src *string `json:"src"`
	Dst *string `json:"dst"`
}

type timings struct {
	PDD      *float64 `json:"pdd_ms"`
	Ring     *float64 `json:"ring_ms"`
	Setup    *float64 `json:"setup_ms"`
	Duration *float64 `json:"duration_ms"`
}

func rowOf(c *record.Case) row {
	r := row{
		ID: c.ID, Kind: c.Kind.String(), Revision: c.Revision, Final: c.Final, CallIDs: full(c.CallIDs),
		From: text(c.From), To: text(c.To), Target: text(c.Target), Started: moment(c.Began), Ended: moment(c.Ended),
		Outcome: c.Outcome.String(), Code: number(c.Code), Reason: text(c.Reason), Cause: text(c.Cause), Severity: text(c.Severity),
		Findings: full(c.Findings), Methods: full(c.Methods), UserAgents: full(c.UAs), Servers: full(c.Servers),
		Transports: full(c.Transports), RouteIn: text(c.RouteIn), RoutesOut: full(c.RoutesOut),
		Timings:  timings{milliseconds(c.PDD), milliseconds(c.Ring), milliseconds(c.Setup), milliseconds(c.Duration)},
		HungUpBy: text(c.HungUpBy), Attempts: c.Attempts, Messages: c.Messages, Gap: c.Gap, Flows: []flowJSON{},
	}
	if c.Origin.IsValid() || c.OriginRole != "" {
		r.Origin = &element{address(c.Origin), text(c.OriginRole)}
	}
	if c.Suspect.IsValid() {
		r.Suspect = &element{Address: address(c.Suspect)}
	}
	for i := range min(len(c.Src), len(c.Dst)) {
		r.Flows = append(r.Flows, flowJSON{address(c.Src[i]), address(c.Dst[i])})
	}
	return r
}

func rowsOf(list []record.Case) []row {
	out := make([]row, len(list))
	for i := range list {
		out[i] = rowOf(&list[i])
	}
	return out
}

// full returns a list that is no null in JSON.
func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func number(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

func address(a netip.AddrPort) *string {
	if !a.IsValid() {
		return nil
	}
	return text(a.String())
}

// moment writes a time with nine digits, as analysis-json does.
func moment(t wire.Time) *string {
	if t.Ordinal() {
		return nil
	}
	return text(t.Std().Format("2006-01-02T15:04:05.000000000Z"))
}

func wall(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return moment(wire.Time(t.UnixNano()))
}

func milliseconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	ms := float64(*d) / 1e6
	return &ms
}
