//go:build !linux

package correlate

// wantHugePages does nothing: pages are what the system makes them.
func wantHugePages([]byte) {}
