package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"sipcause/internal/capture"
)

func same[T any](v T) any { return v }

func stringer[T fmt.Stringer](v T) any { return v.String() }

var (
	text = kind[string]{name: "TEXT", accepts: "a text", parse: line, show: same[string]}
	file = kind[string]{name: "FILE", accepts: "the name of a file", parse: line, show: same[string]}.orOff()
	dir  = kind[string]{name: "DIR", accepts: "the name of a folder", parse: line, show: same[string]}.orOff()

	interfaceName = kind[string]{name: "NAME", accepts: "the name of an interface", parse: func(s string) (string, error) { return letters(s, "._-:@") }, show: same[string]}
	folder        = kind[string]{name: "DIR", accepts: "the name of a folder", parse: line, show: same[string]}
	name          = kind[string]{name: "NAME", accepts: "a name of at most 64 letters, digits and . _ -", parse: word, show: same[string]}
	headerName    = kind[string]{name: "NAME", accepts: "the name of a header field (RFC 3261 §25.1: a token)", parse: fieldName, show: same[string]}
	header        = kind[string]{name: "HEADER", accepts: `a header as "Name: value"`, parse: nameAndValue, show: same[string]}
	hostName      = kind[string]{name: "NAME", accepts: "the name of a host, without a port, such as sipcause.example.com", parse: plainHost, show: same[string]}
	domain        = kind[string]{name: "DOMAIN", accepts: `a domain such as example.com, or *.example.com for what is below it`, parse: domainName, show: same[string]}

	loopback  = kind[string]{name: "ADDRESS", accepts: "an address of this machine alone, as 127.0.0.1:8060, [::1]:8060 or localhost:8060", parse: loopbackAddress, show: same[string]}
	listener  = kind[Listener]{name: "URL", accepts: "udp://, tcp:// or tls:// with address and port, such as udp://127.0.0.1:9060", parse: parseListener, show: stringer[Listener]}
	endpoint  = kind[string]{name: "URL", accepts: "a URL such as http://127.0.0.1:4318/v1/metrics", parse: httpURL, show: same[string]}.orOff()
	prefix    = kind[netip.Prefix]{name: "CIDR", accepts: "an address or a network such as 192.0.2.0/24 or 2001:db8::/32", parse: parsePrefix, show: showPrefix}
	portRange = kind[capture.PortRange]{name: "PORT", accepts: "a port from 1 to 65535, or a range such as 5060-5090", parse: parsePortRange, show: showPortRange}
	port      = kind[uint16]{name: "PORT", accepts: "a port from 1 to 65535", parse: parsePort, show: func(v uint16) any { return int(v) }}

	yes = kind[bool]{name: "BOOL", accepts: "true or false", parse: func(s string) (bool, error) {
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, errKind
	}, show: same[bool]}

	logLevel = kind[slog.Level]{name: "LEVEL", accepts: "one of debug, info, warn and error", parse: func(s string) (slog.Level, error) {
		var l slog.Level
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, s) || l.UnmarshalText([]byte(s)) != nil {
			return 0, errKind
		}
		return l, nil
	}, show: func(l slog.Level) any { return strings.ToLower(l.String()) }}
)

// choice is one of some words.
func choice(words ...string) kind[string] {
	accepts := "one of " + strings.Join(words, ", ")
	return kind[string]{name: strings.Join(words, "|"), accepts: accepts, show: same[string], parse: func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", errKind
		}
		return s, nil
	}}
}

// count is a whole number within bounds.
func count(from, to int) kind[int] {
	return kind[int]{
		name: "N", accepts: fmt.Sprintf("a whole number from %d to %d", from, to), show: same[int],
		parse: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			if err != nil || n < from || n > to {
				return 0, errKind
			}
			return n, nil
		},
	}
}

const day = 24 * time.Hour

// duration is a time from a lower bound to an upper one.
func duration(from, to time.Duration) kind[time.Duration] {
	return kind[time.Duration]{
		name: "DURATION", accepts: fmt.Sprintf("a duration such as 90s, 12h or 7d, from %s to %s", showDuration(from), showDuration(to)), show: func(d time.Duration) any { return showDuration(d) },
		parse: func(s string) (time.Duration, error) {
			d, err := parseDuration(s)
			if err != nil || d < from || d > to {
				return 0, errKind
			}
			return d, nil
		},
	}
}

func parseDuration(s string) (time.Duration, error) {
	days, ok := strings.CutSuffix(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 31)
	if err != nil || n > uint64(math.MaxInt64/day) {
		return 0, errKind
	}
	return time.Duration(n) * day, nil
}

func showDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if d%time.Minute == 0 && d != 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d%time.Hour == 0 && d != 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// units of amounts of bytes, the smallest first.
var units = []struct {
	name  string
	bytes int64
}{
	{"B", 1}, {"KB", 1e3}, {"KiB", 1 << 10}, {"MB", 1e6}, {"MiB", 1 << 20}, {"GB", 1e9}, {"GiB", 1 << 30}, {"TB", 1e12}, {"TiB", 1 << 40},
}

// size is an amount of bytes within bounds.
func size(from, to int64) kind[int64] {
	return kind[int64]{
		name: "SIZE", accepts: fmt.Sprintf("a size with its unit, such as 64MiB or 20GB, from %s to %s", showSize(from), showSize(to)), show: func(n int64) any { return showSize(n) },
		parse: func(s string) (int64, error) {
			n, err := parseSize(s)
			if err != nil || n < from || n > to {
				return 0, errKind
			}
			return n, nil
		},
	}
}

// ParseSize reads an amount of bytes with its unit, such as 64MiB or 20GB.
func ParseSize(s string) (int64, error) {
	n, err := parseSize(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no size with its unit, such as 64MiB or 20GB", s)
	}
	return n, nil
}

func parseSize(s string) (int64, error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	if err != nil {
		return 0, errKind
	}
	unit := strings.TrimSpace(s[digits:])
	for _, u := range units {
		if strings.EqualFold(unit, u.name) {
			if n > math.MaxInt64/u.bytes {
				return 0, errKind
			}
			return n * u.bytes, nil
		}
	}
	return 0, errKind
}

// showSize takes the largest unit that leaves no remainder.
func showSize(n int64) string {
	for i, u := range slices.Backward(units) {
		if n >= u.bytes && n%u.bytes == 0 || i == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return ""
}

func line(s string) (string, error) {
	if s == "" || len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errKind
	}
	return s, nil
}

// letters allows ASCII letters, digits and some signs.
func letters(s, signs string) (string, error) {
	for _, r := range s {
		if r >= 0x80 || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(signs, r) {
			return "", errKind
		}
	}
	if s == "" || len(s) > 64 {
		return "", errKind
	}
	return s, nil
}

func word(s string) (string, error) { return letters(s, "._-") }

// fieldName reads a token of RFC 3261 §25.1.
func fieldName(s string) (string, error) { return letters(s, "-.!%*_+`'~") }

func nameAndValue(s string) (string, error) {
	n, v, ok := strings.Cut(s, ":")
	if _, err := fieldName(n); !ok || err != nil {
		return "", errKind
	}
	if _, err := line(strings.TrimSpace(v)); err != nil {
		return "", errKind
	}
	return n + ": " + strings.TrimSpace(v), nil
}

// plainHost reads what stands in a Host header before the port.
func plainHost(s string) (string, error) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	for label := range strings.SplitSeq(s, ".") {
		if _, err := letters(label, "-_"); err != nil {
			return "", err
		}
	}
	return line(s)
}

// domainName reads what package route checks.
func domainName(s string) (string, error) { return line(strings.ToLower(s)) }

// hostPort takes an address apart. The host is an address, localhost, or empty.
func hostPort(s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errKind
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("port %q", port)
	} else if n == 0 && host == "" {
		return "", errKind
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && host != "" {
		return "", fmt.Errorf("%q is neither an address nor localhost", host)
	}
	return host, nil
}

func loopbackAddress(s string) (string, error) {
	host, err := hostPort(s)
	if err != nil {
		return "", err
	}
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && a.IsLoopback() {
		return s, nil
	}
	return "", errors.New("without a log-in, this would show calls to whoever reaches it")
}

func parseListener(s string) (Listener, error) {
	network, address, ok := strings.Cut(s, "://")
	if !ok || !slices.Contains([]string{"udp", "tcp", "tls"}, network) {
		return Listener{}, errKind
	}
	if _, err := hostPort(address); err != nil {
		return Listener{}, err
	}
	return Listener{Network: network, Address: address}, nil
}

func httpURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errKind
	}
	if u.User != nil {
		return "", errors.New("user and password belong into a header")
	}
	return s, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errKind
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("bits beyond the mask are set; %s is meant?", p.Masked())
	}
	return p, nil
}

func showPrefix(p netip.Prefix) any {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, errKind
	}
	return uint16(n), nil
}

func parsePortRange(s string) (capture.PortRange, error) {
	list, err := capture.ParsePorts(s)
	if err != nil || len(list) != 1 {
		return capture.PortRange{}, errKind
	}
	return list[0], nil
}

func showPortRange(r capture.PortRange) any {
	if r.First == r.Last {
		return int(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}
