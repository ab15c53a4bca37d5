package httpapi

import (
	"io"
	"net/http"

	"sipcause/internal/record"
)

const maxName = 200 // bytes of an upload's name

// analyze reports on an uploaded capture.
func (a *api) analyze(w http.ResponseWriter, r *request) error {
	format, err := r.format()
	if err != nil {
		return err
	}
	if format == "" {
		format = "json"
	}
	name := r.query.Get("name")
	if name == "" {
		name = "upload"
	}
	if !record.OneLine(name, maxName) {
		return badParameter("name", "name must be one line of at most 200 bytes")
	}
	select {
	case a.analyses <- struct{}{}:
		defer func() { <-a.analyses }()
	default:
		return busy("as many captures are being analysed as may be at a time")
	}
	out := newReport(w, mediaTypes[format])
	if err := a.obs.Analyze(r.Context(), name, upload{r.Body, name}, format, out); err != nil {
		return unreadable(err)
	}
	return gone(out.Close())
}

// upload is a body that errors and gaps call by its name: see capture.Open.
type upload struct {
	io.Reader
	name string
}

// CaptureName is the name given with it.
func (u upload) CaptureName() string { return u.name }

// unreadable makes a problem of what analysis says of an upload. Errors that have a meaning of their own keep it.
func unreadable(err error) error {
	if p := problemOf(err); p.Status != http.StatusInternalServerError {
		return err
	}
	return unprocessable(err.Error())
}
