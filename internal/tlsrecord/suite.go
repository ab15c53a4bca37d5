// Package tlsrecord opens the sealed records of TLS 1.2 (RFC 5246) and TLS 1.3 (RFC 8446), given the secrets.
// Its one rule: what comes out is authentic; a record that is not gives nothing.
package tlsrecord

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// Versions of TLS that are read.
const (
	TLS12 = 0x0303
	TLS13 = 0x0304
)

// mode is how a suite seals.
type mode uint8

const (
	modeGCM mode = iota // RFC 5288; RFC 8446 §5.2
	modeChaCha
	modeCBC
)

// Suite is what of a cipher suite it takes to open records.
type Suite struct {
	version uint16
	mode    mode
	key     int              // bytes of a key
	mac     func() hash.Hash // of CBC
	prf     func() hash.Hash
}

// suites are those that are read, by number (IANA, TLS Cipher Suites). How the keys were agreed on does not matter.
var suites = func() map[uint16]*Suite {
	m := map[uint16]*Suite{}
	for _, s := range []struct {
		Suite
		ids []uint16
	}{
		{Suite{TLS13, modeGCM, 16, nil, sha256.New}, []uint16{0x1301}},
		{Suite{TLS13, modeGCM, 32, nil, sha512.New384}, []uint16{0x1302}},
		{Suite{TLS13, modeChaCha, 32, nil, sha256.New}, []uint16{0x1303}},
		{Suite{TLS12, modeGCM, 16, nil, sha256.New}, []uint16{0x009c, 0x009e, 0x00a2, 0xc02b, 0xc02f}},
		{Suite{TLS12, modeGCM, 32, nil, sha512.New384}, []uint16{0x009d, 0x009f, 0x00a3, 0xc02c, 0xc030}},
		{Suite{TLS12, modeChaCha, 32, nil, sha256.New}, []uint16{0xcca8, 0xcca9, 0xccaa}},
		{Suite{TLS12, modeCBC, 16, sha1.New, sha256.New}, []uint16{0x002f, 0x0032, 0x0033, 0xc009, 0xc013}},
		{Suite{TLS12, modeCBC, 32, sha1.New, sha256.New}, []uint16{0x0035, 0x0038, 0x0039, 0xc00a, 0xc014}},
		{Suite{TLS12, modeCBC, 16, sha256.New, sha256.New}, []uint16{0x003c, 0x0040, 0x0067, 0xc023, 0xc027}},
		{Suite{TLS12, modeCBC, 32, sha256.New, sha256.New}, []uint16{0x003d, 0x006a, 0x006b}},
		{Suite{TLS12, modeCBC, 32, sha512.New384, sha512.New384}, []uint16{0xc024, 0xc028}},
	} {
		for _, id := range s.ids {
			m[id] = &s.Suite
		}
	}
	return m
}()

// Find returns the suite of a number as that version of TLS uses it, nil when it is not read.
func Find(version, id uint16) *Suite {
	if s := suites[id]; s != nil && s.version == version {
		return s
	}
	return nil
}

// Session12 returns what opens the records of a TLS 1.2 connection: client's, server's. etm says that MACs are over
// what was encrypted (RFC 7366).
func (s *Suite) Session12(master, clientRandom, serverRandom []byte, etm bool) (client, server *Opener) {
	mac, iv := 0, 0
	switch s.mode {
	case modeCBC:
		mac = s.mac().Size()
	case modeGCM:
		iv = 4 // RFC 5288 §3
	case modeChaCha:
		iv = 12 // RFC 7905 §2
	}
	// RFC 5246 §6.3: client_write_MAC_key, server's, client_write_key, server's, client_write_IV, server's.
	block := prf(s.prf, master, "key expansion", slices.Concat(serverRandom, clientRandom), 2*(mac+s.key+iv))
	take := func(n int) []byte {
		b := block[:n:n]
		block = block[n:]
		return b
	}
	client, server = &Opener{suite: s, etm: etm}, &Opener{suite: s, etm: etm}
	client.mac, server.mac = s.hmac(take(mac)), s.hmac(take(mac))
	client.cipher(take(s.key))
	server.cipher(take(s.key))
	client.iv, server.iv = take(iv), take(iv)
	return client, server
}

func (s *Suite) hmac(key []byte) hash.Hash {
	if s.mode != modeCBC {
		return nil
	}
	return hmac.New(s.mac, key)
}

// prf is the pseudorandom function of TLS 1.2 (RFC 5246 §5).
func prf(h func() hash.Hash, secret []byte, label string, seed []byte, n int) []byte {
	seed = append([]byte(label), seed...)
	mac := hmac.New(h, secret)
	sum := func(parts ...[]byte) []byte {
		mac.Reset()
		for _, p := range parts {
			mac.Write(p)
		}
		return mac.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

// Direction13 returns what opens the records that one side of a TLS 1.3 connection sends under a traffic secret
// (RFC 8446 §7.3). It is nil for a secret that is not of the suite.
func (s *Suite) Direction13(secret []byte) *Opener {
	if len(secret) != s.prf().Size() {
		return nil
	}
	o := &Opener{suite: s, secret: secret}
	o.cipher(s.expand(secret, "key", s.key))
	o.iv = s.expand(secret, "iv", 12)
	return o
}

// expand is HKDF-Expand-Label without a context (RFC 8446 §7.1).
func (s *Suite) expand(secret []byte, label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "+label...)
	info = append(info, 0)
	out, err := hkdf.Expand(s.prf, secret, string(info), n)
	if err != nil {
		panic(err) // only for more than 255 hashes
	}
	return out
}

// Next returns what opens the records after a KeyUpdate (RFC 8446 §7.2).
func (o *Opener) Next() *Opener {
	return o.suite.Direction13(o.suite.expand(o.secret, "traffic upd", len(o.secret)))
}

// cipher takes the key.
func (o *Opener) cipher(key []byte) {
	var err error
	switch o.suite.mode {
	case modeChaCha:
		o.aead, err = chacha20poly1305.New(key)
	case modeGCM:
		if o.block, err = aes.NewCipher(key); err == nil {
			o.aead, err = cipher.NewGCM(o.block)
		}
	case modeCBC:
		o.block, err = aes.NewCipher(key)
	}
	if err != nil {
		panic(err) // only for a key of another length
	}
}
