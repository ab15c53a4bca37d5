package playbooks

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func ids(list []Advice) (out []string) {
	for _, a := range list {
		out = append(out, a.ID)
	}
	return out
}

// TestMatch asks the program's entries about failures as software reports them.
func TestMatch(t *testing.T) {
	kamailio := Software{Agent: "kamailio (5.8.2 (x86_64/linux))"}
	header := func(name, value string) func(string) []byte {
		return func(n string) []byte {
			if strings.EqualFold(n, name) {
				return []byte(value)
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		facts Facts
		want  []string
	}{
		"nothing known":         {Facts{Cause: "server.capacity", Code: 503}, nil},
		"a vendor nobody knows": {Facts{Cause: "transport.send-failed", Code: 477, Origin: Software{Agent: "softswitch/1"}}, nil},
		"kamailio cannot send":  {Facts{Cause: "transport.send-failed", Code: 477, Origin: kamailio}, []string{"kamailio.send-failed"}},
		"its timer, after ringing": {
			Facts{Cause: "timeout.no-answer", Code: 408, Origin: kamailio},
			[]string{"kamailio.timer-after-ringing", "kamailio.timer-silence"},
		},
		"its timer, without":          {Facts{Cause: "timeout.request", Code: 408, Origin: kamailio}, []string{"kamailio.timer-silence"}},
		"relayed by kamailio, not by": {Facts{Cause: "callee.busy", Code: 486, Origin: kamailio}, nil},
		"another's code, its name on the way": {
			Facts{Cause: "nat.private-sdp", Code: 488, Any: []Software{{Agent: "Linphone/3.6.1"}, kamailio}},
			[]string{"kamailio.nat-media", "linphone.nat"},
		},
		"chan_sip by its tag": {
			Facts{Cause: "media.no-common-codec", Code: 488, Origin: Software{"Asterisk PBX 14.0.0", "as57971bd1"}},
			[]string{"asterisk.chan-sip-media-refused"},
		},
		"pjsip by its tag": {
			Facts{Cause: "media.no-common-codec", Code: 488, Origin: Software{"FPBX-16.0.40.7(18.19.0)", "26a2392c-d416-4fe6-8d52-e661e640d74c"}},
			[]string{"asterisk.pjsip-media-refused"},
		},
		"which asterisk is unknown": {
			Facts{Cause: "media.no-common-codec", Code: 488, Origin: Software{Agent: "Asterisk PBX 18.1.0"}},
			[]string{"asterisk.pjsip-media-refused"},
		},
		"an extension that chan_sip has not": {Facts{Cause: "routing.unknown-user", Code: 404, Kind: "call", Origin: Software{"Asterisk PBX 11.7.0~dfsg-1ubuntu1", "as57971bd1"}}, []string{"asterisk.extension"}},
		"an event package of chan_sip":       {Facts{Cause: "capability.event-package", Code: 489, Kind: "transaction", Origin: Software{"Asterisk PBX 11.7.0~dfsg-1ubuntu1", "as57971bd1"}}, []string{"asterisk.chan-sip-events"}},
		"telnyx says it in the phrase": {
			Facts{Cause: "identity.caller-not-allowed", Code: 403, Phrase: "Caller Origination Number is Invalid D35"},
			[]string{"telnyx.caller-id"},
		},
		"and D3 is not D35": {Facts{Cause: "server.capacity", Code: 403, Phrase: "Connection channel limit exceeded D3"}, []string{"telnyx.limits"}},
		"twilio in a header": {
			Facts{Cause: "policy.source-not-allowed", Code: 403, Header: header("X-Twilio-Error", "32201 Authentication failure - source IP Address not in ACL")},
			[]string{"twilio.acl"},
		},
		"another twilio header": {Facts{Cause: "policy.forbidden", Code: 403, Header: header("X-Twilio-Error", "99999 x")}, nil},
		"cause 21 under 603, by freeswitch": {Facts{
			Cause: "callee.declined", Code: 603, Origin: Software{Agent: "FreeSWITCH-mod_sofia/1.10.12"},
			Reasons: []Reason{{"Q.850", 21, "CALL_REJECTED"}},
		}, []string{"map.cause-21", "freeswitch.call-rejected"}},
		"another reason protocol":       {Facts{Cause: "callee.declined", Code: 603, Reasons: []Reason{{"SIP", 21, ""}}}, nil},
		"audiocodes in the reason text": {Facts{Cause: "server.internal-error", Code: 500, Reasons: []Reason{{"SIP", 500, "Classification Failure"}}}, []string{"audiocodes.classification"}},
		"the caller's software":         {Facts{Cause: "auth.wrong-credentials", Code: 401, Caller: Software{Agent: "Yealink SIP-T27G 69.86.0.15"}}, []string{"yealink.auth"}},
		"of a registration only":        {Facts{Cause: "policy.forbidden", Code: 403, Kind: "call", Caller: Software{Agent: "Grandstream GXP2130"}}, nil},
		"of a registration":             {Facts{Cause: "policy.forbidden", Code: 403, Kind: "registration", Caller: Software{Agent: "Grandstream GXP2130"}}, []string{"grandstream.register-retry"}},
	} {
		m := NewMatcher(Builtin())
		for range 2 { // the second time from memory
			if got := ids(m.Match(&c.facts, nil)); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}

// TestBestFirst: more conditions stand before fewer, the user's before all, and there are two at most.
func TestBestFirst(t *testing.T) {
	const mine = `version: 1
entries:
  - {id: m.one, match: {code: 477}, cause: c, checks: [c]}
  - {id: m.two, match: {code: 477, cause: "transport.*", outcome: failed}, cause: c, checks: [c]}
  - {id: m.other, match: {code: 477, cause: server.capacity}, cause: c, checks: [c]}
  - {id: m.warned, match: {code: 477, warning: {code: 399, text: rout}, kind: call}, cause: c, checks: [c]}
`
	b, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(mine)}}, "my", known())
	if err != nil {
		t.Fatal(err)
	}
	m := NewMatcher(b)
	f := Facts{Cause: "transport.send-failed", Code: 477, Outcome: "failed", Kind: "call", Origin: Software{Agent: "kamailio (5)"}}
	if got := ids(m.Match(&f, nil)); !slices.Equal(got, []string{"m.two", "m.one"}) {
		t.Error(got)
	}
	f.Warnings = []Warning{{Code: 399, Text: "no Route"}}
	if got := ids(m.Match(&f, nil)); !slices.Equal(got, []string{"m.warned", "m.two"}) {
		t.Error(got)
	}
	if n := m.Needs("transport.send-failed", 477, f.Origin.Agent, ""); n&NeedsMessage == 0 {
		t.Errorf("needs %b", n)
	}
	if known, other := m.Needs("transport.send-failed", 477, "kamailio (5)", ""), m.Needs("transport.send-failed", 477, "x", "kamailio"); known&NeedsTag == 0 || other&NeedsTag != 0 {
		t.Errorf("needs %b of the vendor's software, %b of another's", known, other)
	}
	if n := m.Needs("callee.busy", 486, "softswitch", "softswitch"); n&(NeedsSuspect|NeedsAny) != 0 {
		t.Errorf("needs %b", n)
	}
}

// TestMemoryIsBounded: traffic that makes up codes, causes and agents.
func TestMemoryIsBounded(t *testing.T) {
	m := NewMatcher(Builtin())
	agent := []byte("kamailio ")
	for i := range 3 * maxRemembered {
		agent = append(agent[:9], byte('a'+i%26), byte('a'+i/26%26), byte('a'+i/676%26))
		f := Facts{Cause: "server.capacity", Code: 403, Phrase: string(agent), Origin: Software{Agent: string(agent)}}
		m.Match(&f, nil)
		f.Cause = string(agent)
		m.Match(&f, nil)
	}
	long := strings.Repeat("kamailio", maxText)
	m.Match(&Facts{Code: 403, Phrase: long, Origin: Software{Agent: long}}, nil)
	for agent := range m.vendors {
		if len(agent) > maxAgent {
			t.Errorf("an agent of %d bytes is remembered", len(agent))
		}
	}
	for k := range m.texts {
		if len(k.text) > maxAgent {
			t.Errorf("a text of %d bytes is remembered", len(k.text))
		}
	}
	if len(m.cases) > maxRemembered || len(m.vendors) > maxRemembered || len(m.texts) > maxRemembered {
		t.Errorf("%d cases, %d vendors, %d texts", len(m.cases), len(m.vendors), len(m.texts))
	}
}

// TestMatchAllocatesNothing: a failure met before costs no memory.
func TestMatchAllocatesNothing(t *testing.T) {
	m := NewMatcher(Builtin())
	f := Facts{Cause: "timeout.request", Code: 408, Origin: Software{Agent: "kamailio (5.8.2)"}}
	var to []Advice
	if n := testing.AllocsPerRun(100, func() { to = m.Match(&f, to[:0]) }); n != 0 || len(to) == 0 {
		t.Errorf("%v allocations, %d entries", n, len(to))
	}
}
