package explain

import (
	"strings"
)

// statusPrefix is what tshark and Wireshark write before the first line of a response.
const statusPrefix = "Status-Line: "

// unquote finds a response in pasted text and returns it as a message with CRLF line ends: quoting ("> "), leading
// spaces, what stands before it and what follows it are taken off. ok is false when there is no status line.
func unquote(text string) (message []byte, ok bool) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, l := range lines {
		quoting, rest := cutQuoting(l)
		dissected := strings.HasPrefix(rest, statusPrefix)
		rest = strings.TrimPrefix(rest, statusPrefix)
		if !isStatusLine(rest) {
			continue
		}
		out := []string{strings.TrimRight(rest, " \t")}
		if dissected {
			out = append(out, dissection(lines[i+1:])...)
		} else {
			out = append(out, following(lines[i+1:], quoting)...)
		}
		for out[len(out)-1] == "" { // the first line is never empty
			out = out[:len(out)-1]
		}
		return []byte(strings.Join(out, "\r\n") + "\r\n\r\n"), true
	}
	return nil, false
}

// isStatusLine accepts any version, since an explanation of an odd one is wanted, too.
func isStatusLine(l string) bool {
	if len(l) < len("SIP/") || !strings.EqualFold(l[:4], "SIP/") {
		return false
	}
	f := strings.Fields(l)
	return len(f) > 1 && len(f[1]) >= 1 && f[1][0] >= '0' && f[1][0] <= '9'
}

// isRequestLine finds where the next message begins.
func isRequestLine(l string) bool { return strings.HasSuffix(strings.TrimRight(l, " \t"), " SIP/2.0") }

// cutQuoting parts the quoting from the text of a line.
func cutQuoting(l string) (quoting, rest string) {
	rest = strings.TrimLeft(l, " \t>|")
	return l[:len(l)-len(rest)], rest
}

// following returns the lines of the message without the quoting that its first line had.
func following(lines []string, quoting string) []string {
	var out []string
	for _, l := range lines {
		l = strings.TrimSuffix(l, "\r")
		switch rest, ok := strings.CutPrefix(l, quoting); {
		case ok:
			l = rest
		case strings.TrimRight(quoting, " \t") == strings.TrimRight(l, " \t"): // an empty quoted line
			l = ""
		default:
			_, l = cutQuoting(l)
		}
		if isStatusLine(l) || isRequestLine(l) {
			break
		}
		out = append(out, l)
	}
	return out
}

// dissection returns the header lines of a packet's details as Wireshark copies them: one level of indentation, with
// deeper levels and generated fields between them.
func dissection(lines []string) []string {
	var out []string
	level := -1
	for _, l := range lines {
		text := strings.TrimLeft(l, " \t")
		indent := len(l) - len(text)
		switch {
		case strings.HasPrefix(text, "Message Body"), isStatusLine(text), isRequestLine(text):
			return out
		case level < 0 && strings.Contains(text, ": ") && text[0] != '[':
			level = indent
		}
		if indent == level && text != "" && text[0] != '[' {
			out = append(out, strings.TrimSuffix(text, "\r"))
		}
	}
	return out
}
