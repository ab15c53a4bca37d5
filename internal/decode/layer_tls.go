package decode

import (
	"crypto/sha256"
	"strconv"
	"strings"

	"sipcause/internal/keylog"
	"sipcause/internal/tlsrecord"
	"sipcause/internal/wire"
)

// TLS record types (RFC 8446 §5.1).
const (
	tlsChangeCipherSpec = 20
	tlsAlert            = 21
	tlsHandshake        = 22
	tlsApplicationData  = 23
	tlsHeartbeat        = 24
)

// Handshake types (RFC 5246 §7.4).
const (
	tlsClientHello     = 1
	tlsServerHello     = 2
	tlsSessionTicket   = 4 // RFC 5077 §3.3
	tlsCertificate     = 11
	tlsServerHelloDone = 14
)

// tlsWarning is the level of an alert after which the connection may go on (RFC 5246 §7.2).
const tlsWarning = 1

const (
	maxTLSRecord    = 1<<14 + 2048 // RFC 5246 §6.2.3
	maxTLSHandshake = 64 << 10     // of one message; certificate chains are a few KiB
	maxTLSPieces    = 64           // records that one message may be cut into; honest ones need five
)

// looksTLS says whether b begins, or may begin, with a TLS record: a handshake at the start of a
// connection, any type where the capture began later.
func looksTLS(b []byte, fromStart bool) bool {
	if len(b) == 0 || b[0] != tlsHandshake && (fromStart || b[0] < tlsChangeCipherSpec || b[0] > tlsHeartbeat) {
		return false
	}
	if len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return false
	}
	if len(b) >= 5 && (be16(b[3:]) == 0 || be16(b[3:]) > maxTLSRecord) {
		return false
	}
	return !fromStart || len(b) < 6 || b[5] == tlsClientHello || b[5] == tlsServerHello
}

// tlsRecords reads what of TLS is in the clear: hellos, certificates up to TLS 1.2, alerts. What follows
// ChangeCipherSpec or is application data needs keys: without them the direction is opaque from there on.
func (d *Decoder) tlsRecords(h *half, b []byte, at stamp) []byte {
	if s := h.conn.tls; s != nil && s.side[h.dir].lost {
		if b = d.findRecord(h, b, at); b == nil || s.side[h.dir].lost {
			return b
		}
	}
	n, ok := d.tlsRun(h, b, at)
	if s := h.conn.tls; s != nil && s.woken {
		s.woken = false
		d.retake(&h.conn.half[1-h.dir])
	}
	if !ok {
		return nil
	}
	return b[n:]
}

// tlsRun reads records and returns how many bytes of them are done with; ok is false when no more will be read.
// Handshake messages may span records; those of an unfinished message stay in the buffer and are gone
// through again when more has come, hsDone of their bytes being dealt with.
func (d *Decoder) tlsRun(h *half, b []byte, at stamp) (used int, ok bool) {
	hs := d.tcp.scratch[:0]
	pos, pieces := 0, 0
	for pos+5 <= len(b) {
		n := int(be16(b[pos+3:]))
		what := h.recordState(b[pos])
		if what == recordForeign || b[pos+1] != 3 || n > maxTLSRecord || n == 0 {
			d.changesCipher(h, b[pos:])
			d.blind(h, d.whyBlind(h))
			return 0, false
		}
		if what == recordEarly && len(b) <= maxTLSWait {
			break
		}
		if pos+5+n > len(b) {
			h.need = pos + 5 + n
			break
		}
		record := b[pos : pos+5+n]
		pos += 5 + n
		switch {
		case what != recordClear:
			if !d.sealed(h, what, record, at) {
				return 0, false
			}
		case record[0] == tlsAlert:
			if n == 2 { // longer is encrypted
				d.alert(h, record[5:])
			}
		default:
			hs = append(hs, record[5:]...)
			done, ok := d.handshakes(h, hs)
			if pieces++; !ok || pieces > maxTLSPieces {
				d.blind(h, reasonTLS)
				return 0, false
			}
			if done < len(hs) {
				continue
			}
		}
		hs, h.hsDone, used, pieces = hs[:0], 0, pos, 0
	}
	d.tcp.scratch = hs[:0]
	h.need = max(0, h.need-used) // counts from what is kept
	return used, true
}

// handshakes reads the whole messages in hs beyond those dealt with; done is where the first unfinished begins.
func (d *Decoder) handshakes(h *half, hs []byte) (done int, ok bool) {
	for done+4 <= len(hs) {
		n := int(be32(hs[done:]) & 0xffffff)
		if n > maxTLSHandshake {
			return done, false
		}
		if done+4+n > len(hs) {
			return done, true
		}
		if done >= h.hsDone {
			d.handshake(h, hs[done], hs[done+4:done+4+n])
			h.hsDone = done + 4 + n
		}
		done += 4 + n
	}
	return done, true
}

func (d *Decoder) handshake(h *half, typ byte, b []byte) {
	c := h.conn
	switch typ {
	case tlsClientHello:
		if c.client < 0 {
			c.client = int8(h.dir)
		}
		hello, ok := readClientHello(b)
		if !ok {
			return
		}
		d.tlsBegins(c, &hello)
		e := d.tlsEvent(h, wire.EventTLSHello)
		e.Name, e.Detail = hello.name, hello.detail()
		d.event(&e)
	case tlsServerHello:
		if c.client < 0 {
			c.client = int8(1 - h.dir)
		}
		hello, ok := readServerHello(b)
		if !ok || hello.random == helloRetryRequest {
			if c.tls != nil {
				c.tls.version, c.tls.woken = tlsrecord.TLS13, true
			}
			return
		}
		c.version, c.helloDone = hello.version, false
		if hello.psk {
			d.tlsResumed(h)
		}
		if c.tls != nil {
			c.tls.serverSays(&hello)
			if !c.tls.resumed {
				d.tcp.resumable.issued(c, hello.session)
			}
		}
	case tlsSessionTicket:
		if c.version == tlsrecord.TLS12 && len(b) > 6 {
			d.tcp.resumable.issued(c, b[6:])
		}
	case tlsServerHelloDone:
		c.helloDone = true
		if s := c.tls; s != nil && s.resumed { // it was not resumed
			s.side[0].next, s.side[1].next = nil, nil
			s.secrets = new(keylog.Secrets)
		}
	case tlsCertificate:
		e := d.tlsEvent(h, wire.EventTLSCert)
		if c.client == int8(h.dir) {
			e.Kind = wire.EventTLSClientCert
		}
		if e.Cert = readCertificate(b, c.version); e.Cert == nil && e.Kind == wire.EventTLSClientCert {
			return // it has none
		}
		e.Name, e.Detail = describeCertificate(e.Cert, b)
		if c.version != 0 {
			e.Detail = versionName(c.version) + "; " + e.Detail
		}
		d.event(&e)
	}
}

// shakesHands says whether c is a TLS connection of which nothing was seen yet that is encrypted, or of which what was
// decrypted is handshake.
func (c *conn) shakesHands() bool {
	return c.kind == kindTLS && !c.half[0].opaque && !c.half[1].opaque &&
		(c.tls == nil || !c.tls.side[0].data && !c.tls.side[1].data)
}

// tlsResumed reports that h's side, the server, took up an earlier session: there is no certificate.
func (d *Decoder) tlsResumed(h *half) {
	e := d.tlsEvent(h, wire.EventTLSResumed)
	e.Detail = versionName(h.conn.version) + "; resumes an earlier session"
	d.event(&e)
}

// changesCipher looks for the ChangeCipherSpec by which a server of TLS 1.2 that sent no ServerHelloDone resumes a
// session (RFC 5246 §7.3, RFC 5077 §3.1).
func (d *Decoder) changesCipher(h *half, record []byte) {
	if c := h.conn; record[0] == tlsChangeCipherSpec && c.client == int8(1-h.dir) && !c.helloDone && c.version != 0 && c.version < tlsrecord.TLS13 {
		d.tlsResumed(h)
	}
}

func (d *Decoder) alert(h *half, b []byte) {
	e := d.tlsEvent(h, wire.EventTLSAlert)
	e.Detail = alertName(b[1])
	if b[0] == tlsWarning {
		e.Detail += ", warning"
	}
	d.event(&e)
}

func (d *Decoder) tlsEvent(h *half, kind wire.EventKind) wire.Event {
	from := h.conn.flow[h.dir].Src.Addr()
	return wire.Event{
		Kind: kind, Ref: d.cur.ref, Time: d.cur.time, Point: uint16(h.conn.key.point), Flow: d.clientFlow(h.conn),
		From: from, V6: from.Is6(),
	}
}

// clientHello is what of a ClientHello tells why a handshake may fail, and what it takes to decrypt what follows.
type clientHello struct {
	random   keylog.Random
	session  []byte   // session id
	ticket   []byte   // RFC 5077 §3.2
	early    bool     // offers early data (RFC 8446 §4.2.10)
	name     string   // server_name (RFC 6066 §3)
	versions []uint16 // supported_versions (RFC 8446 §4.2.1), else legacy_version alone
	alpn     []string // RFC 7301
}

func (c clientHello) detail() string {
	names := make([]string, 0, len(c.versions))
	for _, v := range c.versions {
		names = append(names, versionName(v))
	}
	s := strings.Join(names, ", ")
	if len(c.alpn) > 0 {
		s += "; ALPN " + strings.Join(c.alpn, ", ")
	}
	return s
}

// fields reads length-prefixed fields; once one does not fit, bad stays set and all further are empty.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if f.bad || n > len(f.b) {
		f.bad, f.b = true, nil
		return nil
	}
	v := f.b[:n]
	f.b = f.b[n:]
	return v
}

// vector takes a field behind a length of n bytes.
func (f *fields) vector(n int) []byte {
	size := 0
	for _, c := range f.take(n) {
		size = size<<8 | int(c)
	}
	return f.take(size)
}

// extension takes the next extension of a hello.
func (f *fields) extension() (typ uint16, body fields) {
	t := f.take(2)
	v := f.vector(2)
	if f.bad {
		return 0xffff, fields{bad: true}
	}
	return be16(t), fields{b: v}
}

// readClientHello reads a ClientHello (RFC 8446 §4.1.2).
func readClientHello(b []byte) (hello clientHello, ok bool) {
	f := fields{b: b}
	legacy := f.take(2)
	copy(hello.random[:], f.take(32))
	hello.session = f.vector(1)
	f.vector(2) // cipher suites
	f.vector(1) // compression
	if f.bad {
		return hello, false
	}
	hello.versions = []uint16{be16(legacy)}
	all := fields{b: f.vector(2)}
	for len(all.b) > 0 {
		typ, ext := all.extension()
		switch typ {
		case 0:
			list := fields{b: ext.vector(2)}
			for len(list.b) > 0 {
				kind, name := list.take(1), list.vector(2)
				if !list.bad && kind[0] == 0 && hello.name == "" {
					hello.name = clean(name)
				}
			}
		case 16:
			list := fields{b: ext.vector(2)}
			for len(list.b) > 0 && len(hello.alpn) < 8 {
				if p := list.vector(1); len(p) > 0 {
					hello.alpn = append(hello.alpn, clean(p))
				}
			}
		case 35:
			hello.ticket = ext.b
		case 42:
			hello.early = true
		case 43:
			hello.versions = hello.versions[:0]
			list := fields{b: ext.vector(1)}
			for len(list.b) >= 2 && len(hello.versions) < 8 {
				if v := be16(list.take(2)); v>>8 == 3 { // others are GREASE (RFC 8701)
					hello.versions = append(hello.versions, v)
				}
			}
		}
	}
	return hello, true
}

// serverHello is what a ServerHello chose.
type serverHello struct {
	random         [32]byte
	session        []byte
	version, suite uint16
	psk            bool // RFC 8446 §4.2.11
	etm            bool // RFC 7366
}

// helloRetryRequest is the random of a ServerHello that asks for another ClientHello: the SHA-256 of its name (RFC 8446
// §4.1.3).
var helloRetryRequest = sha256.Sum256([]byte("HelloRetryRequest"))

// readServerHello reads a ServerHello (RFC 8446 §4.1.3).
func readServerHello(b []byte) (hello serverHello, ok bool) {
	f := fields{b: b}
	legacy := f.take(2)
	copy(hello.random[:], f.take(32))
	hello.session = f.vector(1)
	suite := f.take(2)
	f.take(1) // compression
	if f.bad {
		return hello, false
	}
	hello.version, hello.suite = be16(legacy), be16(suite)
	all := fields{b: f.vector(2)}
	for len(all.b) > 0 {
		switch typ, ext := all.extension(); {
		case typ == 43 && len(ext.b) == 2:
			hello.version = be16(ext.b)
		case typ == 41:
			hello.psk = true
		case typ == 22:
			hello.etm = true
		}
	}
	return hello, true
}

func versionName(v uint16) string {
	switch v {
	case 0x0300:
		return "SSL 3.0"
	case 0x0301, 0x0302, 0x0303, 0x0304:
		return "TLS 1." + strconv.Itoa(int(v-0x0301))
	}
	return "version 0x" + strconv.FormatUint(uint64(v), 16)
}

// clean makes a name from the wire fit to be shown: at most 255 bytes, printable ASCII.
func clean(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b[:min(len(b), 255)]))
}
