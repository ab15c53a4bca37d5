// Package config is what the server is told: one table of options, each by flag, environment and file. Its one rule:
// what it does not understand it refuses, saying where, and what is accepted.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sipcause/internal/capture"
	"sipcause/internal/route"
	"sipcause/internal/store"
)

// Config is what the server is told. All values are checked.
type Config struct {
	Listen string   // host:port of the API, on loopback
	Hosts  []string // further names by which the API may be asked, lower case
	Pprof  string   // host:port of profiles, on loopback; "" none
	Data   string   // folder of the history; never ""
	User   string   // to become after sockets are open; "" nobody else

	HEP            HEP
	Capture        Capture
	Watch          []string // folders
	Store          Store
	Retention      store.Policy
	Routes         []route.Rule
	DiscoverRoutes int // at most
	JoinHeaders    []string
	RatingHeader   string // "" none
	Playbooks      string // folder; "" none
	StirCerts      string // folder; "" none
	Maintenance    []Window
	OTLP           OTLP
	Log            Log

	from   map[string]Origin // by key
	loaded func() (*Config, error)
}

// HEP is how HEP is received.
type HEP struct {
	Listen  []Listener
	Key     string // "" none; what KeyFile holds, when that is named
	KeyFile string
	Allow   []netip.Prefix // none: all
	Rate    int            // packets/s of one source; 0 no limit
	Cert    string         // file, PEM
	CertKey string         // file, PEM
}

// Listener is where something is received.
type Listener struct {
	Network string // "udp", "tcp", "tls"
	Address string // host:port
}

// String is as the configuration has it: "udp://127.0.0.1:9060".
func (l Listener) String() string { return l.Network + "://" + l.Address }

// Capture is how interfaces are captured from.
type Capture struct {
	Interfaces  []string
	Ports       []capture.PortRange // none: everything, without a filter
	Promiscuous bool
	Snaplen     int   // bytes
	Ring        int64 // bytes, per socket
	Fanout      int   // sockets per interface
	RTP         bool
}

// Store is how history is written.
type Store struct {
	Flush      time.Duration
	Durability string // "normal", "full"
	Queue      int64  // bytes
}

// OTLP is where metrics are exported to.
type OTLP struct {
	Endpoint string // "" nowhere
	Interval time.Duration
	Headers  []string // "Name: value"
}

// Log is what is logged.
type Log struct {
	Level  slog.Level
	Format string // "text", "json"
}

// Origin is where a value comes from.
type Origin struct {
	Source string // "default", "file", "env", "flag"
	At     string // "sipcause.yaml:12", "SIPCAUSE_LISTEN", "--listen"; "" of a default
}

// PathEnv names the file when no flag does.
const PathEnv = "SIPCAUSE_CONFIG"

// Load reads the configuration: a flag wins over the environment, that over the file, that over the default. path names
// the file; "" is what PathEnv names, and no file when that is not set either. flags are the values given, by the
// name of the flag. An empty variable counts as not set. The error holds all that is wrong.
func Load(path string, env func(string) (string, bool), flags map[string][]string) (*Config, error) {
	c, err := Check(path, env, flags)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Check is Load that returns beside an error what could be read, nil when there is nothing: for the files that it names,
// which may be wrong, too.
func Check(path string, env func(string) (string, bool), flags map[string][]string) (*Config, error) {
	c := &Config{from: map[string]Origin{}, loaded: func() (*Config, error) { return Load(path, env, flags) }}
	p := &problems{}
	if path == "" {
		path, _ = env(PathEnv)
	}
	written, err := readFile(path, p)
	if err != nil {
		return nil, err
	}
	for i := range table {
		o := &table[i]
		c.from[o.Key] = Origin{Source: "default"}
		initial, err := parse(o.Default, o.Key, false)
		if err != nil {
			return nil, err
		}
		o.bind.set(c, initial, p)
		if n, ok := written[o.Key]; ok && n.kind != nodeNull {
			o.apply(c, n, "file", p)
		}
		if v, ok := env(o.Env()); ok && v != "" {
			o.apply(c, o.given([]string{v}, o.Env(), p), "env", p)
		}
		if v, ok := flags[o.Flag]; ok && len(v) > 0 {
			o.apply(c, o.given(v, "--"+o.Flag, p), "flag", p)
		}
	}
	c.finish(env, p)
	return c, p.err()
}

// Again loads the configuration anew, from the same file and with the same flags and environment.
func (c *Config) Again() (*Config, error) { return c.loaded() }

// Origin says where the value of an option comes from.
func (c *Config) Origin(key string) Origin { return c.from[key] }

func (o *Option) apply(c *Config, n node, source string, p *problems) {
	if n.kind == nodeNull {
		return // of a problem
	}
	if o.Secret && n.text == hidden {
		p.add(n.at, "%s: %s stands for a secret that was not shown", o.Key, hidden)
		return
	}
	c.from[o.Key] = Origin{source, n.at}
	if !o.Secret {
		o.bind.set(c, n, p)
		return
	}
	own := &problems{} // they tell the value
	if o.bind.set(c, n, own); len(own.list) > 0 {
		p.add(n.at, "%s is not %s; what is there is not shown", o.Key, o.Accepts())
	}
}

// given makes a node of what flags or the environment say: lists have commas, records are YAML.
func (o *Option) given(values []string, at string, p *problems) node {
	list := node{at: at, kind: nodeList}
	for _, v := range values {
		switch {
		case o.bind.nested:
			n, err := parse(v, at, false)
			if err != nil {
				p.add(err.Error(), "%s is expected", o.Accepts())
				return node{}
			}
			if n.kind == nodeList {
				list.items = append(list.items, n.items...)
			} else {
				list.items = append(list.items, n)
			}
		case o.bind.list:
			for v := range strings.SplitSeq(v, ",") {
				list.items = append(list.items, node{at: at, kind: nodeText, text: strings.TrimSpace(v)})
			}
		default:
			list.items = []node{{at: at, kind: nodeText, text: v}} // the last one counts
		}
	}
	if !o.bind.list {
		return list.items[0]
	}
	return list
}

// readFile returns the nodes of the file by key.
func readFile(path string, p *problems) (map[string]node, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("read configuration: %s is larger than %d bytes", path, maxFile)
	}
	root, err := parse(string(b), path, true)
	if err != nil {
		return nil, fmt.Errorf("read %w", err)
	}
	out := map[string]node{}
	collect(root, "", out, p)
	return out, nil
}

// collect finds the options below a prefix: "" or "hep.".
func collect(n node, prefix string, out map[string]node, p *problems) {
	if n.kind == nodeNull {
		return
	}
	if n.kind != nodeMap {
		p.add(n.at, "%s where keys with values are expected: %s", nodeNames[n.kind], strings.Join(below(prefix), ", "))
		return
	}
	for _, pair := range n.pairs {
		key := prefix + pair.key
		switch {
		case slices.ContainsFunc(table, func(o Option) bool { return o.Key == key }):
			v := pair.value
			if v.kind == nodeList {
				v.at = pair.at // not that of its first element
			}
			out[key] = v
		case len(below(key+".")) > 0:
			collect(pair.value, key+".", out, p)
		default:
			p.add(pair.at, "unknown key %q%s", key, suggestKey(pair.key, prefix))
		}
	}
}

// below returns the next words of the keys with a prefix.
func below(prefix string) (words []string) {
	for i := range table {
		if rest, ok := strings.CutPrefix(table[i].Key, prefix); ok {
			if word, _, _ := strings.Cut(rest, "."); !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// suggestKey names the nearest key beside the wrong one, else the nearest anywhere, with its path.
func suggestKey(word, prefix string) string {
	siblings := below(prefix)
	if n := nearest(word, siblings); n != "" {
		return "; nearest: " + prefix + n
	}
	var names []string
	full := map[string]string{}
	for i := range table {
		for _, n := range []string{table[i].Key[strings.LastIndexByte(table[i].Key, '.')+1:], table[i].Key, strings.ReplaceAll(table[i].Flag, "-", "_")} {
			if full[n] == "" {
				names, full[n] = append(names, n), table[i].Key
			}
		}
	}
	if n := nearest(word, names); n != "" {
		return "; nearest: " + full[n]
	}
	return "; accepted are " + strings.Join(siblings, ", ")
}

// finish checks what several options say together, and finds what is left to be found.
func (c *Config) finish(env func(string) (string, bool), p *problems) {
	if c.HEP.Key != "" && c.HEP.KeyFile != "" {
		p.add(c.where("hep.key_file"), "hep.key and hep.key_file exclude each other")
	} else if c.HEP.KeyFile != "" {
		key, err := firstLine(c.HEP.KeyFile)
		if err != nil {
			p.add(c.where("hep.key_file"), "%v", err)
		}
		c.HEP.Key, c.from["hep.key"] = key, Origin{"file", c.HEP.KeyFile}
	}
	tls := slices.ContainsFunc(c.HEP.Listen, func(l Listener) bool { return l.Network == "tls" })
	switch {
	case (c.HEP.Cert == "") != (c.HEP.CertKey == ""):
		p.add(c.where("hep.tls.cert"), "hep.tls.cert and hep.tls.key go together")
	case tls && c.HEP.Cert == "":
		p.add(c.where("hep.listen"), "a tls:// listener needs hep.tls.cert and hep.tls.key")
	}
	seen := map[string]bool{}
	for _, l := range c.HEP.Listen {
		network := strings.Replace(l.Network, "tls", "tcp", 1)
		if key := network + l.Address; seen[key] {
			p.add(c.where("hep.listen"), "%s stands twice", l)
		} else {
			seen[key] = true
		}
	}
	if c.Data == "" {
		c.Data = dataFolder(env)
	}
	if words := c.beyondDisk(); words != "" && c.from["retention.min_free"].Source != "default" {
		p.add(c.where("retention.min_free"), "%s", words)
	}
}

// beyondDisk says that more is to be left free than there is.
func (c *Config) beyondDisk() string {
	size := diskSize(c.Data)
	if size == 0 || c.Retention.MinFree <= size {
		return ""
	}
	return fmt.Sprintf("retention.min_free is %s, and the file system of %s has %s in all: all history but what is just written would be dropped",
		showSize(c.Retention.MinFree), c.Data, showSize(size))
}

// where says where a value was given, for what is wrong in more than one.
func (c *Config) where(key string) string {
	if at := c.from[key].At; at != "" {
		return at
	}
	return "configuration"
}

// maxKey bounds the first line of a key file.
const maxKey = 1024

func firstLine(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return "", err
	}
	key, _, _ := strings.Cut(string(b), "\n")
	if key = strings.TrimSpace(key); key == "" || len(b) > maxKey && !strings.Contains(string(b), "\n") {
		return "", fmt.Errorf("%s: its first line is no key of 1 to %d bytes", name, maxKey)
	}
	return key, nil
}

// systemData is the folder that packages make.
const systemData = "/var/lib/sipcause"

func dataFolder(env func(string) (string, bool)) string {
	if v, ok := env("STATE_DIRECTORY"); ok && v != "" {
		first, _, _ := strings.Cut(v, ":") // systemd.exec(5)
		return first
	}
	if canWrite(systemData) {
		return systemData
	}
	if v, ok := env("XDG_DATA_HOME"); ok && filepath.IsAbs(v) {
		return filepath.Join(v, "sipcause")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "sipcause")
	}
	return "sipcause-data"
}
