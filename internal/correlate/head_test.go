package correlate

import (
	"testing"

	"sipcause/sip"
)

// TestReasonPhrase: the short way gives what a full parse gives.
func TestReasonPhrase(t *testing.T) {
	for _, line := range []string{
		"SIP/2.0 200 OK\r\n", "SIP/2.0 486 Busy Here\r\n", "SIP/2.0 486\r\n", "SIP/2.0 486 \r\n", "SIP/2.0  486  Busy\r\n", "SIP/2.0\t486\tBusy\r\n",
		"\r\n\r\nSIP/2.0 503 Service Unavailable\n", "SIP/2.0 404 Not found \r\n", "SIP/2.0 200 OK", "sip/2.0 200 200 fine\r\n", "SIP/2.0 4040 x\r\n",
	} {
		raw := []byte(line + "Call-ID: a\r\n\r\n")
		var m sip.Message
		if err := m.Parse(raw); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if got, want := string(reasonPhrase(raw)), string(m.ReasonPhrase()); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestRejectsAll: only a description whose every stream has port 0 rejects all.
func TestRejectsAll(t *testing.T) {
	for body, want := range map[string]bool{
		"":                               false,
		"v=0\r\n":                        false,
		"v=0\r\nm=audio 0 RTP/AVP 0\r\n": true,
		"v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n":     true,
		"v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 9 RTP/AVP 96\r\n":     false,
		"v=0\r\nm=audio 01 RTP/AVP 0\r\n":                            false,
		"v=0\r\nm=audio 49170 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n": false,
		"v=0\r\nm=audio": false,
	} {
		if _, got, _ := glance([]byte(body)); got != want {
			t.Errorf("%q: %v, want %v", body, got, want)
		}
	}
}

// TestNamesPrivate: the look at the bytes finds each beginning of a private address, and no public one.
func TestNamesPrivate(t *testing.T) {
	for addr, want := range map[string]bool{
		"10.0.0.1": true, "172.16.0.1": true, "192.168.1.1": true, "100.64.0.1": true, "169.254.0.1": true,
		"192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false, "1": false,
	} {
		if got, _, _ := glance([]byte("v=0\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 " + addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}

// TestNamesEvents: telephone events are found among the formats, and nowhere else.
func TestNamesEvents(t *testing.T) {
	for line, want := range map[string]bool{
		"a=rtpmap:101 telephone-event/8000\r\n": true, "a=rtpmap:101 telephone-event/8000": true,
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\n": true,
		"a=rtpmap:0 PCMU/8000\r\n":                                     false, "i=telephone-event\r\n": false, "": false,
	} {
		if _, _, got := glance([]byte("v=0\r\nm=audio 49170 RTP/AVP 0\r\n" + line)); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}
