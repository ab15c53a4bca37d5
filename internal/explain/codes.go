package explain

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"sipcause/code"
	"sipcause/internal/cells"
)

// Lists are the catalogues that Codes writes, in the order of the help text.
var Lists = []string{"sip", "q850", "warning", "reason"}

// ListOptions says what Codes lists. The zero value is every response code in 80 columns.
type ListOptions struct {
	List  string // one of Lists; "" is "sip"
	Class int    // 1 to 6: only response codes of that class; 0: all
	Width int    // columns; 0 is DefaultWidth
}

// Codes writes a table of the codes, one a line, to w. An *InputError says that there is no such list or class.
func Codes(w io.Writer, opt ListOptions) error {
	list, ok := map[string]func(ListOptions) ([]string, [][]string){
		"": sipRows, "sip": sipRows, "q850": causeRows, "warning": warningRows, "reason": protocolRows,
	}[strings.ToLower(opt.List)]
	if !ok {
		return unknown("no list %s; there are %s", quote(opt.List), strings.Join(Lists, ", "))
	}
	if opt.Class < 0 || opt.Class > 6 {
		return unknown("no class %d; classes are 1 to 6", opt.Class)
	}
	if opt.Class != 0 && opt.List != "" && opt.List != "sip" {
		return unknown("only response codes have a class; leave it out for the list %s", opt.List)
	}
	head, rows := list(opt)
	return writeTable(w, head, rows, Options{Width: opt.Width}.width())
}

func sipRows(opt ListOptions) (head []string, rows [][]string) {
	for _, e := range code.All() {
		if opt.Class != 0 && int(code.ClassOf(e.Code)) != opt.Class {
			continue
		}
		source := e.RFC
		if !e.Registered {
			source = "not registered"
		}
		rows = append(rows, []string{strconv.Itoa(e.Code), retryWord(e), source, e.Phrase})
	}
	return []string{"CODE", "AGAIN", "SOURCE", "PHRASE"}, rows
}

// retryWord is retryText for a table.
func retryWord(e code.Entry) string {
	switch {
	case !e.Final || code.ClassOf(e.Code) == 2:
		return "-"
	case e.Retry == code.RetryNever:
		return "no"
	case e.Retry == code.RetryAfterChange:
		return "changed"
	}
	var ways []string
	if e.Retry&code.RetryHere != 0 {
		ways = append(ways, "later")
	}
	if e.Retry&code.RetryElsewhere != 0 {
		ways = append(ways, "elsewhere")
	}
	return strings.Join(ways, "/")
}

func causeRows(ListOptions) (head []string, rows [][]string) {
	for _, c := range code.Q850Causes() {
		sip := "-"
		if c.SIP != 0 {
			sip = strconv.Itoa(c.SIP)
		}
		rows = append(rows, []string{strconv.Itoa(c.Cause), sip, c.Class, c.Name})
	}
	return []string{"CAUSE", "SIP", "CLASS", "NAME"}, rows
}

func warningRows(ListOptions) (head []string, rows [][]string) {
	for _, v := range code.Warnings() {
		source := v.RFC
		if !v.Registered {
			source = "not registered"
		}
		rows = append(rows, []string{strconv.Itoa(v.Code), source, v.Text})
	}
	return []string{"CODE", "SOURCE", "TEXT"}, rows
}

func protocolRows(ListOptions) (head []string, rows [][]string) {
	for _, p := range code.ReasonProtocols() {
		rows = append(rows, []string{p.Name, p.Ref, p.Meaning})
	}
	return []string{"PROTOCOL", "SOURCE", "MEANING"}, rows
}

// writeTable writes columns two spaces apart; the last one is wrapped at width.
func writeTable(w io.Writer, head []string, rows [][]string, width int) error {
	last := len(head) - 1
	widths := make([]int, last)
	for _, r := range append([][]string{head}, rows...) {
		for i := range widths {
			widths[i] = max(widths[i], cells.Width(r[i]))
		}
	}
	out := bufio.NewWriter(w)
	for _, r := range append([][]string{head}, rows...) {
		var first strings.Builder
		for i, n := range widths {
			first.WriteString(cells.Pad(r[i], n+2))
		}
		paragraph(out, first.String(), r[last], width)
	}
	return out.Flush()
}
