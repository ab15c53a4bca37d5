package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/render"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// pager puts the pages of a report together.
type pager interface {
	// page takes one page and returns how many cases it has.
	page(from io.Reader) (int, error)
	// end writes what follows the last page.
	end() error
}

// pagers are what puts pages together, for the formats in which a report may have several.
var pagers = map[string]func(io.Writer) pager{
	"csv":    func(w io.Writer) pager { return &csvPages{w: bufio.NewWriter(w)} },
	"ndjson": func(w io.Writer) pager { return &linePages{w: bufio.NewWriter(w)} },
}

// report writes analyze's report on what is found. Reports in the formats of pagers may be on any number of cases.
func (r *remote) report(ctx context.Context, s *search, w io.Writer) (more bool, err error) {
	v, err := s.values()
	if err != nil {
		return false, err
	}
	v.Set("format", s.format)
	if s.limit > 0 && s.limit <= r.page {
		v.Set("limit", strconv.Itoa(s.limit))
		resp, err := r.get(ctx, "calls", v, "")
		if err != nil {
			return false, err
		}
		return resp.Header.Get("Link") != "", r.pass(resp, w)
	}
	put := pagers[s.format]
	if put == nil {
		return false, usageError{fmt.Errorf(
			"read --limit: a server reports as %s on at most %d cases at once: give a number up to that, or --format csv or ndjson, which may have any number, or search the folder of one that is not running with --data",
			s.format, r.page)}
	}
	p := put(w)
	for left := s.limit; ; {
		n := r.page
		if s.limit > 0 {
			n = min(n, left)
		}
		v.Set("limit", strconv.Itoa(n))
		resp, err := r.get(ctx, "calls", v, "")
		if err != nil {
			return false, err
		}
		cases, err := p.page(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return false, fmt.Errorf("read the answer of %s: %w", r.base, err)
		}
		left -= cases
		switch next := cursorOf(resp); {
		case next == "" || s.limit > 0 && left <= 0:
			return next != "", p.end()
		case next == v.Get("cursor"):
			return false, fmt.Errorf("ask %s: it finds nothing more in the time that it has: narrow the search", r.base)
		default:
			v.Set("cursor", next)
		}
	}
}

// cursorOf is the cursor of the page that an answer links to, "" when it is the last. Of the link only the cursor
// counts: what stands in front of the server may have given it another path.
func cursorOf(resp *http.Response) string {
	target, _, ok := strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
	if !ok {
		return ""
	}
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Query().Get("cursor")
}

// csvPages writes the header of the first page alone (RFC 4180).
type csvPages struct {
	w     *bufio.Writer
	begun bool
}

func (p *csvPages) page(from io.Reader) (records int, err error) {
	r := bufio.NewReader(from)
	header, quoted := true, false
	for {
		b, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			p.begun = true
			return records, nil
		}
		if err != nil {
			return records, err
		}
		if !header || !p.begun {
			_ = p.w.WriteByte(b) // end says
		}
		switch {
		case b == '"': // twice within a field: it opens and closes it again
			quoted = !quoted
		case b == '\n' && !quoted:
			if !header {
				records++
			}
			header = false
		}
	}
}

func (p *csvPages) end() error { return p.w.Flush() }

// linePages writes the lines that are cases, and then what ndjson ends with, of all of them.
type linePages struct {
	w   *bufio.Writer
	sum view.Summary
}

func (p *linePages) page(from io.Reader) (cases int, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxRow)
	for lines.Scan() {
		line := lines.Bytes()
		kind, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte(`{"type":"`)), []byte{'"'})
		switch string(kind) {
		case call.KindCall.String():
			p.sum.Calls++
		case call.KindRegistration.String():
			p.sum.Registrations++
		case call.KindTransaction.String():
			p.sum.Transactions++
		case "source":
			if err := p.source(line); err != nil {
				return cases, err
			}
			continue
		case "summary":
			continue // of the page
		default:
			return cases, fmt.Errorf("a line is no case: %.40q", line)
		}
		cases++
		_, _ = p.w.Write(line) // end says
		_ = p.w.WriteByte('\n')
	}
	return cases, lines.Err()
}

// source takes what is said of all cases of a page.
func (p *linePages) source(line []byte) error {
	var s struct {
		Messages    uint64 `json:"sip_messages"`
		First, Last *time.Time
	}
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	p.sum.Messages += s.Messages
	if s.First != nil && (p.sum.First == 0 || s.First.UnixNano() < int64(p.sum.First)) {
		p.sum.First = wire.Time(s.First.UnixNano())
	}
	if s.Last != nil {
		p.sum.Last = max(p.sum.Last, wire.Time(s.Last.UnixNano()))
	}
	return nil
}

func (p *linePages) end() error {
	to, err := render.New("ndjson", p.w, render.Options{All: true, Brief: true})
	if err != nil {
		return err
	}
	return errors.Join(to.End(&p.sum), p.w.Flush())
}
