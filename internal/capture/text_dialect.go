package capture

import (
	"bytes"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sipcause/internal/wire"
)

// way is a message's direction as seen by the element that wrote the log.
type way uint8

const (
	wayUnknown way = iota
	waySent
	wayReceived
)

// ways are the words that logs use for a direction, in lower case.
var ways = map[string]way{
	"sent": waySent, "send": waySent, "sending": waySent, "transmitting": waySent, "retransmitting": waySent, "tx": waySent,
	"snd": waySent, "out": waySent, "outgoing": waySent, "sent to": waySent,
	"received": wayReceived, "receiving": wayReceived, "recv": wayReceived, "read": wayReceived, "rx": wayReceived,
	"rcv": wayReceived, "in": wayReceived, "incoming": wayReceived, "received from": wayReceived,
}

// protos are the words that logs use for a transport, in lower case.
var protos = map[string]wire.Transport{
	"udp": wire.UDP, "u": wire.UDP, "tcp": wire.TCP, "t": wire.TCP, "flags": wire.TCP, "tls": wire.TLS, "ws": wire.WS,
	"wss": wire.WSS, "sctp": wire.SCTP, "s": wire.SCTP,
}

// place is one end of a message as far as the text tells.
type place struct {
	addr netip.Addr // valid when an address is written
	name string     // a host's name where it is no address
	port uint16     // 0 unknown
}

func (p place) known() bool { return p.addr.IsValid() }

// textHeader is what a log says of the message below.
type textHeader struct {
	time     wire.Time // 0 unknown
	src, dst place
	local    place // the element that wrote the log
	peer     place
	way      way
	proto    wire.Transport
	size     int  // bytes of the message; 0 unknown
	tcpdump  bool // printed by tcpdump, which may show a message twice
	sure     bool // the line that began it is not in a log but above a message
}

// dialect is how one kind of log begins a message. Named groups of line give time, src, dst, sport, dport,
// local, peer, way, proto, size, and the microseconds that belong to the time of the line before.
type dialect struct {
	name string
	hint string // every such line contains it
	line *regexp.Regexp
	way  way  // where the line itself says it
	new  bool // what was said before belongs to something else
}

const (
	reAddr  = `(?:(?:[A-Za-z]{2,4})[:/])?\[?(?:[0-9A-Fa-f]*:[0-9A-Fa-f:.]+|\d+\.\d+\.\d+\.\d+)\]?:\d+`
	reClock = `(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+|\d{9,10}\.\d+`
)

// dialects are the logs that are read, the more exact first: the first that fits a line counts.
var dialects = []dialect{
	{
		name: "sipp", hint: "-----", new: true, // -trace_msg
		line: regexp.MustCompile(`^-{20,}\s*(?P<time>\d{4}-\d\d-\d\d[ T\t]\d\d:\d\d:\d\d[.:]\d+)`),
	},
	{
		name: "sipp", hint: " message ",
		line: regexp.MustCompile(`^(?P<proto>UDP|TCP|TLS|SCTP|WS) message (?P<way>sent|received)\b(?: [(\[](?P<size>\d+))?`),
	},
	{
		name: "kamailio-sipdump", hint: ": ", // module sipdump, mode file
		line: regexp.MustCompile(`^(?:tag: (?P<way>snd|rcv)|time: (?P<time>\d{9,10}\.\d+)|proto: (?P<proto>[a-z]+) \w+|srcip: (?P<src>\S+)|srcport: (?P<sport>\d+)|dstip: (?P<dst>\S+)|dstport: (?P<dport>\d+))$`),
	},
	{
		name: "siptrace", hint: ". row *", new: true, // the table of module siptrace, or OpenSIPS tracer, as mysql \G prints it
		line: regexp.MustCompile(`^\*{10,} \d+\. row \*{10,}$`),
	},
	{
		name: "siptrace", hint: "time_us: ",
		line: regexp.MustCompile(`^\s*time_us: (?P<micros>\d{1,6})$`),
	},
	{
		name: "tcpdump", hint: " > ", new: true, // -A
		line: regexp.MustCompile(`^(?P<time>` + reClock + `)\s+(?:\S+\s+(?:In|Out|M|B|P)\s+)?IP6?\s+(?P<src>\S+\.\S+) > (?P<dst>\S+\.\S+?):(?:\s|$)(?:.*?\b(?P<proto>Flags|UDP)\b)?`),
	},
	{
		name: "tcpdump", hint: "IP", new: true, // -v -A: addresses in the line below
		line: regexp.MustCompile(`^(?P<time>` + reClock + `)\s+(?:\S+\s+(?:In|Out|M|B|P)\s+)?IP6? \(`),
	},
	{
		name: "tcpdump", hint: " > ",
		line: regexp.MustCompile(`^\s*(?P<src>\S+\.(?:\d+|sips?)) > (?P<dst>\S+\.(?:\d+|sips?)):\s(?:.*?\b(?P<proto>Flags|UDP)\b)?`),
	},
	{
		name: "ngrep", hint: " -> ", new: true, // also the text that sngrep saves
		line: regexp.MustCompile(`^(?:(?P<proto>[UTS]) )?(?:(?:(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+)|\+?\d+\.\d+)\s+)?(?P<src>\S+:\d+) -> (?P<dst>\S+:\d+)(?: \[\w+\])?(?: #\d+)?$`),
	},
	{
		name: "asterisk-pjsip", hint: "<--- ", new: true, // pjsip set logger on
		line: regexp.MustCompile(`<--- (?P<way>Received|Transmitting) SIP (?:request|response) \((?P<size>\d+) bytes\) (?:from|to) (?P<proto>\w+):(?P<peer>\S+) --->`),
	},
	{
		name: "asterisk-pjsip", hint: "History Entry", new: true, // pjsip show history entry
		line: regexp.MustCompile(`<--- History Entry \d+ (?P<way>Sent|Received) (?:to|from) (?P<peer>\S+) at (?P<time>\d{9,10})\s*--->`),
	},
	{
		name: "asterisk-chan_sip", hint: "SIP read from", new: true, way: wayReceived, // sip set debug on
		line: regexp.MustCompile(`<--+ SIP read from (?:(?P<proto>[A-Za-z]+):)?(?P<peer>\S+?)(?: --->|:\s*$)`),
	},
	{
		name: "asterisk-chan_sip", hint: "NAT) to", new: true, way: waySent,
		line: regexp.MustCompile(`(?:Transmitting|transmitting|Retransmitting)(?: #\d+)? \((?:no )?NAT\) to (?P<peer>\S+?)(?: --->|:?$)`),
	},
	{
		name: "freeswitch", hint: " bytes ", new: true, // sofia … siptrace on; drachtio prints the same
		line: regexp.MustCompile(`\b(?P<way>recv|send) (?P<size>\d+) bytes (?:from|to) (?P<proto>\w+)/(?P<peer>\[[^\]\s]+\]:\d+)(?: at (?P<time>[-\dT:. ]*\d))?`),
	},
	{
		name: "pjsip", hint: " msg ", new: true,
		line: regexp.MustCompile(`\b(?P<way>TX|RX) (?P<size>\d+) bytes (?:Request|Response) msg \S+ \(\S+\) (?:to|from) (?P<proto>\w+) (?P<peer>\S+:\d+):`),
	},
	{
		name: "baresip", hint: "#", new: true,
		line: regexp.MustCompile(`^(?P<time>\d\d:\d\d:\d\d\.\d+)#$`),
	},
	{
		name: "baresip", hint: "|", new: true,
		line: regexp.MustCompile(`^(?P<time>\d\d:\d\d:\d\d\.\d+)\|(?P<way>TX|RX)\|?$`),
	},
	{
		name: "baresip", hint: " -> ",
		line: regexp.MustCompile(`^(?:(?P<way>TX|RX) )?(?P<proto>UDP|TCP|TLS|WS|WSS) (?P<src>\S+:\d+) -> (?P<dst>\S+:\d+)$`),
	},
	{
		name: "linphone", hint: "sent to [", new: true, // belle-sip
		line: regexp.MustCompile(`message (?P<way>sent) to \[(?P<proto>\w+)://(?P<peer>[^\]\s]+:\d+)\](?:, size: \[(?P<size>\d+)\])?`),
	},
	{
		name: "linphone", hint: "new bytes from [", new: true,
		line: regexp.MustCompile(`(?P<way>received) \[(?P<size>\d+)\] new bytes from \[(?P<proto>\w+)://(?P<peer>[^\]\s]+:\d+)\]`),
	},
	{
		name: "cisco", hint: "/SIP/Msg/", new: true, // debug ccsip messages
		line: regexp.MustCompile(`//\S+/SIP/Msg/ccsipDisplayMsg:`),
	},
	{
		name: "cisco", hint: ":",
		line: regexp.MustCompile(`^(?P<way>Sent|Received):\s*$`),
	},
	{
		name: "cucm", hint: " message ", new: true, // SDL trace of Cisco Unified CM
		line: regexp.MustCompile(`^(?:\S+ \|(?P<time>` + reClock + `) \|)?.*?\b(?P<way>Incoming|Outgoing) SIP (?P<proto>TCP|UDP|TLS) message (?:from|to) (?P<peer>\S+) on port (?P<peerport>\d+)`),
	},
	{
		name: "audiocodes", hint: " SIP Message ", new: true, // syslog
		line: regexp.MustCompile(`(?P<way>Incoming|Outgoing) SIP Message (?:from|to) (?P<peer>\S+)(?: (?:from|to) SIPInterface #\d+ \([^)]*\))?(?: (?P<proto>UDP|TCP|TLS|WSS|WS)\b)?`),
	},
	{
		name: "oracle", hint: " On ", new: true, // sipmsg.log
		line: regexp.MustCompile(`^(?P<time>[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d\.\d+) On (?:\[\S+?\])?(?P<local>\S+) (?P<way>sent to|received from) (?P<peer>\S+)`),
	},
	{
		name: "xlog", hint: ">", new: true, // and whoever else writes an arrow between two sockets
		line: regexp.MustCompile(`(?P<src>` + reAddr + `)\s*(?:-+|=+)>\s*(?P<dst>` + reAddr + `)`),
	},
	{
		name: "xlog", hint: "→", new: true,
		line: regexp.MustCompile(`(?P<src>` + reAddr + `)\s*→\s*(?P<dst>` + reAddr + `)`),
	},
	{name: "other", hint: "from", new: true, line: otherLine},
	{name: "other", hint: "to", new: true, line: otherLine},
	{
		name: "other", hint: "essage", new: true, // SIP.js, JsSIP
		line: regexp.MustCompile(`(?i)\b(?P<way>received|receiving|sent|sending)\b.{0,30}\bmessage\b.{0,30}:\s*$`),
	},
}

// otherLine is a log that names a direction and a peer in words.
var otherLine = regexp.MustCompile(`(?i)\b(?P<way>received|receiving|recv|incoming|rx|sent|send|sending|outgoing|transmitting|tx)\b.{0,60}?\b(?:from|to)\b:?\s*(?:(?P<proto>udp|tcp|tls|wss|ws)[:/ ]+)?(?P<peer>` + reAddr + `)`)

// trailer is the time that AudioCodes writes behind a message.
var trailer = regexp.MustCompile(`\[Time:(\d\d-\d\d@\d\d:\d\d:\d\d\.\d+)\]`)

// traceColumn is a column that the table of siptrace has behind the message: fromip: udp:192.0.2.1:5060 of Kamailio,
// from_proto: udp, from_ip: 192.0.2.1 and from_port: 5060 of OpenSIPS.
var traceColumn = regexp.MustCompile(`^\s*(from|to)_?(ip|port|proto): (\S+)$`)

// dialectOf returns the dialect whose header the line is, and what its groups hold; nil if it is none.
func dialectOf(line []byte) (*dialect, [][]byte) {
	if len(line) > maxHeaderLine {
		return nil, nil
	}
	for i := range dialects {
		d := &dialects[i]
		if !bytes.Contains(line, []byte(d.hint)) {
			continue
		}
		if m := d.line.FindSubmatch(line); m != nil {
			return d, m
		}
	}
	return nil, nil
}

// maxHeaderLine bounds the lines that are taken for headers of a log.
const maxHeaderLine = 1024

// read adds to h what a header line says. at is when the line says so, if it does.
func (h *textHeader) read(d *dialect, groups [][]byte, clock *textClock) {
	if d.new {
		*h = textHeader{}
	}
	if d.way != wayUnknown {
		h.way = d.way
	}
	h.tcpdump = h.tcpdump || d.name == "tcpdump"
	h.sure = h.sure || d.new && d.name != "other" && d.name != "xlog"
	for i, name := range d.line.SubexpNames() {
		v := groups[i]
		if name == "" || len(v) == 0 {
			continue
		}
		switch name {
		case "time":
			if s, ok := findStamp(v); ok {
				h.time = clock.read(s)
			}
		case "way":
			h.way = ways[strings.ToLower(string(v))]
		case "proto":
			h.proto = protos[strings.ToLower(string(v))]
		case "src":
			h.src = h.place(v, h.src.port)
		case "dst":
			h.dst = h.place(v, h.dst.port)
		case "size":
			h.size = number(v)
		case "micros":
			h.time = clock.add(time.Duration(number(v)) * time.Microsecond)
		case "sport":
			h.src.port = uint16(min(number(v), 65535))
		case "dport":
			h.dst.port = uint16(min(number(v), 65535))
		case "peerport":
			h.peer.port = uint16(min(number(v), 65535))
		case "local":
			h.local = h.place(v, 0)
		case "peer":
			h.peer = h.place(v, 0)
		}
	}
}

// likewise says whether two headers are of messages between the same two ends.
func (h *textHeader) likewise(o *textHeader) bool {
	if h.peer != (place{}) {
		return h.peer == o.peer
	}
	return h.src != (place{}) && (h.src == o.src && h.dst == o.dst || h.src == o.dst && h.dst == o.src)
}

// column takes a column of siptrace: which end, what of it, and its value.
func (h *textHeader) column(end, what string, v []byte) {
	p := &h.src
	if end == "to" {
		p = &h.dst
	}
	switch what {
	case "ip":
		port := p.port
		if *p = h.place(v, port); p.addr == anywhere {
			*p = place{port: port}
		}
	case "port":
		p.port = uint16(min(number(v), 65535))
	case "proto":
		h.proto = protos[strings.ToLower(string(v))]
	}
}

// anywhere stands in the table of siptrace for a destination that was not known.
var anywhere = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// place reads a socket as logs write it: 192.0.2.1:5060, [2001:db8::1]:5060, udp:192.0.2.1:5060,
// pbx.example.com:5060, and with a point before the port where tcpdump writes it.
func (h *textHeader) place(v []byte, port uint16) place {
	s := strings.TrimSuffix(string(v), ":")
	if i := strings.IndexAny(s, ":/"); i >= 2 && i <= 4 && protos[strings.ToLower(s[:i])] != wire.UnknownTransport {
		if h.proto == wire.UnknownTransport {
			h.proto = protos[strings.ToLower(s[:i])]
		}
		s = strings.TrimPrefix(s[i+1:], "//")
	}
	if h.tcpdump {
		if i := strings.LastIndexByte(s, '.'); i > 0 {
			if a, err := netip.ParseAddr(s); err != nil || a.Is6() {
				s = s[:i] + ":" + strings.Replace(s[i+1:], "sip", "5060", 1)
				if j := strings.LastIndexByte(s, ':'); strings.Count(s, ":") > 1 {
					s = "[" + s[:j] + "]" + s[j:]
				}
			}
		}
	}
	return hostPort(s, port)
}

// hostPort reads host:port, [host]:port, an address alone, or a name alone.
func hostPort(s string, port uint16) place {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return place{addr: a.Unmap().WithZone(""), port: port}
	}
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if n, err := strconv.ParseUint(s[i+1:], 10, 16); err == nil {
			host, port = s[:i], uint16(n)
		}
	}
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return place{addr: a.Unmap().WithZone(""), port: port}
	}
	return place{name: strings.ToLower(host), port: port}
}
