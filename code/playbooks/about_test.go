package playbooks

import (
	"slices"
	"testing"

	"sipcause/sip"
)

func TestAbout(t *testing.T) {
	response := func(line string, headers string) *Facts {
		var m sip.Message
		raw := line + "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n" + headers + "\r\n"
		if err := m.Parse([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		f := &Facts{Code: m.Status, Origin: Software{Agent: string(m.ServerOrUserAgent())}}
		f.SetResponse(&m)
		return f
	}
	for name, c := range map[string]struct {
		facts   *Facts
		vendors []string
		want    []string
	}{
		"a code and a vendor":                {&Facts{Code: 477}, []string{"kamailio"}, []string{"kamailio.send-failed"}},
		"a finding and a vendor":             {&Facts{Cause: "register.too-many-contacts"}, []string{"asterisk", "asterisk-pjsip"}, []string{"asterisk.pjsip-contacts-full"}},
		"a code nobody writes about":         {&Facts{Code: 299}, []string{"kamailio"}, nil},
		"a response, by its Server":          {response("SIP/2.0 477 x", "Server: kamailio (5)\r\n"), nil, []string{"kamailio.send-failed"}},
		"what it says without a Server":      {response("SIP/2.0 603 Decline", "Reason: Q.850;cause=21\r\n"), nil, []string{"map.cause-21"}},
		"a header of it":                     {response("SIP/2.0 403 x", "X-Twilio-Error: 32201 x\r\n"), nil, []string{"twilio.acl"}},
		"its Server is not the caller's":     {response("SIP/2.0 401 x", "Server: Yealink SIP-T27G\r\n"), nil, nil},
		"the vendor asked for may be anyone": {&Facts{Code: 401}, []string{"grandstream"}, []string{"grandstream.challenges-invite"}},
	} {
		got := ids(Builtin().About(c.facts, c.vendors))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
