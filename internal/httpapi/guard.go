package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// security are the headers of every answer: nothing here is a page that others may frame, sniff or load from.
var security = [][2]string{
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cache-Control", "no-store"}, // who called whom is in no cache; what is the same for all says so itself
}

// reportPolicy is for a report as HTML: its own policy names the hashes of its style and script; the sandbox takes this
// origin from it, so that what it shows of strangers could not read the API even if it ran.
const reportPolicy = "sandbox allow-scripts; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// guard is what every request passes.
func (a *api) guard(next http.Handler) http.Handler {
	// Browsers say from where a request comes; what changes something must come from here.
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(&answer{ResponseWriter: w}, r, &problem{Status: http.StatusForbidden, Detail: "a page of another origin may not do this"})
	}))
	inner := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadlines(w, r)
		for _, h := range security {
			w.Header().Set(h[0], h[1])
		}
		if !a.named(r.Host) {
			a.fail(&answer{ResponseWriter: w}, r, &problem{
				Status: http.StatusMisdirectedRequest,
				Detail: "this server does not answer for the host " + strings.ToValidUTF8(r.Host, "?") + "; ask for localhost, or name the host in the configuration: hosts, or serve --host",
			})
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// deadlines begins the time for an answer to be taken, and ends that for a request to come: what is still to be read of
// one without a body is only that the client goes.
func deadlines(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // a recorder in a test has none
	if r.Body == http.NoBody {
		_ = control.SetReadDeadline(time.Time{})
	}
}

// named says whether a Host header is a name of ours. A page elsewhere can make its own name resolve to this machine
// (DNS rebinding); it cannot make the browser name another host.
func (a *api) named(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || slices.Contains(a.opt.Hosts, host) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// printable escapes what of a JSON document a terminal would obey or a reader not see, as render does: controls beyond
// ASCII and bidirectional formatting. encoding/json has escaped the others.
func printable(doc []byte) []byte {
	const hex = "0123456789abcdef"
	var out []byte
	from := 0
	for i := 0; i < len(doc); {
		if doc[i] < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(doc[i:])
		if r < 0xa0 || r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			out = append(out, doc[from:i]...)
			out = append(out, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			from = i + n
		}
		i += n
	}
	if from == 0 {
		return doc
	}
	return append(out, doc[from:]...)
}
