// Package render writes diagnosed calls as a report: one file per format, from nouns only.
// Its one rule: nothing of a Case is kept after Case returns, and memory does not grow with the traffic;
// what must wait for the summary waits in a bounded temporary file.
package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sipcause/internal/passport"
	"sipcause/internal/view"
)

// Renderer writes one report. It is used by one goroutine.
type Renderer interface {
	// Case writes one call, registration or transaction. c is valid during the call only.
	Case(c *view.Case) error
	// End writes what is said of the capture as a whole and completes the document; nothing may follow it.
	End(s *view.Summary) error
}

// Options say how a report is to look. Formats for machines take none of them but All and Certs.
type Options struct {
	Width int             // text: columns of the terminal; 0 = 80, less than 60 is taken as 60
	Color bool            // text: ANSI colours
	Zone  *time.Location  // of times read by people; nil = UTC
	All   bool            // text, html, markdown, mermaid: healthy calls too; json, ndjson: what healthy calls are made of
	Brief bool            // text, markdown: no summary of the capture
	Certs *passport.Store // all: to check signatures of calls with; nil = none
	Files []string        // names of the files that wire.PacketRef.Source indexes
}

// Format is one row of the table of formats.
type Format struct {
	Name string
	Help string
	open func(w io.Writer, opt Options) Renderer
}

var formats = []Format{
	{"text", "report for people: summary, then a ladder and a diagnosis per failed call", newText},
	{"json", "one document, schema sipcause.analysis/v1", newJSON},
	{"ndjson", "the same objects one per line, written as they come", newNDJSON},
	{"html", "one self-contained page with ladders, messages and filters", newHTML},
	{"csv", "one row per call, registration and transaction (RFC 4180)", newCSV},
	{"markdown", "the text report as Markdown, for tickets: tables, then ladder and diagnosis per failed call", newMarkdown},
	{"mermaid", "a sequence diagram per failed call, each in a ```mermaid fence, as mmdc -i calls.md takes them", newMermaid},
}

// Formats returns the table of formats in order.
func Formats() []Format { return formats }

// New returns a renderer of the named format that writes to w. The error of an unknown name lists the
// accepted ones.
func New(format string, w io.Writer, opt Options) (Renderer, error) {
	if opt.Width <= 0 {
		opt.Width = 80
	}
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	names := make([]string, len(formats))
	for i, f := range formats {
		if f.Name == format {
			return f.open(w, opt), nil
		}
		names[i] = f.Name
	}
	return nil, fmt.Errorf("open report: unknown format %q; accepted are %s", format, strings.Join(names, ", "))
}
