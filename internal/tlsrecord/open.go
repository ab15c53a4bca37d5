package tlsrecord

import (
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"hash"
)

// Opener opens the records of one direction while its keys are in use. It is for one goroutine.
type Opener struct {
	Seq uint64 // of the next record

	suite  *Suite
	aead   cipher.AEAD
	block  cipher.Block
	mac    hash.Hash
	iv     []byte
	etm    bool
	secret []byte // of TLS 1.3
	aad    [13]byte
	nonce  [12]byte
	sum    []byte
}

// Open opens the record with the sequence number o.Seq: its header of five bytes and its body. The content is
// appended to dst, which must not overlap body; typ is its type, which TLS 1.3 hides in the record. When the record
// is not authentic ok is false. Either way o.Seq stays what it was.
func (o *Opener) Open(dst, header, body []byte) (typ byte, content []byte, ok bool) {
	switch {
	case o.suite.version == TLS13:
		return o.open13(dst, header, body)
	case o.suite.mode == modeCBC:
		content, ok = o.openCBC(dst, header, body)
	default:
		content, ok = o.open12(dst, header, body)
	}
	return header[0], content, ok
}

// open13 opens a record of TLS 1.3 (RFC 8446 §5.2).
func (o *Opener) open13(dst, header, body []byte) (typ byte, content []byte, ok bool) {
	from := len(dst)
	content, err := o.aead.Open(dst, o.xored(), body, header)
	if err != nil {
		return 0, nil, false
	}
	end := len(content)
	for end > from && content[end-1] == 0 { // padding
		end--
	}
	if end == from {
		return 0, nil, false
	}
	return content[end-1], content[:end-1], true
}

// xored is the nonce of TLS 1.3, and of ChaCha20 in TLS 1.2 (RFC 8446 §5.3, RFC 7905 §2).
func (o *Opener) xored() []byte {
	copy(o.nonce[:], o.iv)
	tail := o.nonce[4:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^o.Seq)
	return o.nonce[:]
}

// additional is what of a record of TLS 1.2 is authenticated beside its content (RFC 5246 §6.2.3.3).
func (o *Opener) additional(header []byte, n int) []byte {
	binary.BigEndian.PutUint64(o.aad[:], o.Seq)
	copy(o.aad[8:], header[:3])
	binary.BigEndian.PutUint16(o.aad[11:], uint16(n))
	return o.aad[:]
}

// open12 opens a record that an AEAD of TLS 1.2 sealed.
func (o *Opener) open12(dst, header, body []byte) (content []byte, ok bool) {
	var nonce []byte
	if o.suite.mode == modeGCM { // RFC 5288 §3
		if len(body) < 8 {
			return nil, false
		}
		nonce = append(append(o.nonce[:0], o.iv...), body[:8]...)
		body = body[8:]
	} else {
		nonce = o.xored()
	}
	n := len(body) - o.aead.Overhead()
	if n < 0 {
		return nil, false
	}
	content, err := o.aead.Open(dst, nonce, body, o.additional(header, n))
	return content, err == nil
}

// openCBC opens a record of TLS 1.2 in CBC mode (RFC 5246 §6.2.3.2; RFC 7366 §3). That it takes longer for some
// forgeries than for others helps nobody: it answers none.
func (o *Opener) openCBC(dst, header, body []byte) (content []byte, ok bool) {
	size, mac := o.block.BlockSize(), o.mac.Size()
	if o.etm {
		n := len(body) - mac
		if n < 0 || !o.authentic(header, body[:n], body[n:]) {
			return nil, false
		}
		body = body[:n]
	}
	if len(body) < 2*size || len(body)%size != 0 {
		return nil, false
	}
	from := len(dst)
	dst = append(dst, body[size:]...)
	plain := dst[from:]
	cipher.NewCBCDecrypter(o.block, body[:size]).CryptBlocks(plain, plain)
	padding := int(plain[len(plain)-1])
	n := len(plain) - 1 - padding
	if !o.etm {
		n -= mac
	}
	if n < 0 {
		return nil, false
	}
	for _, p := range plain[len(plain)-1-padding:] {
		if int(p) != padding {
			return nil, false
		}
	}
	if !o.etm && !o.authentic(header, plain[:n], plain[n:n+mac]) {
		return nil, false
	}
	return dst[:from+n], true
}

// authentic says whether mac is that of b.
func (o *Opener) authentic(header, b, mac []byte) bool {
	o.mac.Reset()
	o.mac.Write(o.additional(header, len(b)))
	o.mac.Write(b)
	o.sum = o.mac.Sum(o.sum[:0])
	return hmac.Equal(o.sum, mac)
}
