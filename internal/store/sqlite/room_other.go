//go:build !unix

package sqlite

// room is not known here.
func room(string) (free int64, readOnly bool) { return 1 << 62, false }
