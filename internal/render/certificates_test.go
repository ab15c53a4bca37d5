package render

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sipcause/internal/call"
	checks "sipcause/internal/digest"
	"sipcause/internal/finding"
	"sipcause/internal/render/schema"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// certified is a summary with certificates: expired, of a client, and more than are shown.
func certified() *view.Summary {
	s := &view.Summary{Files: []string{"x.pcap"}}
	at := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	for i := range certificatesShown + 5 {
		c := view.Certificate{
			Certificate: &wire.Certificate{Subject: "CN=gw.example.com", Issuer: "CN=Example CA", Names: []string{"gw.example.com", "<b>*.example.com"}, MoreNames: 2, NotBefore: at.AddDate(-1, 0, 0), NotAfter: at.AddDate(0, 0, i-1)},
			Holder:      netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 5061), Handshakes: 3, First: wire.Time(at.UnixNano()), Last: wire.Time(at.UnixNano()), Ref: wire.PacketRef{Number: 7},
		}
		c.Validity = view.ValidityAt(c.Certificate, at)
		s.Certificates = append(s.Certificates, c)
	}
	s.Certificates[1].OfClient, s.Certificates[1].Issuer = true, s.Certificates[1].Subject
	s.CertificatesEvicted = 4
	return s
}

// TestCertificatesInReports: people see the first to run out, programs all.
func TestCertificatesInReports(t *testing.T) {
	for format, want := range map[string][]string{
		"text":     {"CERTIFICATES", "EXPIRED", "of 203.0.113.0:5061", "subject CN=gw.example.com", "for gw.example.com, <b>*.example.com and 2 more", "expires soon", "of the client 203.0.113.1", "self-signed", "and 5 more certificates", "4 handshakes"},
		"markdown": {"Certificates", "EXPIRED", "issued by `CN=Example` CA", "and 5 more certificates"},
		"html":     {"<h2>Certificates</h2>", "EXPIRED", "&lt;b&gt;*.example.com", "and 5 more certificates"},
		"json":     {`"validity":"expired"`, `"role":"client"`, `"names_left_out":2`, `"certificates_evicted":4`, `"holder":"203.0.113.24:5061"`},
	} {
		var out bytes.Buffer
		r, err := New(format, &out, Options{Width: 100, Zone: time.UTC})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.End(certified()); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s has no %q:\n%s", format, w, out.String())
			}
		}
		if format == "json" {
			if err := schema.ValidateJSON(out.Bytes()); err != nil {
				t.Error(err)
			}
		}
		if strings.Contains(out.String(), "<b>*") && format == "html" {
			t.Error("a name is markup")
		}
	}
	var out bytes.Buffer
	r, err := New("text", &out, Options{Width: 100, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(&view.Summary{}); err != nil || strings.Contains(out.String(), "CERTIFICATES") {
		t.Errorf("none were seen: %v", err)
	}
}

// TestDigestText words what computing a response anew showed.
func TestDigestText(t *testing.T) {
	for _, c := range []struct {
		check checks.Check
		want  string
	}{
		{checks.Check{Result: checks.Matches}, "it is the response to the given password"},
		{checks.Check{Result: checks.NoMatch}, "whichever field is changed"},
		{checks.Check{Result: checks.NotComputed}, "not possible"},
		{checks.Check{Result: checks.FieldDiffers, Field: checks.FieldPassword, Used: "an empty one"}, "the password is not the given one, but an empty one"},
		{checks.Check{Result: checks.FieldDiffers, Field: checks.FieldRealm, Sent: "a", Used: "b"}, `realm "b" instead of "a"`},
	} {
		if got := digestText(&finding.Digest{Sent: call.NoMsg, Realm: "r", Check: c.check}); !strings.Contains(got, c.want) || !strings.Contains(got, `"r"`) {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
