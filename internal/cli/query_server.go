package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/cells"
	"sipcause/internal/query"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/wire"
)

// Bounds of what a server may answer.
const (
	maxRemoteLimit = 1000     // cases of one answer: the API's own
	maxRow         = 16 << 20 // bytes of one row
	maxProblem     = 64 << 10
	maxDocument    = 256 << 20 // bytes of an answer that is taken as one
)

// remote is a running server, asked by its API.
type remote struct {
	base   *url.URL
	client http.Client
	page   int // cases of one report; more are asked for page by page
}

// serverEnv may name the server, so that --server need not.
const serverEnv = "SIPCAUSE_SERVER"

// openRemote names the server: that of --server, else that of the environment, else the default one.
func openRemote(server string) (*remote, error) {
	from := "--server"
	if server == "" {
		if server = os.Getenv(serverEnv); server != "" {
			from = serverEnv
		}
	}
	server = cmp.Or(server, defaultServer)
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usageError{fmt.Errorf("read %s: want a URL such as %s, not %q", from, defaultServer, server)}
	}
	return &remote{base: base, page: maxRemoteLimit}, nil
}

func (r *remote) close() error {
	r.client.CloseIdleConnections()
	return nil
}

// get asks for a path below the API's root. The caller closes the body.
func (r *remote) get(ctx context.Context, path string, values url.Values, accept string) (*http.Response, error) {
	return r.ask(ctx, http.MethodGet, path, values, nil, accept)
}

// post hands in a document. The caller closes the body.
func (r *remote) post(ctx context.Context, path string, document any) (*http.Response, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.base, err)
	}
	return r.ask(ctx, http.MethodPost, path, nil, bytes.NewReader(body), "")
}

// ask asks for a path below the API's root; body, which may be nil, is JSON. The caller closes the answer's.
func (r *remote) ask(ctx context.Context, method, path string, values url.Values, body io.Reader, accept string) (*http.Response, error) {
	u := r.base.JoinPath("api/v1", path)
	u.RawQuery = values.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.base, err)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("no server at %s: --server names another, --data the folder of one that is not running", r.base)
	case err != nil:
		return nil, fmt.Errorf("ask the server: %w", err)
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusCreated, resp.StatusCode == http.StatusNoContent:
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }() // its error changes nothing
	return nil, r.problem(resp, values)
}

// problem makes an error of an answer that is none (RFC 9457).
func (r *remote) problem(resp *http.Response, values url.Values) error {
	var p struct {
		Detail     string `json:"detail"`
		Parameter  string `json:"parameter"`
		Position   *int   `json:"position"`
		End        *int   `json:"end"`
		Expected   string `json:"expected"`
		Suggestion string `json:"suggestion"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || media != "application/problem+json" || json.Unmarshal(body, &p) != nil {
		return fmt.Errorf("ask %s: %s", r.base, cells.Visible(resp.Status))
	}
	detail := cells.Visible(p.Detail)
	if filter := values.Get("filter"); p.Parameter == "filter" && p.Position != nil && p.End != nil &&
		0 <= *p.Position && *p.Position <= *p.End && *p.End <= len(filter) {
		q := query.Error{Source: filter, Pos: *p.Position, End: *p.End}
		return usageError{fmt.Errorf("%s\n%s", detail, q.Caret())}
	}
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return usageError{errors.New(detail)}
	case http.StatusNotFound:
		return fmt.Errorf("ask %s: %w", r.base, store.ErrNotFound)
	}
	return fmt.Errorf("ask %s: %s", r.base, detail)
}

// values are the search as the API takes it. How long ago something was is left to the server's own clock.
func (s *search) values() (url.Values, error) {
	from, until, err := s.interval(time.Now())
	if err != nil {
		return nil, err
	}
	v := url.Values{}
	if s.filter != "" {
		v.Set("filter", s.filter)
	}
	for name, one := range map[string]struct {
		text string
		at   wire.Time
	}{"since": {s.since, from}, "until": {s.until, until}} {
		if _, relative := ago(one.text); relative {
			v.Set(name, one.text)
		} else if one.text != "" {
			v.Set(name, one.at.Std().Format(time.RFC3339Nano))
		}
	}
	if zone := zoneName(s.zone); zone != "" {
		v.Set("tz", zone)
	}
	return v, nil
}

// zoneName is the zone's name in the IANA database, "" when it is not known.
func zoneName(zone *time.Location) string {
	if zone != time.Local {
		return zone.String()
	}
	if name, ok := os.LookupEnv("TZ"); ok {
		return strings.TrimPrefix(name, ":")
	}
	to, err := filepath.EvalSymlinks("/etc/localtime")
	if _, name, ok := strings.Cut(to, "/zoneinfo/"); err == nil && ok {
		return name
	}
	return ""
}

// row is a case of a list as the API writes it: what is shown and counted of it.
type row struct {
	ID, Kind, Outcome         string
	Started                   time.Time
	From, To, Cause, Severity string
	Code                      int
	Findings, Methods         []string
	Agents                    []string `json:"user_agents"`
	Origin                    struct{ Role string }
	RouteIn                   string   `json:"route_in"`
	RoutesOut                 []string `json:"routes_out"`
}

var kinds = map[string]call.Kind{
	call.KindCall.String(): call.KindCall, call.KindRegistration.String(): call.KindRegistration, call.KindTransaction.String(): call.KindTransaction,
}

// outcomes are all of them by name.
var outcomes = func() map[string]call.Outcome {
	m := map[string]call.Outcome{}
	for o := call.Unknown; o <= call.Ongoing; o++ {
		m[o.String()] = o
	}
	return m
}()

func (o *row) record() record.Case {
	return record.Case{
		ID: o.ID, Kind: kinds[o.Kind], Outcome: outcomes[o.Outcome], Began: wire.Time(o.Started.UnixNano()), From: o.From, To: o.To,
		Cause: o.Cause, Severity: o.Severity, Code: o.Code, Findings: o.Findings, Methods: o.Methods, UAs: o.Agents,
		OriginRole: o.Origin.Role, RouteIn: o.RouteIn, RoutesOut: o.RoutesOut,
	}
}

func (r *remote) list(ctx context.Context, s *search, show func(*record.Case) (bool, error)) error {
	v, err := s.values()
	if err != nil {
		return err
	}
	if s.limit > 0 && s.limit < maxRemoteLimit {
		v.Set("limit", strconv.Itoa(s.limit+1)) // one more tells whether there is more
	}
	resp, err := r.get(ctx, "calls", v, "application/x-ndjson")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // there may be more than was wanted
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxRow)
	for lines.Scan() {
		var one row
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return fmt.Errorf("read the answer of %s: %w", r.base, err)
		}
		c := one.record()
		if on, err := show(&c); !on || err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	return nil
}

// pass writes an answer as it comes.
func (r *remote) pass(resp *http.Response, w io.Writer) error {
	_, err := io.Copy(w, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	return nil
}

func (r *remote) one(ctx context.Context, s *search, id string, w io.Writer) error {
	v := url.Values{"format": {s.format}}
	if zone := zoneName(s.zone); zone != "" {
		v.Set("tz", zone)
	}
	resp, err := r.about(ctx, id, "", v)
	if err != nil {
		return err
	}
	return r.pass(resp, w)
}

// about asks for one case, or for something of it.
func (r *remote) about(ctx context.Context, id, what string, v url.Values) (*http.Response, error) {
	resp, err := r.get(ctx, "calls/"+url.PathEscape(id)+what, v, "")
	if errors.Is(err, store.ErrNotFound) {
		return nil, noCall(id)
	}
	return resp, err
}

func (r *remote) count(ctx context.Context, s *search, f query.Field) ([]store.Count, error) {
	v, err := s.values()
	if err != nil {
		return nil, err
	}
	limit := maxRemoteLimit
	if s.limit > 0 {
		limit = min(limit, s.limit)
	}
	switch f {
	case query.Cause:
		return r.ranked(ctx, "causes", v, limit)
	case query.Code:
		return r.ranked(ctx, "codes", v, limit)
	}
	all := *s
	all.limit = 0
	n := map[string]uint64{}
	err = r.list(ctx, &all, func(c *record.Case) (bool, error) {
		for _, value := range c.Value(f).Strings() {
			n[value]++
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	var counts []store.Count
	for value, times := range n {
		counts = append(counts, store.Count{Value: value, N: times})
	}
	slices.SortFunc(counts, func(a, b store.Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
	return counts[:min(limit, len(counts))], nil
}

// ranked reads a list that the server counts itself.
func (r *remote) ranked(ctx context.Context, what string, v url.Values, limit int) ([]store.Count, error) {
	v.Set("limit", strconv.Itoa(limit))
	resp, err := r.get(ctx, what, v, "")
	if err != nil {
		return nil, err
	}
	var page struct {
		Items []struct {
			ID    string
			Code  int
			Count uint64
		}
	}
	if err := r.whole(resp, &page); err != nil {
		return nil, err
	}
	var list []store.Count
	for _, i := range page.Items {
		if i.ID == "" {
			i.ID = strconv.Itoa(i.Code)
		}
		list = append(list, store.Count{Value: i.ID, N: i.Count})
	}
	return list, nil
}

// whole reads an answer that is one document.
func (r *remote) whole(resp *http.Response, into any) error {
	err := json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(into)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	return nil
}

func (r *remote) messages(ctx context.Context, c *record.Case) ([]record.Message, error) {
	resp, err := r.about(ctx, c.ID, "/messages", nil)
	if err != nil {
		return nil, err
	}
	var page struct{ Items []remoteMessage }
	if err := r.whole(resp, &page); err != nil {
		return nil, err
	}
	list := make([]record.Message, 0, len(page.Items))
	for i := range page.Items {
		m, err := page.Items[i].record()
		if err != nil {
			return nil, fmt.Errorf("read the answer of %s: %w", r.base, err)
		}
		list = append(list, m)
	}
	return list, nil
}

// remoteMessage is a message as the API writes it.
type remoteMessage struct {
	Time      time.Time
	Src, Dst  netip.AddrPort
	Transport string
	Point     string
	What      string
	Frame     uint64
	Text      *string
	Base64    string
}

var transports = func() map[string]wire.Transport {
	m := map[string]wire.Transport{}
	for t := wire.UnknownTransport; t <= wire.SCTP; t++ {
		m[t.String()] = t
	}
	return m
}()

func (m *remoteMessage) record() (record.Message, error) {
	out := record.Message{
		Time: wire.Time(m.Time.UnixNano()), Ref: wire.PacketRef{Number: m.Frame}, Point: m.Point, What: record.What(max(slices.Index(record.Whats(), m.What), 0)),
		Flow: wire.Flow{Transport: transports[m.Transport], Src: m.Src, Dst: m.Dst},
	}
	if m.Text != nil {
		out.Data = []byte(*m.Text)
		return out, nil
	}
	data, err := base64.StdEncoding.DecodeString(m.Base64)
	out.Data = bytes.Clone(data)
	return out, err
}
