//go:build !unix

package config

// canWrite is for the folder of Unix systems.
func canWrite(string) bool { return false }
