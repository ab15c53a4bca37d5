//go:build linux

package live

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// analysis is what is compared of an analysis.
type analysis struct {
	Calls         []analyzed         `json:"calls"`
	Registrations []analyzed         `json:"registrations"`
	Transactions  []analyzed         `json:"transactions"`
	KPI           map[string]measure `json:"kpi"`
}

// analyzed is a case as analyze has it.
type analyzed struct {
	row
	AOR  *string `json:"aor"`
	Root *struct {
		ID string `json:"id"`
	} `json:"root_cause"`
	Findings []struct {
		ID string `json:"id"`
	} `json:"findings"`
	Messages []json.RawMessage `json:"messages"`
}

// analyze returns what analyze says of a capture: its cases as the API has them, and its KPIs.
func analyze(t *testing.T, capture string) (rows []row, kpi map[string]measure) {
	t.Helper()
	out, err := exec.Command(build(t), "analyze", "--format", "json", capture).Output()
	if err != nil {
		t.Fatalf("analyze %s: %v", capture, err)
	}
	var a analysis
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	for kind, list := range map[string][]analyzed{"call": a.Calls, "registration": a.Registrations, "transaction": a.Transactions} {
		for _, c := range list {
			rows = append(rows, c.asRow(kind))
		}
	}
	return rows, a.KPI
}

// documents returns all that analyze has to say of each case of a capture, by its id.
func documents(t *testing.T, capture string) map[string]string {
	t.Helper()
	out, err := exec.Command(build(t), "analyze", "--all", "--format", "ndjson", capture).Output()
	if err != nil {
		t.Fatalf("analyze %s: %v", capture, err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		id, text := document(t, []byte(line))
		all[id] = text
	}
	return all
}

// frames are the numbers of frames and files, which are others at each witness.
var frames = regexp.MustCompile(`"(file|frame)":\d+|frames? \d+`)

// document writes a case in one way, without numbers of frames and what the server alone has: routes and revisions.
func document(t *testing.T, line []byte) (id, text string) {
	t.Helper()
	var c map[string]any
	err := json.Unmarshal(line, &c)
	if err != nil {
		t.Fatal(err)
	}
	id, _ = c["id"].(string)
	for _, member := range []string{"revision", "final", "routes"} {
		delete(c, member)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return id, frames.ReplaceAllLiteralString(string(b), "frame")
}

// fork says where two texts differ.
func fork(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	from := max(i-60, 0)
	return fmt.Sprintf("…%.150s… / …%.150s…", a[min(from, len(a)):], b[min(from, len(b)):])
}

// asRow is the case as the API would have it.
func (c *analyzed) asRow(kind string) row {
	r := c.row
	r.Kind, r.Final, r.Messages = kind, true, len(c.Messages)
	if c.Root != nil {
		r.Cause = &c.Root.ID
	}
	for _, f := range c.Findings {
		if !slices.Contains(r.Findings, f.ID) {
			r.Findings = append(r.Findings, f.ID)
		}
	}
	if c.AOR != nil {
		r.From, r.To = c.AOR, c.AOR
	}
	return r
}

// facts is a case, or a measure, as values that can be compared, by their names.
type facts map[string]string

// times are the facts that are points in time or spans of it.
var times = []string{"started", "ended", "pdd", "ring", "setup", "duration", "value in ms"}

func (r *row) facts() facts {
	f := facts{
		"kind": r.Kind, "final": fmt.Sprint(r.Final || r.Kind == "registration"), // a binding holds on
		"outcome": r.Outcome, "code": show(r.Code), "reason": show(r.Reason), "cause": show(r.Cause),
		"findings": strings.Join(slices.Sorted(slices.Values(r.Findings)), " "), "messages": fmt.Sprint(r.Messages),
		"from": show(r.From), "to": show(r.To), "hung up by": show(r.HungUpBy), "call ids": strings.Join(r.CallIDs, " "),
		"started": show(r.Started), "ended": show(r.Ended),
		"pdd": show(r.Timings.PDD), "ring": show(r.Timings.Ring), "setup": show(r.Timings.Setup), "duration": show(r.Timings.Duration),
		"origin": "-", "suspect": "-",
	}
	if r.Origin != nil {
		f["origin"] = show(r.Origin.Address)
	}
	if r.Suspect != nil {
		f["suspect"] = show(r.Suspect.Address)
	}
	return f
}

func show[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

// testimony is what one witness says: facts by the id of a case, the name of a measure, "codes" and "causes".
type testimony map[string]facts

func testimonyOf(rows []row, kpi map[string]measure) testimony {
	w := testimony{}
	for i := range rows {
		name := rows[i].Kind + " " + rows[i].ID
		for w[name] != nil {
			name += " again" // one call taken for two
		}
		w[name] = rows[i].facts()
	}
	for name, m := range kpi {
		value := "value"
		if strings.Contains(name, "_p") {
			value = "value in ms"
		}
		w["kpi "+name] = facts{value: show(m.Value), "population": fmt.Sprint(m.Population)}
	}
	return w
}

// counted adds how many cases have each code and cause.
func (w testimony) counted() testimony {
	n := map[string]map[string]int{"code": {}, "cause": {}}
	for _, f := range w {
		for what, count := range n {
			if v := f[what]; v != "" && v != "-" {
				count[v]++
			}
		}
	}
	for what, count := range n {
		f := facts{}
		for v, k := range count {
			f[v] = fmt.Sprint(k)
		}
		w[what+"s"] = f
	}
	return w
}

// exception is what a witness cannot know, or knows less exactly.
type exception struct {
	witnesses string
	of        string // regular expression for the whole name of what it is about
	says      facts  // instead; nil: the facts of times may be off by timeSlack
	why       string
}

// timeSlack is how far a time may be off where the witnesses do not stamp at the same place: T1 (RFC 3261 §17.1.1.1), as
// what is later than that is sent again.
const timeSlack = 500 * time.Millisecond

// exceptions is all that differs between what the server says and what analyze says of tcpdump's file.
var exceptions = []exception{
	{
		"mirror sngrep", "call closed(-by-tcp)?-1@.*",
		facts{"cause": "transport.no-response", "findings": "timeout.request transport.no-response"},
		"HEP carries SIP alone: nobody sees the ICMP error that answered the INVITE",
	},
	{
		"mirror sngrep", "call tcp-closed-1@.*",
		facts{"cause": "transport.send-failed", "findings": "protocol.code-misuse transport.send-failed", "suspect": proxy + ":5060"},
		"HEP carries SIP alone: nobody sees that the connection was refused, and what is known is the proxy's 477",
	},
	{"mirror", ".*", nil, "Kamailio stamps a message when it handles it, not when it came"},
	{"sngrep", ".*", nil, "sngrep's times are in µs, and of segments of TCP as said below"},
	{"AF_PACKET", ".*tcp.*", nil, "what TCP sends carries a departure time into the other end of a veth, and each packet socket then stamps it for itself"},
	{"AF_PACKET", "kpi .*", nil, "some of the times are of calls over TCP"},
}

// but is what a witness has to say by the exceptions. It fails the test for one that changes nothing.
func (w testimony) but(t *testing.T, witness string) testimony {
	t.Helper()
	w = maps.Clone(w)
	for _, e := range exceptions {
		if e.says == nil || !strings.Contains(e.witnesses, witness) {
			continue
		}
		of, used := regexp.MustCompile("^"+e.of+"$"), false
		for name, f := range w {
			if !of.MatchString(name) {
				continue
			}
			used = true
			w[name] = maps.Clone(f)
			for fact, v := range e.says {
				if f[fact] == v {
					t.Errorf("%s: %s: %s is %q by tcpdump's file, too: no exception", witness, name, fact, v)
				}
				w[name][fact] = v
			}
		}
		if !used {
			t.Errorf("%s: nothing is %s", witness, e.of)
		}
	}
	return w
}

// slack says whether the times of something may be off.
func slack(witness, of string) bool {
	return slices.ContainsFunc(exceptions, func(e exception) bool {
		return e.says == nil && strings.Contains(e.witnesses, witness) && regexp.MustCompile("^"+e.of+"$").MatchString(of)
	})
}

// differences says what a witness says otherwise than it should.
func differences(witness string, want, got testimony) (all []string) {
	names := maps.Clone(want)
	maps.Copy(names, got)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, g := want[name], got[name]
		if w == nil || g == nil {
			all = append(all, fmt.Sprintf("%s: want %v, got %v", name, w, g))
			continue
		}
		both := maps.Clone(w)
		maps.Copy(both, g)
		for _, fact := range slices.Sorted(maps.Keys(both)) {
			if w[fact] != g[fact] && !(slices.Contains(times, fact) && slack(witness, name) && near(w[fact], g[fact])) {
				all = append(all, fmt.Sprintf("%s: %s: want %q, got %q", name, fact, w[fact], g[fact]))
			}
		}
	}
	return all
}

// near says whether two times, or two spans in ms, are within timeSlack.
func near(a, b string) bool {
	if t, err := time.Parse(time.RFC3339Nano, a); err == nil {
		u, err := time.Parse(time.RFC3339Nano, b)
		return err == nil && t.Sub(u).Abs() <= timeSlack
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && math.Abs(x-y) <= float64(timeSlack.Milliseconds())
}
