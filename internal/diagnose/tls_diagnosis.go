package diagnose

import (
	"fmt"
	"strings"

	"sipcause/internal/finding"
)

// tlsIDs are the findings of the topic.
var tlsIDs = [...]finding.ID{
	"tls.handshake-failure", "tls.client-certificate", "tls.certificate-expired", "tls.certificate-name", "tls.certificate-untrusted", "tls.version-mismatch",
}

// refusals are the alerts by which one side says that it does not take the other's certificate (RFC 8446 §6.2).
var refusals = []string{
	"bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired", "certificate_unknown", "unknown_ca",
	"access_denied", "certificate_required", "no_certificate",
}

// diagnose says what the handshake shows to be wrong; ok is false when it is nothing.
func (h *handshake) diagnose() (d diagnosis, ok bool) {
	if h.hello == nil && h.alert == nil && h.cert == nil {
		return d, false // a reset alone is TCP's
	}
	switch {
	case h.alert != nil && h.byServer():
		return h.refusedByServer(), true
	case h.alert != nil:
		return h.refusedByClient(), true
	case h.reset != nil:
		return h.wasReset(), true
	}
	return h.badCertificate(true)
}

// refusedByServer is for alerts of the server.
func (h *handshake) refusedByServer() diagnosis {
	d := diagnosis{id: "tls.handshake-failure", confidence: 0.95, suspect: h.flow.Dst, words: fmt.Sprintf("%s ended it with the alert %s", h.flow.Dst, h.alert.Detail)}
	d.fix = fmt.Sprintf("Read the log of %s at that second: it says more than the alert.", h.flow.Dst)
	switch {
	case alertIs(h.alert, "certificate_required", "no_certificate"):
		d.id, d.confidence, d.suspect = "tls.client-certificate", 0.95, h.flow.Src
		d.words += ": it wants a certificate of the client, which sent none"
		d.fix = fmt.Sprintf("Configure a client certificate and key in %s, or switch mutual TLS off on %s.", h.flow.Src.Addr(), h.flow.Dst)
	case alertIs(h.alert, refusals...):
		d.id, d.confidence, d.suspect = "tls.client-certificate", 0.9, h.flow.Src
		d.words += ": it refused the certificate of the client"
		d.fix = fmt.Sprintf("Compare the issuer of the client certificate of %s with the CAs that %s trusts, and look at its validity and names.", h.flow.Src.Addr(), h.flow.Dst)
	case alertIs(h.alert, "handshake_failure") && h.cert != nil:
		d.id, d.confidence, d.suspect = "tls.client-certificate", 0.7, h.flow.Src
		d.words += " after it had sent its own certificate: most likely it asked for a certificate of the client and got none"
		d.fix = fmt.Sprintf("See whether %s requires client certificates (verify, require_certificate); if so configure one in %s. If not, compare the signature algorithms and groups of both.", h.flow.Dst, h.flow.Src.Addr())
	case alertIs(h.alert, "protocol_version"):
		d.id = "tls.version-mismatch"
		d.words += ": it speaks none of what the client offers" + h.offered()
		d.fix = h.align()
	case alertIs(h.alert, "insufficient_security", "inappropriate_fallback"), alertIs(h.alert, "handshake_failure") && h.old():
		d.id, d.confidence = "tls.version-mismatch", 0.8
		d.words += ": what the client offers is too weak for it" + h.offered()
		d.fix = h.align()
	case alertIs(h.alert, "handshake_failure"):
		d.words += " before it sent a certificate: no cipher suite, signature algorithm or group in common, or no certificate for the name asked for" + h.asked()
		d.fix = fmt.Sprintf("Compare what both offer (openssl s_client -connect %s -servername NAME against the settings of %s): suites, curves, kind of key (RSA, ECDSA).", h.flow.Dst, h.flow.Src.Addr())
	case alertIs(h.alert, "unrecognized_name"):
		d.words += ": it serves no certificate for the name asked for" + h.asked()
		d.fix = fmt.Sprintf("Correct the server name that %s is configured with, or add that name to %s.", h.flow.Src.Addr(), h.flow.Dst)
	}
	return d
}

// refusedByClient is for alerts of the client.
func (h *handshake) refusedByClient() diagnosis {
	said := fmt.Sprintf("%s ended it with the alert %s", h.flow.Src, h.alert.Detail)
	if alertIs(h.alert, refusals...) {
		if d, ok := h.badCertificate(false); ok {
			d.words = said + ": " + d.words
			return d
		}
		d := diagnosis{id: "tls.certificate-untrusted", confidence: 0.9, suspect: h.flow.Dst}
		d.words = said + ": it does not trust the certificate of the server"
		c := h.certificate()
		switch {
		case alertIs(h.alert, "certificate_expired"):
			d.id, d.words = "tls.certificate-expired", said+": by its clock the certificate of the server, or of a CA above it, is not valid now"
		case c.read && c.subject == c.issuer:
			d.words += ", which is self-signed (" + c.subject + ")"
		case c.read:
			d.words += fmt.Sprintf(" (%s, issued by %s)", c.subject, c.issuer)
		}
		d.fix = fmt.Sprintf("Install the issuing CA in %s as trusted, and let %s send the intermediate certificates too (openssl s_client -showcerts -connect %s).", h.flow.Src.Addr(), h.flow.Dst, h.flow.Dst)
		if d.id == "tls.certificate-expired" {
			d.fix = fmt.Sprintf("Check the clock of %s first; then renew the certificate of %s and its intermediates.", h.flow.Src.Addr(), h.flow.Dst)
		}
		return d
	}
	d := diagnosis{id: "tls.handshake-failure", confidence: 0.95, words: said, suspect: h.flow.Src, fix: fmt.Sprintf("Read the log of %s at that second: it ended the handshake, and says why.", h.flow.Src.Addr())}
	if alertIs(h.alert, "protocol_version", "insufficient_security") {
		d.id, d.words, d.fix = "tls.version-mismatch", said+": it does not take the version or suite that the server chose", h.align()
	}
	return d
}

// wasReset is for a RST in the handshake.
func (h *handshake) wasReset() diagnosis {
	return diagnosis{
		id: "tls.handshake-failure", confidence: 0.8, suspect: h.flow.Dst,
		words: fmt.Sprintf("%s reset the connection in the handshake, without an alert", h.reset.From),
		fix:   fmt.Sprintf("See whether %s speaks TLS on port %d at all and takes %s as a client; a firewall that inspects TLS resets like this too.", h.flow.Dst.Addr(), h.flow.Dst.Port(), h.flow.Src.Addr()),
	}
}

// badCertificate is for a certificate that can be seen to be wrong, whether the client minds or not.
func (h *handshake) badCertificate(worked bool) (d diagnosis, ok bool) {
	c := h.certificate()
	if !c.read {
		return d, false
	}
	at := h.cert.Time.Std()
	d = diagnosis{id: "tls.certificate-expired", confidence: 1, suspect: h.flow.Dst, worked: worked}
	d.fix = fmt.Sprintf("Renew the certificate on %s and reload the server; watch its end of validity from now on.", h.flow.Dst)
	switch {
	case at.After(c.until):
		d.words = fmt.Sprintf("the certificate of %s (%s) ran out at %s", h.flow.Dst, c.subject, c.until.Format("2006-01-02 15:04:05"))
	case at.Before(c.from):
		d.words = fmt.Sprintf("the certificate of %s (%s) is not valid before %s; the capture's clock says %s", h.flow.Dst, c.subject, c.from.Format("2006-01-02 15:04:05"), at.Format("2006-01-02 15:04:05"))
	case h.hello != nil && h.hello.Name != "" && !c.more && len(c.names) > 0 && !c.covers(h.hello.Name):
		d.id, d.confidence = "tls.certificate-name", 0.95
		d.words = fmt.Sprintf("the client asked for %s, and the certificate of %s is for %s", h.hello.Name, h.flow.Dst, strings.Join(c.names, ", "))
		d.fix = fmt.Sprintf("Issue a certificate for %s (subjectAltName, RFC 5922 §7.1), or let %s connect by a name that the certificate has.", h.hello.Name, h.flow.Src.Addr())
	default:
		return d, false
	}
	return d, true
}

// offered names what the client offers.
func (h *handshake) offered() string {
	if h.hello == nil {
		return ""
	}
	versions, _, _ := strings.Cut(h.hello.Detail, "; ")
	return " (" + versions + ")"
}

// asked names the server that the client asked for.
func (h *handshake) asked() string {
	if h.hello == nil || h.hello.Name == "" {
		return ""
	}
	return " (" + h.hello.Name + ")"
}

// old says whether the client offers nothing from TLS 1.2 on.
func (h *handshake) old() bool {
	return h.hello != nil && !strings.Contains(h.hello.Detail, "TLS 1.2") && !strings.Contains(h.hello.Detail, "TLS 1.3")
}

func (h *handshake) align() string {
	return fmt.Sprintf("Let both speak TLS 1.2 or 1.3 with a suite in common: upgrade the older one of %s and %s (RFC 8996 retires TLS 1.0 and 1.1).", h.flow.Src.Addr(), h.flow.Dst)
}
