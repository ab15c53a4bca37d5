package accuracy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sipcause/internal/capture"
	"sipcause/internal/finding"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// said is what sipcause says of one case, kept beyond the run.
type said struct {
	ids      []string // Call-IDs of the legs
	kind     string
	aor      string
	bad      bool
	outcome  string
	code     int
	origin   netip.AddrPort
	sure     float64 // of the origin
	suspect  netip.AddrPort
	root     *finding.Finding
	findings []finding.Finding
}

// analysis is what sipcause says of one file.
type analysis struct {
	refused string // why the file was not read as a capture
	cases   []said
	capture []finding.Finding // of it as a whole
}

func keep(c *view.Case) said {
	s := said{kind: c.Call.Kind.String(), bad: c.Call.Outcome.Bad(), outcome: c.Call.Outcome.String(), code: c.Call.Code}
	for _, l := range c.Call.Legs {
		s.ids = append(s.ids, strings.Clone(l.CallID))
	}
	if r := c.Call.Reg; r != nil {
		s.aor = strings.Clone(r.AOR)
	}
	if o := c.Call.Origin; o != nil {
		s.origin, s.sure = o.Address, o.Confidence
	}
	if v := c.Verdict.Suspect; v != nil {
		s.suspect = v.Address
	}
	s.findings = keepFindings(c.Verdict.Findings)
	if c.Verdict.Root != nil {
		root := keepFindings([]finding.Finding{*c.Verdict.Root})
		s.root = &root[0]
	}
	return s
}

// keepFindings copies what the report shows of findings.
func keepFindings(list []finding.Finding) []finding.Finding {
	out := slices.Clone(list)
	for i := range out {
		f := &out[i]
		f.Summary = strings.Clone(f.Summary)
		f.Evidence = slices.Clone(f.Evidence)
		for j := range f.Evidence {
			f.Evidence[j].Note = strings.Clone(f.Evidence[j].Note)
		}
	}
	return out
}

// analyse runs sipcause over the bytes of one capture or trace.
func analyse(b []byte) (*analysis, error) {
	a := &analysis{}
	src, err := capture.Open([]string{"-"}, bytes.NewReader(b))
	if err == nil {
		var sum *view.Summary
		sum, err = pipeline.Run(context.Background(), src, pipeline.Options{}, func(c *view.Case) error {
			a.cases = append(a.cases, keep(c))
			return nil
		})
		a.capture = keepFindings(sum.Findings)
	}
	var format *capture.FormatError
	if errors.As(err, &format) {
		a.refused, err = err.Error(), nil
	}
	return a, err
}

// library reads each file and analyses each capture once.
type library struct {
	analyses map[string]*analysis // by file, or file and flow
	hashes   map[string]string
}

func newLibrary() *library {
	return &library{analyses: map[string]*analysis{}, hashes: map[string]string{}}
}

// path returns where the label's file is. A capture of this repository may be named by its directory.
func (l *label) path() string {
	p := filepath.Join(repository, filepath.FromSlash(l.file))
	if in, err := filepath.Glob(filepath.Join(p, "capture.pcap*")); err == nil && len(in) == 1 {
		return in[0]
	}
	return p
}

// of returns what sipcause says of the label's file, or of the flow in it.
func (lib *library) of(l *label) (*analysis, error) {
	key := l.file + "/" + l.flow
	if a := lib.analyses[key]; a != nil && lib.hashes[l.file] == cmp.Or(l.sha256, lib.hashes[l.file]) {
		return a, nil
	}
	b, err := os.ReadFile(l.path())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	lib.hashes[l.file] = hex.EncodeToString(sum[:])
	if h := lib.hashes[l.file]; h != cmp.Or(l.sha256, h) {
		return nil, fmt.Errorf("%s: label is of another file: sha256 is %s", l.file, h)
	}
	if l.flow != "" {
		b, err = pcapOf(b, l.flow)
	} else {
		b = traceOf(b)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.file, err)
	}
	a, err := analyse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.file, err)
	}
	lib.analyses[key] = a
	return a, nil
}

// pcapOf expands one flow of a txtar file.
func pcapOf(b []byte, name string) ([]byte, error) {
	flows, err := testkit.ParseFlows(b)
	if err != nil {
		return nil, err
	}
	for i := range flows {
		if flows[i].Name == name {
			return flows[i].Pcap(), nil
		}
	}
	return nil, fmt.Errorf("no flow %s in it", name)
}

// traceMark is the line that parts what the collector of a trace wrote, the answer among it, from the trace.
const traceMark = "-----TRACE-----\n"

// traceOf returns what of a file is to be read.
func traceOf(b []byte) []byte {
	if _, trace, ok := bytes.Cut(b, []byte("\n"+traceMark)); ok && !bytes.Contains(b[:len(b)-len(trace)], []byte{0}) {
		return trace
	}
	return b
}

// find returns the case that the label picks: of several the last that failed, else the last.
func (a *analysis) find(l *label) (*said, error) {
	var fits []*said
	other := false // of another kind
	for i := range a.cases {
		s := &a.cases[i]
		if !s.is(l.pick) {
			continue
		}
		if s.kind != l.kind {
			other = true
			continue
		}
		fits = append(fits, s)
	}
	if l.pick == only && len(fits) > 1 {
		return nil, fmt.Errorf("%d cases of kind %s in %s, pick says there is one", len(fits), l.kind, l.file)
	}
	var found *said
	for _, s := range fits {
		if found == nil || s.bad || !found.bad {
			found = s
		}
	}
	if found == nil && other {
		return nil, errKind
	}
	return found, nil
}

var errKind = errors.New("the case is of another kind")

// is says whether the pick fits the case.
func (s *said) is(pick string) bool {
	if aor, ok := strings.CutPrefix(pick, aorPrefix); ok {
		return s.aor != "" && strings.TrimPrefix(s.aor, "sip:") == strings.TrimPrefix(aor, "sip:")
	}
	return pick == only || slices.Contains(s.ids, pick)
}
