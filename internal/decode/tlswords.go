package decode

import (
	"crypto/x509"
	"strconv"
	"strings"
	"time"
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

// describeCertificate reads the first certificate of a Certificate message (RFC 5246 §7.4.2): its name (the
// first DNS name it is for, else the common name), and for people its subject, names, issuer and validity.
func describeCertificate(b []byte) (name, detail string) {
	list := fields{b: b}
	certs := fields{b: list.vector(3)}
	der := certs.vector(3)
	if list.bad || certs.bad {
		return "", "no certificate"
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return "", "certificate unreadable"
	}
	names := c.DNSNames
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) > 8 {
		names = append(names[:8:8], "…")
	}
	name = clean([]byte(c.Subject.CommonName))
	if len(c.DNSNames) > 0 {
		name = clean([]byte(c.DNSNames[0]))
	}
	detail = "subject " + clean([]byte(c.Subject.String()))
	if len(names) > 0 {
		detail += "; names " + clean([]byte(strings.Join(names, ", ")))
	}
	detail += "; issuer " + clean([]byte(c.Issuer.String())) +
		"; not before " + c.NotBefore.UTC().Format(time.RFC3339) +
		"; not after " + c.NotAfter.UTC().Format(time.RFC3339)
	return name, detail
}
