package lab

import (
	"fmt"
	"strings"
	"time"
)

// step is one element of a SIPp scenario: what an end does next, where no file of sipp/ tells its story.
type step string

const sippHead = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="steps">
`

// scenario writes the steps as a SIPp scenario file.
func scenario(steps []step) []byte {
	var b strings.Builder
	b.WriteString(sippHead)
	for _, s := range steps {
		b.WriteString(string(s))
		b.WriteByte('\n')
	}
	b.WriteString("</scenario>\n")
	return []byte(b.String())
}

// say sends a message once. Lines are its start line and headers; a line "" begins the body.
func say(lines ...string) step { return sendStep("", lines) }

// insist sends a message until something answers it (Timer A, E or, for a 2xx, RFC 3261 §13.3.1.4).
func insist(lines ...string) step { return sendStep(` retrans="500"`, lines) }

func sendStep(attributes string, lines []string) step {
	return step(fmt.Sprintf("<send%s><![CDATA[\n\n%s\n\n]]></send>", attributes, strings.Join(lines, "\n")))
}

// hear waits for a request, and remembers the Record-Routes that it came with.
func hear(method string) step { return step(fmt.Sprintf(`<recv request=%q rrs="true"/>`, method)) }

// got waits for a response.
func got(code int) step { return step(fmt.Sprintf(`<recv response="%d" rrs="true"/>`, code)) }

// challenged waits for a 401 or 407, and has [authentication] answer it.
func challenged(code int) step { return step(fmt.Sprintf(`<recv response="%d" auth="true"/>`, code)) }

// maybe takes these responses if they come before the next one that is waited for.
func maybe(codes ...int) step {
	var b strings.Builder
	for _, c := range codes {
		fmt.Fprintf(&b, `<recv response="%d" optional="true"/>`, c)
	}
	return step(b.String())
}

// learn takes headers of what is waited for, each as a whole, into the names that follow them: for [$name].
func learn(what step, headersAndNames ...string) step {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(string(what), "/>") + "><action>")
	for i := 0; i < len(headersAndNames); i += 2 {
		fmt.Fprintf(&b, `<ereg regexp=".*" search_in="hdr" header="%s:" assign_to="%s"/>`, headersAndNames[i], headersAndNames[i+1])
	}
	b.WriteString("</action></recv>")
	for i := 1; i < len(headersAndNames); i += 2 { // SIPp takes a name that is used once for a mistake
		fmt.Fprintf(&b, `<Reference variables="%s"/>`, headersAndNames[i])
	}
	return step(b.String())
}

// dialog remembers who the two are, for askBack.
func dialog(what step) step { return learn(what, "From", "from", "To", "to") }

// find takes what a regular expression finds in the message that is waited for: its first group.
func find(what step, regexp, name string) step {
	regexp = strings.ReplaceAll(regexp, `"`, "&quot;")
	return step(strings.TrimSuffix(string(what), "/>") + fmt.Sprintf(
		`><action><ereg regexp="%s" search_in="msg" assign_to="all_%s,%s"/></action></recv><Reference variables="all_%s"/>`, regexp, name, name, name))
}

// rest does nothing for a time; of length 0, for the end's talk.
func rest(d time.Duration) step {
	if d == 0 {
		return "<pause/>"
	}
	return step(fmt.Sprintf(`<pause milliseconds="%d"/>`, d.Milliseconds()))
}

// then waits for a response within the dialog; the route set stays as it is (RFC 3261 §12.2).
func then(code string) step { return step(`<recv response="` + code + `"/>`) }

// or goes to a label when this response comes first.
func or(code, label string) step {
	return step(`<recv response="` + code + `" optional="true" next="` + label + `"/>`)
}

// mark is where or goes.
func mark(name string) step { return step(`<label id="` + name + `"/>`) }

// linger answers what is repeated, for a time, after the last step.
func linger(d time.Duration) step {
	return step(fmt.Sprintf(`<timewait milliseconds="%d"/>`, d.Milliseconds()))
}

// reply is the response to the request heard last, with a To tag of ours where the request had none.
func reply(status string, lines ...string) []string {
	return response(status, tagged, lines)
}

// tagged is the To of a request that had no tag, with ours.
const tagged = "[last_To:];tag=[pid]lab[call_number]"

// inDialog is the response to a request heard last that came within a dialog.
func inDialog(status string, lines ...string) []string { return response(status, "[last_To:]", lines) }

func response(status, to string, lines []string) []string {
	head := []string{"SIP/2.0 " + status, "[last_Via:]", "[last_From:]", to, "[last_Call-ID:]", "[last_CSeq:]", "[last_Record-Route:]"}
	return finish(head, lines)
}

// finish ends a message without a body that says its length; "" in lines begins a body of SDP.
func finish(head, lines []string) []string {
	head = append(head, lines...)
	for _, l := range lines {
		if l == "" || strings.HasPrefix(l, "Content-Length:") {
			return head
		}
	}
	return append(head, "Content-Length: 0")
}

const contactHere = "Contact: <sip:lab@[local_ip]:[local_port]>"

// sdp is a body with its headers: an offer or answer of these lines after the session's own.
func sdp(media ...string) []string {
	return append([]string{
		contactHere, "Content-Type: application/sdp", "Content-Length: [len]", "",
		"v=0", "o=lab 53655765 2353687637 IN IP4 [local_ip]", "s=-", "c=IN IP4 [local_ip]", "t=0 0",
	}, media...)
}

// pcmu is the stream that every healthy end offers and takes.
var pcmu = []string{"m=audio 6000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"}

// ask is a request outside a dialog or the first of one; branch tells its transaction.
func ask(method string, cseq int, branch string, lines ...string) []string {
	return request(method+" [to_uri]", method, cseq, branch, "To: <[to_uri]>", lines)
}

// askInside is a request of the caller's within its dialog.
func askInside(method string, cseq int, branch string, lines ...string) []string {
	return request(method+" [next_url]", method, cseq, branch, "To: <[to_uri]>[peer_tag_param]", append([]string{"[routes]"}, lines...))
}

// askBack is a request of the callee's within the dialog of the INVITE that dialog remembers.
func askBack(method string, cseq int, branch string, lines ...string) []string {
	m := request(method+" [next_url]", method, cseq, branch, "To:[$from]", append([]string{"[routes]"}, lines...))
	m[2] = "From:[$to];tag=[pid]lab[call_number]"
	return m
}

// ackRefusal acknowledges a final response other than 2xx: same branch (RFC 3261 §17.1.1.3).
func ackRefusal(cseq int, branch string) []string {
	return request("ACK [to_uri]", "ACK", cseq, branch, "To: <[to_uri]>[peer_tag_param]", nil)
}

func request(start, method string, cseq int, branch, to string, lines []string) []string {
	head := []string{
		start + " SIP/2.0",
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bKlab[pid]-[call_number]-" + branch,
		"From: <[from_uri]>;tag=[call_number]lab", to, "Call-ID: [call_id]",
		fmt.Sprintf("CSeq: %d %s", cseq, method), "Max-Forwards: 70",
	}
	return finish(head, lines)
}
