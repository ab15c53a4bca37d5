package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Notes says what is allowed but hardly meant: for the log of a start, and for config check.
func (c *Config) Notes() (notes []string) {
	for _, l := range c.HEP.Listen {
		host, _ := hostPort(l.Address)
		if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && a.IsLoopback() {
			continue
		}
		if len(c.HEP.Allow) == 0 && c.HEP.Key == "" {
			notes = append(notes, fmt.Sprintf("%s: %s takes packets from anybody; name the agents in hep.allow, or set hep.key_file", c.where("hep.listen"), l))
		}
	}
	if len(c.HEP.Listen)+len(c.Capture.Interfaces)+len(c.Watch) == 0 {
		notes = append(notes, "nothing is received: neither hep.listen nor capture.interfaces nor watch names anything")
	}
	if c.OTLP.Endpoint == "" && len(c.OTLP.Headers) > 0 {
		notes = append(notes, c.where("otlp.headers")+": otlp.headers without otlp.endpoint")
	}
	return notes
}

// UnknownEnv says which variables look like options and are none. environ is as os.Environ returns it.
func UnknownEnv(environ []string) (notes []string) {
	known := []string{PathEnv}
	for i := range table {
		known = append(known, table[i].Env())
	}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if value != "" && strings.HasPrefix(name, "SIPCAUSE_") && !slices.Contains(known, name) {
			near := ""
			if n := nearest(strings.ToLower(name), lower(known)); n != "" {
				near = "; nearest: " + strings.ToUpper(n)
			}
			notes = append(notes, fmt.Sprintf("%s: the environment has no such option%s", name, near))
		}
	}
	slices.Sort(notes)
	return notes
}

func lower(list []string) (out []string) {
	for _, s := range list {
		out = append(out, strings.ToLower(s))
	}
	return out
}
