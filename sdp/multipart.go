package sdp

import "bytes"

// Bounds of FindSDP.
const (
	maxParts = 64 // parts of one multipart body
	maxDepth = 4  // multipart bodies within each other
)

// FindSDP finds the session description in a message body (RFC 5621 §4): the body itself when contentType is
// application/sdp, or the first such part of a multipart body. Where the type is missing, or a multipart
// type lacks its boundary, the body's first bytes decide. The result aliases body; contentType is the
// header field's value.
func FindSDP(contentType, body []byte) ([]byte, bool) { return findSDP(contentType, body, 0) }

func findSDP(contentType, body Text, depth int) ([]byte, bool) {
	media, params, _ := cut(contentType, ';')
	media = trimSpace(media)
	kind, _, _ := cut(media, '/')
	switch {
	case media.Is("application/sdp"):
		return body, true
	case len(media) == 0 && bytes.HasPrefix(body, []byte("v=0")):
		return body, true
	case kind.Is("multipart") && depth < maxDepth:
	default:
		return nil, false
	}
	delimiter := parameter(params, "boundary")
	if len(delimiter) == 0 {
		delimiter = guessBoundary(body)
		if len(delimiter) == 0 {
			return nil, false
		}
	}
	_, rest, more := nextPart(body, delimiter) // before the first delimiter stands the preamble
	for range maxParts {
		if !more {
			break
		}
		var part Text
		part, rest, more = nextPart(rest, delimiter)
		partType, content := splitPart(part)
		if found, ok := findSDP(partType, content, depth+1); ok {
			return found, true
		}
	}
	return nil, false
}

// nextPart returns what comes before the next delimiter line ("--" boundary, RFC 2046 §5.1.1) and what comes
// after it. more is false when there was no delimiter, or the closing one: then rest has no part.
func nextPart(body, boundary Text) (part, rest Text, more bool) {
	for from := 0; ; {
		i := bytes.Index(body[from:], boundary)
		if i < 0 {
			return beforeDelimiter(body), nil, false
		}
		i += from
		from = i + len(boundary)
		if i < 2 || body[i-1] != '-' || body[i-2] != '-' || i > 2 && body[i-3] != '\n' && body[i-3] != '\r' {
			continue
		}
		part = beforeDelimiter(body[:i-2])
		after := body[from:]
		if bytes.HasPrefix(after, []byte("--")) {
			return part, nil, false
		}
		end := bytes.IndexByte(after, '\n')
		if end < 0 || len(trimSpace(trimLineEnd(after[:end+1]))) > 0 {
			continue // a longer boundary that begins like ours
		}
		return part, after[end+1:], true
	}
}

func trimLineEnd(t Text) Text {
	if n := len(t); n > 0 && t[n-1] == '\n' {
		t = t[:n-1]
	}
	if n := len(t); n > 0 && t[n-1] == '\r' {
		t = t[:n-1]
	}
	return t
}

// guessBoundary takes the first line of a body as its delimiter.
func guessBoundary(body Text) Text {
	end := bytes.IndexByte(body, '\n')
	if end < 3 || !bytes.HasPrefix(body, []byte("--")) {
		return nil
	}
	return trimSpace(trimLineEnd(body[2 : end+1]))
}

// beforeDelimiter takes off the line end that belongs to the delimiter. Many writers leave that out: then it
// is the content's own.
func beforeDelimiter(t Text) Text {
	if trimmed := trimLineEnd(t); len(trimmed) > 0 && trimmed[len(trimmed)-1] == '\n' {
		return trimmed
	}
	return t
}

// splitPart separates a part's header fields from its content and returns the Content-Type, folds included.
func splitPart(part Text) (contentType, content Text) {
	for start := 0; start < len(part); {
		end := afterLine(part, start)
		if len(trimLineEnd(part[start:end])) == 0 {
			return contentType, part[end:]
		}
		for end < len(part) && blank(part[end]) {
			end = afterLine(part, end)
		}
		name, value, _ := cut(part[start:end], ':')
		if name = trimSpace(name); name.Is("Content-Type") || name.Is("c") {
			contentType = bytes.TrimSpace(value)
		}
		start = end
	}
	return contentType, nil
}

// afterLine returns the index after the line that begins at start.
func afterLine(t Text, start int) int {
	if i := bytes.IndexByte(t[start:], '\n'); i >= 0 {
		return start + i + 1
	}
	return len(t)
}

// parameter finds a parameter of a Content-Type ("; name=value", the value quoted or not).
func parameter(params Text, name string) Text {
	for len(params) > 0 {
		end, quoted := 0, false
		for ; end < len(params) && (quoted || params[end] != ';'); end++ {
			if params[end] == '"' {
				quoted = !quoted
			}
		}
		key, value, _ := cut(params[:end], '=')
		if Text(bytes.TrimSpace(key)).Is(name) {
			return bytes.Trim(bytes.TrimSpace(value), `"`)
		}
		params = params[min(end+1, len(params)):]
	}
	return nil
}
