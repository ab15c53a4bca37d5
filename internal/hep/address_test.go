package hep_test

import (
	"strings"
	"testing"

	"sipcause/internal/hep"
)

func TestAddress(t *testing.T) {
	for spec, want := range map[string]string{
		"udp://127.0.0.1:9999":     "udp 127.0.0.1:9999",
		"tcp://hep.example.com":    "tcp hep.example.com:9060",
		"tls://[2001:db8::1]":      "tls [2001:db8::1]:9061",
		"udp://[2001:db8::1]:9060": "udp [2001:db8::1]:9060",
		"udp://hep.example.com:":   "udp hep.example.com:9060",
		"tcp://:9060":              "tcp :9060", // as the configuration of the server takes it
	} {
		scheme, addr, err := hep.Address(spec)
		if got := scheme + " " + addr; err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", spec, got, err, want)
		}
	}
	for _, spec := range []string{"", "hep.example.com:9060", "http://hep.example.com", "udp://", "udp://:", "tcp://a:b", "tcp://u@hep.example.com", "tcp://hep.example.com/x", "tcp://hep.example.com?x", "udp://a b"} {
		if scheme, addr, err := hep.Address(spec); err == nil || !strings.HasPrefix(err.Error(), "read HEP address") {
			t.Errorf("%q is %q %q, %v", spec, scheme, addr, err)
		}
	}
}
