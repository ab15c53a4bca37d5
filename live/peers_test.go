//go:build linux

package live

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPeers has the same calls seen by four witnesses: tcpdump, a server that captures, one to which Kamailio mirrors,
// and one to which sngrep sends.
func TestPeers(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			need(t, "kamailio", "sipp", "sngrep")
			stop := s.witness()
			servers := map[string]*server{
				"AF_PACKET": s.serve("serve-af_packet", "--data", filepath.Join(s.dir, "data-af_packet"), "--iface", "far", "--hep", "udp://127.0.0.1:9062"),
				"mirror":    s.serve("serve-mirror", "--data", filepath.Join(s.dir, "data-mirror"), "--hep", transport+"://127.0.0.1:9060"),
			}
			if transport == "udp" {
				servers["sngrep"] = s.serve("serve-sngrep", "--data", filepath.Join(s.dir, "data-sngrep"), "--hep", "udp://127.0.0.1:9061")
				s.sngrep("udp:127.0.0.1:9061")
			}
			s.proxy("sip:127.0.0.1:9060;transport=" + transport)
			calls := s.play()
			for name, v := range servers {
				s.until("all is final at "+name, finalWait, func() bool { return v.knows(calls) })
			}
			file := stop()
			rows, kpi := analyze(t, file)
			said := testimonyOf(rows, kpi)
			for name, v := range servers {
				if _, dropped := v.sources(); dropped > 0 {
					t.Errorf("%s dropped %d packets", name, dropped)
				}
				for _, d := range differences(name, said.but(t, name).counted(), v.says(slices.Collect(maps.Keys(kpi)))) {
					t.Errorf("%s: %s", name, d)
				}
			}
			whole := documents(t, file)
			for name := range said {
				if kind, id, ok := strings.Cut(name, " "); ok && kind != "kpi" && !slack("AF_PACKET", name) {
					if got := servers["AF_PACKET"].document(id); whole[id] == "" || got != whole[id] {
						t.Errorf("%s: analyze / the server: %s", name, fork(whole[id], got))
					}
				}
			}
		})
	}
}

// knows says whether each caller's case is there and, but for a registration, whose binding holds on, final.
func (v *server) knows(calls []sipp) bool {
	rows := v.rows()
	for _, c := range calls {
		if !slices.ContainsFunc(rows, func(r row) bool {
			return slices.Contains(r.CallIDs, c.callID()) && (r.Final || r.Kind == "registration")
		}) {
			return false
		}
	}
	return true
}

// sngrep starts sngrep on the far end of the cable, which sends what it captures.
func (s *stage) sngrep(to string) {
	s.t.Helper()
	p := s.start(s.far, "sngrep", "sngrep", "-F", "-N", "-q", "-d", "far", "-H", to, "-l", "1000")
	s.ready(p, "captures", func() bool { return s.far.sniffers() >= 3 }) // tcpdump, the server, and itself
}
