package explain

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"sipcause/code"
	"sipcause/internal/cells"
	"sipcause/internal/finding"
	"sipcause/internal/testkit"
)

// explained is what Explain writes of a topic, or of a paste when there is no topic.
func explained(t *testing.T, topic, paste string, opt Options) string {
	t.Helper()
	var b strings.Builder
	if err := Explain(strings.Fields(topic), strings.NewReader(paste), opt, &b); err != nil {
		t.Fatalf("explain %s: %v", topic, err)
	}
	return b.String()
}

func TestTopics(t *testing.T) {
	for name, topic := range map[string]string{
		"code-486":    "486",
		"code-503":    "503",
		"code-477":    "477",
		"cause-34":    "Q.850 34",
		"cause-21":    "q850 21",
		"cause-16":    "cause 16",
		"cause-6":     "Q.850;cause=6",
		"warning-305": "warning 305",
		"warning-392": "warning 392",
		"reason":      "reason STIR",
		"reason-4":    "reason release_cause 4",
		"finding":     "auth.wrong-credentials",
		"status-line": "SIP/2.0 488 Not Acceptable Here",
	} {
		t.Run(name, func(t *testing.T) { testkit.Golden(t, name, []byte(explained(t, topic, "", Options{}))) })
	}
}

func TestPastes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d pastes, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txt")
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			testkit.Golden(t, "paste-"+name, []byte(explained(t, "", string(b), Options{})))
		})
	}
}

// However a response is quoted, it is explained the same.
func TestQuotingChangesNothing(t *testing.T) {
	lines := []string{
		"SIP/2.0 503 Service Unavailable", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@example.com>;tag=1",
		"To: <sip:b@example.com>;tag=2", "Call-ID: x@example.com", "CSeq: 1 INVITE", "Reason: Q.850;cause=34;", `  text="full"`,
		"Retry-After: 30", "Content-Length: 0", "",
	}
	want := explained(t, "-", strings.Join(lines, "\r\n")+"\r\n", Options{})
	if !strings.Contains(want, "cause 34") || !strings.Contains(want, "“full”") || !strings.Contains(want, "30 seconds") {
		t.Fatalf("headers were not read:\n%s", want)
	}
	for name, quote := range map[string]string{"none": "", "mail": "> ", "twice": "> > ", "tight": ">", "indented": "    ", "tab": "\t", "bar": "| "} {
		var b strings.Builder
		b.WriteString("Hello,\n\nsee this:\n")
		for _, l := range lines {
			b.WriteString(strings.TrimRight(quote+l, " \t") + "\n")
		}
		b.WriteString("\nINVITE sip:c@example.com SIP/2.0\nRetry-After: 7\n")
		if got := explained(t, "", b.String(), Options{}); got != want {
			t.Errorf("%s: explained as\n%s", name, got)
		}
	}
}

func TestAudiences(t *testing.T) {
	for _, e := range code.All() {
		if got := explained(t, strconv.Itoa(e.Code), "", Options{Audience: code.Caller, Width: 500}); got != e.Caller+"\n" {
			t.Errorf("%d: to the caller %q, want %q", e.Code, got, e.Caller)
		}
		if got := explained(t, strconv.Itoa(e.Code), "", Options{Audience: code.Support, Width: 500}); got != e.Support+"\n" {
			t.Errorf("%d: to support %q, want %q", e.Code, got, e.Support)
		}
	}
	got := explained(t, "", "SIP/2.0 503 Later\nCSeq: 1 INVITE\nRetry-After: 120\n\n", Options{Audience: code.Caller, Width: 500})
	if !strings.HasSuffix(got, "wait 120 seconds (2 minutes).\n") {
		t.Errorf("the wait is missing: %q", got)
	}
}

// Everything that there is can be explained, in 80 columns and in 40.
func TestEverythingIsExplainedWithinTheWidth(t *testing.T) {
	var topics []string
	for _, e := range code.All() {
		topics = append(topics, strconv.Itoa(e.Code), fmt.Sprintf("SIP/2.0 %d %s", e.Code, e.Phrase))
		if e.Code > 699 {
			topics = topics[:len(topics)-1] // no status line has it
		}
	}
	for _, c := range code.Q850Causes() {
		topics = append(topics, fmt.Sprintf("Q.850 %d", c.Cause))
	}
	for _, v := range code.Warnings() {
		topics = append(topics, fmt.Sprintf("warning %d", v.Code))
	}
	for _, p := range code.ReasonProtocols() {
		topics = append(topics, "reason "+p.Name, "reason "+p.Name+" 1")
	}
	for _, d := range finding.Table() {
		topics = append(topics, string(d.ID))
	}
	for _, topic := range topics {
		if topic == "reason SIP 1" {
			continue // 1 is no status code
		}
		for _, width := range []int{40, 80} {
			fits(t, topic, explained(t, topic, "", Options{Width: width}), width)
		}
	}
}

func fits(t *testing.T, what, text string, width int) {
	t.Helper()
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if n := cells.Width(l); n > width {
			t.Errorf("%s: a line of %d columns: %s", what, n, l)
		}
		if strings.TrimRight(l, " ") != l {
			t.Errorf("%s: blanks at the end of %q", what, l)
		}
		for _, r := range l {
			if unicode.Is(unicode.C, r) {
				t.Errorf("%s: control character %U in %q", what, r, l)
			}
		}
	}
}

// Every finding has its texts in every language, and none is there for an ID that does not exist.
func TestFindingTextsAreComplete(t *testing.T) {
	for lang, texts := range findingTexts() {
		said := map[string]finding.ID{}
		for _, d := range finding.Table() {
			s := texts[string(d.ID)]
			for _, s := range []string{s.Means, s.Do} {
				if !strings.HasSuffix(s, ".") {
					t.Errorf("%s: %s: no text, or no full stop: %q", lang, d.ID, s)
				}
			}
			if other, ok := said[s.Means]; ok {
				t.Errorf("%s: %s and %s mean the same: %q", lang, other, d.ID, s.Means)
			}
			said[s.Means] = d.ID
			if _, ok := actsText[d.Acts]; !ok {
				t.Errorf("%s: nobody is named for %q", d.ID, d.Acts)
			}
		}
		for id := range texts {
			if _, ok := finding.Lookup(finding.ID(id)); !ok {
				t.Errorf("%s: text for %s, which is not in the table", lang, id)
			}
		}
	}
	for _, lang := range code.Languages() {
		if findingTexts()[lang] == nil {
			t.Errorf("no texts of findings in %s", lang)
		}
	}
}

func TestUnknownTopics(t *testing.T) {
	long := strings.Repeat("x", maxPaste+1)
	for _, c := range []struct{ topic, paste, want string }{
		{"786", "", "no code 786; codes are 100–699"},
		{"-5", "", "no code -5; codes are 100–699"},
		{"17", "", "for the Q.850 cause say: Q.850 17"},
		{"452", "", "a client treats it as 400; nearest: 440, 469"},
		{"auth.wrong-credential", "", "no finding auth.wrong-credential; nearest: auth.wrong-credentials"},
		{"auth.zzzzzzzzz", "", "those of auth are auth.no-credentials, "},
		{"zzz.zzzzzzzzz", "", "findings begin with auth, identity, "},
		{"Q.850 45", "", "no Q.850 cause 45; nearest: 44, 46"},
		{"Q.850 128", "", "no Q.850 cause 128; nearest: 127"},
		{"Q.850", "", "a Q.850 cause needs a number"},
		{"Q.850 x", "", "a Q.850 cause needs one number, not “x”"},
		{"warning 300 1", "", "a Warning code needs one number, not “300 1”"},
		{"warning 398", "", "no Warning code 398; nearest: 392, 399"},
		{"reason X.25", "", "no Reason protocol “X.25”; there are SIP, Q.850, "},
		{"reason", "", "a Reason needs its protocol"},
		{"bsy here", "", "no topic “bsy here”; nearest: Busy Here"},
		{"not acceptable", "", "the phrase “not acceptable” is that of 406 and 606"},
		{"zzz", "", "no topic “zzz”; topics are 486"},
		{"", "", "nothing to explain"},
		{"", " \n\t\n", "nothing to explain"},
		{"", "> INVITE sip:b@example.com SIP/2.0\n> CSeq: 1 INVITE\n\n", "what was pasted is a request"},
		{"", "Hello\nworld\n", "no response in what was pasted"},
		{"", long, "more than 65536 bytes"},
		{"SIP/2.0 786 Odd", "", "no code 786"},
		{"\x1b[31mred", "", "no topic “\\x1b[31mred”"},
	} {
		err := Explain(strings.Fields(c.topic), strings.NewReader(c.paste), Options{}, io.Discard)
		var input *InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("explain %q: error %v, want %q", c.topic, err, c.want)
		}
	}
	err := Explain([]string{"486"}, strings.NewReader(""), Options{Lang: "xx"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `no texts in language "xx"; there are en`) {
		t.Errorf("language xx: error %v", err)
	}
	for _, topic := range []string{"Q.850 17", "warning 305", "reason STIR", "auth.no-credentials"} {
		err := Explain(strings.Fields(topic), nil, Options{Audience: code.Caller}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "for the audience caller") {
			t.Errorf("%s to the caller: error %v", topic, err)
		}
	}
}

// Our own trouble is no fault of the input.
func TestReadAndWriteErrors(t *testing.T) {
	broken := errors.New("broken")
	var input *InputError
	if err := Explain(nil, iotest.ErrReader(broken), Options{}, io.Discard); !errors.Is(err, broken) || errors.As(err, &input) {
		t.Errorf("read: %v", err)
	}
	if err := Explain([]string{"486"}, nil, Options{}, failingWriter{broken}); !errors.Is(err, broken) || errors.As(err, &input) {
		t.Errorf("write: %v", err)
	}
	if err := Codes(failingWriter{broken}, ListOptions{}); !errors.Is(err, broken) {
		t.Errorf("write codes: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// FuzzExplain: no paste makes it panic, write a control character or a line that is too wide, or grow without bound.
func FuzzExplain(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add("SIP/2.0 302 \nContact: *, <sip:a>;q=nan, <sip:\xff>;q=1e9\nReason: ;cause=\nWarning: 3\n\nv=0")
	f.Add("Status-Line: SIP/2.0 407 x\n  [a]\n Proxy-Authenticate: Digest\n")
	f.Add("> SIP/2.0 606 \u202e漢字漢字\u200b\n>  x: \x1b]0;t\x07\nRetry-After: 99999999999")
	f.Fuzz(func(t *testing.T, paste string) {
		for _, opt := range []Options{{}, {Audience: code.Caller}} {
			var b strings.Builder
			err := Explain(nil, strings.NewReader(paste), opt, &b)
			var input *InputError
			if err != nil && !errors.As(err, &input) {
				t.Fatal(err)
			}
			if err != nil {
				for _, r := range err.Error() {
					if unicode.Is(unicode.C, r) {
						t.Fatalf("control character %U in error %q", r, err)
					}
				}
			}
			fits(t, "paste", b.String(), DefaultWidth)
			if b.Len() > 4*maxPaste {
				t.Fatalf("%d bytes explained as %d", len(paste), b.Len())
			}
		}
	})
}

// A header of any length costs no more than its reading.
func TestLongHeaderIsCut(t *testing.T) {
	for _, value := range []string{strings.Repeat("x", 30<<10), strings.Repeat("x ", 15<<10), strings.Repeat("漢", 10<<10)} {
		got := explained(t, "", "SIP/2.0 486 Busy Here\nServer: "+value+"\nError-Info: "+value+"\n\n", Options{})
		if len(got) > 4*maxParagraph || !strings.Contains(got, "…") {
			t.Errorf("%d bytes of a header became %d", len(value), len(got))
		}
		fits(t, "long header", got, DefaultWidth)
	}
}
