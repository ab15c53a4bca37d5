package record

import (
	"slices"
	"time"

	"sipcause/internal/query"
	"sipcause/internal/route"
)

// values says how each field of the filter language is read.
var values = map[query.Field]func(*Case) query.Value{
	query.ID:         func(c *Case) query.Value { return query.Text(c.ID) },
	query.CallID:     func(c *Case) query.Value { return query.Texts(c.CallIDs) },
	query.From:       func(c *Case) query.Value { return query.Text(c.From) },
	query.To:         func(c *Case) query.Value { return query.Text(c.To) },
	query.Numbers:    func(c *Case) query.Value { return query.Texts(c.Numbers) },
	query.Code:       (*Case).code,
	query.Reason:     func(c *Case) query.Value { return query.Text(c.Reason) },
	query.Outcome:    func(c *Case) query.Value { return query.Text(c.Outcome.String()) },
	query.Cause:      func(c *Case) query.Value { return query.Text(c.Cause) },
	query.Finding:    func(c *Case) query.Value { return query.Texts(c.Findings) },
	query.Severity:   func(c *Case) query.Value { return query.Text(c.Severity) },
	query.Origin:     func(c *Case) query.Value { return query.Addr(c.Origin) },
	query.OriginRole: func(c *Case) query.Value { return query.Text(c.OriginRole) },
	query.Suspect:    func(c *Case) query.Value { return query.Addr(c.Suspect) },
	query.Server:     func(c *Case) query.Value { return query.Texts(c.Servers) },
	query.UA:         func(c *Case) query.Value { return query.Texts(c.UAs) },
	query.Method:     func(c *Case) query.Value { return query.Texts(c.Methods) },
	query.Src:        func(c *Case) query.Value { return query.Addrs(c.Src) },
	query.Dst:        func(c *Case) query.Value { return query.Addrs(c.Dst) },
	query.IP:         func(c *Case) query.Value { return query.Addrs(append(c.Src[:len(c.Src):len(c.Src)], c.Dst...)) },
	query.Transport:  func(c *Case) query.Value { return query.Texts(c.Transports) },
	query.Route:      (*Case).routes,
	query.Start:      func(c *Case) query.Value { return query.Time(c.Began) },
	query.PDD:        func(c *Case) query.Value { return duration(c.PDD) },
	query.Setup:      func(c *Case) query.Value { return duration(c.Setup) },

	query.TotalDuration: func(c *Case) query.Value { return duration(c.Duration) },

	query.Ring:     func(c *Case) query.Value { return duration(c.Ring) },
	query.Attempts: func(c *Case) query.Value { return query.Number(int64(c.Attempts)) },
	query.Messages: func(c *Case) query.Value { return query.Number(int64(c.Messages)) },
	query.Realm:    func(c *Case) query.Value { return query.Texts(c.Realms) },
	query.Kind:     func(c *Case) query.Value { return query.Text(c.Kind.String()) },
	query.HungUpBy: func(c *Case) query.Value { return query.Text(c.HungUpBy) },
	query.Gap:      func(c *Case) query.Value { return query.Bool(c.Gap) },
	query.Open:     func(c *Case) query.Value { return query.Bool(!c.Final) },
}

func (c *Case) code() query.Value {
	if c.Code == 0 {
		return query.Value{}
	}
	return query.Number(int64(c.Code))
}

func (c *Case) routes() query.Value {
	names := c.RoutesOut
	if c.RouteIn != "" && !slices.Contains(names, c.RouteIn) {
		names = append([]string{c.RouteIn}, names...)
	}
	return query.Texts(names).Also(route.KeysOf(c.RouteIn, c.RoutesOut))
}

func duration(d *time.Duration) query.Value {
	if d == nil {
		return query.Value{}
	}
	return query.Duration(*d)
}
