//go:build !unix

package config

// canWrite is for the folder of Unix systems.
func canWrite(string) bool { return false }

// diskSize is for Unix systems.
func diskSize(string) int64 { return 0 }
