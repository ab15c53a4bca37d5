package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/pipeline"
	"sipcause/internal/view"
	"sipcause/sip"
)

// tshark is the oracle: what it says of every capture in testdata/captures is committed beside the capture, and it is
// asked itself about the captures of ../shared/corpora, when those are present and it is installed. What it and
// we see differently stands in known-differences.txt with the reason, and that list may only shrink.

var askTshark = flag.Bool("ask-tshark", false, "write what tshark says of the captures in testdata/captures; see scripts/oracle.sh")

const (
	capturesDir  = "../../testdata/captures"
	corporaDir   = "../../../shared/corpora"
	tsharkSeries = "TShark (Wireshark) 4.0." // another series words and marks things differently
)

// seen is one SIP message as tshark or sipcause see it.
type seen struct {
	frame  uint64
	what   string // method, or status code
	cseq   string // "1 INVITE"
	callID string
	repeat string // first, retransmission, duplicate; tshark knows the first two
}

func (m *seen) key() string { return m.what + "\t" + m.cseq + "\t" + m.callID }

func bySight(a, b seen) int {
	return cmp.Or(cmp.Compare(a.frame, b.frame), cmp.Compare(a.key(), b.key()), cmp.Compare(a.repeat, b.repeat))
}

// ours runs the whole engine over a capture. A file that is no capture has no messages.
func ours(t *testing.T, path string) (list []seen) {
	t.Helper()
	src, err := capture.Open([]string{path}, nil)
	if err != nil {
		t.Logf("%v", err)
		return nil
	}
	var m sip.Message
	_, err = pipeline.Run(context.Background(), src, pipeline.Options{}, func(c *view.Case) error {
		for _, l := range c.Call.Legs {
			for i := range l.Sightings {
				list = append(list, sighting(l, int32(i), &m))
			}
		}
		return nil
	})
	if err != nil {
		t.Logf("%s: %v", path, err)
	}
	slices.SortFunc(list, bySight)
	return list
}

func sighting(l *call.Leg, i int32, m *sip.Message) seen {
	s := &l.Sightings[i]
	x := seen{frame: s.Ref.Number, what: s.Method.String(), callID: plain(l.CallID), repeat: s.Repeat.String()}
	if m.Parse(l.Raw(i)) == nil {
		x.what = plain(string(m.MethodName()))
		if f := strings.Fields(string(m.Header(sip.HeaderCSeq))); s.CSeq != 0 && len(f) > 1 {
			x.cseq = plain(fmt.Sprintf("%d %s", s.CSeq, f[1]))
		}
	}
	if !s.IsRequest() {
		x.what = strconv.Itoa(int(s.Status))
	}
	return x
}

// unprintable is what tshark puts in the place of bytes that are no printable ASCII, or such bytes themselves.
var unprintable = regexp.MustCompile(`(\\x[0-9a-f]{2}|\\[0-7]{3}|\\[abfnrtv]|[^ -~])+`)

// plain makes texts comparable that hold anything but printable ASCII.
func plain(s string) string { return unprintable.ReplaceAllString(s, "?") }

// theirs asks tshark. What it shows of packets quoted in ICMP errors is left out: those are no messages.
func theirs(path string) ([]seen, error) {
	cmd := exec.Command("tshark", "-r", path, "-Y", "sip and not icmp and not icmpv6", "-T", "pdml", "-J", "frame sip")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	list, err := readPDML(out)
	_, _ = io.Copy(io.Discard, out)
	// A capture cut short makes tshark fail after it printed everything.
	if werr := cmd.Wait(); err == nil && werr != nil && !strings.Contains(stderr.String(), "cut short") && !strings.Contains(stderr.String(), "empty") {
		err = fmt.Errorf("%w: %s", werr, stderr.String())
	}
	slices.SortFunc(list, bySight)
	return list, err
}

func readPDML(r io.Reader) (list []seen, err error) {
	d := xml.NewDecoder(r)
	d.Strict = false
	var frame uint64
	var m *seen
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		name, show := attr(start, "name"), attr(start, "show")
		switch {
		case start.Name.Local == "proto" && name == "sip":
			list = append(list, seen{frame: frame, repeat: "first"})
			m = &list[len(list)-1]
		case start.Name.Local == "proto":
			m = nil
		case name == "frame.number":
			if frame, err = strconv.ParseUint(show, 10, 64); err != nil {
				return list, err
			}
		case m == nil:
		case name == "sip.Method", name == "sip.Status-Code":
			m.what = plain(show)
		case name == "sip.CSeq.seq":
			m.cseq = show + m.cseq
		case name == "sip.CSeq.method":
			m.cseq += " " + plain(show)
		case name == "sip.Call-ID" && m.callID == "":
			m.callID = plain(show)
		case name == "sip.resend" && (show == "1" || show == "True"):
			m.repeat = call.Retransmission.String()
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// The table of messages as it is committed.

func writeSeen(version string, list []seen) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n# frame\tmethod or code\tCSeq\tCall-ID\trepeat\n", version)
	for i := range list {
		m := &list[i]
		fmt.Fprintf(&b, "%d\t%s\t%s\t%s\t%s\n", m.frame, m.what, m.cseq, m.callID, m.repeat)
	}
	return b.Bytes()
}

func readSeen(path string) (list []seen, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("%s: %d columns in %q", path, len(f), line)
		}
		n, err := strconv.ParseUint(f[0], 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, seen{n, f[1], f[2], f[3], f[4]})
	}
	return list, nil
}

// Kinds of differences.
const (
	onlyTshark = "only-tshark" // a message that we do not see, or see with another method, code, CSeq or Call-ID
	onlyOurs   = "only-ours"
	tsharkSays = "resent-says-tshark" // it marks a repetition, we do not, or we call it a duplicate of the capture
	weSay      = "resent-say-we"
)

// difference is a frame that tshark and we see differently.
type difference struct {
	kind  string
	frame uint64
}

// compare returns the differences and how many messages both see alike.
func compare(tshark, we []seen) (diffs []difference, alike int) {
	i, k := 0, 0
	for i < len(tshark) || k < len(we) {
		switch order := position(tshark, i, we, k); {
		case order < 0:
			diffs = append(diffs, difference{onlyTshark, tshark[i].frame})
			i++
		case order > 0:
			diffs = append(diffs, difference{onlyOurs, we[k].frame})
			k++
		default:
			theirs, mine := tshark[i].repeat == "retransmission", we[k].repeat == "retransmission"
			switch {
			case theirs && !mine:
				diffs = append(diffs, difference{tsharkSays, tshark[i].frame})
			case mine && !theirs:
				diffs = append(diffs, difference{weSay, tshark[i].frame})
			default:
				alike++
			}
			i++
			k++
		}
	}
	return diffs, alike
}

// position says which of the two lists has the message that comes first; 0 means that they have the same.
func position(a []seen, i int, b []seen, k int) int {
	switch {
	case i == len(a):
		return 1
	case k == len(b):
		return -1
	}
	return cmp.Or(cmp.Compare(a[i].frame, b[k].frame), cmp.Compare(a[i].key(), b[k].key()))
}
