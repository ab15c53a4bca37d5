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
	notes = append(notes, c.routeNotes()...)
	if k := &c.Retention; k.Cases != 0 && (k.Messages == 0 || k.Messages > k.Cases) {
		notes = append(notes, fmt.Sprintf("%s: calls are dropped after %s, before their messages", c.where("retention.cases"), showDuration(k.Cases)))
	}
	if words := c.beyondDisk(); words != "" { // by default, or it were an error
		notes = append(notes, words)
	}
	return notes
}

// routeNotes is about names of routes: one that stands for two, and one that stands for none.
func (c *Config) routeNotes() (notes []string) {
	count := map[string]int{}
	for i := range c.Routes {
		if count[c.Routes[i].Name]++; count[c.Routes[i].Name] == 2 {
			notes = append(notes, fmt.Sprintf("%s: several routes are named %q and count as one", c.where("routes"), c.Routes[i].Name))
		}
	}
	for i := range c.Maintenance {
		if w := &c.Maintenance[i]; w.Route != "" && count[w.Route] == 0 {
			notes = append(notes, fmt.Sprintf("%s: maintenance window %q is for the route %q, which is not among routes", c.where("maintenance"), w.Name, w.Route))
		}
	}
	return notes
}

// UnknownEnv says which variables look like options and are none. environ is as os.Environ returns it; others are those
// that other commands read.
func UnknownEnv(environ []string, others ...string) (notes []string) {
	known := append([]string{PathEnv}, others...)
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
