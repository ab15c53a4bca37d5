package compare

import "strings"

// product parts the value of a User-Agent or Server header into the product and its version, of which the firmware of
// phones is one: "Yealink SIP-T46S 66.84.0.15" is "Yealink SIP-T46S" and "66.84.0.15". RFC 3261 §25.1 wants
// product/version and comments in parentheses; what is sent takes many forms. The version is the first word with a
// digit in front and a dot in it, of the words before any comment if there is one; else what stands behind a slash and
// begins with a digit; else "".
func product(agent string) (name, version string) {
	head, comment, _ := strings.Cut(agent, "(")
	if at, end := dotted(head); end > at {
		return trimmed(head[:at]), head[at:end]
	}
	if i := strings.LastIndexByte(head, '/'); i >= 0 && i+1 < len(head) && digit(head[i+1]) {
		end := i + 1
		for end < len(head) && head[end] != ' ' {
			end++
		}
		return trimmed(head[:i]), head[i+1 : end]
	}
	if at, end := dotted(comment); end > at && at == 0 {
		return trimmed(head), comment[at:end]
	}
	return trimmed(head), ""
}

// dotted finds the first version with a dot in s; at == end when there is none.
func dotted(s string) (at, end int) {
	for i := 0; i < len(s); i++ {
		if !digit(s[i]) || i > 0 && word(s[i-1]) && !marked(s, i) {
			continue
		}
		end, dot := i, false
		for end < len(s) && (word(s[end]) || strings.IndexByte(".-+~_", s[end]) >= 0) {
			dot = dot || s[end] == '.'
			end++
		}
		if dot {
			return i, end
		}
		i = end
	}
	return 0, 0
}

// marked says whether the digit at i follows a v or rv that begins a word: v2.10, rv2.8.
func marked(s string, i int) bool {
	from := i
	for from > 0 && word(s[from-1]) {
		from--
	}
	mark := strings.ToLower(s[from:i])
	return mark == "v" || mark == "rv"
}

func trimmed(name string) string {
	name = strings.TrimRight(name, " /-_,;:.")
	for _, mark := range []string{" v", " V", " rv", "/v", "-v"} {
		name = strings.TrimSuffix(name, mark)
	}
	if name = strings.TrimSpace(name); name == "" {
		return "?"
	}
	return name
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func word(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }
