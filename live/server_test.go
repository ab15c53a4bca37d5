//go:build linux

package live

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// binary builds sipcause, once, as it is shipped.
var binary = sync.OnceValues(func() (string, error) {
	file, err := filepath.Abs("../build/live/sipcause")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", file, "../cmd/sipcause")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build sipcause: %w: %s", err, out)
	}
	return file, nil
})

func build(t *testing.T) string {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// server is a running `sipcause serve`.
type server struct {
	*process
	s      *stage
	at     *place
	client http.Client
	base   string
}

// serve starts a server at the far end with an API port of its own, and waits until it is ready.
func (s *stage) serve(name string, args ...string) *server {
	s.t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--log-format", "text"}, args...)
	v := &server{s: s, at: s.far, process: s.start(s.far, name, build(s.t), args...)}
	v.client.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return v.at.dial(ctx, network, address)
	}}
	address := regexp.MustCompile(`msg=serving api=(http://127\.0\.0\.1:\d+) `)
	s.ready(v.process, "is ready", func() bool {
		m := address.FindStringSubmatch(v.text())
		if m == nil {
			return false
		}
		v.base = m[1]
		r, err := v.client.Get(v.base + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return v
}

// read reads a resource of the API.
func (v *server) read(path string, query url.Values) []byte {
	v.s.t.Helper()
	r, err := v.client.Get(v.base + path + "?" + query.Encode())
	if err != nil {
		v.s.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		v.s.t.Fatalf("GET %s: %s: %v: %s", path, r.Status, err, b)
	}
	return b
}

// get reads a resource of the API into a value.
func (v *server) get(path string, query url.Values, into any) {
	v.s.t.Helper()
	if err := json.Unmarshal(v.read(path, query), into); err != nil {
		v.s.t.Fatalf("GET %s: %v", path, err)
	}
}

// document is all that the server has to say of a case.
func (v *server) document(id string) string {
	v.s.t.Helper()
	_, text := document(v.s.t, v.read("/api/v1/calls/"+url.PathEscape(id), nil))
	return text
}

// terminate ends the server as an operator does.
func (v *server) terminate() {
	v.s.t.Helper()
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		v.s.t.Fatal(err)
	}
	if err := v.s.ends(v.process, startWait); err != nil {
		v.s.t.Fatalf("%s: %v: %s", v.name, err, v.text())
	}
}

// row is what is compared of a case, as both the API and analyze have it.
type row struct {
	ID       string   `json:"id"`
	Kind     string   `json:"kind"`
	Final    bool     `json:"final"`
	CallIDs  []string `json:"call_ids"`
	From     *string  `json:"from"`
	To       *string  `json:"to"`
	Started  *string  `json:"started"`
	Ended    *string  `json:"ended"`
	Outcome  string   `json:"outcome"`
	Code     *int     `json:"code"`
	Reason   *string  `json:"reason"`
	Cause    *string  `json:"cause"`
	Findings []string `json:"findings"`
	Origin   *struct {
		Address *string `json:"address"`
	} `json:"origin"`
	Suspect *struct {
		Address *string `json:"address"`
	} `json:"suspect"`
	Timings struct {
		PDD      *float64 `json:"pdd_ms"`
		Ring     *float64 `json:"ring_ms"`
		Setup    *float64 `json:"setup_ms"`
		Duration *float64 `json:"duration_ms"`
	} `json:"timings"`
	HungUpBy *string `json:"hung_up_by"`
	Messages int     `json:"messages"`
}

// rows returns all cases.
func (v *server) rows() (all []row) {
	v.s.t.Helper()
	q := url.Values{"limit": {"1000"}}
	for {
		var page struct {
			Items []row   `json:"items"`
			Next  *string `json:"next"`
		}
		v.get("/api/v1/calls", q, &page)
		all = append(all, page.Items...)
		if page.Next == nil || *page.Next == "" {
			return all
		}
		q.Set("cursor", *page.Next)
	}
}

// has returns whether the case with a Call-ID is there, and what it is.
func (v *server) has(callID string) (row, bool) {
	v.s.t.Helper()
	all := v.rows()
	i := slices.IndexFunc(all, func(r row) bool { return slices.Contains(r.CallIDs, callID) })
	if i < 0 {
		return row{}, false
	}
	return all[i], true
}

// measure is a KPI as both the API and analyze have it.
type measure struct {
	Value      *float64 `json:"value"`
	Population int64    `json:"population"`
}

// says is all that the server says by its API: cases, measures, and counts of codes and causes.
func (v *server) says(measures []string) testimony {
	v.s.t.Helper()
	var series struct {
		Items []struct {
			Measure string    `json:"measure"`
			Points  []measure `json:"points"`
		} `json:"items"`
	}
	v.get("/api/v1/kpi", url.Values{"measure": {strings.Join(measures, ",")}, "since": {"24h"}}, &series)
	kpi := map[string]measure{}
	for _, m := range series.Items {
		if len(m.Points) != 1 {
			v.s.t.Fatalf("%s has %d points", m.Measure, len(m.Points))
		}
		kpi[m.Measure] = m.Points[0]
	}
	w := testimonyOf(v.rows(), kpi)
	for what, member := range map[string]string{"codes": "code", "causes": "id"} {
		var counts struct {
			Items []map[string]any `json:"items"`
		}
		v.get("/api/v1/"+what, url.Values{"limit": {"1000"}}, &counts)
		w[what] = facts{}
		for _, c := range counts.Items {
			w[what][fmt.Sprint(c[member])] = fmt.Sprint(c["count"])
		}
	}
	return w
}

// sources returns the packets that the sources took, and what they dropped.
func (v *server) sources() (packets, dropped uint64) {
	v.s.t.Helper()
	var st struct {
		Sources []struct {
			Packets uint64 `json:"packets"`
			Dropped []struct {
				N uint64 `json:"n"`
			} `json:"dropped"`
		} `json:"sources"`
	}
	v.get("/api/v1/status", nil, &st)
	for _, s := range st.Sources {
		packets += s.Packets
		for _, d := range s.Dropped {
			dropped += d.N
		}
	}
	return packets, dropped
}
