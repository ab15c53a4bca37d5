package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/route"
)

// Option is one row of the table: all that flags, environment, file, reference and man page know of it.
type Option struct {
	Key     string // in the file; "hep.listen" is listen below hep
	Flag    string // without --
	Default string // as in the file
	Help    string
	Example string // in the file, where the default shows too little
	Reload  bool   // SIGHUP takes a new value over; else it needs a restart
	Secret  bool   // its value is never shown

	bind binding[Config]
}

// Env is the name of its environment variable.
func (o *Option) Env() string {
	return "SIPCAUSE_" + strings.ToUpper(strings.ReplaceAll(o.Flag, "-", "_"))
}

// Kind is what its values are, as a word for help: "DURATION".
func (o *Option) Kind() string { return o.bind.kind }

// Accepts says which values it takes.
func (o *Option) Accepts() string { return o.bind.accepts }

// List says whether it takes several values.
func (o *Option) List() bool { return o.bind.list }

// Bool says whether its flag needs no value.
func (o *Option) Bool() bool { return o.bind.kind == yes.name }

// Words are the values it takes when they are few.
func (o *Option) Words() []string {
	if o.bind.kind == logLevel.name {
		return []string{"debug", "info", "warn", "error"}
	}
	if strings.Contains(o.bind.kind, "|") {
		return strings.Split(o.bind.kind, "|")
	}
	return nil
}

// Options returns the table, in the order of the reference.
func Options() []Option { return table }

const years = 100 * 365 * day

var table = []Option{
	{
		Key: "listen", Flag: "listen", Default: "127.0.0.1:8060", Help: "where the API, /metrics and /healthz are served; this machine only",
		bind: one(func(c *Config) *string { return &c.Listen }, loopback),
	},
	{
		Key: "hosts", Flag: "host", Default: "[]", Help: "further names by which the API may be asked, for a web server in front of it; others than these and this machine's own are refused", Example: " [sipcause.example.com]",
		bind: many(func(c *Config) *[]string { return &c.Hosts }, hostName),
	},
	{
		Key: "pprof", Flag: "pprof", Default: off, Help: "where profiles of the program are served (net/http/pprof)",
		bind: one(func(c *Config) *string { return &c.Pprof }, loopback.orOff()),
	},
	{
		Key: "data", Flag: "data", Default: off, Help: "folder of the history; off: $STATE_DIRECTORY (systemd), else /var/lib/sipcause where that can be written, else ~/.local/share/sipcause",
		bind: one(func(c *Config) *string { return &c.Data }, dir),
	},
	{
		Key: "user", Flag: "user", Default: off, Help: "user to become once sockets are open, when started as root",
		bind: one(func(c *Config) *string { return &c.User }, name.orOff()),
	},

	{
		Key: "hep.listen", Flag: "hep", Default: "[udp://127.0.0.1:9060]", Help: "where HEP is received: udp://, tcp:// or tls:// with address and port; off: nowhere",
		bind: many(func(c *Config) *[]Listener { return &c.HEP.Listen }, listener),
	},
	{
		Key: "hep.key", Flag: "hep-key", Default: off, Secret: true, Help: "key that agents have to send (chunk 14); others can see a command line, so rather use hep.key_file",
		bind: one(func(c *Config) *string { return &c.HEP.Key }, text.orOff()),
	},
	{
		Key: "hep.key_file", Flag: "hep-key-file", Default: off, Help: "file whose first line is that key",
		bind: one(func(c *Config) *string { return &c.HEP.KeyFile }, file),
	},
	{
		Key: "hep.allow", Flag: "hep-allow", Default: "[]", Help: "addresses and networks that may send HEP; none named: all", Example: ` [192.0.2.0/24, "2001:db8::/32"]`,
		bind: many(func(c *Config) *[]netip.Prefix { return &c.HEP.Allow }, prefix),
	},
	{
		Key: "hep.rate", Flag: "hep-rate", Default: "0", Help: "HEP packets per second taken from one address, what is beyond is dropped and counted; 0: no limit",
		bind: one(func(c *Config) *int { return &c.HEP.Rate }, count(0, 10_000_000)),
	},
	{
		Key: "hep.tls.cert", Flag: "hep-tls-cert", Default: off, Help: "certificate (PEM, with its chain) of tls:// listeners",
		bind: one(func(c *Config) *string { return &c.HEP.Cert }, file),
	},
	{
		Key: "hep.tls.key", Flag: "hep-tls-key", Default: off, Help: "private key (PEM) of tls:// listeners",
		bind: one(func(c *Config) *string { return &c.HEP.CertKey }, file),
	},

	{
		Key: "capture.interfaces", Flag: "iface", Default: "[]", Help: "network interfaces to capture from (Linux; needs CAP_NET_RAW); HEP is received beside them unless hep.listen is off", Example: " [eth0]",
		bind: many(func(c *Config) *[]string { return &c.Capture.Interfaces }, interfaceName),
	},
	{
		Key: "capture.ports", Flag: "ports", Default: defaultPorts(), Help: "ports that the kernel's filter lets through, beside ICMP and fragments of IP; off: everything, without a filter",
		bind: many(func(c *Config) *[]capture.PortRange { return &c.Capture.Ports }, portRange),
	},
	{
		Key: "capture.promiscuous", Flag: "promiscuous", Default: "true", Help: "whether frames for other stations are taken too: without that a mirror port shows nothing; on any it never applies",
		bind: one(func(c *Config) *bool { return &c.Capture.Promiscuous }, yes),
	},
	{
		Key: "capture.snaplen", Flag: "snaplen", Default: "65535", Help: "bytes kept of a packet",
		bind: one(func(c *Config) *int { return &c.Capture.Snaplen }, count(256, 262144)),
	},
	{
		Key: "capture.ring", Flag: "ring", Default: "32MiB", Help: "memory of each socket in which packets wait, shared with the kernel",
		bind: one(func(c *Config) *int64 { return &c.Capture.Ring }, size(1<<20, 1<<30)),
	},
	{
		Key: "capture.fanout", Flag: "fanout", Default: "1", Help: "sockets per interface, among which the kernel deals the packets out",
		bind: one(func(c *Config) *int { return &c.Capture.Fanout }, count(1, 64)),
	},
	{
		Key: "capture.rtp", Flag: "rtp", Default: "true", Help: "whether RTP and RTCP are captured too, for loss, jitter and MOS",
		bind: one(func(c *Config) *bool { return &c.Capture.RTP }, yes),
	},
	{
		Key: "watch", Flag: "watch", Default: "[]", Help: "folders into which rotating captures are written", Example: " [/var/spool/captures]",
		bind: many(func(c *Config) *[]string { return &c.Watch }, folder),
	},

	{
		Key: "store.flush", Flag: "flush", Default: "1s", Help: "at most this much is lost when the program is killed",
		bind: one(func(c *Config) *time.Duration { return &c.Store.Flush }, duration(50*time.Millisecond, time.Minute)),
	},
	{
		Key: "store.durability", Flag: "durability", Default: "normal", Help: "normal: safe against a crash of the program; full: against a loss of power too, which is slower",
		bind: one(func(c *Config) *string { return &c.Store.Durability }, choice("normal", "full")),
	},
	{
		Key: "store.queue", Flag: "queue", Default: "64MiB", Help: "memory in which messages wait for the store; what is beyond is dropped and counted",
		bind: one(func(c *Config) *int64 { return &c.Store.Queue }, size(1<<20, 16<<30)),
	},

	{
		Key: "retention.messages", Flag: "keep-messages", Default: "7d", Reload: true, Help: "how long messages are kept at least, and up to a day more: whole days are dropped; off: while there is room",
		bind: one(func(c *Config) *time.Duration { return &c.Retention.Messages }, duration(time.Hour, years).orOff()),
	},
	{
		Key: "retention.cases", Flag: "keep-cases", Default: "90d", Reload: true, Help: "how long calls, registrations and transactions with their diagnosis are kept, in the same way; off: while there is room",
		bind: one(func(c *Config) *time.Duration { return &c.Retention.Cases }, duration(time.Hour, years).orOff()),
	},
	{
		Key: "retention.rollups", Flag: "keep-rollups", Default: "730d", Reload: true, Help: "how long sums per minute are kept, in the same way; off: while there is room",
		bind: one(func(c *Config) *time.Duration { return &c.Retention.Rollups }, duration(day, years).orOff()),
	},
	{
		Key: "retention.max_bytes", Flag: "max-bytes", Default: "20GB", Reload: true, Help: "bytes of the whole history; the oldest files go, but for those that are written; off: no bound",
		bind: one(func(c *Config) *int64 { return &c.Retention.MaxBytes }, size(16<<20, 1<<50).orOff()),
	},
	{
		Key: "retention.min_free", Flag: "min-free", Default: "1GB", Reload: true, Help: "bytes to be left free on the file system, whoever fills it; the oldest history goes until they are, all but the files that are written; off: none",
		bind: one(func(c *Config) *int64 { return &c.Retention.MinFree }, size(1<<20, 1<<50).orOff()),
	},

	{
		Key: "routes", Flag: "route", Default: "[]", Help: "peers and trunks by name; the first that holds counts, and it holds when each of its keys does",
		Example: "\n  - {name: carrier-a, addresses: [192.0.2.0/24, \"2001:db8::/32\"]}\n  - {name: carrier-b, domains: [\"*.example.net\"], ports: [5060, 5061], direction: out}",
		bind:    records(func(c *Config) *[]route.Rule { return &c.Routes }, "ROUTE", routeFields, checkRoute),
	},
	{
		Key: "discover_routes", Flag: "discover-routes", Default: strconv.Itoa(route.Max), Help: "routes found by address besides those, at most; what is beyond is counted as other",
		bind: one(func(c *Config) *int { return &c.DiscoverRoutes }, count(1, 10_000)),
	},
	{
		Key: "join_headers", Flag: "join-header", Default: "[]", Help: "header fields by which a B2BUA names the Call-ID of its other leg, beside X-Call-ID and X-CID",
		bind: many(func(c *Config) *[]string { return &c.JoinHeaders }, headerName),
	},
	{
		Key: "rating_header", Flag: "rating-header", Default: off, Help: "header field in which user agents report the user's satisfaction, 1 to 5",
		bind: one(func(c *Config) *string { return &c.RatingHeader }, headerName.orOff()),
	},
	{
		Key: "playbooks", Flag: "playbooks", Default: off, Help: "folder of your own playbooks (*.yaml), which win over the built-in ones",
		bind: one(func(c *Config) *string { return &c.Playbooks }, dir),
	},
	{
		Key: "stir_certs", Flag: "stir-certs", Default: off, Help: "folder of certificates by which the signatures of calls (STIR/SHAKEN) are checked",
		bind: one(func(c *Config) *string { return &c.StirCerts }, dir),
	},
	{
		Key: "maintenance", Flag: "maintenance", Default: "[]", Reload: true, Help: "times of maintenance, shown beside every series; once (from, until) or every week",
		Example: "\n  - {name: switch-over, from: 2026-03-01T02:00:00Z, until: 2026-03-01T03:30:00Z}\n  - {name: reload of the carrier, route: carrier-a, weekly: Sun 23:00-01:00 Europe/Berlin}",
		bind:    records(func(c *Config) *[]Window { return &c.Maintenance }, "WINDOW", windowFields, checkWindow),
	},

	{
		Key: "otlp.endpoint", Flag: "otlp", Default: off, Help: "where metrics are exported to by OTLP over HTTP",
		bind: one(func(c *Config) *string { return &c.OTLP.Endpoint }, endpoint),
	},
	{
		Key: "otlp.interval", Flag: "otlp-interval", Default: "1m", Help: "time between two exports",
		bind: one(func(c *Config) *time.Duration { return &c.OTLP.Interval }, duration(time.Second, day)),
	},
	{
		Key: "otlp.headers", Flag: "otlp-header", Default: "[]", Secret: true, Help: `headers sent along, as "Name: value"; others can see a command line, so rather name them in the file`,
		bind: many(func(c *Config) *[]string { return &c.OTLP.Headers }, header),
	},

	{
		Key: "log.level", Flag: "log-level", Default: "info", Reload: true, Help: "least severe line that is logged",
		bind: one(func(c *Config) *slog.Level { return &c.Log.Level }, logLevel),
	},
	{
		Key: "log.format", Flag: "log-format", Default: "text", Help: "text or json, a line per event on standard error",
		bind: one(func(c *Config) *string { return &c.Log.Format }, choice("text", "json")),
	},
}

// defaultPorts are those of the capture, as a list.
func defaultPorts() string {
	var list []string
	for _, r := range capture.DefaultPorts() {
		list = append(list, fmt.Sprint(portRange.show(r)))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

var routeFields = []field[route.Rule]{
	{"name", "how it is called in reports and searches", one(func(r *route.Rule) *string { return &r.Name }, text)},
	{"addresses", "addresses and networks of the peer", many(func(r *route.Rule) *[]netip.Prefix { return &r.Addresses }, prefix)},
	{"ports", "its ports", many(func(r *route.Rule) *[]uint16 { return &r.Ports }, port)},
	{"domains", "host of the Request-URI (out) or of From (in); *.example.com is what is below", many(func(r *route.Rule) *[]string { return &r.Domains }, domain)},
	{"direction", "in (calls come from it) or out (calls go to it); both when left out", one(func(r *route.Rule) *string { return &r.Direction }, choice("in", "out"))},
}

// checkRoute asks package route about each part of a rule, so that what is wrong with several of them is said.
func checkRoute(r *route.Rule, unread map[string]bool) (errs []error) {
	ask := func(part route.Rule) {
		if _, err := route.NewTable([]route.Rule{part}, 0); err != nil {
			errs = append(errs, err)
		}
	}
	name := r.Name
	switch {
	case name != "":
		if ask(route.Rule{Name: name, Ports: []uint16{1}}); len(errs) > 0 {
			name = "this"
		}
	case !unread["name"]:
		errs = append(errs, errors.New("a route needs a name"))
		fallthrough
	default:
		name = "this"
	}
	for _, p := range r.Addresses {
		ask(route.Rule{Name: name, Addresses: []netip.Prefix{p}})
	}
	for _, d := range r.Domains {
		ask(route.Rule{Name: name, Domains: []string{d}})
	}
	if len(r.Addresses)+len(r.Ports)+len(r.Domains) == 0 && !unread["addresses"] && !unread["ports"] && !unread["domains"] {
		ask(route.Rule{Name: name})
	}
	return errs
}

var windowFields = []field[Window]{
	{"name", "what is done", one(func(w *Window) *string { return &w.Name }, text)},
	{"route", "the route that it is about; all when left out", one(func(w *Window) *string { return &w.Route }, text)},
	{"from", "its beginning, when it is once", one(func(w *Window) *time.Time { return &w.From }, moment)},
	{"until", "its end, exclusive", one(func(w *Window) *time.Time { return &w.Until }, moment)},
	{"weekly", "day, times and zone, when it is every week; an end before the beginning is on the next day", one(func(w *Window) *Weekly { return &w.Weekly }, weekly)},
}
