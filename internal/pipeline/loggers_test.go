package pipeline_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"sipcause/internal/wire"
	"sipcause/sip"
)

// logger writes one message as a log does. sent is for the log of one element, and again says that the element
// sends the message once more.
type logger struct {
	name     string
	own      bool // of one element
	permille int  // of the cases of TestTextEqualsCapture must be diagnosed as from the capture
	write    func(p *wire.Payload, sent, again bool) string
}

func stamp(p *wire.Payload, layout string) string { return p.Time.Std().Format(layout) }

func way(sent bool, yes, no string) string {
	if sent {
		return yes
	}
	return no
}

// peerOf returns the other end's socket, ownOf the element's.
func peerOf(p *wire.Payload, sent bool) netip.AddrPort {
	if sent {
		return p.Flow.Dst
	}
	return p.Flow.Src
}

func ownOf(p *wire.Payload, sent bool) netip.AddrPort { return peerOf(p, !sent) }

func upper(t wire.Transport) string { return strings.ToUpper(t.String()) }

// dotted writes a socket as tcpdump does.
func dotted(a netip.AddrPort) string { return fmt.Sprintf("%s.%d", a.Addr(), a.Port()) }

// bracketed writes a socket as Sofia does.
func bracketed(a netip.AddrPort) string { return fmt.Sprintf("[%s]:%d", a.Addr(), a.Port()) }

// family is "ipv4" or "ipv6".
func family(p *wire.Payload) string {
	if p.Flow.Src.Addr().Is6() {
		return "ipv6"
	}
	return "ipv4"
}

// messageKind says whether p is a "request" or "response" and how PJSIP names it: INVITE/cseq=1, 486/INVITE/cseq=1.
func messageKind(p *wire.Payload) (kind, name string) {
	var m sip.Message
	if m.Parse(p.Data) != nil {
		return "request", "UNKNOWN/cseq=0"
	}
	cseq, _, _ := strings.Cut(string(m.Header(sip.HeaderCSeq)), " ")
	name = fmt.Sprintf("%s/cseq=%s", m.MethodName(), cseq)
	if m.IsRequest() {
		return "request", name
	}
	return "response", fmt.Sprintf("%d/%s", m.Status, name)
}

// lines counts header fields and body lines as chan_sip does.
func lines(p *wire.Payload) (header, body int) {
	h, b, _ := strings.Cut(string(p.Data), "\r\n\r\n")
	return strings.Count(h, "\r\n") + 1, strings.Count(b, "\r\n")
}

// printable writes bytes as tcpdump -A does: no CR at the end of a line, a point for what cannot be printed.
func printable(b []byte) string {
	var out strings.Builder
	for i, c := range b {
		switch {
		case c == '\r' && i+1 < len(b) && b[i+1] == '\n':
		case c == '\n' || c == '\t' || c >= ' ' && c < 0x7f:
			out.WriteByte(c)
		default:
			out.WriteByte('.')
		}
	}
	return out.String()
}

// packetHead is the header of IP and that of UDP or TCP, with options, in front of p.
func packetHead(p *wire.Payload) []byte {
	transport := make([]byte, 8)
	if p.Flow.Transport != wire.UDP {
		transport = make([]byte, 32)
	}
	binary.BigEndian.PutUint16(transport, p.Flow.Src.Port())
	binary.BigEndian.PutUint16(transport[2:], p.Flow.Dst.Port())
	size := uint16(len(transport) + len(p.Data))
	var head []byte
	if p.Flow.Src.Addr().Is6() {
		head = make([]byte, 8)
		head[0] = 0x60
		binary.BigEndian.PutUint16(head[4:], size)
		head[6], head[7] = 17, 64
	} else {
		head = make([]byte, 12)
		head[0], head[6], head[8], head[9] = 0x45, 0x40, 64, 17
		binary.BigEndian.PutUint16(head[2:], 20+size)
	}
	head = append(append(head, p.Flow.Src.Addr().AsSlice()...), p.Flow.Dst.Addr().AsSlice()...)
	if p.Flow.Transport == wire.UDP {
		binary.BigEndian.PutUint16(transport[4:], size)
	} else {
		transport[12], transport[13] = 0x80, 0x18
	}
	return append(head, transport...)
}

// escaped writes line ends as rsyslog does.
func escaped(b []byte) string {
	return strings.NewReplacer("\r", "#015", "\n", "#012").Replace(string(b))
}

const sofiaRule = "   ------------------------------------------------------------------------\n"

// loggers write messages in each dialect of text traces.
var loggers = []logger{
	{"ngrep", false, 1000, func(p *wire.Payload, _, _ bool) string { // -q -t -W byline
		return fmt.Sprintf("\n%c %s %s -> %s\n%s\n", upper(p.Flow.Transport)[0], stamp(p, "2006/01/02 15:04:05.000000"), p.Flow.Src, p.Flow.Dst,
			strings.ReplaceAll(string(p.Data), "\r\n", ".\n"))
	}},
	{"sngrep", false, 1000, func(p *wire.Payload, _, _ bool) string {
		return fmt.Sprintf("%s %s -> %s\n%s\n\n", stamp(p, "2006/01/02 15:04:05.000000"), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"tcpdump", false, 1000, func(p *wire.Payload, _, _ bool) string { // -n -tttt -A
		ip, what := "IP", "UDP"
		if p.Flow.Src.Addr().Is6() {
			ip = "IP6"
		}
		if p.Flow.Src.Port() == 5060 || p.Flow.Dst.Port() == 5060 {
			start, _, _ := strings.Cut(string(p.Data), "\r\n")
			what = "SIP: " + start
		}
		if p.Flow.Transport != wire.UDP {
			what = "Flags [P.], seq 1:2, ack 1, win 501, options [nop,nop,TS val 1 ecr 1]"
		}
		if !strings.HasPrefix(what, "SIP") {
			what += fmt.Sprintf(", length %d", len(p.Data))
		}
		return fmt.Sprintf("%s %s %s > %s: %s\n%s\n", stamp(p, "2006-01-02 15:04:05.000000"), ip, dotted(p.Flow.Src), dotted(p.Flow.Dst), what,
			printable(append(packetHead(p), p.Data...)))
	}},
	{"kamailio-sipdump", false, 1000, func(p *wire.Payload, sent, _ bool) string { // mode 1
		return fmt.Sprintf("====================\ntag: %s\npid: 4711\nprocess: 3\ntime: %d.%06d\ndate: %s\nproto: %s %s\nsrcip: %s\nsrcport: %d\ndstip: %s\ndstport: %d\n~~~~~~~~~~~~~~~~~~~~\n%s||||||||||||||||||||\n",
			way(sent, "snd", "rcv"), p.Time/1e9, p.Time%1e9/1e3, stamp(p, "Mon Jan _2 15:04:05 2006"), p.Flow.Transport, family(p), p.Flow.Src.Addr(), p.Flow.Src.Port(), p.Flow.Dst.Addr(), p.Flow.Dst.Port(), p.Data)
	}},
	{"kamailio-xlog", false, 990, func(p *wire.Payload, sent, _ bool) string { // xlog("$si:$sp -> $Ri:$Rp\n$mb"), by rsyslog
		return fmt.Sprintf("%s proxy /usr/sbin/kamailio[4711]: INFO: <script>: %s:%s -> %s:%s#012%s\n", stamp(p, "Jan _2 15:04:05"),
			p.Flow.Transport, p.Flow.Src, p.Flow.Transport, p.Flow.Dst, escaped(p.Data))
	}},
	{"opensips-xlog", false, 990, func(p *wire.Payload, sent, _ bool) string { // the same, on standard error
		return fmt.Sprintf("%s [4711] %s => %s\n%s\n", stamp(p, "Jan _2 15:04:05"), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"kamailio-siptrace", false, 1000, func(p *wire.Payload, sent, _ bool) string { // its table, as mysql \\G prints it
		return fmt.Sprintf("*************************** 1. row ***************************\n         id: 1\n time_stamp: %s\n    time_us: %d\ntraced_user: \n        msg: %s\n     method: \n     status: \n     fromip: %s:%s\n       toip: %s:%s\n  direction: %s\n",
			stamp(p, "2006-01-02 15:04:05"), p.Time%1e9/1e3, p.Data, p.Flow.Transport, p.Flow.Src, p.Flow.Transport, p.Flow.Dst, way(sent, "out", "in"))
	}},
	{"baresip", false, 990, func(p *wire.Payload, _, _ bool) string { // -s
		return fmt.Sprintf("\x1b[36;1m%s#\n%s %s -> %s\n%s\x1b[;m\n", stamp(p, "15:04:05.000"), upper(p.Flow.Transport), p.Flow.Src, p.Flow.Dst, p.Data)
	}},
	{"oracle", true, 990, func(p *wire.Payload, sent, _ bool) string {
		return fmt.Sprintf("%s On [1:0]%s %s %s\n%s\n\n----------------------------------------\n", stamp(p, "Jan _2 15:04:05.000"), ownOf(p, sent),
			way(sent, "sent to", "received from"), peerOf(p, sent), strings.TrimSuffix(string(p.Data), "\r\n"))
	}},
	{"asterisk-chan_sip", true, 990, func(p *wire.Payload, sent, again bool) string {
		at := stamp(p, "2006-01-02 15:04:05,000")
		if header, body := lines(p); !sent {
			return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: \n<--- SIP read from %s:%s --->\n%s\n<------------->\n[%s] VERBOSE[1] chan_sip.c: --- (%d headers %d lines) ---\n", at, upper(p.Flow.Transport), p.Flow.Src, p.Data, at, header, body)
		}
		if again {
			return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: Retransmitting #1 (no NAT) to %s:\n%s\n\n---\n", at, p.Flow.Dst, p.Data)
		}
		if kind, _ := messageKind(p); kind == "response" {
			return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: \n<--- Transmitting (no NAT) to %s --->\n%s\n\n<------------>\n", at, p.Flow.Dst, p.Data)
		}
		return fmt.Sprintf("[%s] VERBOSE[1] chan_sip.c: Reliably Transmitting (no NAT) to %s:\n%s\n\n---\n", at, p.Flow.Dst, p.Data)
	}},
	{"asterisk-pjsip", true, 990, func(p *wire.Payload, sent, _ bool) string { // pjsip set logger on
		kind, _ := messageKind(p)
		return fmt.Sprintf("[%s] VERBOSE[1] res_pjsip_logger.c: <--- %s SIP %s (%d bytes) %s %s:%s --->\n%s\n", stamp(p, "2006-01-02 15:04:05.000"),
			way(sent, "Transmitting", "Received"), kind, len(p.Data), way(sent, "to", "from"), upper(p.Flow.Transport), peerOf(p, sent), p.Data)
	}},
	{"freeswitch", true, 985, func(p *wire.Payload, sent, _ bool) string {
		return fmt.Sprintf("%s %d bytes %s %s/%s at %s:\n%s   %s\n%s", way(sent, "send", "recv"), len(p.Data), way(sent, "to", "from"), p.Flow.Transport, bracketed(peerOf(p, sent)),
			stamp(p, "15:04:05.000000"), sofiaRule, strings.ReplaceAll(strings.TrimSuffix(string(p.Data), "\r\n"), "\r\n", "\n   "), sofiaRule)
	}},
	{"pjsip", true, 985, func(p *wire.Payload, sent, _ bool) string { // pjsua, log level 5
		kind, name := messageKind(p)
		return fmt.Sprintf("%s           pjsua_core.c  .%s %d bytes %s msg %s (%s0x7f1) %s %s %s:\n%s\n--end msg--\n", stamp(p, "15:04:05.000"), way(sent, "TX", "RX"), len(p.Data),
			strings.ToUpper(kind[:1])+kind[1:], name, way(sent, "tdta", "rdata"), way(sent, "to", "from"), upper(p.Flow.Transport), peerOf(p, sent), p.Data)
	}},
	{"linphone", true, 990, func(p *wire.Payload, sent, _ bool) string {
		return fmt.Sprintf("%s [belle-sip] MESSAGE channel [0x1]: "+way(sent, "message sent to [%s://%s], size: [%d] bytes", "received [%[4]d] new bytes from [%[2]s://%[3]s]:")+"\n%[5]s\n",
			strings.Replace(stamp(p, "2006-01-02 15:04:05.000"), ".", ":", 1), upper(p.Flow.Transport), peerOf(p, sent), len(p.Data), p.Data)
	}},
	{"cisco", true, 975, func(p *wire.Payload, sent, _ bool) string { // debug ccsip messages
		return fmt.Sprintf("*%s: //-1/xxxxxxxxxxxx/SIP/Msg/ccsipDisplayMsg:\n%s:\n%s\n", stamp(p, "Jan _2 15:04:05.000"), way(sent, "Sent", "Received"), p.Data)
	}},
	{"cucm", true, 985, func(p *wire.Payload, sent, _ bool) string { // SDL trace
		what := way(sent, "wait_SdlSPISignal: Outgoing SIP %s message to %s on port %d index 3 ", "wait_SdlReadRsp: Incoming SIP %s message from %s on port %d index 3 with %d bytes:")
		args := []any{upper(p.Flow.Transport), peerOf(p, sent).Addr(), peerOf(p, sent).Port()}
		if !sent {
			args = append(args, len(p.Data))
		}
		return fmt.Sprintf("00114241.002 |%s |AppInfo  |SIPTcp - %s\n[41269,NET]\n%s\n", stamp(p, "15:04:05.000"), fmt.Sprintf(what, args...), p.Data)
	}},
	{"audiocodes", true, 985, func(p *wire.Payload, sent, _ bool) string { // syslog
		return fmt.Sprintf("%s  192.0.2.99  local0.notice  [S=1] [SID=1:1:1]  (N 1)  ---- %s SIP Message %s %s %s SIPInterface #0 (LAN) %s TO(#1) SocketID(1) ----\n%s [Time:%s]\n", stamp(p, "15:04:05.000"),
			way(sent, "Outgoing", "Incoming"), way(sent, "to", "from"), peerOf(p, sent), way(sent, "from", "to"), upper(p.Flow.Transport), p.Data, stamp(p, "02-01@15:04:05.000"))
	}},
	{"sipp", true, 980, func(p *wire.Payload, sent, _ bool) string { // -trace_msg
		return fmt.Sprintf("----------------------------------------------- %s\n%s message %s:\n\n%s\n", stamp(p, "2006-01-02 15:04:05.000000"), upper(p.Flow.Transport),
			way(sent, fmt.Sprintf("sent (%d bytes)", len(p.Data)), fmt.Sprintf("received [%d] bytes ", len(p.Data))), p.Data)
	}},
	{"plain", true, 820, func(p *wire.Payload, _, _ bool) string { return string(p.Data) + "\n" }},
}
