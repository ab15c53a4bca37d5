package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/render"
)

// page is the shape of every list.
type page struct {
	Items   any    `json:"items"`
	Next    string `json:"next"`              // "" when there is no more
	Partial bool   `json:"partial,omitempty"` // the time was up: next goes on from there
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return append(printable(b), '\n'), nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, err = w.Write(b)
	return gone(err)
}

// writeFixed answers with a document that is the same for all, so that caches may ask whether theirs is still right.
func writeFixed(w http.ResponseWriter, r *request, doc []byte) error {
	h := w.Header()
	tag := `"` + strconv.FormatUint(xxhash.Sum64(doc), 16) + `"`
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", "application/json")
	h.Set("ETag", tag)
	http.ServeContent(w, r.Request, "", time.Time{}, bytes.NewReader(doc))
	return nil
}

// gone is nil: a client that does not take its answer is told nothing more.
func gone(error) error { return nil }

// mediaTypes of the formats of reports.
var mediaTypes = map[string]string{
	"text": "text/plain; charset=utf-8", "json": "application/json", "ndjson": "application/x-ndjson",
	"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8", "markdown": "text/markdown; charset=utf-8",
	"mermaid": "text/plain; charset=utf-8",
}

// format reads the format of a report, "" when none is asked for.
func (r *request) format() (string, error) {
	words := []string{""}
	for _, f := range render.Formats() {
		words = append(words, f.Name)
	}
	return r.choice("format", words...)
}

// accepts says whether the client names a media type in Accept, other than by a wildcard.
func (r *request) accepts(want string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if t, params, err := mime.ParseMediaType(part); err == nil && t == want && params["q"] != "0" {
			return true
		}
	}
	return false
}

// held is how much of a report waits: an error until then is still a problem with a status of its own.
const held = 64 << 10

// report writes a body whose making may fail: its beginning is held back. Close must follow.
type report struct {
	w       http.ResponseWriter
	control *http.ResponseController
	media   string
	buf     []byte
	begun   bool
}

func newReport(w http.ResponseWriter, media string) *report {
	return &report{w: w, control: http.NewResponseController(w), media: media}
}

// Write implements io.Writer. Every piece has its own deadline: a report may take long, its reader may not.
func (p *report) Write(b []byte) (int, error) {
	p.buf = append(p.buf, b...)
	if len(p.buf) < held {
		return len(b), nil
	}
	return len(b), p.flush()
}

func (p *report) flush() error {
	if !p.begun {
		p.begun = true
		h := p.w.Header()
		h.Set("Content-Type", p.media)
		if strings.HasPrefix(p.media, "text/html") {
			h.Set("Content-Security-Policy", reportPolicy)
		}
	}
	_ = p.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}

// Close writes what is left.
func (p *report) Close() error { return p.flush() }

var _ io.WriteCloser = (*report)(nil)

// attach names the file that a download becomes. Only what is harmless everywhere stays of name.
func attach(w http.ResponseWriter, name, extension string) {
	b := []byte(name[:min(len(name), 64)])
	for i, c := range b {
		if !slices.Contains([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"), c) {
			b[i] = '_'
		}
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(b)+extension+`"`)
}
