package archive

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPageNamesEveryColumn: the page of the export lists the columns of each file, and no others.
func TestPageNamesEveryColumn(t *testing.T) {
	text, err := os.ReadFile("../../docs/how-to/export-the-history.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, row := range map[string]any{casesFile: CaseRow{}, messagesFile: MessageRow{}, rollupsFile: CellRow{}, gapsFile: GapRow{}} {
		_, section, ok := strings.Cut(string(text), "### "+file+"\n")
		if !ok {
			t.Errorf("no section %s", file)
			continue
		}
		section, _, _ = strings.Cut(section, "\n### ")
		var named, columns []string
		for _, line := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
			for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(line[1], -1) {
				named = append(named, name[1])
			}
		}
		for i := range reflect.TypeOf(row).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(row).Field(i).Tag.Get("parquet"), ",")
			columns = append(columns, name)
		}
		slices.Sort(named)
		slices.Sort(columns)
		if !slices.Equal(named, columns) {
			t.Errorf("%s: the page names %q, the file has %q", file, named, columns)
		}
	}
}
