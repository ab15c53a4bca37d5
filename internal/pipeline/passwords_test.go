package pipeline_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// TestLiveKeepsNoPassword: no password in clear comes as far as what is recorded, be it of messages, of events' quotes,
// of notes, or of the case that they make; and digests stay.
func TestLiveKeepsNoPassword(t *testing.T) {
	fs, err := testkit.ParseFlows([]byte(`
alice > proxy REGISTER uri=sip:alice:hunter2@example.com to=sip:alice:hunter2@example.com from=sip:alice:hunter2@example.com contact=sip:alice:hunter2@192.0.2.10 Authorization: Basic YWxpY2U6aHVudGVyMg==
proxy > alice 403
+1s alice > proxy INVITE to=sip:bob:hunter2@example.com Proxy-Authorization: Digest username="alice", realm="example.com", nonce="1", uri="sip:example.com", response="0123456789abcdef0123456789abcdef"
proxy > alice 403
alice > proxy ACK
`))
	if err != nil {
		t.Fatal(err)
	}
	f := fs[0]
	var kept bytes.Buffer
	var s view.Subject
	cases := 0
	var opt pipeline.LiveOptions
	opt.Record = func(seen *pipeline.Seen) {
		for i := range seen.Payloads {
			kept.Write(seen.Payloads[i].Data)
		}
		for i := range seen.Events {
			kept.Write(record.EncodeEvent(nil, &seen.Events[i]))
		}
		for i := range seen.Notes {
			kept.Write(record.EncodeNote(nil, &seen.Notes[i]))
		}
	}
	live := pipeline.NewLive(opt, func(c *view.Case) error {
		cases++
		rec := view.Record(c, &s)
		kept.Write(record.AppendCase(nil, &rec))
		return nil
	})
	in := live.Sink()
	var quote []byte
	for _, it := range f.Items {
		if p := it.Payload; p != nil {
			was := bytes.Clone(p.Data)
			in.Payload(p)
			if !bytes.Equal(was, p.Data) {
				t.Error("the source's own bytes were changed")
			}
			if quote == nil {
				quote = was
			}
		}
	}
	in.Event(&wire.Event{Kind: wire.EventICMP, Time: f.Begin, Quote: quote})
	in.Note(&wire.Note{Time: f.Begin, CallID: []byte(f.CallID("1")), Text: []byte("got Authorization: Basic YWxpY2U6aHVudGVyMg== of sip:alice:hunter2@example.com")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	now := f.End.Std()
	if err := live.Run(ctx, func() time.Time { now = now.Add(time.Minute); return now }); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"hunter2", "YWxpY2U6"} {
		if i := strings.Index(kept.String(), bad); i >= 0 {
			t.Errorf("%q is kept: …%q", bad, kept.String()[max(0, i-80):i+20])
		}
	}
	for _, want := range []string{"Authorization: Basic xxxxxxxxxxxxxxxxxx==", "sip:alice:xxxxxxx@example.com", `response="0123456789abcdef0123456789abcdef"`} {
		if !strings.Contains(kept.String(), want) {
			t.Errorf("%q is not kept", want)
		}
	}
	if cases == 0 {
		t.Error("no case")
	}
}
