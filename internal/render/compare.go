package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sipcause/internal/compare"
)

// comparisonFormat is one row of the table of formats of a comparison.
type comparisonFormat struct {
	Format
	write func(w io.Writer, r *compare.Result, opt Options) error
}

var comparisonFormats = []comparisonFormat{
	{Format{Name: "text", Help: "report for people: what got worse, then a table for each thing compared"}, comparisonText},
	{Format{Name: "json", Help: "one document, schema " + comparisonSchema}, comparisonJSON},
	{Format{Name: "html", Help: "one self-contained page with every row"}, comparisonHTML},
	{Format{Name: "csv", Help: "one row per thing compared (RFC 4180)"}, comparisonCSV},
}

// ComparisonFormats returns the table of formats of a comparison in order.
func ComparisonFormats() (list []Format) {
	for _, f := range comparisonFormats {
		list = append(list, f.Format)
	}
	return list
}

// Compare writes a comparison to w in the named format; of the options it takes width, colour, zone and, for text, All.
func Compare(format string, w io.Writer, r *compare.Result, opt Options) error {
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	var names []string
	for _, f := range comparisonFormats {
		if f.Name == format {
			return f.write(w, r, opt)
		}
		names = append(names, f.Name)
	}
	return fmt.Errorf("open report: unknown format %q; accepted are %s", format, strings.Join(names, ", "))
}

// family is one table of a comparison: what its rows are, for people and for programs.
type family struct {
	name, heading string
	rows          func(*compare.Result) []compare.Row
}

// families is the order of the tables.
var families = []family{
	{"outcomes", "OUTCOMES, of those whose end the capture shows", func(r *compare.Result) []compare.Row { return r.Outcomes }},
	{"codes", "CODE MATRIX: what the originator saw last", func(r *compare.Result) []compare.Row { return r.Codes }},
	{"causes", "ROOT CAUSES", func(r *compare.Result) []compare.Row { return r.Causes }},
	{"callers", "FAILURES BY PRODUCT of the originator (User-Agent)", func(r *compare.Result) []compare.Row { return r.Callers }},
	{"caller_versions", "FAILURES BY PRODUCT AND FIRMWARE of the originator", func(r *compare.Result) []compare.Row { return r.Versions }},
	{"answerers", "FAILURES BY PRODUCT AND FIRMWARE of who decided", func(r *compare.Result) []compare.Row { return r.Answerers }},
	{"origins", "FAILURES BY ORIGIN: who made the deciding response", func(r *compare.Result) []compare.Row { return r.Origins }},
}
