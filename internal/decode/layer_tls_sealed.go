package decode

import (
	"crypto/sha256"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sipcause/internal/keylog"
	"sipcause/internal/tlsrecord"
	"sipcause/internal/wire"
)

// How far reading sealed records goes on without success.
const (
	maxTLSTries   = 32       // sequence numbers tried after bytes were lost
	maxTLSPlaces  = 16       // places after them where a record may begin
	maxTLSSkipped = 64       // records passed over whose keys are not there while later ones are
	maxTLSWait    = 36 << 10 // held of the client's records while the server's hello has not come
)

// tlsSession is what decrypting a connection takes.
type tlsSession struct {
	use     node[tlsSession] // in streams.sessions
	conn    *conn
	client  keylog.Random
	server  [32]byte
	secrets *keylog.Secrets
	version uint16
	suite   *tlsrecord.Suite
	heard   bool // the server's hello was read
	early   bool // the client may send early data (RFC 8446 §4.2.10)
	resumed bool // secrets are those of an earlier connection: they hold if that is resumed
	woken   bool // the other direction may have waited for that hello
	inner   *conn
	side    [2]tlsSide
}

// tlsSide is one direction.
type tlsSide struct {
	open    *tlsrecord.Opener // nil while records are in the clear
	next    *tlsrecord.Opener // of TLS 1.2: from ChangeCipherSpec on
	epoch   int               // of TLS 1.3: how many of its secrets, see epochs, are behind it; open is of the last of these
	lost    bool              // bytes are missing: the next record is looked for
	tries   int               // of finding it
	skipped int
	data    bool // application data was read
}

// epochs are the secrets that each side of TLS 1.3 seals its records with, in turn: the client's, the server's.
var epochs = [2][]keylog.Label{
	{keylog.ClientEarly, keylog.ClientHandshake, keylog.ClientTraffic},
	{keylog.ServerHandshake, keylog.ServerTraffic},
}

// tlsBegins takes the ClientHello of a connection: if there are secrets of it, it is decrypted from here on.
func (d *Decoder) tlsBegins(c *conn, hello *clientHello) {
	if c.outer != nil {
		return // TLS within TLS
	}
	if s := c.tls; s != nil { // a second hello (RFC 8446 §4.1.2), or another handshake on the same connection
		if s.client != hello.random {
			s.client, s.heard = hello.random, false
			if s.secrets = d.opt.Keys.Find(&s.client); s.secrets == nil {
				s.secrets = new(keylog.Secrets)
			}
		}
		return
	}
	secrets := d.opt.Keys.Find(&hello.random)
	resumed := secrets == nil && d.opt.Keys.Len() > 0
	if resumed {
		secrets = d.tcp.resumable.find(hello)
	}
	if secrets == nil {
		return
	}
	c.tls = &tlsSession{conn: c, client: hello.random, secrets: secrets, early: hello.early, resumed: resumed}
	s := &d.tcp.sessions
	s.push(&c.tls.use, c.tls)
	for s.n > d.opt.MaxTLSSessions {
		old := s.head.owner.conn
		for i := range old.half {
			d.blind(&old.half[i], reasonTLSEvicted)
		}
		d.endSession(old)
	}
}

// serverSays takes the ServerHello.
func (s *tlsSession) serverSays(hello *serverHello) {
	s.server, s.version = hello.random, hello.version
	s.suite = tlsrecord.Find(hello.version, hello.suite)
	s.heard, s.woken = true, true
	if s.suite == nil || s.version != tlsrecord.TLS12 || s.secrets[keylog.Master] == nil {
		return
	}
	client, server := s.suite.Session12(s.secrets[keylog.Master], s.client[:], s.server[:], hello.etm)
	s.side[s.conn.client].next, s.side[1-s.conn.client].next = client, server
}

// resumable remembers by what the clients of TLS 1.2 resume sessions: not all programs log the master secret again.
type resumable struct {
	lru *simplelru.LRU[[32]byte, *keylog.Secrets]
}

// maxResumable bounds the sessions that are remembered.
const maxResumable = 4096

// find returns the secrets of the session that a client wants to resume, nil when there is none or they are not known.
func (m *resumable) find(hello *clientHello) *keylog.Secrets {
	if m.lru == nil {
		return nil
	}
	for _, name := range [...][]byte{hello.ticket, hello.session} {
		if s, ok := m.lru.Get(sha256.Sum256(name)); ok && len(name) > 0 {
			return s
		}
	}
	return nil
}

// issued takes a session id (RFC 5246 §7.4.1.3) or a ticket (RFC 5077 §3.3) that the server of c gave out.
func (m *resumable) issued(c *conn, name []byte) {
	if c.tls == nil || c.version != tlsrecord.TLS12 || len(name) == 0 || c.tls.secrets[keylog.Master] == nil {
		return
	}
	if m.lru == nil {
		m.lru, _ = simplelru.NewLRU[[32]byte, *keylog.Secrets](maxResumable, nil) // fails only for a size below one
	}
	m.lru.Add(sha256.Sum256(name), c.tls.secrets)
}

// endSession forgets how to decrypt c and what was inside.
func (d *Decoder) endSession(c *conn) {
	s := c.tls
	if s == nil {
		return
	}
	c.tls = nil
	s.use.leave()
	if s.inner != nil {
		d.unlinkConn(s.inner)
	}
}

// inner returns the direction of the decrypted stream inside h, nil when there is none.
func (h *half) inner() *half {
	if s := h.conn.tls; s != nil && s.inner != nil {
		return &s.inner.half[h.dir]
	}
	return nil
}

// blind gives up reading h. When nothing of the connection can be read any more, its session ends.
func (d *Decoder) blind(h *half, why reason) {
	if h.opaque {
		return
	}
	h.opaque, h.why = true, why
	d.skip(why)
	if in := h.inner(); in != nil {
		d.endOfStream(in)
	}
	if h.conn.half[1-h.dir].opaque {
		d.endSession(h.conn)
	}
}

// whyBlind says why the record at hand cannot be decrypted.
func (d *Decoder) whyBlind(h *half) reason {
	s := h.conn.tls
	switch {
	case d.opt.Keys.Len() == 0:
		return reasonTLS
	case s == nil && h.conn.client < 0:
		return reasonTLSHandshake
	case s == nil:
		return reasonTLS
	case !s.heard:
		return reasonTLSHandshake
	case s.suite == nil:
		return reasonTLSCipher
	}
	return reasonTLS
}

// recordState says how a record is to be read.
type recordState uint8

const (
	recordForeign recordState = iota // no keys, or no record
	recordClear
	recordCipher // ChangeCipherSpec in the clear
	recordSealed
	recordEarly // it is not known yet whether it is sealed
)

// recordState says how a record of a type is to be read, as the connection stands.
func (h *half) recordState(typ byte) recordState {
	s := h.conn.tls
	plain := typ == tlsHandshake || typ == tlsAlert
	switch {
	case s == nil && plain:
		return recordClear
	case s == nil || typ < tlsChangeCipherSpec || typ > tlsApplicationData:
		return recordForeign
	case !s.heard && typ == tlsChangeCipherSpec && s.version == tlsrecord.TLS13: // after a HelloRetryRequest
		return recordCipher
	case !s.heard && !plain:
		return recordEarly
	case s.suite == nil && !plain:
		return recordForeign
	case s.version == tlsrecord.TLS12 && s.side[h.dir].open != nil, typ == tlsApplicationData:
		return recordSealed
	case plain:
		return recordClear
	}
	return recordCipher
}

// sealed takes a record that is not in the clear, or ends what is; false when no more is read of h.
func (d *Decoder) sealed(h *half, what recordState, record []byte, at stamp) bool {
	s := h.conn.tls
	side := &s.side[h.dir]
	d.tcp.sessions.push(&s.use, s)
	if what == recordEarly { // more than it may wait for
		d.blind(h, reasonTLSHandshake)
		return false
	}
	if what == recordCipher {
		return d.cipherChanged(h, record)
	}
	typ, content, ok := d.openRecord(h, record, 1)
	if ok {
		return d.content(h, typ, content, at)
	}
	if s.version == tlsrecord.TLS13 && !side.data && side.skipped < maxTLSSkipped && s.laterKeys(h.dir) {
		side.skipped++
		d.skip(reasonTLS)
		return true
	}
	why := reasonTLSMAC
	if s.version == tlsrecord.TLS13 && !s.hasKeys(h.dir) || s.version != tlsrecord.TLS13 && side.open == nil {
		why = reasonTLS
	}
	d.blind(h, why)
	return false
}

// cipherChanged takes a ChangeCipherSpec in the clear: in TLS 1.3 it means nothing (RFC 8446 §5).
func (d *Decoder) cipherChanged(h *half, record []byte) bool {
	s := h.conn.tls
	side := &s.side[h.dir]
	if s.version == tlsrecord.TLS13 {
		return true
	}
	d.changesCipher(h, record)
	if side.next == nil {
		d.blind(h, d.whyBlind(h))
		return false
	}
	side.open, side.next = side.next, nil
	return true
}

// epochsOf returns the secrets that a direction of TLS 1.3 uses in turn.
func (s *tlsSession) epochsOf(dir int) []keylog.Label {
	if dir == int(s.conn.client) {
		return epochs[0]
	}
	return epochs[1]
}

// laterKeys says whether records that cannot be opened may come before others that can: those of the handshake when
// only the secrets of what follows are known, and early data.
func (s *tlsSession) laterKeys(dir int) bool {
	list := s.epochsOf(dir)
	n := len(list)
	early := s.early && n == len(epochs[0])
	return s.secrets[list[n-1]] != nil && s.side[dir].epoch < n && (early || s.secrets[list[n-2]] == nil)
}

// hasKeys says whether the secret is known that seals the application data of a direction of TLS 1.3, and that of
// its handshake.
func (s *tlsSession) hasKeys(dir int) bool {
	list := s.epochsOf(dir)
	return s.secrets[list[len(list)-1]] != nil && s.secrets[list[len(list)-2]] != nil
}

// openRecord opens a record with the keys in use, else with those that may follow them: what is authentic proves
// that they do. So neither a Finished nor a KeyUpdate must be seen for the keys after it to be taken up. Of each key it
// tries so many sequence numbers.
func (d *Decoder) openRecord(h *half, record []byte, tries int) (typ byte, content []byte, ok bool) {
	s := h.conn.tls
	side := &s.side[h.dir]
	attempt := func(o *tlsrecord.Opener, epoch int) bool {
		if o == nil {
			return false
		}
		first := o.Seq
		for range tries {
			if typ, content, ok = o.Open(d.tcp.plain[:0], record[:5], record[5:]); ok {
				o.Seq++
				side.open, side.epoch = o, epoch
				if cap(content) > cap(d.tcp.plain) {
					d.tcp.plain = content
				}
				return true
			}
			o.Seq++
		}
		o.Seq = first
		return false
	}
	if attempt(side.open, side.epoch) {
		return typ, content, true
	}
	if s.version != tlsrecord.TLS13 {
		if tries > 1 && attempt(side.next, 0) { // ChangeCipherSpec was lost
			side.next = nil
		}
		return typ, content, ok
	}
	list := s.epochsOf(h.dir)
	for i := side.epoch; i < len(list); i++ {
		if secret := s.secrets[list[i]]; secret != nil && attempt(s.suite.Direction13(secret), i+1) {
			return typ, content, true
		}
	}
	if side.open != nil && side.epoch == len(list) {
		attempt(side.open.Next(), side.epoch)
	}
	return typ, content, ok
}

// content takes what was in a sealed record; false when no more is read of h.
func (d *Decoder) content(h *half, typ byte, b []byte, at stamp) bool {
	s := h.conn.tls
	side := &s.side[h.dir]
	switch typ {
	case tlsApplicationData:
		side.data = true
		if s.inner == nil {
			s.open()
		}
		d.consume(&s.inner.half[h.dir], b, at)
		return h.conn.kind == kindTLS // else it is of no interest
	case tlsHandshake:
		return d.sealedHandshake(h, b)
	case tlsAlert:
		if len(b) == 2 && b[1] != 0 && !side.data { // 0 closes the connection in order
			d.alert(h, b)
		}
	case tlsChangeCipherSpec: // another handshake on the same connection
		if s.version == tlsrecord.TLS12 && side.next != nil {
			side.open, side.next = side.next, nil
		}
	}
	return true
}

// open makes the connection inside.
func (s *tlsSession) open() {
	c := s.conn
	in := &conn{key: c.key, flow: c.flow, client: c.client, outer: c, fromSYN: true, sip: c.sip}
	for i := range in.half {
		in.half[i].conn, in.half[i].dir = in, i
		in.flow[i].Transport = wire.TLS
	}
	s.inner = in
}

// sealedHandshake takes handshake messages, or parts of them, out of a sealed record.
func (d *Decoder) sealedHandshake(h *half, b []byte) bool {
	if len(h.wsText) > 0 {
		had := cap(h.wsText)
		h.wsText = append(h.wsText, b...)
		d.charge(h, cap(h.wsText)-had)
		b = h.wsText
	}
	h.hsDone = 0
	done, ok := d.handshakes(h, b)
	h.hsDone = 0
	if !ok {
		d.dropText(h)
		d.blind(h, reasonTLS)
		return false
	}
	switch rest := b[done:]; {
	case len(rest) == 0:
		d.dropText(h)
	case len(h.wsText) > 0:
		h.wsText = h.wsText[:copy(h.wsText, rest)]
	default:
		h.wsText = append(d.getBuf(), rest...)
		d.charge(h, cap(h.wsText))
	}
	return true
}

// retake looks again at what h holds: what it waited for has come.
func (d *Decoder) retake(h *half) {
	if len(h.buf) == 0 || h.opaque {
		return
	}
	h.need = 0
	rest := d.take(h, h.buf, h.last)
	d.shift(h, len(h.buf)-len(rest))
}

// tlsOutOfStep says that bytes of h are missing. With keys the next record is looked for.
func (d *Decoder) tlsOutOfStep(h *half) {
	s := h.conn.tls
	switch {
	case h.opaque:
		return
	case s == nil:
		h.opaque, h.why = true, reasonTLS
		if d.opt.Keys.Len() > 0 {
			h.why = reasonTLSHandshake
		}
		return
	case s.suite == nil: // the hellos may have been in it: neither direction can be decrypted
		other := &h.conn.half[1-h.dir]
		d.blind(h, reasonTLSHandshake)
		d.blind(other, reasonTLSHandshake)
		d.release(other)
		return
	}
	s.side[h.dir].lost, s.side[h.dir].tries = true, 0
	if in := h.inner(); in != nil {
		d.partial(in)
		d.outOfStep(in)
	}
}

// findRecord looks for a record after bytes were lost, and takes the first that opens with one of the next sequence
// numbers. It returns what follows that, or what needs more bytes to be read; nil when it gives up.
func (d *Decoder) findRecord(h *half, b []byte, at stamp) []byte {
	s := h.conn.tls
	side := &s.side[h.dir]
	for ; len(b) > 0; b = b[1:] {
		if !mayBeRecord(b) {
			continue
		}
		if len(b) < 5 || len(b) < 5+int(be16(b[3:])) {
			if len(b) >= 5 {
				h.need = 5 + int(be16(b[3:]))
			}
			return b
		}
		record := b[:5+int(be16(b[3:]))]
		if record[0] == tlsChangeCipherSpec && len(record) == 6 && record[5] == 1 {
			if side.lost = false; !d.cipherChanged(h, record) {
				return nil
			}
			return b[len(record):]
		}
		if side.tries++; side.tries > maxTLSPlaces {
			break
		}
		if typ, content, ok := d.openRecord(h, record, maxTLSTries); ok {
			side.lost = false
			if !d.content(h, typ, content, at) {
				return nil
			}
			return b[len(record):]
		}
	}
	if side.tries > maxTLSPlaces {
		d.blind(h, reasonTLSGap)
	}
	return nil
}

// mayBeRecord says whether b begins, or may begin, with a record.
func mayBeRecord(b []byte) bool {
	return b[0] >= tlsChangeCipherSpec && b[0] <= tlsApplicationData && (len(b) < 2 || b[1] == 3) && (len(b) < 3 || b[2] == 3) &&
		(len(b) < 5 || be16(b[3:]) > 0 && be16(b[3:]) <= maxTLSRecord)
}
