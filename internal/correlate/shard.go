// Package correlate makes calls of payloads: sighting → transaction → dialog → leg (Shard), leg → call
// (Linker). Its one rule: event time only, and the same input gives the same output however the shards are
// spread over goroutines.
package correlate

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// Shards is the fixed number of virtual shards; messages are spread by hash of Call-ID.
const Shards = 64

// Options bound what one shard keeps. The zero value takes the defaults.
type Options struct {
	MaxLegs      int           // open legs per shard
	MaxBytes     int           // bytes of kept messages per shard
	MaxSightings int           // sightings per leg; further ones are counted, not kept
	LookAfter    time.Duration // live: how long after an open leg began, or all of it was answered, it is handed on to be looked at; 0: never
	JoinHeaders  []string      // headers that name another leg's Call-ID, beside X-Call-ID and X-CID
	NoRecover    bool          // let a panic on one message through (tests)
}

// Defaults of Options: 64 shards × 2 MiB is 128 MiB of messages.
const (
	DefaultMaxLegs      = 4096
	DefaultMaxBytes     = 2 << 20
	DefaultMaxSightings = 4096
)

func (o Options) withDefaults() Options {
	if o.MaxLegs == 0 {
		o.MaxLegs = DefaultMaxLegs
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxSightings == 0 {
		o.MaxSightings = DefaultMaxSightings
	}
	return o
}

// Stats count what a shard saw. They only grow.
type Stats struct {
	Messages   uint64
	Unparsable uint64
	Defective  uint64 // messages with structural defects
	NoCallID   uint64
	Stray      uint64 // responses that name no call and follow no request
	Evicted    uint64 // legs dropped by a cap
	Dropped    uint64 // sightings over a leg's cap
	Late       uint64
	Panics     uint64
	Repeats    uint64
	Duplicates uint64
	Methods    [32]uint64
	Codes      [700]uint64
	CodeOther  uint64 // status codes outside 100-699
}

// Add adds o to s.
func (s *Stats) Add(o *Stats) {
	s.Messages += o.Messages
	s.Unparsable += o.Unparsable
	s.Defective += o.Defective
	s.NoCallID += o.NoCallID
	s.Stray += o.Stray
	s.Evicted += o.Evicted
	s.Dropped += o.Dropped
	s.Late += o.Late
	s.Panics += o.Panics
	s.Repeats += o.Repeats
	s.Duplicates += o.Duplicates
	for i, n := range o.Methods {
		s.Methods[i] += n
	}
	for i, n := range o.Codes {
		s.Codes[i] += n
	}
	s.CodeOther += o.CodeOther
}

// PanicGap says which message made us panic: our own fault, and the message is as good as lost.
func PanicGap(ref wire.PacketRef, at wire.Time, what any) wire.Gap {
	return wire.Gap{Kind: wire.GapPanic, Ref: ref, From: at, Until: at, Lost: 1, Where: fmt.Sprintf("frame %d: %v", ref.Number, what)}
}

// Shard holds the open legs of its share of the Call-IDs. It is not safe for concurrent use.
type Shard struct {
	id      uint8
	opt     Options
	*desk   // while messages are worked on
	legs    map[uint64]*openLeg
	lru     openLeg // ring of the legs that go on: lru.next is the most recently used
	over    openLeg // ring of those that are over, and wait for stragglers only
	wheel   wheel
	bytes   int
	free    []*openLeg
	looks   looks
	stock   stock
	now     wire.Time // greatest event time seen
	reached wire.Time // up to which everything was read
	at      int32     // index into the batch of the message at hand
	stats   Stats
	out     Output
}

// desk is what one message is worked on with. Shards borrow it, so that there are as many as goroutines at work
// and they stay in the processors' caches.
type desk struct {
	msg   sip.Message
	aux   sip.Message // an earlier message, looked at again
	names names
	text  []byte // scratch of head

	met     []*openLeg // scratch of warm
	touched uint64     // of no meaning: see call.Leg.Touch
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// Output is what a shard hands on: legs that a linker must know of while they are open, legs that ended, facts for
// the ledger, and who was seen. The receiver owns the legs.
type Output struct {
	Opened []Opened
	Closed []*call.Leg
	Looks  []*call.Leg // still open, and the shard's: to be looked at before its next message
	Facts  []peer.Fact
	Panics []wire.Gap // messages that made us panic
	Seen   []Seen
}

// Seen says that a SIP message of From was captured.
type Seen struct {
	From netip.AddrPort
	At   wire.Time
}

// openLeg is a leg with what is needed only while it grows.
type openLeg struct {
	leg        *call.Leg
	stock      *stock // of its shard
	key        uint64
	hashes     []uint64 // hash of each Txn's branch, parallel to leg.Txns
	logins     []login  // of requests without a final response
	prev, next *openLeg
	due        int64 // second at which the wheel looks at it
	deadline   wire.Time
	pending    int  // transactions without a final response
	provision  int  // of these, INVITEs that have a provisional response
	arena      int  // arena bytes accounted for
	over       bool // nothing more is expected of it
	announced  bool
	looking    bool // among the looks
	seq        uint64
	headed     headed
}

// NewShard returns shard id (0..Shards-1).
func NewShard(id int, opt Options) *Shard {
	s := &Shard{id: uint8(id), opt: opt.withDefaults(), legs: make(map[uint64]*openLeg)}
	s.lru.prev, s.lru.next = &s.lru, &s.lru
	s.over.prev, s.over.next = &s.over, &s.over
	return s
}

// KeyOf returns what a message's leg is found by: a hash of its Call-ID, or of its flow (either direction) when it has
// none. The message belongs to shard KeyOf % Shards.
func KeyOf(p *wire.Payload) uint64 {
	if id := sip.CallIDOf(p.Data); len(id) > 0 {
		return xxhash.Sum64(id)
	}
	return KeyOfFlow(p.Flow)
}

// KeyOfFlow is the same for both directions of a flow.
func KeyOfFlow(f wire.Flow) uint64 {
	var b [18]byte
	half := func(a interface {
		As16() [16]byte
	}, port uint16,
	) uint64 {
		ip := a.As16()
		copy(b[:], ip[:])
		binary.BigEndian.PutUint16(b[16:], port)
		return xxhash.Sum64(b[:])
	}
	return half(f.Src.Addr(), f.Src.Port()) + half(f.Dst.Addr(), f.Dst.Port())
}

// Open returns how many legs are open.
func (s *Shard) Open() int { return len(s.legs) }

// Held returns how many legs the shard has room for besides the open ones, and how many entries of its queues.
func (s *Shard) Held() (room, queued int) {
	queued = len(s.looks.queue)
	for _, b := range s.wheel.buckets {
		queued += len(b)
	}
	return len(s.free), queued
}

// Stats returns the counters.
func (s *Shard) Stats() Stats { return s.stats }

// Item names a message of a batch to its shard.
type Item struct {
	Key uint64 // KeyOf
	At  int    // index into the batch
}

// Messages takes this shard's messages of a batch in the order of their capture. Their Data is read only during the
// call.
func (s *Shard) Messages(batch []wire.Payload, items []Item) {
	s.desk = desks.Get().(*desk)
	s.warm(batch, items)
	for len(items) > 0 {
		items = items[s.run(batch, items):]
	}
	desks.Put(s.desk)
	s.desk = nil
}

// warm touches the messages and their legs: see call.Leg.Touch.
func (s *Shard) warm(batch []wire.Payload, items []Item) {
	met, sum := s.met[:0], s.touched
	for i := range items {
		p := &batch[items[i].At]
		sum += uint64(p.Time) + uint64(p.Point) + uint64(p.IPID)
		if ol := s.legs[items[i].Key]; ol != nil {
			met = append(met, ol)
		}
	}
	for _, ol := range met {
		sum += uint64(ol.due) + uint64(ol.arena) + uint64(ol.prev.arena) + uint64(ol.next.arena)
	}
	for _, ol := range met {
		sum += ol.leg.Touch()
		if n := len(ol.hashes); n > 0 {
			sum += ol.hashes[n-1]
		}
	}
	for _, ol := range met {
		sum += ol.leg.TouchToAdd()
	}
	s.met, s.touched = met, sum
}

// run works on the messages until their end or until one makes us panic, and returns how many it is done with.
func (s *Shard) run(batch []wire.Payload, items []Item) (done int) {
	if !s.opt.NoRecover {
		defer func() {
			if r := recover(); r != nil {
				s.stats.Panics++
			}
		}()
	}
	for done < len(items) {
		done++
		s.at = int32(items[done-1].At)
		s.message(&batch[s.at], items[done-1].Key)
	}
	return done
}

func (s *Shard) message(p *wire.Payload, key uint64) {
	m := &s.msg
	if err := m.Parse(p.Data); err != nil {
		s.stats.Unparsable++
		return
	}
	s.count(m)
	if m.Status < 0 {
		s.stats.Stray++ // a code that cannot be read: RFC 4475 §3.1.2.19 has the response dropped
		return
	}
	if p.Time > s.now {
		s.now = p.Time
	}
	ol := s.find(m, key)
	if ol == nil {
		s.stats.Stray++
		return
	}
	s.add(ol, p, m)
	if n := ol.leg.Arena.Bytes(); n != ol.arena {
		s.bytes += n - ol.arena
		ol.arena = n
	}
	s.schedule(ol)
	s.toFront(ol)
	s.wantLook(ol)
	s.enforceCaps(ol)
}

func (s *Shard) count(m *sip.Message) {
	s.stats.Messages++
	switch {
	case m.IsRequest():
		s.stats.Methods[m.Method]++
	case m.Status >= 100 && m.Status < 700:
		s.stats.Codes[m.Status]++
	default:
		s.stats.CodeOther++
	}
}

// salt keeps the legs of different kinds apart that share one Call-ID.
var salt = [...]uint64{call.KindCall: 0, call.KindRegistration: 0x9e3779b97f4a7c15, call.KindTransaction: 0xc2b2ae3d27d4eb4f}

// find returns the open leg that the message belongs to, opening one if there is none. It returns nil for a
// response that names no call: without a Call-ID it may only join what its flow has open.
func (s *Shard) find(m *sip.Message, h uint64) *openLeg {
	id := m.CallID()
	if len(id) == 0 {
		s.stats.NoCallID++
	}
	kind := call.KindCall
	switch m.Method {
	case sip.MethodRegister:
		kind = call.KindRegistration
	case sip.MethodInvite, sip.MethodAck, sip.MethodBye, sip.MethodCancel, sip.MethodPrack:
	default:
		// In a dialog that an INVITE made, everything is part of the call; outside it stands alone.
		if ol := s.legs[h]; ol != nil && ol.leg.CallID == string(id) {
			return ol
		}
		if m.Method == sip.MethodUnknown && len(id) == 0 {
			for _, k := range salt {
				if ol := s.legs[h^k]; ol != nil {
					return ol
				}
			}
			if !m.IsRequest() {
				return nil
			}
		}
		kind = call.KindTransaction
		if len(m.ToTag()) > 0 && m.IsRequest() && (m.Method == sip.MethodUpdate || m.Method == sip.MethodInfo || m.Method == sip.MethodRefer) {
			kind = call.KindCall
			// An existing subscription or REFER dialog keeps its own.
			if ol := s.legs[h^salt[call.KindTransaction]]; ol != nil {
				return ol
			}
		}
	}
	key := h ^ salt[kind]
	if kind == call.KindRegistration && len(id) > 0 {
		key ^= xxhash.Sum64(registering(m))
	}
	for {
		ol := s.legs[key]
		if ol == nil {
			return s.open(key, kind, id)
		}
		if ol.leg.CallID == string(id) {
			return ol
		}
		key++ // hash collision: probe
	}
}

// registering returns the user part of the address-of-record that a REGISTER or its response is about: a device
// uses one Call-ID for the registrations of all its accounts (RFC 3261 §10.2).
func registering(m *sip.Message) []byte {
	if to, ok := m.To(); ok {
		if u, ok := sip.ParseURI(to.URI); ok {
			return u.User
		}
	}
	return nil
}

func (s *Shard) open(key uint64, kind call.Kind, id []byte) *openLeg {
	var ol *openLeg
	if n := len(s.free); n > 0 {
		ol = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		ol = new(openLeg)
	}
	leg, hashes, logins := newLeg(), ol.hashes[:0], ol.logins[:0]
	*ol = openLeg{}
	ol.leg, ol.stock, ol.key, ol.hashes, ol.logins = leg, &s.stock, key, hashes, logins
	leg.Kind, leg.CallID, leg.Shard = kind, string(id), s.id
	ol.seq = s.looks.seq
	s.looks.seq++
	s.legs[key] = ol
	ol.prev, ol.next = &s.lru, s.lru.next
	ol.next.prev, s.lru.next = ol, ol
	return ol
}

// close takes the leg out of the shard and hands it to the linker.
func (s *Shard) close(ol *openLeg) {
	delete(s.legs, ol.key)
	ol.prev.next, ol.next.prev = ol.next, ol.prev
	s.bytes -= ol.arena
	s.out.Closed = append(s.out.Closed, ol.leg)
	ol.leg = nil
	if ol.due == 0 { // not in the wheel: reusable at once; else the wheel drops it when it comes by
		s.free = append(s.free, ol)
	}
}

// Advance closes every leg whose time has come, as of watermark.
func (s *Shard) Advance(watermark wire.Time) {
	s.reached = watermark
	s.wheel.advance(int64(watermark)/second, func(ol *openLeg) {
		ol.due = 0
		switch {
		case ol.leg == nil: // closed meanwhile
			s.free = append(s.free, ol)
		case ol.deadline <= watermark:
			s.close(ol)
		default:
			s.wheel.insert(ol, int64(ol.deadline)/second+1, int64(watermark)/second)
		}
	})
	s.takeLooks(watermark)
}

// Flush closes all legs at the end of the capture.
func (s *Shard) Flush() {
	for _, ring := range []*openLeg{&s.lru, &s.over} {
		for ring.prev != ring {
			ring.prev.leg.AtEnd = true
			s.close(ring.prev)
		}
	}
}

// Take returns what has come out since the last Take, and keeps spare for the next.
func (s *Shard) Take(spare Output) Output {
	out := s.out
	s.out = Output{Opened: spare.Opened[:0], Closed: spare.Closed[:0], Looks: spare.Looks[:0], Facts: spare.Facts[:0], Panics: spare.Panics[:0], Seen: spare.Seen[:0]}
	return out
}

// hashAt identifies the transaction of m's Via at that depth: see branchHash. It is false if there is no such Via,
// except at the top: what has none at all is told apart by the rest.
func hashAt(m *sip.Message, depth int) (h uint64, ok bool) {
	b, ok := m.BranchAt(depth)
	if hasCookie(b) {
		return xxhash.Sum64(b), true
	}
	if !ok && depth > 0 {
		return 0, false
	}
	v, _ := m.Via(depth)
	return branchHash(&v, m), true
}

// branchHash identifies the transaction of one of m's Vias: by its branch if it has the magic cookie (RFC 3261
// §17.1.3), else by sent-by, CSeq number and From tag (a short form of §17.2.3's rule for RFC 2543 peers).
func branchHash(v *sip.Via, m *sip.Message) uint64 {
	if hasCookie(v.Branch) {
		return xxhash.Sum64(v.Branch)
	}
	var d xxhash.Digest
	d.Reset()
	d.Write(v.Host)
	d.Write(v.Branch)
	d.Write(m.FromTag())
	cseq, _ := m.CSeq()
	var b [6]byte
	binary.BigEndian.PutUint16(b[:], v.Port)
	binary.BigEndian.PutUint32(b[2:], cseq)
	d.Write(b[:])
	return d.Sum64()
}

func hasCookie(branch []byte) bool {
	const cookie = "z9hG4bK"
	return len(branch) > len(cookie) && string(branch[:len(cookie)]) == cookie
}
