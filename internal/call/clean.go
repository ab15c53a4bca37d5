package call

// CleanBytes is how much of a text Clean keeps.
const CleanBytes = 256

// Clean returns traffic's text as a string without control characters, at most CleanBytes of it.
func Clean(b []byte) string {
	if len(b) > CleanBytes {
		b = b[:CleanBytes]
	}
	if plain(b) {
		return string(b)
	}
	return string(AppendClean(nil, b))
}

// CleanString is Clean of a string; it returns text itself where nothing has to go.
func CleanString(text string) string {
	if len(text) <= CleanBytes {
		i := 0
		for i < len(text) && text[i] >= 0x20 && text[i] != 0x7f {
			i++
		}
		if i == len(text) {
			return text
		}
	}
	return Clean([]byte(text))
}

// AppendClean appends what Clean makes of text to b.
func AppendClean(b, text []byte) []byte {
	if len(text) > CleanBytes {
		text = text[:CleanBytes]
	}
	if plain(text) {
		return append(b, text...)
	}
	for _, ch := range text {
		if ch >= 0x20 && ch != 0x7f {
			b = append(b, ch)
		}
	}
	return b
}

// plain says whether there is no control character in b.
func plain(b []byte) bool {
	for _, ch := range b {
		if ch < 0x20 || ch == 0x7f {
			return false
		}
	}
	return true
}
