package pipeline

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"

	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// maxCertificates bounds the certificates that a report lists.
const maxCertificates = 256

// certificates are those seen, each once for each holder.
type certificates struct {
	seen    map[certificateKey]*view.Certificate
	evicted uint64
}

type certificateKey struct {
	fingerprint [32]byte
	holder      netip.AddrPort
}

// add takes an event that shows a certificate.
func (l *certificates) add(e *wire.Event) {
	client := e.Kind == wire.EventTLSClientCert
	holder := e.Flow.Dst
	if client {
		holder = netip.AddrPortFrom(e.Flow.Src.Addr(), 0) // its port is another one each time
	}
	key := certificateKey{e.Cert.Fingerprint, holder}
	c := l.seen[key]
	if c == nil {
		if len(l.seen) >= maxCertificates {
			l.evicted++
			return
		}
		if l.seen == nil {
			l.seen = map[certificateKey]*view.Certificate{}
		}
		c = &view.Certificate{Certificate: e.Cert, Holder: holder, OfClient: client, First: e.Time, Ref: e.Ref}
		l.seen[key] = c
	}
	c.Handshakes++
	c.Last = max(c.Last, e.Time)
}

// list returns them, the first to run out first.
func (l *certificates) list() []view.Certificate {
	var list []view.Certificate
	for _, c := range l.seen {
		c.Validity = view.ValidityAt(c.Certificate, c.Last.Std())
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b view.Certificate) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), a.Holder.Compare(b.Holder), bytes.Compare(a.Fingerprint[:], b.Fingerprint[:]))
	})
	return list
}
