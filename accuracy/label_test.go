package accuracy

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/finding"
)

const (
	repository = ".."
	labelFiles = "labels/*.tsv"
	flowDir    = "accuracy/flows/"               // files there need no hash: their truth is read beside them
	healthy    = "testdata/captures/healthy.txt" // captures in which nothing went wrong
	ownDir     = "testdata/captures/"            // where its plain names are
	sharedDir  = "../shared/corpora/"            // where its others are
	none       = "none"                          // in the column cause: there must be none; origin: nobody
	unknown    = "unknown"                       // in the column cause: the packets do not show it
	all, only  = "all", "only"                   // in the column pick
	aorPrefix  = "aor:"                          // likewise
	textSet    = "corpora-text"                  // the set with bounds of its own
	columns    = "name\tfile\tsha256\tpick\tkind\toutcome\tcode\tcause\torigin\tsuspect\twhy"
	captureCol = "capture" // kind of a label of the capture as a whole
)

// label is one line of a table: what is true of one case of one file.
type label struct {
	set, where string // table without its extension; table and line
	name       string
	file       string // relative to the repository
	sha256     string // of the file, "" not demanded
	flow       string // of a file of flows, which one
	pick       string // which case of the file or flow
	kind       string // call.Kind, or capture
	outcome    string // "" not said
	code       int    // -1 not said
	causes     []string
	origin     string // ip:port, none; "" not said
	suspect    string
	why        string
}

// clean says that the label demands that nothing above info is said.
func (l *label) clean() bool { return l.pick == all && l.kind != captureCol || l.wants(none) }

func (l *label) wants(id string) bool { return slices.Contains(l.causes, id) }

// topic is the row of the report.
func (l *label) topic() string {
	if l.clean() {
		return "healthy"
	}
	topic, _, _ := strings.Cut(l.causes[0], ".")
	return topic
}

func (l *label) shared() bool { return strings.HasPrefix(l.file, sharedDir) }

// unread says that the case belongs to the third whose misses nobody reads before the rules are frozen. A name
// decides it alone, so that it stays what it is.
func (l *label) unread() bool {
	sum := sha256.Sum256([]byte(l.name))
	return binary.BigEndian.Uint64(sum[:])%3 == 0
}

// readLabels reads all tables and the list of healthy captures.
func readLabels() ([]label, error) {
	files, err := filepath.Glob(labelFiles)
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no tables in %s: %w", labelFiles, err)
	}
	var out []label
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		l, err := parseLabels(filepath.Base(file), string(b))
		if err != nil {
			return nil, err
		}
		out = append(out, l...)
	}
	b, err := os.ReadFile(filepath.Join(repository, healthy))
	if err != nil {
		return nil, err
	}
	out = append(out, healthyLabels(string(b))...)
	first := map[string]string{}
	for i := range out {
		l := &out[i]
		if at := first[l.name]; at != "" {
			return nil, fmt.Errorf("%s: %s is the name of %s already", l.where, l.name, at)
		}
		first[l.name] = l.where
	}
	return out, nil
}

// healthyLabels makes labels of the list of healthy captures.
func healthyLabels(list string) (out []label) {
	for name := range strings.Lines(list) {
		if name = strings.TrimSpace(name); name == "" || name[0] == '#' {
			continue
		}
		l := label{set: "healthy", where: healthy, name: "healthy/" + name, pick: all, kind: captureCol, code: -1, causes: []string{none}}
		if l.file = sharedDir + name; !strings.Contains(name, "/") {
			l.file = ownDir + name
		}
		out = append(out, l)
	}
	return out
}

// parseLabels reads one table. It is strict: a label that is not understood measures nothing.
func parseLabels(name, text string) (out []label, err error) {
	header := false
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case !header:
			if line != columns {
				return nil, fmt.Errorf("%s:%d: the first line is not the names of the columns: %s", name, n, strings.ReplaceAll(columns, "\t", " "))
			}
			header = true
		default:
			l := label{set: strings.TrimSuffix(name, ".tsv"), where: fmt.Sprintf("%s:%d", name, n)}
			if err := l.parse(strings.Split(line, "\t")); err != nil {
				return nil, fmt.Errorf("%s: %w", l.where, err)
			}
			out = append(out, l)
		}
	}
	return out, nil
}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	kinds    = []string{call.KindCall.String(), call.KindRegistration.String(), call.KindTransaction.String(), captureCol}
)

func (l *label) parse(f []string) (err error) {
	if want := strings.Count(columns, "\t") + 1; len(f) != want {
		return fmt.Errorf("%d columns, want %d", len(f), want)
	}
	l.name, l.file, l.sha256, l.pick, l.kind, l.outcome = f[0], f[1], f[2], f[3], f[4], f[5]
	l.origin, l.suspect, l.why = f[8], f[9], f[10]
	if strings.HasSuffix(l.file, ".txtar") { // FLOW is its only case, FLOW/pick another
		in := false
		if l.flow, l.pick, in = strings.Cut(l.pick, "/"); !in {
			l.pick = only
		}
	}
	l.code = -1
	if f[6] != "" {
		if l.code, err = strconv.Atoi(f[6]); err != nil {
			return fmt.Errorf("code %q: want a number", f[6])
		}
	}
	if l.causes = []string{none}; f[7] != "" {
		l.causes = strings.Split(f[7], "|")
	}
	switch {
	case !nameForm.MatchString(l.name):
		return fmt.Errorf("name %q: want words of a-z and 0-9 joined by -", l.name)
	case !hashForm.MatchString(l.sha256) && !strings.HasPrefix(l.file, flowDir):
		return fmt.Errorf("sha256 %q: want 64 hexadecimal digits", l.sha256)
	case l.pick == "", l.flow == "" && strings.HasSuffix(l.file, ".txtar"):
		return fmt.Errorf("pick is empty: want a Call-ID, %s<aor>, %s or %s", aorPrefix, only, all)
	case !slices.Contains(kinds, l.kind):
		return fmt.Errorf("kind %q: want one of %s", l.kind, strings.Join(kinds, ", "))
	case l.why == "":
		return fmt.Errorf("why is empty: say what in the messages shows it")
	case l.pick == all && l.kind != captureCol && !l.wants(none):
		return fmt.Errorf("pick %s with cause %s: of all cases only health can be said", all, f[7])
	case f[7] == "" && l.pick != all:
		return fmt.Errorf("cause is empty: want a finding, %s or %s", none, unknown)
	}
	return l.check()
}

// check looks at the values of the columns that name what sipcause knows.
func (l *label) check() error {
	for _, id := range l.causes {
		if _, ok := finding.Lookup(finding.ID(id)); ok {
			continue
		}
		if id != none && id != unknown {
			return fmt.Errorf("cause %q: no such finding", id)
		}
		if len(l.causes) > 1 {
			return fmt.Errorf("cause %s beside others", id)
		}
	}
	if o := l.outcome; o != "" {
		at := call.Unknown
		for ; at <= call.Ongoing && at.String() != o; at++ {
		}
		if at > call.Ongoing {
			return fmt.Errorf("outcome %q: there is none of that name", o)
		}
	}
	for _, a := range [...]string{l.origin, l.suspect} {
		if a == "" || a == none {
			continue
		}
		if _, err := netip.ParseAddrPort(a); err != nil {
			return fmt.Errorf("address %q: want ip:port, %s or nothing", a, none)
		}
	}
	return nil
}
