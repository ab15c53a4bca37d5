package testkit

import (
	"bytes"
	"os"
	"testing"

	"sipcause/internal/wire"
	"sipcause/sip"
)

// TestFlowsKeepTheRules reads the flows of dialogs.txtar with the real parser: no defect, and what RFC 3261 says of Via,
// branch, CSeq and tags holds between the messages.
func TestFlowsKeepTheRules(t *testing.T) {
	text, err := os.ReadFile("testdata/dialogs.txtar")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := ParseFlows(text)
	if err != nil {
		t.Fatal(err)
	}
	type hop struct {
		flow   wire.Flow
		branch string
		method string
	}
	for _, f := range flows {
		requests := map[hop]*sip.Message{}
		for _, i := range f.Items {
			if i.Payload == nil {
				continue
			}
			p := i.Payload
			m := new(sip.Message)
			if err := m.Parse(p.Data); err != nil {
				t.Errorf("%s frame %d: %v", f.Name, p.Ref.Number, err)
				continue
			}
			for _, d := range m.Check() {
				t.Errorf("%s frame %d: %s: %s", f.Name, p.Ref.Number, d.Rule, d.Detail)
			}
			k := hop{p.Flow, string(m.TopVia().Branch), string(m.MethodName())}
			if m.IsRequest() {
				if old := requests[k]; old != nil {
					t.Errorf("%s frame %d: branch %s used twice", f.Name, p.Ref.Number, k.branch)
				}
				requests[k] = m
				invite := requests[hop{p.Flow, k.branch, "INVITE"}]
				switch {
				case m.Method == sip.MethodCancel && invite == nil:
					t.Errorf("%s frame %d: CANCEL has no INVITE's branch (§9.1)", f.Name, p.Ref.Number)
				case m.Method == sip.MethodAck && invite == nil && len(m.ToTag()) == 0:
					t.Errorf("%s frame %d: ACK for a 2xx without To tag (§13.2.2.4)", f.Name, p.Ref.Number)
				case invite != nil && m != invite:
					a, _ := m.CSeq()
					if b, _ := invite.CSeq(); a != b || !bytes.Equal(m.RequestURI(), invite.RequestURI()) || m.Count(sip.HeaderVia) != 1 {
						t.Errorf("%s frame %d: CSeq, Request-URI or Via differ from the INVITE's (§9.1, §17.1.1.3)", f.Name, p.Ref.Number)
					}
				}
				continue
			}
			k.flow = p.Flow.Reverse()
			req := requests[k]
			if req == nil {
				t.Errorf("%s frame %d: no request with branch %s went the other way", f.Name, p.Ref.Number, k.branch)
				continue
			}
			a, _ := m.CSeq()
			if b, _ := req.CSeq(); a != b || !bytes.Equal(m.CallID(), req.CallID()) || !bytes.Equal(m.FromTag(), req.FromTag()) ||
				m.Count(sip.HeaderVia) != req.Count(sip.HeaderVia) || m.Status > 100 && len(m.ToTag()) == 0 {
				t.Errorf("%s frame %d: not a response to its request (§8.2.6.2)", f.Name, p.Ref.Number)
			}
		}
	}
}

// TestSameTextSameBytes: nothing in a flow depends on chance.
func TestSameTextSameBytes(t *testing.T) {
	text, err := os.ReadFile("testdata/wire.txtar")
	if err != nil {
		t.Fatal(err)
	}
	one, err := ParseFlows(text)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		two, err := ParseFlows(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range one {
			if !bytes.Equal(one[i].Pcap(), two[i].Pcap()) {
				t.Fatalf("%s: another capture each time", one[i].Name)
			}
		}
	}
}
