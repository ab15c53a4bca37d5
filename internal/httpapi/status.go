package httpapi

import (
	_ "embed"
	"net/http"
	"strings"

	"github.com/goccy/go-yaml"

	"sipcause/internal/view"
)

//go:embed openapi.yaml
var openapiYAML []byte

func openapiJSON() ([]byte, error) { return yaml.YAMLToJSON(openapiYAML) }

func (a *api) openapi(w http.ResponseWriter, r *request) error { return writeFixed(w, r, a.document) }

type countJSON struct {
	Name string `json:"name"`
	N    uint64 `json:"n"`
}

func countsOf(list []view.Count) []countJSON {
	out := make([]countJSON, len(list))
	for i, c := range list {
		out[i] = countJSON{c.Name, c.N}
	}
	return out
}

type sourceJSON struct {
	Name    string      `json:"name"`
	Kind    string      `json:"kind"`
	Packets uint64      `json:"packets"`
	Bytes   uint64      `json:"bytes"`
	Dropped []countJSON `json:"dropped"`
	Last    *string     `json:"last"`
	Error   *string     `json:"error"`
	Points  []string    `json:"points"`
}

type storeJSON struct {
	Messages      uint64           `json:"messages"`
	Cases         uint64           `json:"cases"`
	Open          uint64           `json:"open"`
	Cells         uint64           `json:"cells"`
	Bytes         int64            `json:"bytes"`
	ByKind        map[string]int64 `json:"by_kind"`
	Oldest        *string          `json:"oldest"`
	Newest        *string          `json:"newest"`
	Partitions    int              `json:"partitions"`
	BadPartitions []string         `json:"bad_partitions"`
	LagMS         float64          `json:"lag_ms"`
	Dropped       uint64           `json:"dropped"`
}

type queueJSON struct {
	Bytes             int64  `json:"bytes"`
	Limit             int64  `json:"limit"`
	DroppedSignalling uint64 `json:"dropped_signalling"`
	DroppedMedia      uint64 `json:"dropped_media"`
}

type statusJSON struct {
	Version   string       `json:"version"`
	Started   *string      `json:"started"`
	Now       *string      `json:"now"`
	Ready     bool         `json:"ready"`
	Alarms    []string     `json:"alarms"`
	Sources   []sourceJSON `json:"sources"`
	Queue     queueJSON    `json:"queue"`
	Store     storeJSON    `json:"store"`
	OpenLegs  int          `json:"open_legs"`
	Counters  []countJSON  `json:"counters"`
	EventTime *string      `json:"event_time"`
	// Findings are the worst: /api/v1/findings has more.
	Findings []findingJSON `json:"findings"`
}

func (a *api) status(w http.ResponseWriter, r *request) error {
	s, err := a.obs.Status(r.Context())
	if err != nil {
		return err
	}
	out := statusJSON{
		Version: s.Version, Started: wall(s.Started), Now: wall(a.now()), Ready: s.Ready, Alarms: full(s.Alarms),
		Sources:  make([]sourceJSON, len(s.Sources)),
		Queue:    queueJSON{s.Queue.Bytes, s.Queue.Limit, s.Queue.DroppedSignal, s.Queue.DroppedMedia},
		OpenLegs: s.OpenLegs, Counters: countsOf(s.Counters), EventTime: moment(s.EventTime),
		Findings: findingsOf(s.Findings, maxStatusFindings),
	}
	st := &s.Store
	out.Store = storeJSON{
		st.Messages, st.Cases, st.Open, st.Cells, st.Bytes, st.ByKind, moment(st.Oldest), moment(st.Newest), st.Partitions,
		full(st.BadPartitions), float64(s.StoreLag) / 1e6, s.StoreDropped,
	}
	if out.Store.ByKind == nil {
		out.Store.ByKind = map[string]int64{}
	}
	for i, src := range s.Sources {
		out.Sources[i] = sourceJSON{
			src.Name, src.Kind, src.Packets, src.Bytes, countsOf(src.Dropped), wall(src.Last), text(src.Error), full(src.Points),
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

// healthz says that the process answers, and nothing else.
func (a *api) healthz(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("ok\n"))
	return gone(err)
}

// readyz says whether the sources are open and the store takes what they give.
func (a *api) readyz(w http.ResponseWriter, r *request) error {
	s, err := a.obs.Status(r.Context())
	if err != nil {
		return err
	}
	if !s.Ready {
		detail := "not ready"
		if len(s.Alarms) > 0 {
			detail += ": " + strings.Join(s.Alarms, "; ")
		}
		return &problem{Status: http.StatusServiceUnavailable, Detail: detail}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = w.Write([]byte("ready\n"))
	return gone(err)
}
