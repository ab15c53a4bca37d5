package capture

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// textCorpora are the messages in each shared text trace, counted by reading it, and how many of them the
// text shows only in part; 0 is a text without any message that has a start line and a header.
var textCorpora = map[string]struct{ messages, cut int }{
	"s01-sipp-trace-msg-486.log":                  {4, 0},
	"s02-sipp-trace-msg-420.log":                  {4, 0},
	"s03-sipp-trace-msg-503.log":                  {4, 0},
	"t01-pyvoip-102-bye-no-to-tag-481.txt":        {2, 0},
	"t03-livekit-112-177-bye-no-from-tag-481.txt": {1, 1}, // the BYE has lost its start line
	"t04-b2bua-6-cseq-481.txt":                    {1, 1},
	"t06-baresip-717-401-no-stale.txt":            {1, 0},
	"t07-re-223-401-no-stale-kamailio.txt":        {1, 1},
	"t10-re-148-register-tcpdump.txt":             {2, 0},
	"t11-pjsip-android-136-488-savpf.txt":         {0, 0}, // a body, and a status line without a header
	"t13-pjproject-3106-488-media.txt":            {1, 0},
	"t15-drachtio-83-ack-timeout.txt":             {1, 0},
	"t17-asterisk-1711-200-without-contact.txt":   {2, 1},
	"t18-opensips-1566-reinvite-contact-nat.txt":  {0, 0}, // a ladder
	"t20-drachtio-162-ack-rerouted.txt":           {0, 0}, // two lines of a log
	"t22-janus-1389-record-route-order.txt":       {0, 0}, // a list of fields
	"t24-drachtio-dialogflow-4-contact.txt":       {0, 0}, // prose
	"t26-kamailio-2321-self-loop.txt":             {1, 1},
	"t27-jssip-297-session-expires-60.txt":        {1, 1},
	"t29-pjproject-2706-tls-identity.txt":         {0, 0}, // a log of TLS
	"t31-sipdroid-27-contact-loopback.txt":        {2, 0},
	"t33-captagent-4-cisco-sdp-order.txt":         {0, 0}, // a body
	"t35-sipjs-261-freeswitch-domain.txt":         {0, 0}, // a log
	"t36-cube-diversion-4-digits.txt":             {2, 2}, // without their bodies
	"w01-wireshark-acme-sipmsg.log":               {5, 0},
}

// TestTextCorpora reads the shared text traces when they are there: no message is lost, and none is made up.
func TestTextCorpora(t *testing.T) {
	const dir = "../../../shared/corpora/text"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("text traces of ../shared/corpora are absent")
	}
	files, messages := 0, 0
	for _, name := range slices.Sorted(maps.Keys(textCorpora)) {
		want := textCorpora[name]
		s, err := Open([]string{filepath.Join(dir, name)}, nil)
		if errors.Is(err, os.ErrNotExist) {
			t.Logf("%s is absent", name)
			continue
		}
		files++
		var format *FormatError
		if errors.As(err, &format) {
			if want.messages > 0 {
				t.Errorf("%s: %v, want %d messages", name, err, want.messages)
			}
			t.Logf("%s: refused, found %s", name, format.Found)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		g, _ := readAll(t, filepath.Join(dir, name))
		cut := 0
		for i := range g.payloads {
			if g.payloads[i].Truncated {
				cut++
			}
		}
		messages += len(g.payloads)
		t.Logf("%s: %d messages, %d cut", name, len(g.payloads), cut)
		if len(g.payloads) != want.messages || cut != want.cut {
			t.Errorf("%s: %d messages, %d cut, want %d, %d:\n%s", name, len(g.payloads), cut, want.messages, want.cut, describe(g))
		}
	}
	t.Logf("%d files, %d messages", files, messages)
}
