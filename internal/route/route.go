// Package route says by which peers and trunks a call came and went: named in the configuration, or discovered by
// address. Its one rule: the number of names is bounded; what is beyond is Other.
package route

import (
	"net/netip"
	"slices"
	"strings"
)

// Other stands for the routes beyond the bound.
const Other = "other"

// Rule names a route. A rule holds when every field that is set does.
type Rule struct {
	Name      string
	Addresses []netip.Prefix
	Ports     []uint16
	Domains   []string // host of the Request-URI (out) or of From (in); "*.example.com" for what is below
	Direction string   // "in", "out"; "" both
}

// Ways are the routes of one case.
type Ways struct {
	In    string   // by which its first request came; "" unknown
	Out   []string // of each of call.Call.Attempts, parallel to it; "" of one whose branches are attempts of their own
	Maker string   // who made the deciding response: the route at that address, or the address; "" unknown
}

// Prefixes of a route's name where its two directions are counted apart (record.Cell.Route).
const (
	in  = "in:"
	out = "out:"
)

// InKey returns what the traffic that came by a route is counted under.
func InKey(name string) string { return in + name }

// OutKey returns what the traffic that was sent by a route is counted under.
func OutKey(name string) string { return out + name }

// Keys returns what the routes named are counted under: both directions of each, but of "in:NAME" and "out:NAME"
// this one only.
func Keys(names []string) []string {
	var keys []string
	for _, n := range names {
		if strings.HasPrefix(n, in) || strings.HasPrefix(n, out) {
			keys = append(keys, n)
		} else {
			keys = append(keys, in+n, out+n)
		}
	}
	return keys
}

// KeysOf returns what a case is counted under that came by one route and was sent by others, each key once; "" is none.
func KeysOf(came string, sent []string) (keys []string) {
	if came != "" {
		keys = append(keys, in+came)
	}
	for _, o := range sent {
		if k := out + o; o != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// SplitKey returns the name and the direction ("in", "out"; "" of all traffic) of what is counted under key.
func SplitKey(key string) (name, direction string) {
	if n, ok := strings.CutPrefix(key, in); ok {
		return n, "in"
	}
	if n, ok := strings.CutPrefix(key, out); ok {
		return n, "out"
	}
	return key, ""
}
