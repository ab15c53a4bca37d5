package call

// CleanBytes is how much of a text Clean keeps.
const CleanBytes = 256

// Clean returns traffic's text as a string without control characters, at most CleanBytes of it.
func Clean(b []byte) string {
	if len(b) > CleanBytes {
		b = b[:CleanBytes]
	}
	for i, ch := range b {
		if ch < 0x20 || ch == 0x7f {
			out := append([]byte(nil), b[:i]...)
			for _, ch := range b[i:] {
				if ch >= 0x20 && ch != 0x7f {
					out = append(out, ch)
				}
			}
			return string(out)
		}
	}
	return string(b)
}
