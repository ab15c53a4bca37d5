package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"sipcause/internal/record"
	"sipcause/internal/wire"
)

// annotationJSON is a note of people. id is text: a number of 64 bits is more than JSON's readers keep.
type annotationJSON struct {
	ID    string `json:"id,omitempty"`
	From  string `json:"from"`
	Until string `json:"until,omitempty"`
	Kind  string `json:"kind"`
	Route string `json:"route,omitempty"`
	Text  string `json:"text"`
}

func (a *api) annotations(w http.ResponseWriter, r *request) error {
	from, until, err := r.interval()
	if err != nil {
		return err
	}
	list, err := a.obs.Annotations(r.Context(), from, until)
	if err != nil {
		return err
	}
	out := make([]annotationJSON, len(list))
	for i, n := range list {
		out[i] = annotationJSON{strconv.FormatUint(n.ID, 10), *moment(n.From), *moment(n.Until), n.Kind, n.Route, n.Text}
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}

// annotate adds a note, or replaces the one whose id is given.
func (a *api) annotate(w http.ResponseWriter, r *request) error {
	var body annotationJSON
	if err := decodeBody(r, &body); err != nil {
		return err
	}
	n := record.Annotation{Kind: body.Kind, Route: body.Route, Text: body.Text}
	var err error
	if body.ID != "" {
		if n.ID, err = strconv.ParseUint(body.ID, 10, 63); err != nil {
			return unprocessable("id must be that of an annotation, or absent")
		}
	}
	if n.From, err = date("from", body.From); err != nil {
		return err
	}
	if n.Until = n.From; body.Until != "" {
		if n.Until, err = date("until", body.Until); err != nil {
			return err
		}
	}
	if err := n.Check(); err != nil {
		return unprocessable(err.Error())
	}
	if n.ID, err = a.obs.Annotate(r.Context(), n); err != nil {
		return err
	}
	body.ID, body.From, body.Until = strconv.FormatUint(n.ID, 10), *moment(n.From), *moment(n.Until)
	return writeJSON(w, http.StatusCreated, body)
}

func date(name, v string) (wire.Time, error) {
	t, err := time.Parse(time.RFC3339, v)
	if err != nil || t.Year() < 1975 || t.Year() > 2261 {
		return 0, unprocessable(name + " must be a time such as 2026-11-23T10:30:00Z")
	}
	return wire.Time(t.UnixNano()), nil
}
