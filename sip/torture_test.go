package sip

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// torture lists every message of RFC 4475 and RFC 5118 with the rules that it breaks, in order of offset,
// each once: none for those that the RFCs call valid, what they describe for the others. RFC 4475's
// application messages (§3.3) are well-formed: what is wrong with them is for others to find.
var torture = map[string][]Rule{
	"rfc4475/wsinv":                         {},
	"rfc4475/intmeth":                       {},
	"rfc4475/esc01":                         {},
	"rfc4475/escnull":                       {},
	"rfc4475/esc02":                         {},
	"rfc4475/lwsdisp":                       {},
	"rfc4475/longreq":                       {},
	"rfc4475/dblreq":                        {},
	"rfc4475/semiuri":                       {},
	"rfc4475/transports":                    {},
	"rfc4475/mpart01":                       {},
	"rfc4475/unreason":                      {},
	"rfc4475/noreason":                      {},
	"rfc4475/badinv01":                      {RuleEmptyElement, RuleVia},
	"rfc4475/clerr":                         {RuleContentLengthExceeds},
	"rfc4475/ncl":                           {RuleContentLength},
	"rfc4475/scalar02":                      {RuleCSeq, RuleMaxForwards, RuleNumber},
	"rfc4475/scalarlg":                      {RuleTagMissing, RuleCSeq, RuleNumber, RuleWarning},
	"rfc4475/quotbal":                       {RuleQuote},
	"rfc4475/ltgtruri":                      {RuleRequestURIBrackets},
	"rfc4475/lwsruri":                       {RuleRequestLine},
	"rfc4475/lwsstart":                      {RuleStartLineSpacing},
	"rfc4475/trws":                          {RuleStartLineSpacing},
	"rfc4475/escruri":                       {RuleRequestURIHeaders},
	"rfc4475/baddate":                       {RuleDate},
	"rfc4475/regbadct":                      {RuleAddressBrackets},
	"rfc4475/badaspec":                      {RuleAddressSpacing},
	"rfc4475/baddn":                         {RuleDisplayName, RuleHeaderCut},
	"rfc4475/badvers":                       {RuleVersion},
	"rfc4475/mismatch01":                    {RuleCSeqMethod},
	"rfc4475/mismatch02":                    {RuleCSeqMethod},
	"rfc4475/bigcode":                       {RuleStatusCode},
	"rfc4475/badbranch":                     {RuleBranchEmpty},
	"rfc4475/insuf":                         {RuleMissingHeader, RuleMissingMaxForwards, RuleMissingContact},
	"rfc4475/unkscm":                        {},
	"rfc4475/novelsc":                       {},
	"rfc4475/unksm2":                        {RuleAddressOfRecord},
	"rfc4475/bext01":                        {},
	"rfc4475/invut":                         {},
	"rfc4475/regaut01":                      {},
	"rfc4475/multi01":                       {RuleDuplicateHeader},
	"rfc4475/mcl01":                         {RuleDuplicateHeader},
	"rfc4475/bcast":                         {RuleViaBroadcast},
	"rfc4475/zeromf":                        {},
	"rfc4475/cparam01":                      {},
	"rfc4475/cparam02":                      {},
	"rfc4475/regescrt":                      {},
	"rfc4475/sdp01":                         {},
	"rfc4475/inv2543":                       {RuleLegacy, RuleTagMissing, RuleMissingMaxForwards, RuleMissingContact},
	"rfc5118/ipv6-good":                     {},
	"rfc5118/ipv6-bad":                      {RuleRequestURI},
	"rfc5118/port-ambiguous":                {},
	"rfc5118/port-unambiguous":              {},
	"rfc5118/via-received-param-with-delim": {},
	"rfc5118/via-received-param-no-delim":   {},
	"rfc5118/ipv6-in-sdp":                   {},
	"rfc5118/mult-ip-in-header":             {},
	"rfc5118/mult-ip-in-sdp":                {},
	"rfc5118/ipv4-mapped-ipv6":              {},
	"rfc5118/ipv6-bug-abnf-3-colons":        {RuleIPv6Colons},
	"rfc5118/ipv6-correct-abnf-2-colons":    {},
}

func TestTorture(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/*/*.dat")
	if err != nil || len(files) != len(torture) {
		t.Fatalf("%d files (%v), want %d", len(files), err, len(torture))
	}
	var m Message // used again and again: nothing of one message may show in the next
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/torture/"), ".dat")
		t.Run(name, func(t *testing.T) {
			want, ok := torture[name]
			if !ok {
				t.Fatal("not listed")
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Parse(raw); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".dat")+".golden", describe(&m))
			var got []Rule
			for _, d := range m.Check() {
				if !slices.Contains(got, d.Rule) {
					got = append(got, d.Rule)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("breaks %v, want %v", got, want)
			}
			for i, v := range slices.Collect(m.Values(HeaderVia)) {
				if via, _ := m.Via(i); !bytes.Equal(via.Raw, v) {
					t.Errorf("Via %d is %q, want %q", i, via.Raw, v)
				}
			}
			if !Probe(raw) {
				t.Error("not probed")
			}
			if got := CallIDOf(raw); !bytes.Equal(got, m.CallID()) {
				t.Errorf("CallIDOf %q, want %q", got, m.CallID())
			}
		})
	}
}

// TestTortureFacts holds what the RFCs say of single messages beside the goldens.
func TestTortureFacts(t *testing.T) {
	read := func(name string) *Message {
		raw, err := os.ReadFile("testdata/torture/" + name + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		m := new(Message)
		if err := m.Parse(raw); err != nil {
			t.Fatal(err)
		}
		return m
	}
	for name, ok := range map[string]bool{
		"esc02: % is no escape in a method":     read("rfc4475/esc02").Method == MethodUnknown && read("rfc4475/esc02").Count(HeaderContact) == 2,
		"longreq: every Via":                    read("rfc4475/longreq").Count(HeaderVia) == 34,
		"dblreq: one message":                   read("rfc4475/dblreq").Method == MethodRegister && len(read("rfc4475/dblreq").Body) == 0,
		"mpart01: body with NULs":               bytes.IndexByte(read("rfc4475/mpart01").Body, 0) > 0,
		"bigcode: no wrap":                      read("rfc4475/bigcode").Status == -1 && !read("rfc4475/bigcode").IsRequest(),
		"ncl: body kept":                        len(read("rfc4475/ncl").Body) == 152,
		"mismatch01: the start line counts":     read("rfc4475/mismatch01").Method == MethodOptions,
		"multi01: the first counts":             string(read("rfc4475/multi01").FromTag()) == "3413415",
		"escruri: no Route":                     read("rfc4475/escruri").Count(HeaderRoute) == 0,
		"noreason: 100, no phrase":              read("rfc4475/noreason").Status == 100 && len(read("rfc4475/noreason").ReasonPhrase()) == 0,
		"quotbal: the URI is read all the same": aor(read("rfc4475/quotbal").To()) == "sip:j.user@example.com",
	} {
		if !ok {
			t.Error(name)
		}
	}
	with, without := read("rfc5118/via-received-param-with-delim").TopVia(), read("rfc5118/via-received-param-no-delim").TopVia()
	if a := with.ReceivedAddr(); !a.IsValid() || a != without.ReceivedAddr() {
		t.Errorf("received %v and %v, want the same address", a, without.ReceivedAddr())
	}
	var contacts []string
	for a := range read("rfc4475/cparam01").Contacts() {
		u, _ := ParseURI(a.URI)
		contacts = append(contacts, string(a.Params)+"|"+string(u.Params))
	}
	for a := range read("rfc4475/cparam02").Contacts() {
		u, _ := ParseURI(a.URI)
		contacts = append(contacts, string(a.Params)+"|"+string(u.Params))
	}
	if !slices.Equal(contacts, []string{"unknownparam|", "|unknownparam"}) {
		t.Error("cparam: header and URI parameters", contacts)
	}
}

func aor(a NameAddr, _ bool) string {
	u, _ := ParseURI(a.URI)
	return u.AOR()
}

// golden compares got with the file, which -update rewrites.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s\nwant:\n%s", file, got, want)
	}
}

// describe writes out all that the package reads of a message.
func describe(m *Message) []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if m.IsRequest() {
		p("request %v %q version %q", m.Method, m.MethodName(), m.Version())
		p("  uri %s", describeURI(m.RequestURI()))
	} else {
		p("response %d %q version %q to %v %q", m.Status, m.ReasonPhrase(), m.Version(), m.Method, m.MethodName())
	}
	cseq, ok := m.CSeq()
	p("call-id %q cseq %d %v", m.CallID(), cseq, ok)
	for i := 0; ; i++ {
		v, ok := m.Via(i)
		if !ok {
			break
		}
		p("via %q host %q port %d branch %q received %q rport %d %v", v.Transport, v.Host, v.Port, v.Branch, v.Received, v.RPort, v.HasRPort)
	}
	address := func(name string, a NameAddr) {
		p("%s display %q tag %q params %q star %v", name, a.Display, a.Tag(), a.Params, a.Star)
		p("  uri %s", describeURI(a.URI))
	}
	if a, ok := m.From(); ok {
		address("from", a)
	}
	if a, ok := m.To(); ok {
		address("to", a)
	}
	for _, id := range []HeaderID{HeaderContact, HeaderRoute, HeaderRecordRoute} {
		for a := range m.NameAddrs(id) {
			address(strings.ToLower(id.String()), a)
		}
	}
	describeNumbers(m, p)
	for name, value := range m.All() {
		p("header %v %q = %q", HeaderOf(name), name, value)
	}
	p("body %d surplus %d", len(m.Body), m.Surplus())
	for _, d := range m.Check() {
		p("defect %d %v: %s (%s)", d.Offset, d.Rule, d.Detail, d.Ref)
	}
	return b.Bytes()
}

func describeNumbers(m *Message, p func(string, ...any)) {
	number := func(name string, f func() (int, bool)) {
		if n, ok := f(); ok {
			p("%s %d", name, n)
		}
	}
	number("max-forwards", m.MaxForwards)
	number("expires", m.Expires)
	number("retry-after", m.RetryAfter)
	number("content-length", m.ContentLength)
	number("min-expires", m.MinExpires)
	number("min-se", m.MinSE)
	if n, refresher, ok := m.SessionExpires(); ok {
		p("session-expires %d refresher %q", n, refresher)
	}
	for r := range m.Reasons() {
		p("reason %q %d %q", r.Protocol, r.Cause, r.Text)
	}
	for w := range m.Warnings() {
		p("warning %d %q %q", w.Code, w.Agent, w.Text)
	}
	for c := range m.Credentials() {
		p("credentials %+q", c)
	}
	for c := range m.Challenges() {
		p("challenge %+q", c)
	}
	if d, ok := m.Date(); ok {
		p("date %v", d)
	}
}

func describeURI(b []byte) string {
	u, ok := ParseURI(b)
	return fmt.Sprintf("%q ok %v scheme %q user %q password %q host %q port %d params %q headers %q aor %q addr %v",
		b, ok, u.Scheme, u.User, u.Password, u.Host, u.Port, u.Params, u.Headers, u.AOR(), u.Addr())
}

// describeAll is describe with what the torture messages have nothing of.
func describeAll(m *Message) []byte {
	var b bytes.Buffer
	b.Write(describe(m))
	p := func(v ...any) { fmt.Fprintf(&b, "%q\n", v) }
	p(m.FromTag(), m.ToTag(), m.ServerOrUserAgent(), m.HeaderByName("x-unknown"), m.HeaderByName("l"))
	l, r, ok := m.SessionID()
	p(l, r, ok)
	rs, cs, method, ok := m.RAck()
	p(rs, cs, method, ok)
	n, ok := m.RSeq()
	p(n, ok)
	d, ok := m.Replaces()
	p(d, ok)
	pkg, id, ok := m.Event()
	p(pkg, id, ok)
	state, reason, ok := m.SubscriptionState()
	p(state, reason, ok)
	for id := HeaderUnknown; id < headerCount; id++ {
		for a := range m.NameAddrs(id) {
			p(a)
		}
		p(id, m.Count(id), m.Header(id))
	}
	return b.Bytes()
}
