package explain

import "strings"

// addMarkdown appends the sections of a page of docs/findings: headings of the second level, paragraphs, and lists
// by number or dash. That is all the Markdown such pages have, beside `code`.
func (p *page) addMarkdown(body string) {
	var s section
	var item []string
	flush := func() {
		if len(item) > 0 {
			s.lines = append(s.lines, strings.ReplaceAll(strings.Join(item, " "), "`", ""))
			item = item[:0]
		}
	}
	next := func(head string, m mark) {
		flush()
		if len(s.lines) > 0 {
			p.sections = append(p.sections, s)
		}
		s = section{head: head, mark: m}
	}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		head, isHead := strings.CutPrefix(line, "## ")
		text, m := listItem(line)
		switch {
		case isHead:
			next(head, plain)
		case line == "":
			flush()
		case m != plain:
			flush()
			if s.mark != m {
				h := ""
				if len(s.lines) == 0 {
					h = s.head
				}
				next(h, m)
			}
			item = append(item, text)
		default:
			if len(item) == 0 && s.mark != plain {
				next("", plain)
			}
			item = append(item, line)
		}
	}
	next("", plain)
}

// listItem reads "1. text" and "- text".
func listItem(line string) (text string, m mark) {
	if text, ok := strings.CutPrefix(line, "- "); ok {
		return text, bullet
	}
	number, text, ok := strings.Cut(line, ". ")
	if ok && number != "" && strings.Trim(number, "0123456789") == "" {
		return text, numbered
	}
	return "", plain
}
