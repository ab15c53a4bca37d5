package record

import (
	"fmt"
	"time"

	"sipcause/internal/wire"
)

// Versions of the formats of Data, each its first byte.
const (
	eventVersion = 1
	noteVersion  = 1
)

// EncodeEvent appends what e says beyond a Message's own fields to dst: the Data of a Message that is an Event.
func EncodeEvent(dst []byte, e *wire.Event) []byte {
	w := Writer{B: dst}
	w.Byte(eventVersion)
	w.Byte(byte(e.Kind))
	w.Byte(e.ICMPType)
	w.Byte(e.ICMPCode)
	flags := byte(0)
	if e.V6 {
		flags |= 1
	}
	if e.Cert != nil {
		flags |= 2
	}
	w.Byte(flags)
	w.IP(e.From)
	w.Uint(uint64(e.Until))
	w.Text(e.Detail)
	w.Text(e.Name)
	w.Bytes(e.Quote)
	w.Int(int64(e.FirstBytes))
	if c := e.Cert; c != nil {
		w.B = append(w.B, c.Fingerprint[:]...)
		w.Text(c.Subject)
		w.Text(c.Issuer)
		w.Text(c.Common)
		w.Texts(c.Names)
		w.Uint(uint64(c.MoreNames))
		dns := byte(0)
		if c.DNS {
			dns = 1
		}
		w.Byte(dns)
		w.Int(c.NotBefore.Unix())
		w.Int(c.NotAfter.Unix())
	}
	return w.B
}

// DecodeEvent reads the event that m is. e owns its memory, and its Point is left to the caller, who knows the names.
func DecodeEvent(m *Message, e *wire.Event) error {
	*e = wire.Event{Ref: m.Ref, Time: m.Time, Flow: m.Flow}
	r := NewReader(m.Data)
	if err := CheckVersion(r.Byte(), eventVersion); err != nil {
		return fmt.Errorf("decode event: %w", err)
	}
	e.Kind = wire.EventKind(r.Byte())
	if e.Kind >= wire.EventKinds {
		r.Fail()
	}
	e.ICMPType, e.ICMPCode = r.Byte(), r.Byte()
	flags := r.Byte()
	e.V6 = flags&1 != 0
	e.From = r.IP()
	e.Until = wire.Time(r.Uint())
	e.Detail, e.Name = r.Text(), r.Text()
	e.Quote = r.Bytes()
	e.FirstBytes = r.Size()
	if flags&2 != 0 {
		c := &wire.Certificate{}
		copy(c.Fingerprint[:], r.take(uint64(len(c.Fingerprint))))
		c.Subject, c.Issuer, c.Common, c.Names = r.Text(), r.Text(), r.Text(), r.Texts()
		c.MoreNames = int(r.Uint())
		c.DNS = r.Byte() != 0
		c.NotBefore, c.NotAfter = time.Unix(r.Int(), 0).UTC(), time.Unix(r.Int(), 0).UTC()
		e.Cert = c
	}
	if r.err != nil {
		*e = wire.Event{}
		return fmt.Errorf("decode event: %w", r.err)
	}
	return nil
}

// EncodeNote appends what n says beyond a Message's own fields to dst: the Data of a Message that is a Note.
func EncodeNote(dst []byte, n *wire.Note) []byte {
	w := Writer{B: dst}
	w.Byte(noteVersion)
	w.Byte(byte(n.Kind))
	w.Bytes(n.CallID)
	w.Bytes(n.Text)
	return w.B
}

// DecodeNote reads the note that m is. n owns its memory, and its Point is left to the caller, who knows the names.
func DecodeNote(m *Message, n *wire.Note) error {
	*n = wire.Note{Ref: m.Ref, Time: m.Time, Flow: m.Flow}
	r := NewReader(m.Data)
	if err := CheckVersion(r.Byte(), noteVersion); err != nil {
		return fmt.Errorf("decode note: %w", err)
	}
	n.Kind = wire.NoteKind(r.Byte())
	if n.Kind >= wire.NoteKinds {
		r.Fail()
	}
	n.CallID, n.Text = r.Bytes(), r.Bytes()
	if r.err != nil {
		*n = wire.Note{}
		return fmt.Errorf("decode note: %w", r.err)
	}
	return nil
}
