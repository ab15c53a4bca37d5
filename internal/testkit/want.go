package testkit

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
)

// None is the Root of a call that has no root cause.
const None = finding.ID("none")

// Want is what a flow says of one of its calls.
type Want struct {
	Line          int    // of the last line that added to it
	Key           string // of the Call-ID; "" = the first call of the flow
	CallID        string
	Root          finding.ID // None = no root cause, "" = not said
	Also          []finding.ID
	Not           []finding.ID
	Origin        netip.AddrPort // zero = not said
	Suspect       netip.AddrPort
	Role          call.Role
	SuspectRole   call.Role
	Outcome       string // "" = not said
	Code          int    // -1 = not said
	MaxSeverity   string // "" = not said
	MinConfidence float64
	MaxConfidence float64 // 1 unless said

	origin, suspect string
}

// want reads the words after "want": a root cause or none, also ID, not ID, key=value.
func (p *parser) want(w []word, line int) error {
	key := ""
	for _, t := range w {
		if v, ok := strings.CutPrefix(t.text, "callid="); ok {
			key = v
		}
	}
	i := 0
	for i < len(p.wants) && p.wants[i].Key != key {
		i++
	}
	if i == len(p.wants) {
		p.wants = append(p.wants, Want{Key: key, Code: -1, MaxConfidence: 1})
	}
	x := &p.wants[i]
	x.Line = line
	for i := 0; i < len(w); i++ {
		t := w[i].text
		if k, v, ok := strings.Cut(t, "="); ok {
			if err := x.set(k, v); err != nil {
				return err
			}
			continue
		}
		list := &x.Also
		switch t {
		case "not":
			list = &x.Not
		case "also":
		default:
			if err := x.root(t); err != nil {
				return err
			}
			continue
		}
		if i++; i == len(w) {
			return fmt.Errorf("want %s: which finding", t)
		}
		if err := known(w[i].text, t == "not"); err != nil {
			return err
		}
		*list = append(*list, finding.ID(w[i].text))
	}
	return nil
}

func (x *Want) root(t string) error {
	if x.Root != "" {
		return fmt.Errorf("want %s: the root cause is %s already", t, x.Root)
	}
	if t != string(None) {
		if err := known(t, false); err != nil {
			return err
		}
	}
	x.Root = finding.ID(t)
	return nil
}

// known says whether an ID exists; topic.* may stand for all of a topic where it is allowed.
func known(id string, star bool) error {
	if topic, ok := strings.CutSuffix(id, ".*"); ok && star {
		for _, d := range finding.Table() {
			if strings.HasPrefix(string(d.ID), topic+".") {
				return nil
			}
		}
	}
	if _, ok := finding.Lookup(finding.ID(id)); !ok {
		return fmt.Errorf("want %s: no such finding", id)
	}
	return nil
}

var roles = []call.Role{call.RoleUAC, call.RoleUAS, call.RoleProxy, call.RoleRegistrar, call.RoleB2BUA, call.RoleTimer, call.RoleUnknown}

func (x *Want) set(k, v string) (err error) {
	switch k {
	case "callid":
	case "origin":
		x.origin = v
	case "suspect":
		x.suspect = v
	case "role", "suspect-role":
		role := &x.Role
		if k != "role" {
			role = &x.SuspectRole
		}
		if *role = call.Role(v); !slices.Contains(roles, *role) {
			return fmt.Errorf("want %s=%s: no such role", k, v)
		}
	case "outcome":
		x.Outcome = v
		for o := call.Unknown; o <= call.Ongoing; o++ {
			if o.String() == v {
				return nil
			}
		}
		return fmt.Errorf("want outcome=%s: no such outcome", v)
	case "code":
		x.Code, err = strconv.Atoi(v)
	case "max":
		if _, ok := finding.ParseSeverity(v); !ok {
			return fmt.Errorf("want max=%s: want info, warning, error or critical", v)
		}
		x.MaxSeverity = v
	case "confidence>":
		x.MinConfidence, err = strconv.ParseFloat(v, 64)
	case "confidence<":
		x.MaxConfidence, err = strconv.ParseFloat(v, 64)
	case "confidence":
		x.MinConfidence, err = strconv.ParseFloat(v, 64)
		x.MaxConfidence = x.MinConfidence
	default:
		return fmt.Errorf("want %s=: not known: want origin, suspect, role, suspect-role, outcome, code, max, confidence>=, confidence<= or callid", k)
	}
	if err != nil {
		return fmt.Errorf("want %s=%s: want a number", k, v)
	}
	return nil
}

// resolve looks up elements and Call-ID when the whole flow is known.
func (x *Want) resolve(p *parser, keys map[string]string) error {
	for _, r := range []struct {
		name string
		addr *netip.AddrPort
	}{{x.origin, &x.Origin}, {x.suspect, &x.Suspect}} {
		if r.name == "" {
			continue
		}
		if e, ok := p.elements[r.name]; ok {
			*r.addr = e.addr
			continue
		}
		addr, err := parseAddr(r.name)
		if err != nil {
			return fmt.Errorf("want: %q is neither an element of the flow nor an address", r.name)
		}
		*r.addr = addr
	}
	if x.Key != "" {
		if _, ok := keys[x.Key]; !ok {
			return fmt.Errorf("want callid=%s: the flow has no such call", x.Key)
		}
		x.CallID = callID(p.name, x.Key)
	}
	return nil
}

// Check compares a diagnosed call with what is wanted of it and returns every difference in words.
func (x *Want) Check(c *call.Call, v *finding.Verdict) []string {
	var bad []string
	miss := func(what string, got, want any) {
		bad = append(bad, fmt.Sprintf("%s %v, want %v", what, got, want))
	}
	root := None
	if v.Root != nil {
		root = v.Root.ID
		if c := v.Root.Confidence; x.Root != "" && (c < x.MinConfidence || c > x.MaxConfidence) {
			miss("confidence", c, fmt.Sprintf("%v to %v", x.MinConfidence, x.MaxConfidence))
		}
	}
	if x.Root != "" && x.Root != root {
		miss("root cause", root, x.Root)
	}
	has := map[finding.ID]bool{}
	for _, f := range v.Findings {
		has[f.ID] = true
		if limit, ok := finding.ParseSeverity(x.MaxSeverity); ok && f.Severity > limit {
			miss(string(f.ID)+" has severity", f.Severity, "at most "+x.MaxSeverity)
		}
		for _, not := range x.Not {
			if topic, ok := strings.CutSuffix(string(not), "*"); f.ID == not || ok && strings.HasPrefix(string(f.ID), topic) {
				miss("finding", f.ID, "not "+string(not))
			}
		}
	}
	for _, id := range x.Also {
		if !has[id] {
			miss("finding", "missing", id)
		}
	}
	x.checkEnds(c, v, miss)
	if x.Outcome != "" && c.Outcome.String() != x.Outcome {
		miss("outcome", c.Outcome, x.Outcome)
	}
	if x.Code >= 0 && c.Code != x.Code {
		miss("code", c.Code, x.Code)
	}
	return bad
}

// checkEnds compares origin and suspect.
func (x *Want) checkEnds(c *call.Call, v *finding.Verdict, miss func(string, any, any)) {
	var origin, suspect netip.AddrPort
	var role, suspectRole call.Role
	if c.Origin != nil {
		origin, role = c.Origin.Address, c.Origin.Role
	}
	if v.Suspect != nil {
		suspect, suspectRole = v.Suspect.Address, v.Suspect.Role
	}
	if x.Origin.IsValid() && origin != x.Origin {
		miss("origin", origin, x.origin+" "+x.Origin.String())
	}
	if x.Suspect.IsValid() && suspect != x.Suspect {
		miss("suspect", suspect, x.suspect+" "+x.Suspect.String())
	}
	if x.Role != "" && role != x.Role {
		miss("role", role, x.Role)
	}
	if x.SuspectRole != "" && suspectRole != x.SuspectRole {
		miss("suspect's role", suspectRole, x.SuspectRole)
	}
}
