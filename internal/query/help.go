package query

import (
	"strings"

	"sipcause/internal/cells"
)

// rules is the part of the help that no table gives. One paragraph a line.
var rules = []string{
	"A filter compares fields with values and joins comparisons with and, or, not and parentheses; not binds closest, then and, then or.",
	"= and != compare text without regard to case; * stands for any run of characters, \\* for a star. ~ and !~ look for a regular expression (RE2) anywhere in the text; begin it with (?i) to ignore case.",
	"Text with blanks, parentheses, commas or any of = < > ! ~ stands in double or single quotes.",
	"A number may end in x: code = 5xx is 500 to 599. A time of day (10:30) is compared on the clock of --tz; it stands for its whole minute, 10:30:05 for its second.",
	"Where a field is unknown, every comparison with it is false, != too; exists asks whether it is known. Where a field has several values, one that fits is enough; != and !~ want that none does.",
}

var examples = []string{
	`code >= 500 and to ~ "^sip:\+?33" and cause = auth.*`,
	`outcome = failed and not (code in (404, 486) or src = 10.0.0.0/8)`,
	`pdd > 5s or exists ring and start >= 22:00`,
}

// Help returns the language and its fields for a terminal of the given width in columns; below 40 counts as 40.
func Help(width int) string {
	width = max(width, 40)
	var b strings.Builder
	for _, paragraph := range rules {
		b.WriteString(cells.Hang("", paragraph, width))
	}
	b.WriteString("\nExamples\n")
	for _, example := range examples {
		b.WriteString(cells.Hang("  ", example, width))
	}
	b.WriteString("\nOperators\n")
	for t := range typeFacts {
		b.WriteString(cells.Hang("  ", Type(t).String()+": "+operators(Type(t))+" exists", width))
	}
	b.WriteString("\nFields\n")
	names := 0
	for _, f := range Fields() {
		names = max(names, len(f.String()))
	}
	for _, f := range Fields() {
		b.WriteString(cells.Hang("  "+cells.Pad(f.String(), names+2), f.Info().describe(), width))
	}
	return b.String()
}

// describe is a field's entry in the help, without its name.
func (info *Info) describe() string {
	kind := info.Type.String()
	if info.Unit != "" {
		kind += ", " + info.Unit
	}
	if info.Many {
		kind += ", several"
	}
	s := info.Help + " (" + kind + ")"
	if len(info.Values) > 0 {
		s += ": " + strings.Join(info.Values, ", ")
	}
	return s + "; " + info.Example
}
