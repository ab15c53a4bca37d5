package render

import (
	"fmt"
	"strings"
	"time"

	"sipcause/internal/view"
)

// certificatesShown is how many certificates reports for people list.
const certificatesShown = 20

var (
	validityWords = map[view.Validity]string{view.Valid: "valid", view.ExpiresSoon: "expires soon", view.Expired: "EXPIRED", view.NotYetValid: "NOT YET VALID"}
	validityStyle = map[view.Validity]style{view.Valid: green, view.ExpiresSoon: yellow, view.Expired: red, view.NotYetValid: red}
	validityClass = map[view.Validity]string{view.Valid: "ok", view.ExpiresSoon: "warning", view.Expired: "error", view.NotYetValid: "error"}
)

// certificateRows returns the certificates, the first to run out first, and how many more there are, "" none.
func certificateRows(s *view.Summary, zone *time.Location) (rows []stateRow, more string) {
	for i := range s.Certificates {
		c := &s.Certificates[i]
		if i == certificatesShown {
			more = "and " + count(uint64(len(s.Certificates)-i), "more certificate")
			break
		}
		holder := "of " + c.Holder.String()
		if c.OfClient {
			holder = "of the client " + c.Holder.Addr().String()
		}
		names := strings.Join(c.Names, ", ")
		if c.MoreNames > 0 {
			names += fmt.Sprintf(" and %d more", c.MoreNames)
		}
		lines := []string{"subject " + c.Subject}
		if names != "" {
			lines = append(lines, "for "+names)
		}
		issuer := "issued by " + c.Issuer
		if c.Issuer == c.Subject {
			issuer = "self-signed"
		}
		lines = append(lines, issuer, fmt.Sprintf("from %s until %s; seen in %s", day(c.NotBefore, zone), day(c.NotAfter, zone), count(c.Handshakes, "handshake")))
		rows = append(rows, stateRow{validityWords[c.Validity], holder, validityStyle[c.Validity], validityClass[c.Validity], lines})
	}
	if s.CertificatesEvicted > 0 {
		more = strings.TrimPrefix(more+"; ", "; ") + "further ones were seen in " + count(s.CertificatesEvicted, "handshake") + " and are not kept"
	}
	return rows, more
}

func day(t time.Time, zone *time.Location) string { return t.In(zone).Format("2006-01-02 15:04") }

// certificates writes those that TLS endpoints showed.
func (r *text) certificates(s *view.Summary) {
	rows, more := certificateRows(s, r.opt.Zone)
	r.states("CERTIFICATES (the first to run out first)", 14, rows, more)
}

// certificates writes those that TLS endpoints showed.
func (r *markdown) certificates(s *view.Summary) {
	rows, more := certificateRows(s, r.opt.Zone)
	r.states("Certificates ", "(the first to run out first)", "certificate", "what it says", rows, more)
}

// certificates appends those that TLS endpoints showed, when there are some.
func (e *encoder) certificates(s *view.Summary) {
	if len(s.Certificates) == 0 {
		return
	}
	each(e, "certificates", s.Certificates, func(c *view.Certificate) {
		e.raw("{")
		e.text("holder", c.Holder.String())
		if c.OfClient {
			e.text("role", "client")
		} else {
			e.text("role", "server")
		}
		e.textOrNull("subject", c.Subject)
		e.textOrNull("issuer", c.Issuer)
		e.texts("names", c.Names)
		e.uint("names_left_out", uint64(c.MoreNames))
		e.text("not_before", c.NotBefore.UTC().Format(time.RFC3339))
		e.text("not_after", c.NotAfter.UTC().Format(time.RFC3339))
		e.text("validity", c.Validity.String())
		e.text("sha256", fmt.Sprintf("%x", c.Fingerprint))
		e.uint("handshakes", c.Handshakes)
		e.time("first", c.First)
		e.time("last", c.Last)
		e.frame(c.Ref)
		e.raw("}")
	})
	e.uint("certificates_evicted", s.CertificatesEvicted)
}
