package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"sipcause/internal/kpi"
	"sipcause/internal/query"
	"sipcause/internal/store"
)

// problem is an error as the client gets it (RFC 9457). Its type is about:blank: the status says what it is.
type problem struct {
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	Parameter  string `json:"parameter,omitempty"`  // of the query
	Position   *int   `json:"position,omitempty"`   // in the filter: the first byte that is wrong, from 0
	End        *int   `json:"end,omitempty"`        // the first byte after it
	Expected   string `json:"expected,omitempty"`   // what could stand there
	Suggestion string `json:"suggestion,omitempty"` // what was probably meant

	retryAfter int // seconds
}

func (p *problem) Error() string { return p.Detail }

func (p *problem) write(w http.ResponseWriter) {
	p.Title = http.StatusText(p.Status)
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a struct of texts and numbers
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Disposition")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(printable(body), '\n')) // who has gone needs no problem
}

func badParameter(name, detail string) *problem {
	return &problem{Status: http.StatusBadRequest, Parameter: name, Detail: detail}
}

func notFound(detail string) *problem { return &problem{Status: http.StatusNotFound, Detail: detail} }

// busy says that too many ask for something at once.
func busy(detail string) *problem {
	return &problem{Status: http.StatusServiceUnavailable, Detail: detail, retryAfter: 5}
}

// problemOf finds the words for an error. What is our own fault is not told, but logged.
func problemOf(err error) *problem {
	var p *problem
	var filter *query.Error
	var long *http.MaxBytesError
	var asked *kpi.QueryError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &filter):
		return &problem{
			Status: http.StatusBadRequest, Parameter: "filter", Detail: filter.Error(), Position: &filter.Pos, End: &filter.End,
			Expected: filter.Expected, Suggestion: filter.Suggestion,
		}
	case errors.As(err, &asked):
		return &problem{Status: http.StatusBadRequest, Detail: asked.Error()}
	case errors.As(err, &long):
		return &problem{Status: http.StatusRequestEntityTooLarge, Detail: "the body is longer than " + strconv.FormatInt(long.Limit, 10) + " bytes"}
	case errors.Is(err, store.ErrNotFound):
		return notFound(err.Error())
	case errors.Is(err, store.ErrCursor):
		return badParameter("cursor", err.Error())
	case errors.Is(err, store.ErrClosed):
		return busy("the server is shutting down")
	case errors.Is(err, store.ErrFull):
		return &problem{Status: http.StatusInsufficientStorage, Detail: "the store has no space left"}
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{Status: http.StatusServiceUnavailable, Detail: "the answer took too long: narrow the filter or the interval", retryAfter: 1}
	}
	return &problem{Status: http.StatusInternalServerError, Detail: "the server failed; its log says why"}
}
