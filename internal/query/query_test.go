package query

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sipcause/internal/wire"
)

type subject map[Field]Value

func (s subject) Value(f Field) Value { return s[f] }

func addrs(list ...string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range list {
		out = append(out, netip.MustParseAddrPort(s))
	}
	return out
}

func at(s string) Value {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return Time(wire.Time(t.UnixNano()))
}

// call is a failed call; pdd, ring and realm are unknown.
var call = subject{
	ID: Text("3f2a77"), CallID: Texts([]string{"a1@192.0.2.1", "", "b2@198.51.100.2"}),
	From: Text("sip:Alice@example.com"), To: Text("sip:+33100@example.net"),
	Code: Number(503), Reason: Text("Service Unavailable (busy*)"), Outcome: Text("failed"),
	Cause: Text("auth.wrong-credentials"), Finding: Texts([]string{"auth.wrong-credentials", "retry.storm"}), Severity: Text("error"),
	Origin: Addr(netip.MustParseAddrPort("203.0.113.31:5060")), OriginRole: Text("uas"),
	Src: Addrs(addrs("10.1.2.3:5060", "[2001:db8::1]:5061")), Transport: Texts([]string{"udp", "tls"}),
	Start: at("2026-11-23T22:30:15.5Z"), Setup: Duration(0), TotalDuration: Duration(1500 * time.Millisecond),
	Attempts: Number(2), Gap: Bool(false), Realm: Texts([]string{"", ""}), UA: Value{},
}

func TestMatch(t *testing.T) {
	tests := []struct {
		filter string
		want   bool
	}{
		{`code >= 500 and to ~ "^sip:\+?33" and cause = auth.*`, true},
		{`code >= 500 and to ~ "^33" and cause = auth.*`, false},
		{`code = 503`, true},
		{`code = 5xx`, true},
		{`code = 50x`, true},
		{`code != 5xx`, false},
		{`code = 4xx`, false},
		{`code > 5xx`, false},
		{`code >= 5xx`, true},
		{`code < 5xx`, false},
		{`code <= 5xx`, true},
		{`code > 4xx`, true},
		{`code > 503`, false},
		{`code >= 503`, true},
		{`code < 504`, true},
		{`code <= 502`, false},
		{`code in (404, 503)`, true},
		{`code in (404,5xx)`, true},
		{`code in (404)`, false},
		{`from = sip:alice@EXAMPLE.com`, true},
		{`from = sip:alice`, false},
		{`from = *ALICE*`, true},
		{`from != *bob*`, true},
		{`from ~ alice`, false},
		{`from ~ "(?i)alice"`, true},
		{`from !~ alice`, true},
		{`reason = "*\*)"`, true},
		{`reason = "*\*"`, false},
		{`reason = "Service*"`, true},
		{`reason = *`, true},
		{`callid = b2@*`, true},
		{`callid != b2@*`, false},
		{`callid != c*`, true},
		{`callid in (x, a1@192.0.2.1)`, true},
		{`finding = retry.* and cause != retry.*`, true},
		{`finding !~ storm`, false},
		{`severity = error`, true},
		{`severity >= warning`, true},
		{`severity > error`, false},
		{`severity < critical`, true},
		{`severity in (info, ERROR)`, true},
		{`origin = 203.0.113.31`, true},
		{`origin = 203.0.113.31:5060`, true},
		{`origin = 203.0.113.31:5061`, false},
		{`origin = 203.0.113.0/24`, true},
		{`origin ~ ":5060$"`, true},
		{`origin != 203.0.113.0/24`, false},
		{`src = 10.0.0.0/8`, true},
		{`src = 2001:db8::/32`, true},
		{`src = [2001:db8::1]:5061`, true},
		{`src = 192.0.2.0/24`, false},
		{`src != 192.0.2.0/24`, true},
		{`src != 10.0.0.0/8`, false},
		{`src in (192.0.2.1, 10.1.2.3)`, true},
		{`src = ::ffff:10.1.2.3`, true},
		{`transport = TLS`, true},
		{`transport = t*`, true},
		{`transport != tcp`, true},
		{`start >= 22:00`, true},
		{`start = 22:30`, true},
		{`start = 22:30:15`, true},
		{`start = 22:30:16`, false},
		{`start = 22:30:15.5`, true},
		{`start > 22:30`, false},
		{`start > 22:29`, true},
		{`start < 22:30`, false},
		{`start <= 22:30`, true},
		{`start = 22:30:15.4`, false},
		{`start = 2026-11-23T22:30:15Z`, true},
		{`start > 2026-11-23T22:30:15Z`, false},
		{`start > 2026-11-23T23:30:14+01:00`, true},
		{`start < 2026-11-24T00:00:00Z`, true},
		{`duration = 1.5s`, true},
		{`duration > 1s and duration < 2s`, true},
		{`duration >= 1500ms`, true},
		{`duration > 0.025m`, false},
		{`setup = 0s`, true},
		{`exists setup`, true},
		{`gap = no`, true},
		{`gap != true`, true},
		{`gap = true`, false},
		// Unknown is neither equal nor different.
		{`pdd > 0s`, false},
		{`pdd <= 0s`, false},
		{`pdd = 0s`, false},
		{`pdd != 0s`, false},
		{`exists pdd`, false},
		{`not pdd > 0s`, true},
		{`ua = *`, false},
		{`ua != x`, false},
		{`ua !~ x`, false},
		{`ua in (x)`, false},
		{`realm = *`, false},
		{`realm != x`, false},
		{`exists realm`, false},
		// Precedence.
		{`code = 1 and code = 2 or code = 503`, true},
		{`code = 503 or code = 1 and code = 2`, true},
		{`code = 1 and (code = 2 or code = 503)`, false},
		{`not code = 1 and code = 2`, false},
		{`not (code = 1 and code = 2)`, true},
		{`NOT not Code = 503`, true},
		{`attempts>1 AND code=503`, true},
		{`from = 'sip:alice@example.com'`, true},
	}
	for _, test := range tests {
		e, err := Parse(test.filter)
		if err != nil {
			t.Errorf("%s: %v", test.filter, err)
			continue
		}
		if got := e.Match(call, nil); got != test.want {
			t.Errorf("%s: %v, want %v", test.filter, got, test.want)
		}
	}
}

func TestTimeOfDayZone(t *testing.T) {
	e, err := Parse("start = 00:30")
	if err != nil {
		t.Fatal(err)
	}
	if east := time.FixedZone("east", 2*3600); !e.Match(call, east) || e.Match(call, time.UTC) {
		t.Error("22:30 UTC is 00:30 two hours further east, and only there")
	}
}

// TestWrongKind: a subject that answers with the wrong kind must not match by accident.
func TestWrongKind(t *testing.T) {
	wrong := subject{Code: Text("503"), To: Number(1), Origin: Text("203.0.113.31"), Severity: Text("loud")}
	for _, filter := range []string{"code = 503", "code != 503", "exists to", "origin != 192.0.2.1", "severity >= info"} {
		e, err := Parse(filter)
		if err != nil {
			t.Fatal(err)
		}
		if e.Match(wrong, nil) {
			t.Errorf("%s matches a value of the wrong kind", filter)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		filter     string
		pos, end   int
		problem    string // part of it
		expected   string // part of it
		suggestion string
	}{
		{"", 0, 0, "empty", "comparison", ""},
		{"   ", 3, 3, "empty", "comparison", ""},
		{"cod = 5", 0, 3, "unknown field “cod”", "callid", "code"},
		{"call-id = x", 0, 7, "unknown field", "", "callid"},
		{"dur > 3s", 0, 3, "unknown field", "", "duration"},
		{"hungupby = callee", 0, 8, "unknown field", "", "hung-up-by"},
		{"zzzzzz = 1", 0, 6, "unknown field", "id, callid", ""},
		{"code", 4, 4, "the end after the field code", "one of = != < <= > >= in", ""},
		{"code 486", 5, 8, "unexpected “486” after the field code", "one of", ""},
		{"code == 486", 5, 7, "unknown operator ==", "one of", "="},
		{"code >", 6, 6, "the end where a value must stand", "a number", ""},
		{"code = busy", 7, 11, "“busy” is no number", "a number such as 486", ""},
		{"code = xx", 7, 9, "is no number", "", ""},
		{"code = 99999999999999999999", 7, 27, "too large", "", ""},
		{"code ~ 5..", 5, 6, "~ does not go with code", "= != < <= > >= in", ""},
		{"to > x", 3, 4, "> does not go with to", "= != ~ !~ in", ""},
		{"code = 486 to = x", 11, 13, "unexpected “to” after a whole comparison", "and, or", ""},
		{"code = 486 && to = x", 11, 13, "unexpected “&&”", "", "and"},
		{"code = 486 || to = x", 11, 13, "unexpected “||”", "", "or"},
		{"code = 486)", 10, 11, "a ) without its (", "", ""},
		{"(code = 486", 11, 11, "a ( without its )", ")", ""},
		{"(code = 486 to", 12, 14, "after a whole comparison", "", ""},
		{"code = 486 and", 14, 14, "the end", "a field", ""},
		{"and code = 486", 0, 3, "unexpected “and”", "a field", ""},
		{"not", 3, 3, "the end", "a field", ""},
		{"exists", 6, 6, "the end", "a field", ""},
		{"exists cide", 7, 11, "unknown field", "", "code"},
		{"! code = 4", 0, 1, "unknown operator !", "", "not"},
		{"code in 486", 8, 11, "unexpected “486” after in", "code in (", ""},
		{"code in ()", 9, 10, "where a value must stand", "a number", ""},
		{"code in (1,)", 11, 12, "where a value must stand", "", ""},
		{"code in (1 2)", 11, 12, "unexpected “2” in a list of values", ", or )", ""},
		{"code in (1", 10, 10, "the end in a list of values", "", ""},
		{"code not in (1)", 5, 8, "unexpected “not”", "", "not code in (…)"},
		{"code in (1, x)", 12, 13, "is no number", "", ""},
		{`to = "abc`, 5, 9, "quoted text without an end", `a closing "`, ""},
		{`to = ""`, 5, 7, "an empty value", "", "not exists to"},
		{"to = and", 5, 8, "unexpected “and”", "", `"and"`},
		{"to = sip:a;x=y", 12, 13, "unexpected “=” after a whole comparison", "", ""},
		{`to ~ "["`, 5, 8, "not a regular expression: missing closing ]", "RE2", ""},
		{`to ~ "((a{100}){10}){100}"`, 5, 26, "regular expression", "", ""},
		{`to ~ "(\pL{500}){2}(\pL{500}){2}(\pL{500}){2}(\pL{500}){2}(\pL{500}){2}"`, 5, 72, "repeats too much", "", ""},
		{"to ~ " + strings.Repeat("a", MaxRegexp+1), 5, 5 + MaxRegexp + 1, "longer than 256", "", ""},
		{"outcome = faild", 10, 15, "outcome is never “faild”", "answered, failed", "failed"},
		{"severity >= warn", 12, 16, "severity is never", "info, warning", "warning"},
		{"kind = register", 7, 15, "kind is never", "registration", ""},
		{"pdd > 3", 6, 7, "“3” has no unit", "250ms", "3s"},
		{"pdd > 3x", 6, 8, "is no duration", "250ms", ""},
		{"pdd > -3s", 6, 9, "not negative", "", ""},
		{"pdd > 9999999h", 6, 14, "duration", "", ""},
		{"start > 25:00", 8, 13, "is no time", "RFC 3339", ""},
		{"start > 2026-11-23", 8, 18, "is no whole time", "", "2026-11-23T00:00:00Z"},
		{"start > 2026-11-23T10:30", 8, 24, "is no whole time", "", "2026-11-23T10:30:00Z"},
		{"start > 1066-10-14T09:00:00Z", 8, 28, "year", "", ""},
		{"src = 10.0.0.300", 6, 16, "is no address", "10.0.0.0/8", ""},
		{"src = 10.1.*", 6, 12, "is no address", "", "10.1.0.0/16"},
		{"src = 10.0.0.0/33", 6, 17, "is no address", "", ""},
		{"src = fe80::1%eth0", 6, 18, "is no address", "", ""},
		{"gap = maybe", 6, 11, "neither true nor false", "true or false", ""},
		{"gap > true", 4, 5, "> does not go with gap", "= !=", ""},
		{"to = \x01", 5, 6, "control character", "", ""},
		{strings.Repeat("(", MaxDepth+1) + "code = 1", MaxDepth, MaxDepth + 1, "too deeply nested", "64", ""},
		{strings.Repeat("not ", MaxDepth) + "code = 1", 4 * MaxDepth, 4*MaxDepth + 4, "too deeply nested", "64", ""},
		{strings.Repeat(" ", MaxSource+1), MaxSource, MaxSource, "too long", "4096", ""},
		{"code in (" + strings.Repeat("1,", MaxValues) + "1)", 9 + 2*MaxValues, 10 + 2*MaxValues, "too many values", "256", ""},
	}
	for _, test := range tests {
		e, err := Parse(test.filter)
		var qe *Error
		if !errors.As(err, &qe) {
			t.Errorf("%.40q: no error, but %v", test.filter, e)
			continue
		}
		if qe.Pos != test.pos || qe.End != test.end || !strings.Contains(qe.Problem, test.problem) ||
			!expectedContains(qe, test.expected) || qe.Suggestion != test.suggestion {
			t.Errorf("%.40q:\n got %d–%d %q, expected %q, meant %q\nwant %d–%d %q, expected %q, meant %q", test.filter,
				qe.Pos, qe.End, qe.Problem, qe.Expected, qe.Suggestion, test.pos, test.end, test.problem, test.expected, test.suggestion)
		}
		if qe.Expected == "" {
			t.Errorf("%.40q: nothing is said of what was expected", test.filter)
		}
	}
}

// expectedContains lets a test of a time name the form by its standard.
func expectedContains(e *Error, part string) bool {
	return strings.Contains(e.Expected, part) || part == "RFC 3339" && strings.Contains(e.Expected, "2026-11-23T10:30:00Z")
}

func TestErrorText(t *testing.T) {
	_, err := Parse(`to = "Žofia" and cod = 5`)
	if got, want := err.Error(), `parse filter: byte 19: unknown field “cod”: did you mean code?`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	caret := err.(*Error).Caret()
	if want := "to = \"Žofia\" and cod = 5\n                 ^~~"; caret != want {
		t.Errorf("got\n%s\nwant\n%s", caret, want)
	}
	_, err = Parse("code\n=\tx")
	if got, want := err.(*Error).Caret(), "code = x\n       ^"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	_, err = Parse(strings.Repeat("code = 1 or ", 50) + "bad\x1b[31m\u202e" + strings.Repeat(" or code = 1", 50))
	lines := strings.Split(err.(*Error).Caret(), "\n")
	if len(lines) != 2 || len([]rune(lines[0])) > 3*(caretContext+2) || strings.ContainsAny(lines[0], "\x1b\u202e") {
		t.Errorf("long filter shown as\n%s", strings.Join(lines, "\n"))
	}
	if _, err = Parse("code"); err.(*Error).Caret() != "code\n    ^" {
		t.Errorf("error at the end shown as\n%s", err.(*Error).Caret())
	}
}

func TestCanonical(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"CODE>=0500 AND((to~'^33\\d+'))", `code >= 500 and to ~ "^33\d+"`},
		{"code=1 and(code=2 and code=3)", "code = 1 and code = 2 and code = 3"},
		{"code=1 and(code=2 or code=3)", "code = 1 and (code = 2 or code = 3)"},
		{"(code=1 and code=2) or not(code=3 or code=4)", "code = 1 and code = 2 or not (code = 3 or code = 4)"},
		{"not(not(code=1))", "not not code = 1"},
		{"pdd>1500ms or setup < 90s", "pdd > 1.5s or setup < 1m30s"},
		{"src=10.1.2.3/8 or dst = 2001:DB8:0:0::1", "src = 10.0.0.0/8 or dst = 2001:db8::1"},
		{"src = ::ffff:192.0.2.1", "src = 192.0.2.1"},
		{`reason = 'a"b\c'`, `reason = "a\"b\c"`},
		{`reason = "a\\"`, `reason = "a\\"`},
		{`reason = "and"`, `reason = "and"`},
		{`reason = "plain"`, `reason = plain`},
		{"outcome in(FAILED,No-*)", "outcome in (failed, no-*)"},
		{"gap=YES and exists Origin.Role", "gap = true and exists origin.role"},
	} {
		e, err := Parse(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if got := e.String(); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.in, got, test.want)
		}
	}
}

// sameTree compares trees by what they mean and say; compiled expressions by their source.
var sameTree = cmp.Options{
	cmpopts.IgnoreUnexported(Literal{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	simple := regexp.MustCompile(`^[a-z][a-z.-]*$`)
	for _, f := range Fields() {
		info := f.Info()
		if !simple.MatchString(info.Name) || keyword(info.Name) || seen[info.Name] {
			t.Errorf("field %d has the name %q", f, info.Name)
		}
		seen[info.Name] = true
		if info.Help == "" || strings.HasSuffix(info.Help, ".") {
			t.Errorf("%s: help %q", f, info.Help)
		}
		if listed := info.Type == TypeChoice || info.Type == TypeLevel; listed != (len(info.Values) > 0) {
			t.Errorf("%s: a %s with values %q", f, info.Type, info.Values)
		}
		e, err := Parse(info.Example)
		if err != nil {
			t.Errorf("%s: example: %v", f, err)
			continue
		}
		if !strings.Contains(e.String(), info.Name) {
			t.Errorf("%s: its example is about something else: %s", f, e)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, width := range []int{0, 40, 80, 132} {
		help := Help(width)
		for _, f := range Fields() {
			if !strings.Contains(help, "\n  "+f.String()+" ") {
				t.Errorf("width %d: no entry for %s", width, f)
			}
		}
		for line := range strings.Lines(help) {
			line = strings.TrimRight(line, "\n")
			if n := len([]rune(line)); n > max(width, 40) && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
			if line != strings.TrimRight(line, " ") {
				t.Errorf("width %d: blanks at the end of %q", width, line)
			}
		}
	}
	for _, example := range examples {
		if _, err := Parse(example); err != nil {
			t.Error(err)
		}
	}
}

func TestMatchAllocs(t *testing.T) {
	e, err := Parse(`code = 5xx and to ~ "33" and src = 10.0.0.0/8 and cause = auth.* and start > 20:00 and severity >= error`)
	if err != nil {
		t.Fatal(err)
	}
	var s Subject = call
	if n := testing.AllocsPerRun(200, func() {
		if !e.Match(s, time.UTC) {
			t.Fatal("no match")
		}
	}); n != 0 {
		t.Errorf("%v allocations per match, want 0", n)
	}
}

// TestStrings: what is counted by value.
func TestStrings(t *testing.T) {
	for _, c := range []struct {
		v    Value
		want string
	}{
		{Value{}, "[]"},
		{Text("a b"), `["a b"]`},
		{Texts([]string{"b", "", "a"}), `["b" "a"]`},
		{Texts([]string{""}), "[]"},
		{Number(486), `["486"]`},
		{Duration(time.Second), "[]"},
		{Bool(true), "[]"},
	} {
		if got := fmt.Sprintf("%q", c.v.Strings()); got != c.want {
			t.Errorf("%+v: %s, want %s", c.v, got, c.want)
		}
	}
}
