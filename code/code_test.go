package code_test

import (
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sipcause/code"
)

// The registry: every code once, in order, with nothing left empty and no sentence that two codes share.
func TestEveryCodeIsComplete(t *testing.T) {
	said := map[string]int{}
	unique := func(t *testing.T, n int, s string) {
		t.Helper()
		if other, ok := said[s]; ok {
			t.Errorf("%d and %d share the sentence %q", n, other, s)
		}
		said[s] = n
	}
	last, registered := 0, 0
	for _, e := range code.All() {
		if e.Code <= last {
			t.Errorf("%d comes after %d", e.Code, last)
		}
		last = e.Code
		if e.Registered {
			registered++
			if !strings.HasPrefix(e.RFC, "RFC ") {
				t.Errorf("%d: registered by %q", e.Code, e.RFC)
			}
		}
		if e.Phrase == "" || e.RFC == "" || len(e.Checks) == 0 {
			t.Errorf("%d: an empty field in %+v", e.Code, e)
		}
		for _, s := range append([]string{e.Meaning, e.Caller, e.Support}, e.Checks...) {
			sentence(t, e.Code, s)
		}
		unique(t, e.Code, e.Meaning)
		unique(t, e.Code, e.Caller)
		unique(t, e.Code, e.Support)
		if e.Misuse != "" {
			sentence(t, e.Code, e.Misuse)
			unique(t, e.Code, e.Misuse)
		}
		// The caller reads no jargon.
		for _, word := range strings.FieldsFunc(e.Caller, func(r rune) bool { return r == ' ' || r == '.' || r == ',' || r == ';' }) {
			if len(word) > 1 && word == strings.ToUpper(word) {
				t.Errorf("%d: %q in the sentence for the caller", e.Code, word)
			}
		}
		if e.Final != (e.Code >= 200 && e.Code < 700) {
			t.Errorf("%d: final is %v", e.Code, e.Final)
		}
		if !e.Final && e.Retry != code.RetryNever || e.Code/100 == 2 && e.Retry != code.RetryNever {
			t.Errorf("%d: retry of something that did not fail", e.Code)
		}
		got, ok := code.Lookup(e.Code)
		if !ok || got.Phrase != e.Phrase || code.Phrase(e.Code) != e.Phrase {
			t.Errorf("Lookup(%d) = %+v, %v", e.Code, got, ok)
		}
	}
	if registered != 75 {
		t.Errorf("%d registered codes, IANA's registry of 2026-01-07 has 75", registered)
	}
	for _, n := range []int{-1, 0, 99, 102, 250, 491000, 700, 799, 800} {
		if e, ok := code.Lookup(n); ok {
			t.Errorf("Lookup(%d) = %+v", n, e)
		}
	}
}

func sentence(t *testing.T, n int, s string) {
	t.Helper()
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		t.Errorf("%d: no full stop: %q", n, s)
	}
	if s != strings.TrimSpace(s) || strings.Contains(s, "  ") || strings.ContainsAny(s, "\n\t") {
		t.Errorf("%d: spaces in %q", n, s)
	}
	if s == "" || s[0] >= 'a' && s[0] <= 'z' {
		t.Errorf("%d: no capital at the start of %q", n, s)
	}
}

// The codes that may carry Retry-After by RFC 3261 §20.33.
func TestRetryAfter(t *testing.T) {
	want := []int{404, 413, 480, 486, 500, 503, 600, 603}
	var got []int
	for _, e := range code.All() {
		if e.RetryAfter {
			got = append(got, e.Code)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("Retry-After with %v, want %v", got, want)
	}
	for n, want := range map[int]string{403: "never", 486: "later, or elsewhere", 503: "later, or elsewhere", 488: "after a change", 430: "elsewhere", 600: "later"} {
		if e, _ := code.Lookup(n); e.Retry.String() != want {
			t.Errorf("%d: retry %s, want %s", n, e.Retry, want)
		}
	}
	for _, e := range code.All() {
		if e.Code >= 600 && e.Retry&code.RetryElsewhere != 0 {
			t.Errorf("%d: a 6xx must not be tried elsewhere (RFC 3261 §21.6)", e.Code)
		}
	}
}

func TestTextNamesTheLanguagesThereAre(t *testing.T) {
	e, _ := code.Lookup(486)
	for to, want := range map[code.Audience]string{code.Engineer: e.Meaning, code.Caller: e.Caller, code.Support: e.Support} {
		if got, err := e.Text("en", to); err != nil || got != want {
			t.Errorf("Text(en, %s) = %q, %v, want %q", to, got, err, want)
		}
	}
	_, err := e.Text("xx", code.Caller)
	if err == nil || !strings.Contains(err.Error(), `"xx"`) || !strings.Contains(err.Error(), "en") {
		t.Errorf("Text(xx): error %v", err)
	}
	if _, err := code.ParseAudience("boss"); err == nil || !strings.Contains(err.Error(), "engineer, caller, support") {
		t.Errorf("ParseAudience(boss): error %v", err)
	}
	if langs := code.Languages(); !slices.Contains(langs, "en") {
		t.Errorf("Languages() = %v", langs)
	}
}

// Every language has every text, of every family.
func TestEveryLanguageIsComplete(t *testing.T) {
	for _, lang := range code.Languages() {
		texts := func(n int, s ...string) {
			for _, s := range s {
				if s == "" {
					t.Errorf("%s: %d lacks a text", lang, n)
				}
			}
		}
		for _, e := range code.All() {
			for _, to := range []code.Audience{code.Engineer, code.Caller, code.Support} {
				s, _ := e.Text(lang, to)
				texts(e.Code, s)
			}
			checks, _ := e.ChecksIn(lang)
			misuse, _ := e.MisuseIn(lang)
			if len(checks) != len(e.Checks) || (misuse == "") != (e.Misuse == "") {
				t.Errorf("%s: %d has other checks or misuse than en", lang, e.Code)
			}
		}
		for _, c := range code.Q850Causes() {
			meaning, ask, _ := c.Text(lang)
			texts(c.Cause, meaning, ask)
		}
		for _, w := range code.Warnings() {
			meaning, check, _ := w.Texts(lang)
			texts(w.Code, meaning, check)
		}
		for i, p := range code.ReasonProtocols() {
			meaning, _ := p.Text(lang)
			texts(i, meaning)
		}
	}
}

func TestClass(t *testing.T) {
	for n, want := range map[int]string{
		99: "no SIP response", 100: "a provisional", 486: "a client error", 799: "no SIP response", 699: "a global failure", 503: "a server error",
		202: "success", -5: "no SIP response",
	} {
		if got := code.ClassName(n); !strings.HasPrefix(got, want) {
			t.Errorf("ClassName(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	code.Lookup(200)
	if n := testing.AllocsPerRun(100, func() {
		code.Lookup(503)
		code.Phrase(486)
		code.Q850(17)
		code.Warning(305)
		code.ToQ850(404)
		code.ReasonProtocol("Q.850")
		code.Misuse("INVITE", 486)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The shared registry, when it lies beside the repository, has the same codes, phrases and RFCs.
func TestAgreesWithTheSharedRegistry(t *testing.T) {
	for _, row := range shared(t, "response_codes.csv") {
		n, _ := strconv.Atoi(row[0])
		e, ok := code.Lookup(n)
		if !ok || !e.Registered || e.Phrase != row[1] || e.RFC != row[3] || e.Final != (row[4] == "yes") {
			t.Errorf("%d: %+v, the registry has %v", n, e, row)
		}
	}
	for _, row := range shared(t, "unregistered_codes.csv") {
		n, _ := strconv.Atoi(row[0])
		if e, ok := code.Lookup(n); !ok || e.Registered {
			t.Errorf("%d: %+v, %v: must be there and not registered", n, e, ok)
		}
	}
	for _, row := range shared(t, "q850_causes.csv") {
		n, _ := strconv.Atoi(row[0])
		if c, ok := code.Q850(n); !ok || c.Class != row[2] || n != 98 && c.Name != row[1] {
			t.Errorf("cause %d: %+v, the list has %v", n, c, row)
		}
	}
	for _, row := range shared(t, "warning_codes.csv") {
		n, _ := strconv.Atoi(row[0])
		if w, ok := code.Warning(n); !ok || w.Text != row[1] || w.RFC != row[2] {
			t.Errorf("warning %d: %+v, the list has %v", n, w, row)
		}
	}
	for _, row := range shared(t, "reason_protocols.csv") {
		if p, ok := code.ReasonProtocol(row[0]); !ok || p.Name != row[0] {
			t.Errorf("protocol %s: %+v, %v", row[0], p, ok)
		}
	}
}

func shared(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open("../../shared/registry/" + name)
	if os.IsNotExist(err) {
		t.Skip("../shared/registry/" + name + " is not beside the repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s: %d rows, %v", name, len(rows), err)
	}
	return rows[1:]
}
