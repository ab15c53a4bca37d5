package view

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/record"
	"sipcause/sip"
)

// Record makes of a case what is kept of it: values of their own, which answer a filter as the case does, each value
// once. Keys are left to whoever knows how messages are kept. s is used on the way; it is for one goroutine.
func Record(c *Case, s *Subject) record.Case {
	cl, v := c.Call, c.Verdict
	r := record.Case{
		ID: cl.ID, Kind: cl.Kind, Revision: v.Revision, Final: v.Final, Began: cl.Began, Ended: cl.Ended,
		From: cl.From, To: cl.To, Target: cl.Target, Code: cl.Code, Reason: cl.Reason, Outcome: cl.Outcome,
		HungUpBy: cl.HungUpBy, Attempts: len(cl.Attempts), Gap: len(cl.Gaps) > 0, RouteIn: c.Ways.In,
	}
	if cl.Final.Valid() {
		r.Decided = cl.Sighting(cl.Final).Time
	}
	s.Of(c)
	r.Numbers, r.Severity = s.numbers().Strings(), severity(v.Findings)
	if v.Root != nil {
		r.Cause = string(v.Root.ID)
	}
	for i := range v.Findings {
		r.Findings = append(r.Findings, string(v.Findings[i].ID))
	}
	if o := cl.Origin; o != nil {
		r.Origin, r.OriginRole = o.Address, string(o.Role)
	}
	if v.Suspect != nil {
		r.Suspect = v.Suspect.Address
	}
	t := &cl.Timings
	r.PDD, r.Setup, r.Duration, r.Ring = kept(t.PDD), kept(t.Setup), kept(t.Duration), kept(t.Ring)
	for _, name := range c.Ways.Out {
		if name != "" {
			r.RoutesOut = addOnce(r.RoutesOut, name)
		}
	}
	recordLegs(&r, cl.Legs)
	s.recordMessages(&r)
	r.Doc = s.appendDoc(&r)
	return r
}

// kept is a time of a call as a record has it.
func kept(ms *float64) *time.Duration {
	if ms == nil {
		return nil
	}
	d := fromMS(*ms)
	return &d
}

// fromMS is the time that so many milliseconds are: a call's times are nanoseconds made into them.
func fromMS(ms float64) time.Duration { return time.Duration(math.Round(ms * 1e6)) }

func addOnce(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// recordLegs sets what the legs say without their messages.
func recordLegs(r *record.Case, legs []*call.Leg) {
	flows := 0
	for _, l := range legs {
		flows += len(l.Flows)
	}
	ends := make([]netip.AddrPort, 2*flows) // one allocation for both
	r.Src, r.Dst = ends[:0:flows], ends[flows:flows]
	r.CallIDs = make([]string, len(legs))
	for i, l := range legs {
		r.CallIDs[i] = l.CallID
		r.Messages += len(l.Sightings)
		for k := range l.Flows {
			f := &l.Flows[k]
			r.Src, r.Dst = append(r.Src, f.Src), append(r.Dst, f.Dst)
			r.Transports = addOnce(r.Transports, f.Transport.String())
		}
	}
}

// recordMessages sets what the messages' header fields say, each of which is parsed once.
func (s *Subject) recordMessages(r *record.Case) {
	s.each(func(*call.Sighting) bool { return true }, func(m *sip.Message) {
		if m.IsRequest() {
			r.Methods = s.addClean(r.Methods, m.MethodName())
			if v := m.Header(sip.HeaderUserAgent); v != nil {
				r.UAs = s.addClean(r.UAs, v)
			}
			return
		}
		if v := m.Header(sip.HeaderServer); v != nil {
			r.Servers = s.addClean(r.Servers, v)
		}
		if m.Status == 401 || m.Status == 407 {
			for c := range m.Challenges() {
				r.Realms = s.addClean(r.Realms, c.Realm)
			}
		}
	})
}

// addClean adds traffic's text without control characters, unless it is there already or is empty.
func (s *Subject) addClean(list []string, text []byte) []string {
	s.text = call.AppendClean(s.text[:0], text)
	if len(s.text) == 0 {
		return list
	}
	for _, have := range list {
		if have == string(s.text) {
			return list
		}
	}
	return append(list, string(s.text))
}
