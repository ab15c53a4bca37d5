package view

import (
	"net/netip"
	"slices"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/route"
	"sipcause/sip"
)

// Subject answers a filter's questions about one case. It parses messages only for the fields that need it,
// and may be used for one case after another; it is for one goroutine.
type Subject struct {
	c   *Case
	msg sip.Message

	doc   record.Writer // scratch of Record
	order []int32
	text  []byte
}

// Of makes s answer about c, which must stay valid meanwhile.
func (s *Subject) Of(c *Case) *Subject {
	s.c = c
	return s
}

// values says how each field is read.
var values = map[query.Field]func(*Subject) query.Value{
	query.ID:       func(s *Subject) query.Value { return query.Text(s.c.Call.ID) },
	query.CallID:   (*Subject).callIDs,
	query.From:     func(s *Subject) query.Value { return query.Text(s.c.Call.From) },
	query.To:       func(s *Subject) query.Value { return query.Text(s.c.Call.To) },
	query.Numbers:  (*Subject).numbers,
	query.Code:     (*Subject).code,
	query.Reason:   func(s *Subject) query.Value { return query.Text(s.c.Call.Reason) },
	query.Outcome:  func(s *Subject) query.Value { return query.Text(s.c.Call.Outcome.String()) },
	query.Cause:    (*Subject).cause,
	query.Finding:  (*Subject).findings,
	query.Severity: (*Subject).severity,
	query.Origin: func(s *Subject) query.Value {
		if o := s.c.Call.Origin; o != nil {
			return query.Addr(o.Address)
		}
		return query.Value{}
	},
	query.OriginRole: func(s *Subject) query.Value {
		if o := s.c.Call.Origin; o != nil {
			return query.Text(string(o.Role))
		}
		return query.Value{}
	},
	query.Suspect: func(s *Subject) query.Value {
		if p := s.c.Verdict.Suspect; p != nil {
			return query.Addr(p.Address)
		}
		return query.Value{}
	},
	query.Server: func(s *Subject) query.Value { return s.header(false, sip.HeaderServer) },
	query.UA:     func(s *Subject) query.Value { return s.header(true, sip.HeaderUserAgent) },
	query.Method: (*Subject).methods,
	query.Src: func(s *Subject) query.Value {
		return s.ends(func(f *call.Leg, i int) netip.AddrPort { return f.Flows[i].Src })
	},
	query.Dst: func(s *Subject) query.Value {
		return s.ends(func(f *call.Leg, i int) netip.AddrPort { return f.Flows[i].Dst })
	},
	query.IP:        (*Subject).ips,
	query.Transport: (*Subject).transports,
	query.Route: func(s *Subject) query.Value {
		return query.Texts(s.c.Routes()).Also(route.KeysOf(s.c.Ways.In, s.c.Ways.Out))
	},
	query.Start: func(s *Subject) query.Value { return query.Time(s.c.Call.Began) },
	query.PDD:   func(s *Subject) query.Value { return milliseconds(s.c.Call.Timings.PDD) },
	query.Setup: func(s *Subject) query.Value { return milliseconds(s.c.Call.Timings.Setup) },
	query.TotalDuration: func(s *Subject) query.Value {
		return milliseconds(s.c.Call.Timings.Duration)
	},
	query.Ring:     func(s *Subject) query.Value { return milliseconds(s.c.Call.Timings.Ring) },
	query.Attempts: func(s *Subject) query.Value { return query.Number(int64(len(s.c.Call.Attempts))) },
	query.Messages: (*Subject).messages,
	query.Realm:    (*Subject).realms,
	query.Kind:     func(s *Subject) query.Value { return query.Text(s.c.Call.Kind.String()) },
	query.HungUpBy: func(s *Subject) query.Value { return query.Text(s.c.Call.HungUpBy) },
	query.Gap:      func(s *Subject) query.Value { return query.Bool(len(s.c.Call.Gaps) > 0) },
	query.Open:     func(s *Subject) query.Value { return query.Bool(!s.c.Verdict.Final) },
}

// Value returns what the case knows of a field (query.Subject).
func (s *Subject) Value(f query.Field) query.Value {
	if read := values[f]; read != nil {
		return read(s)
	}
	return query.Value{}
}

func milliseconds(v *float64) query.Value {
	if v == nil {
		return query.Value{}
	}
	return query.Duration(fromMS(*v))
}

func (s *Subject) callIDs() query.Value {
	var ids []string
	for _, l := range s.c.Call.Legs {
		ids = append(ids, l.CallID)
	}
	return query.Texts(ids)
}

func (s *Subject) code() query.Value {
	if s.c.Call.Code == 0 {
		return query.Value{}
	}
	return query.Number(int64(s.c.Call.Code))
}

func (s *Subject) cause() query.Value {
	if s.c.Verdict.Root == nil {
		return query.Value{}
	}
	return query.Text(string(s.c.Verdict.Root.ID))
}

func (s *Subject) findings() query.Value {
	var ids []string
	for i := range s.c.Verdict.Findings {
		ids = append(ids, string(s.c.Verdict.Findings[i].ID))
	}
	return query.Texts(ids)
}

func (s *Subject) severity() query.Value {
	return query.Text(severity(s.c.Verdict.Findings))
}

// severity is the worst of the findings, "" when there are none.
func severity(fs []finding.Finding) string {
	if len(fs) == 0 {
		return ""
	}
	worst := fs[0].Severity
	for i := range fs {
		worst = max(worst, fs[i].Severity)
	}
	return worst.String()
}

func (s *Subject) messages() query.Value {
	n := 0
	for _, l := range s.c.Call.Legs {
		n += len(l.Sightings)
	}
	return query.Number(int64(n))
}

func (s *Subject) ends(end func(*call.Leg, int) netip.AddrPort) query.Value {
	var list []netip.AddrPort
	for _, l := range s.c.Call.Legs {
		for i := range l.Flows {
			list = append(list, end(l, i))
		}
	}
	return query.Addrs(list)
}

func (s *Subject) ips() query.Value {
	var list []netip.AddrPort
	for _, l := range s.c.Call.Legs {
		for i := range l.Flows {
			list = append(list, l.Flows[i].Src, l.Flows[i].Dst)
		}
	}
	return query.Addrs(list)
}

// numbers are the user parts of who calls and who is called.
func (s *Subject) numbers() query.Value {
	var list []string
	add := func(uri []byte) {
		if u, ok := sip.ParseURI(uri); ok && len(u.User) > 0 {
			if n := call.Clean(u.User); !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	add([]byte(s.c.Call.From))
	add([]byte(s.c.Call.To))
	add([]byte(s.c.Call.Target))
	return query.Texts(list)
}

func (s *Subject) transports() query.Value {
	var list []string
	for _, l := range s.c.Call.Legs {
		for i := range l.Flows {
			list = append(list, l.Flows[i].Transport.String())
		}
	}
	return query.Texts(list)
}

// each parses every first sighting that want accepts.
func (s *Subject) each(want func(*call.Sighting) bool, visit func(*sip.Message)) {
	for _, l := range s.c.Call.Legs {
		for i := range l.Sightings {
			if sg := &l.Sightings[i]; sg.Raw != nil && want(sg) && s.msg.Parse(sg.Raw) == nil {
				visit(&s.msg)
			}
		}
	}
}

func (s *Subject) header(requests bool, id sip.HeaderID) query.Value {
	var list []string
	s.each(func(sg *call.Sighting) bool { return sg.IsRequest() == requests }, func(m *sip.Message) {
		if v := m.Header(id); v != nil {
			list = append(list, call.Clean(v))
		}
	})
	return query.Texts(list)
}

func (s *Subject) methods() query.Value {
	var list []string
	s.each((*call.Sighting).IsRequest, func(m *sip.Message) { list = append(list, call.Clean(m.MethodName())) })
	return query.Texts(list)
}

func (s *Subject) realms() query.Value {
	var list []string
	s.each(func(sg *call.Sighting) bool { return sg.Status == 401 || sg.Status == 407 }, func(m *sip.Message) {
		for c := range m.Challenges() {
			list = append(list, call.Clean(c.Realm))
		}
	})
	return query.Texts(list)
}
