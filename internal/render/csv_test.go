package render

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

func TestCSVGolden(t *testing.T) {
	testkit.Golden(t, "report.csv", report(t, "csv", Options{}, cases(), summary()))
}

// TestCSVNeutral: no field of hostile traffic starts a formula, breaks a row or reaches a terminal raw.
func TestCSVNeutral(t *testing.T) {
	list := []*view.Case{hostileCase(), bareCase()}
	for _, lead := range []string{"=", "+", "-", "@", "\t=", "\r=", "\n="} {
		c := busyCase()
		c.Call.From, c.Call.Reason, c.Call.Origin.Server = lead+"1+1", lead+"1,\"2\"", lead
		list = append(list, c)
	}
	out := report(t, "csv", Options{}, list, summary())
	if strings.Contains(strings.ReplaceAll(string(out), "\r\n", ""), "\n") {
		t.Error("a line does not end in CRLF")
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(list)+1 {
		t.Fatalf("%d rows, want %d", len(rows), len(list)+1)
	}
	for i, row := range rows {
		for k, field := range row {
			if field != "" && strings.ContainsAny(field[:1], "=+-@\t\r\n") {
				t.Errorf("row %d, %s: %q", i, csvColumns[k].name, field)
			}
			if strings.ContainsAny(field, "\x1b\x00\r\n\u202e") {
				t.Errorf("row %d, %s: control character in %q", i, csvColumns[k].name, field)
			}
		}
	}
	if got := rows[3][4]; got != "'=1+1" {
		t.Errorf("got %q, want '=1+1", got)
	}
}
