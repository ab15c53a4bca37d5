package decode

import (
	"crypto/sha256"
	"crypto/x509"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/tlsrecord"
	"sipcause/internal/wire"
)

// alertNames are TLS alerts by number (RFC 8446 §6; the older ones RFC 5246 §7.2, RFC 2246 §7.2, RFC 6066,
// RFC 4279, RFC 7507, RFC 7301).
var alertNames = map[byte]string{
	0:   "close_notify",
	10:  "unexpected_message",
	20:  "bad_record_mac",
	21:  "decryption_failed",
	22:  "record_overflow",
	30:  "decompression_failure",
	40:  "handshake_failure",
	41:  "no_certificate",
	42:  "bad_certificate",
	43:  "unsupported_certificate",
	44:  "certificate_revoked",
	45:  "certificate_expired",
	46:  "certificate_unknown",
	47:  "illegal_parameter",
	48:  "unknown_ca",
	49:  "access_denied",
	50:  "decode_error",
	51:  "decrypt_error",
	60:  "export_restriction",
	70:  "protocol_version",
	71:  "insufficient_security",
	80:  "internal_error",
	86:  "inappropriate_fallback",
	90:  "user_canceled",
	100: "no_renegotiation",
	109: "missing_extension",
	110: "unsupported_extension",
	111: "certificate_unobtainable",
	112: "unrecognized_name",
	113: "bad_certificate_status_response",
	114: "bad_certificate_hash_value",
	115: "unknown_psk_identity",
	116: "certificate_required",
	120: "no_application_protocol",
}

func alertName(n byte) string {
	name := alertNames[n]
	if name == "" {
		name = "alert"
	}
	return name + " (" + strconv.Itoa(int(n)) + ")"
}

// firstCertificate returns the first certificate of a Certificate message (RFC 5246 §7.4.2, RFC 8446 §4.4.2), nil when
// it has none.
func firstCertificate(b []byte, version uint16) []byte {
	list := fields{b: b}
	if version == tlsrecord.TLS13 {
		list.vector(1) // certificate_request_context
	}
	certs := fields{b: list.vector(3)}
	der := certs.vector(3)
	if list.bad || certs.bad {
		return nil
	}
	return der
}

// maxNames bounds the names of a certificate that are kept.
const maxNames = 8

// readCertificate reads the first certificate of a Certificate message; nil when there is none that can be read.
func readCertificate(b []byte, version uint16) *wire.Certificate {
	c, err := x509.ParseCertificate(firstCertificate(b, version))
	if err != nil {
		return nil
	}
	names := c.DNSNames
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	out := &wire.Certificate{
		Fingerprint: sha256.Sum256(c.Raw), Subject: clean([]byte(c.Subject.String())), Issuer: clean([]byte(c.Issuer.String())),
		Common: clean([]byte(c.Subject.CommonName)), MoreNames: max(0, len(names)-maxNames),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
	}
	for _, n := range names[:min(len(names), maxNames)] {
		out.Names = append(out.Names, clean([]byte(n)))
	}
	out.DNS = len(c.DNSNames) > 0
	return out
}

// describeCertificate words the certificate that Certificate message b begins with: its name (the first DNS name it is
// for, else the common name), and for people its subject, names, issuer and validity.
func describeCertificate(c *wire.Certificate, b []byte) (name, detail string) {
	if c == nil {
		if len(b) <= 4 {
			return "", "no certificate"
		}
		return "", "certificate unreadable"
	}
	name = c.Common
	if c.DNS {
		name = c.Names[0]
	}
	detail = "subject " + c.Subject
	if len(c.Names) > 0 {
		names := strings.Join(c.Names, ", ")
		if c.MoreNames > 0 {
			names += ", …"
		}
		detail += "; names " + clean([]byte(names))
	}
	detail += "; issuer " + c.Issuer +
		"; not before " + c.NotBefore.Format(time.RFC3339) +
		"; not after " + c.NotAfter.Format(time.RFC3339)
	return name, detail
}
