package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"sipcause/internal/record"
	"sipcause/internal/render"
	"sipcause/internal/store"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// calls lists cases: rows, rows as they come, or a report.
func (a *api) calls(w http.ResponseWriter, r *request) error {
	q, err := r.search()
	if err != nil {
		return err
	}
	if q.Limit, err = r.limit(); err != nil {
		return err
	}
	open, err := r.choice("open", "false", "true")
	if err != nil {
		return err
	}
	format, err := r.format()
	if err != nil {
		return err
	}
	q.Open = open == "true"
	if err := r.resume(&q); err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if format == "" && r.accepts("application/x-ndjson") {
		return a.stream(w, r, q)
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.opt.Timeout)
	defer cancel()
	found, err := a.obs.Cases(ctx, q)
	if err != nil {
		return err
	}
	if format != "" {
		found.Next = r.cursor(&q, found.Next)
		return a.reportOn(w, r, format, q.Zone, found)
	}
	return writeJSON(w, http.StatusOK, page{rowsOf(found.Cases), r.cursor(&q, found.Next), found.Partial})
}

// stream writes the rows of all pages, a line each; with a limit given, of no more than that.
func (a *api) stream(w http.ResponseWriter, r *request, q store.Search) error {
	left := -1
	if r.query.Has("limit") {
		left = q.Limit
	}
	out := newReport(w, mediaTypes["ndjson"])
	for {
		ctx, cancel := context.WithTimeout(r.Context(), a.opt.Timeout)
		found, err := a.obs.Cases(ctx, q)
		cancel()
		if err != nil {
			return err
		}
		for i := range found.Cases {
			line, err := encode(rowOf(&found.Cases[i]))
			if err != nil {
				return err
			}
			if _, err := out.Write(line); err != nil {
				return gone(err)
			}
		}
		if left > 0 {
			left -= len(found.Cases)
			q.Limit = left
		}
		if found.Next == "" || left == 0 {
			return gone(out.Close())
		}
		if found.Next == q.After {
			return context.DeadlineExceeded // nothing was looked at in the time there is
		}
		q.After = found.Next
		if err := errors.Join(out.flush(), out.control.Flush()); err != nil {
			return gone(err)
		}
	}
}

// reportOn writes analyze's report on a page of cases. Link names the next page.
func (a *api) reportOn(w http.ResponseWriter, r *request, format string, zone *time.Location, found store.Page) error {
	select {
	case a.reports <- struct{}{}:
		defer func() { <-a.reports }()
	default:
		return busy("as many reports are being written as may be at a time")
	}
	if found.Next != "" {
		next := url.Values{}
		for name, list := range r.query {
			next[name] = list
		}
		next.Set("cursor", found.Next)
		w.Header().Set("Link", "<"+r.URL.Path+"?"+next.Encode()+`>; rel="next"`)
	}
	out := newReport(w, mediaTypes[format])
	to, err := render.New(format, out, render.Options{Zone: zone, All: true, Brief: true})
	if err != nil {
		return err
	}
	var s view.Summary
	err = a.obs.Whole(r.Context(), found.Cases, func(c *view.Case) error {
		s.Add(c)
		return to.Case(c)
	})
	if err != nil {
		return err
	}
	if err := to.End(&s); err != nil {
		return err
	}
	return gone(out.Close())
}

// call writes one case whole: as an object, or as a report in a format.
func (a *api) call(w http.ResponseWriter, r *request) error {
	format, err := r.format()
	if err != nil {
		return err
	}
	zone, err := r.zone()
	if err != nil {
		return err
	}
	media := mediaTypes["json"]
	if format != "" {
		media = mediaTypes[format]
	}
	out := newReport(w, media)
	err = a.obs.Case(r.Context(), r.PathValue("id"), func(c *view.Case, s *view.Summary) error {
		opt := render.Options{Zone: zone, All: true, Brief: true, Files: s.Files}
		if format == "" {
			_, err := out.Write(append(render.AppendCase(nil, c, opt), '\n'))
			return err
		}
		to, err := render.New(format, out, opt)
		if err != nil {
			return err
		}
		if err := to.Case(c); err != nil {
			return err
		}
		return to.End(s)
	})
	if err != nil {
		return err
	}
	return gone(out.Close())
}

// messageJSON is something that was seen of a case.
type messageJSON struct {
	Time      *string `json:"time"`
	Src       *string `json:"src"`
	Dst       *string `json:"dst"`
	Transport string  `json:"transport"`
	Point     *string `json:"point"`
	What      string  `json:"what"`
	Frame     *uint64 `json:"frame"`
	Truncated bool    `json:"truncated,omitempty"`
	ViaHEP    bool    `json:"via_hep,omitempty"`
	Kind      string  `json:"kind,omitempty"`        // of an event or a note
	Reporter  string  `json:"reported_by,omitempty"` // of an event
	Text      *string `json:"text,omitempty"`        // of valid UTF-8
	Base64    *string `json:"base64,omitempty"`      // of anything else
}

func messageOf(m *record.Message) messageJSON {
	out := messageJSON{
		Time: moment(m.Time), Src: address(m.Flow.Src), Dst: address(m.Flow.Dst), Transport: m.Flow.Transport.String(),
		Point: text(m.Point), What: m.What.String(), Truncated: m.Truncated, ViaHEP: m.ViaHEP,
	}
	if m.Ref.Number != 0 {
		out.Frame = &m.Ref.Number
	}
	data := m.Data
	switch m.What {
	case record.Event:
		var e wire.Event
		if record.DecodeEvent(m, &e) == nil {
			out.Kind, data = e.Kind.String(), []byte(e.Detail)
			if e.From.IsValid() {
				out.Reporter = e.From.String()
			}
		}
	case record.Note:
		var n wire.Note
		if record.DecodeNote(m, &n) == nil {
			out.Kind, data = n.Kind.String(), n.Text
		}
	}
	s := string(data)
	if out.Text = &s; (m.What != record.SIP && out.Kind == "") || !utf8.ValidString(s) {
		s = base64.StdEncoding.EncodeToString(data)
		out.Text, out.Base64 = nil, &s
	}
	return out
}

func (a *api) messages(w http.ResponseWriter, r *request) error {
	list, err := a.obs.Messages(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	out := make([]messageJSON, len(list))
	for i := range list {
		out[i] = messageOf(&list[i])
	}
	return writeJSON(w, http.StatusOK, page{Items: out})
}

// pcap writes what is kept of a case as a capture.
func (a *api) pcap(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	list, err := a.obs.Messages(r.Context(), id)
	if err != nil {
		return err
	}
	attach(w, id, ".pcap")
	out := newReport(w, "application/vnd.tcpdump.pcap")
	if err := render.Pcap(out, list); err != nil {
		return gone(err)
	}
	return gone(out.Close())
}

func (a *api) rate(w http.ResponseWriter, r *request) error {
	var body struct {
		Rating *int `json:"rating"`
	}
	if err := decodeBody(r, &body); err != nil {
		return err
	}
	if body.Rating == nil || *body.Rating < 1 || *body.Rating > 5 {
		return unprocessable("rating must be a number from 1 (bad) to 5 (excellent)")
	}
	if err := a.obs.Rate(r.Context(), r.PathValue("id"), *body.Rating); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func unprocessable(detail string) *problem {
	return &problem{Status: http.StatusUnprocessableEntity, Detail: detail}
}

// decodeBody reads one JSON object without unknown members.
func decodeBody(r *request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
			if more != nil {
				err = more
			}
		}
	}
	if err == nil {
		return nil
	}
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return err
	}
	return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("read body: %v", err)}
}
