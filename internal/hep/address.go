package hep

import (
	"fmt"
	"net/url"
	"strings"
)

// ports are those of servers that name none, by scheme.
var ports = map[string]string{"udp": "9060", "tcp": "9060", "tls": "9061"}

// Address reads where packets are sent or received: "tls://hep.example.com" is the scheme "tls" and the address
// "hep.example.com:9061". Without a host, which takes a port, it is all of this machine's.
func Address(spec string) (scheme, addr string, err error) {
	u, err := url.Parse(spec)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("read HEP address: %w", err)
	case ports[u.Scheme] == "" || u.Hostname() == "" && u.Port() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "", "", fmt.Errorf("read HEP address: %q is not of the form udp://host:port, tcp://host:port or tls://host:port", spec)
	case u.Port() != "":
		return u.Scheme, u.Host, nil
	}
	return u.Scheme, strings.TrimSuffix(u.Host, ":") + ":" + ports[u.Scheme], nil
}
