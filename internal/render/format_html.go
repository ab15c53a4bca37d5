package render

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sync"

	"sipcause/internal/view"
)

//go:embed html
var htmlFiles embed.FS

// Bounds of a page: what a browser still opens and a person still reads.
const (
	maxPageCases    = 5000      // cases in the list
	maxPageFull     = 250       // of them with ladder and messages
	maxPageMessages = 24 << 20  // bytes of messages on the page
	maxMessageText  = 16 << 10  // bytes shown of one message
	maxPageBytes    = 256 << 20 // of the spooled list
)

// page writes one self-contained HTML file. Its list waits in a spool, since the summary stands first.
type page struct {
	w     io.Writer
	opt   Options
	body  spool
	tally tally
	times timeline
	buf   bytes.Buffer

	listed   uint64
	unlisted uint64
	full     uint64
	slim     uint64
	bytes    int
}

func newHTML(w io.Writer, opt Options) Renderer {
	r := &page{w: w, opt: opt, tally: newTally()}
	r.body.limit = maxPageBytes
	return r
}

// pageParts are the templates and the fixed ends of a page.
type pageParts struct {
	*template.Template
	head, tail string
}

var parts = sync.OnceValue(func() pageParts {
	css, js := asset("html/style.css"), asset("html/script.js")
	return pageParts{
		template.Must(template.ParseFS(htmlFiles, "html/*.tmpl")),
		fmt.Sprintf(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>sipcause report</title>
<style>%s</style>
</head>
<body>
`, digest(css), digest(js), css),
		"<script>" + js + "</script>\n</body>\n</html>\n",
	}
})

func asset(name string) string {
	b, err := htmlFiles.ReadFile(name)
	if err != nil {
		panic(err) // embedded: a build without it does not exist
	}
	return string(b)
}

// digest returns the source expression that lets just this text run (CSP Level 3 §2.3.1).
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (r *page) Case(c *view.Case) error {
	keepalive := isKeepalive(c.Call)
	if !keepalive {
		r.times.add(c.Call.Began, c.Call.Outcome.Bad())
	}
	number := uint64(0)
	if shows(c, r.opt.All) {
		var err error
		if number, err = r.list(c); err != nil {
			return err
		}
	}
	r.tally.add(c, keepalive, number)
	return nil
}

// list puts c into the list and returns its number there, 0 when there is no room.
func (r *page) list(c *view.Case) (uint64, error) {
	if r.listed >= maxPageCases {
		r.unlisted++
		return 0, nil
	}
	full := r.full < maxPageFull && r.bytes < maxPageMessages
	number := r.listed + 1
	r.buf.Reset()
	if err := parts().ExecuteTemplate(&r.buf, "case.tmpl", r.makeCase(c, number, full)); err != nil {
		return 0, fmt.Errorf("render case as html: %w", err)
	}
	ok, err := r.body.add(r.buf.Bytes())
	if err != nil {
		return 0, err
	}
	if !ok {
		r.unlisted++
		return 0, nil
	}
	r.listed++
	if full {
		r.full++
	} else {
		r.slim++
	}
	return number, nil
}

func (r *page) End(s *view.Summary) error {
	if _, err := io.WriteString(r.w, parts().head); err != nil {
		return err
	}
	if err := parts().ExecuteTemplate(r.w, "top.tmpl", r.top(s)); err != nil {
		return err
	}
	if err := r.body.copyTo(r.w); err != nil {
		return err
	}
	if err := parts().ExecuteTemplate(r.w, "bottom.tmpl", r.leftOut()); err != nil {
		return err
	}
	_, err := io.WriteString(r.w, parts().tail)
	return err
}

// leftOut says what the page does not hold.
func (r *page) leftOut() (notes []string) {
	if r.slim > 0 {
		notes = append(notes, fmt.Sprintf("%s of the %s listed have no ladder and no messages here: a page holds those of the first %s.", thousands(r.slim), thousands(r.listed), thousands(r.full)))
	}
	if r.unlisted > 0 {
		notes = append(notes, fmt.Sprintf("%s more are counted above but not listed: a page lists %s. Filter, or take ndjson.", thousands(r.unlisted), thousands(r.listed)))
	}
	return append(notes, "Digest responses, other credentials and SDES keys are masked. Made by sipcause.")
}
