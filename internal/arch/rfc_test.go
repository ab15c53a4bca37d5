package arch

import (
	"bytes"
	"encoding/csv"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const sectionsFile = "docs/rfc-sections.tsv"

// section is one of an RFC; number "-" is the RFC as a whole.
type section struct{ rfc, number string }

func (s section) String() string {
	if s.number == "-" {
		return "RFC " + s.rfc
	}
	return "RFC " + s.rfc + " §" + s.number
}

var (
	// lineBreak joins lines, so that a citation may go on behind the mark of a comment.
	lineBreak = regexp.MustCompile(`\s*\n[ \t]*(?://|#|\*)?[ \t]*`)
	// named finds what a § may belong to, and the § themselves: RFCs, sections, documents of others.
	named = regexp.MustCompile(`\bRFC[ -]([0-9]{2,5})\b` +
		`|§+\s*([0-9]+(?:\.[0-9]+)*|[A-Z](?:\.[0-9]+)*)\b` +
		`|\b(?:TS [0-9]{2}\.[0-9]{3}|[A-Z]\.[0-9]{3}|ECMA-48|CSP|CommonMark|HEP3|draft-[a-z0-9-]+)\b`)
)

// citations returns the sections that a text cites, and the RFCs that it names. A § belongs to the document that was
// named last. orphan is a § before any.
func citations(text string) (list []section, orphan string) {
	text = lineBreak.ReplaceAllString(text, " ")
	rfc, other := "", false
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		switch {
		case m[1] != "":
			rfc, other = m[1], false
			list = append(list, section{rfc, "-"})
		case m[2] == "":
			other = true
		case other:
		case rfc == "":
			orphan = m[0]
		default:
			list = append(list, section{rfc, m[2]})
		}
	}
	return list, orphan
}

func TestCitationsAreFound(t *testing.T) {
	for _, tc := range []struct {
		text   string
		want   []section
		orphan string
	}{
		{"waits 64·T1 (RFC 3261 §17.1.1.2, §17.1.2.2)", []section{{"3261", "-"}, {"3261", "17.1.1.2"}, {"3261", "17.1.2.2"}}, ""},
		{"// goes there (RFC 3261\n\t// §12.2.1.1 and §16.12).", []section{{"3261", "-"}, {"3261", "12.2.1.1"}, {"3261", "16.12"}}, ""},
		{"jitter (RFC 3550 §6.4.1, §A.8)", []section{{"3550", "-"}, {"3550", "6.4.1"}, {"3550", "A.8"}}, ""},
		{"RFC 3261 §8.1, 3GPP TS 24.229 §5.2.10, RFC 3326 §2", []section{{"3261", "-"}, {"3261", "8.1"}, {"3326", "-"}, {"3326", "2"}}, ""},
		{"G.107 §7.5 and draft-ietf-opsawg-pcapng §4.3", nil, ""},
		{"as §16.7 has it", nil, "§16.7"},
		{"time.RFC3339, TestRFC1071", nil, ""},
	} {
		got, orphan := citations(tc.text)
		if !slices.Equal(got, tc.want) || orphan != tc.orphan {
			t.Errorf("%q: %v, orphan %q; want %v, %q", tc.text, got, orphan, tc.want, tc.orphan)
		}
	}
}

// lookedUp reads the table of sections.
func lookedUp(t *testing.T) map[section]string {
	t.Helper()
	checks := []string{"text", "draft", "unchecked"}
	out := map[section]string{}
	var before []string
	for i, line := range strings.Split(strings.TrimSuffix(readDoc(t, sectionsFile), "\n"), "\n") {
		row := strings.Split(line, "\t")
		switch {
		case line[0] == '#', row[0] == "rfc":
			continue
		case len(row) != 4, row[2] == "", !slices.Contains(checks, row[3]):
			t.Fatalf("%s:%d: want RFC, section, title and one of %q", sectionsFile, i+1, checks)
		case before != nil && len(before[0]) == len(row[0]) && before[0] > row[0]:
			t.Errorf("%s:%d: RFC %s stands behind RFC %s", sectionsFile, i+1, row[0], before[0])
		}
		s := section{row[0], row[1]}
		if out[s] != "" {
			t.Errorf("%s:%d: %s stands twice", sectionsFile, i+1, s)
		}
		out[s], before = row[2], row
	}
	return out
}

// withSections joins the columns rfc and section of the table of response codes.
func withSections(t *testing.T, text []byte) []byte {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	rfc, section := slices.Index(rows[0], "rfc"), slices.Index(rows[0], "section")
	for _, row := range rows[1:] {
		out.WriteString(row[rfc])
		if row[section] != "" {
			out.WriteString(" §" + row[section])
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// TestCitedSectionsWereLookedUp: every section that code, comments, pages, playbooks and flows cite is in the table,
// to which it comes by being looked up; and the table has no other.
func TestCitedSectionsWereLookedUp(t *testing.T) {
	names, err := trackedFiles()
	if err != nil {
		t.Fatal(err)
	}
	known, cited := lookedUp(t), map[section]int{}
	kinds := []string{".go", ".md", ".yaml", ".json", ".txtar", ".tsv", ".csv", ".tmpl", ".xml"}
	for _, name := range names {
		if !slices.Contains(kinds, path.Ext(name)) || strings.Contains(name, "/golden/") ||
			name == sectionsFile || name == "internal/arch/rfc_test.go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "code/data/response_codes.csv" {
			text = withSections(t, text)
		}
		list, orphan := citations(string(text))
		if orphan != "" {
			t.Errorf("%s: %s has no document before it", name, orphan)
		}
		for _, s := range list {
			if known[s] == "" && cited[s] == 0 {
				t.Errorf("%s cites %s, which %s does not have: look it up and enter it", name, s, sectionsFile)
			}
			cited[s]++
		}
	}
	for s := range known {
		if cited[s] == 0 {
			t.Errorf("%s has %s, which nothing cites", sectionsFile, s)
		}
	}
	if len(cited) < 500 {
		t.Errorf("only %d sections are cited: were the files read?", len(cited))
	}
}
