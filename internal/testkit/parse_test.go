package testkit

import (
	"strings"
	"testing"
)

// TestErrorsNameTheLine: the author of a flow is told which line is wrong, and what is wanted.
func TestErrorsNameTheLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "no flow"},
		{"# nothing\n", "no flow"},
		{"alice > proxy INVITE\n    -Nosuch\n", "line 1: -Nosuch: the message has no such header field"},
		{"\n\n  stray\n", "line 3: an indented line belongs under a message"},
		{"alice > proxy INVITE\n    no header\n", `line 2: header "no header": want Name: value`},
		{"alice > proxy\n", "line 1: alice > proxy: no message"},
		{"alice INVITE\n", `line 1: "alice": want a line such as`},
		{"nobody > proxy INVITE\n", `line 1: element "nobody": not known: declare it`},
		{"alice > proxy invite\n", `line 1: "invite": want a method, a response code, or raw: and a text`},
		{"alice > proxy INVITE sdq\n", `line 1: option "sdq": not known`},
		{"alice > proxy INVITE tcp=1\n", "line 1: option tcp: takes no value"},
		{"alice > proxy INVITE callid\n", "line 1: option callid: want callid=value"},
		{"alice > proxy INVITE sdp=PCMX\n", `line 1: sdp: codec "PCMX": not known`},
		{"alice > proxy INVITE sdp=PCMU;port=x\n", `line 1: sdp: port "x": want 0 to 65535`},
		{"alice > proxy INVITE sdp=@nosuch\n", "line 1: body: no section -- nosuch --"},
		{"alice > proxy raw=@nosuch\n", "line 1: raw: no section -- nosuch --"},
		{"alice > proxy raw:\nproxy > alice 100\n", "line 1: raw: no text"},
		{"proxy > alice 100\n", "line 1: 100: proxy has no request of alice to answer"},
		{"alice > proxy BYE\n", "line 1: BYE: alice has no dialog (callid=1)"},
		{"alice > proxy CANCEL\n", "line 1: CANCEL: alice sent proxy no INVITE"},
		{"alice > proxy INVITE resend\n", "line 1: INVITE: alice has not sent proxy one before"},
		{"alice > proxy INVITE resend=99\n", "line 1: resend=99: want 1 to 20"},
		{"alice > proxy INVITE tcp unseen\n", "line 1: unseen, dup, src, dst, snap and losefrag are for UDP only"},
		{"alice > proxy INVITE auth=basic\n", "line 1: auth=basic: want auth, auth=proxy or auth=www"},
		{"alice > proxy INVITE\n@10ms proxy > alice 100\n@5ms proxy > alice 180\n", "line 3: 5ms lies before the line above"},
		{"+x alice > proxy INVITE\n", `line 1: time "+x": want +1.2s or @3s`},
		{"+1s\n", "line 1: nothing happens at +1s"},
		{"elements alice\n", `line 1: element "alice": want name=address`},
		{"elements alice=nowhere\n", `line 1: element alice: address "nowhere": want 192.0.2.1`},
		{"elements alice=192.0.2.1;colour=red\n", `line 1: element alice: unknown key "colour"`},
		{"alice > bob INVITE\nelements alice=192.0.2.1\n", "line 2: element alice: declared twice, or used before"},
		{"icmp port-unreachable from bob for last\n", `line 1: icmp: from "bob": want an element of the flow or an address`},
		{"alice > bob INVITE\nicmp port-unreachable from bob for bob>alice\n", `line 2: icmp: for "bob>alice": no such message was sent`},
		{"alice > bob INVITE\nicmp port from bob for last\n", "line 2: icmp port: not known: want one of port-unreachable"},
		{"elements alice=[2001:db8::1]\nalice > bob INVITE\n", "line 2: 2001:db8::1 and 203.0.113.31: no packet goes from one IP version to the other"},
		{"alice > bob INVITE src=[2001:db8::1]:1\n", "line 1: 2001:db8::1 and 203.0.113.31: no packet goes"},
		{"alice > bob INVITE\nicmp port-unreachable from 2001:db8::1 for last\n", "line 2: icmp: 2001:db8::1 and 192.0.2.10: no packet goes"},
		{"elements alice=fe80::1%eth0\n", "line 1: element alice: address"},
		{"rst alice > bob\n", "line 1: rst: alice and bob have no TCP connection"},
		{"gap\n", "line 1: gap: want a duration"},
		{"gap 1s nosuch\n", `line 1: gap: "nosuch": want lost=N or a kind`},
		{"rtp alice > bob 5\n", "line 1: rtp: want how many packets and a codec"},
		{"alice > bob INVITE\nwant nosuch.finding\n", "line 2: want nosuch.finding: no such finding"},
		{"alice > bob INVITE\nwant callee.busy\nwant callee.declined\n", "line 3: want callee.declined: the root cause is callee.busy already"},
		{"alice > bob INVITE\nwant not nosuch.*\n", "line 2: want nosuch.*: no such finding"},
		{"alice > bob INVITE\nwant also\n", "line 2: want also: which finding"},
		{"alice > bob INVITE\nwant outcome=fine\n", "line 2: want outcome=fine: no such outcome"},
		{"alice > bob INVITE\nwant role=boss\n", "line 2: want role=boss: no such role"},
		{"alice > bob INVITE\nwant max=fatal\n", "line 2: want max=fatal: want info, warning, error or critical"},
		{"alice > bob INVITE\nwant code=x\n", "line 2: want code=x: want a number"},
		{"alice > bob INVITE\nwant colour=red\n", "line 2: want colour=: not known"},
		{"alice > bob INVITE\nwant origin=carol\n", `line 2: want: "carol" is neither an element of the flow nor an address`},
		{"alice > bob INVITE\nwant callid=7 none\n", "line 2: want callid=7: the flow has no such call"},
		{"# only sections\n-- a.flow --\nalice > bob INVITE\n-- b.flow --\n\nalice > bob 180\n", "line 6: 180: alice has no request of bob to answer"},
		{"-- a.flow --\nalice > bob INVITE\n-- a.flow --\nalice > bob INVITE\n", "flow a: there are two"},
		{"-- a.sdp --\nv=0\n-- a.sdp --\nv=0\n", "section a.sdp: there are two"},
	} {
		flows, err := ParseFlows([]byte(c.text))
		if err == nil {
			t.Errorf("%q: no error, %d flows", c.text, len(flows))
		} else if !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.text, err, c.want)
		}
	}
}

func TestWants(t *testing.T) {
	flows, err := ParseFlows([]byte(`alice > proxy INVITE
proxy > bob INVITE callid=2
want callee.busy origin=bob suspect=192.0.2.7:5060 role=uas outcome=busy   # first line
want also isup.cause not auth.* code=486 max=info confidence>=0.9
want callid=2 none confidence<=0.5
`))
	if err != nil {
		t.Fatal(err)
	}
	f := &flows[0]
	if len(f.Wants) != 2 {
		t.Fatalf("%d wants: %+v", len(f.Wants), f.Wants)
	}
	w := f.Wants[0]
	if w.Root != "callee.busy" || w.Origin.String() != "203.0.113.31:5060" || w.Suspect.String() != "192.0.2.7:5060" || w.Role != "uas" ||
		w.Outcome != "busy" || len(w.Also) != 1 || len(w.Not) != 1 || w.Code != 486 || w.MaxSeverity != "info" || w.MinConfidence != 0.9 ||
		w.MaxConfidence != 1 || w.Line != 4 || w.CallID != "" {
		t.Errorf("first want: %+v", w)
	}
	w = f.Wants[1]
	if w.Root != None || w.MaxConfidence != 0.5 || w.Code != -1 || w.CallID != f.CallID("2") || w.Line != 5 {
		t.Errorf("second want: %+v", w)
	}
}

func TestLiteral(t *testing.T) {
	flows, err := ParseFlows([]byte("alice > bob raw:\n    INFO sip:x SIP/2.0\n    l: 4\n\n      ab\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(flows[0].Items[0].Payload.Data); got != "INFO sip:x SIP/2.0\r\nl: 4\r\n\r\n  ab\r\n" {
		t.Errorf("raw: %q", got)
	}
}
