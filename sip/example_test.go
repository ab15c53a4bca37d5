package sip_test

import (
	"fmt"

	"sipcause/sip"
)

func ExampleMessage() {
	var m sip.Message // use one for many messages: then Parse allocates nothing
	err := m.Parse([]byte("SIP/2.0 488 Not Acceptable Here\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;received=198.51.100.7\r\n" +
		"From: Alice <sip:alice@example.com>;tag=1928301774\r\n" +
		"To: Bob <sip:bob@example.com>\r\n" +
		"Call-ID: a84b4c76e66710@example.com\r\n" +
		"CSeq: 314159 INVITE\r\n" +
		"Warning: 305 example.com \"Incompatible media format\"\r\n" +
		"l: 0\r\n\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	via := m.TopVia()
	fmt.Printf("%d to %v, %s, branch %s from %v\n", m.Status, m.Method, m.CallID(), via.Branch, via.ReceivedAddr())
	for w := range m.Warnings() {
		fmt.Printf("warning %d: %s\n", w.Code, w.Text)
	}
	for _, d := range m.Check() {
		fmt.Printf("at %d: %s (%s)\n", d.Offset, d.Detail, d.Ref)
	}
	// Output:
	// 488 to INVITE, a84b4c76e66710@example.com, branch z9hG4bK776asdhds from 198.51.100.7
	// warning 305: Incompatible media format
	// at 164: To: the tag that identifies the dialog is missing (RFC 3261 §8.2.6.2)
}

func ExampleFrame() {
	stream := []byte("\r\n\r\nOPTIONS sip:a@example.com SIP/2.0\r\nCall-ID: x\r\nContent-Length: 2\r\n\r\nhiBYE sip:a")
	for {
		kind, n := sip.Frame(stream, false)
		switch kind {
		case sip.FrameNeedMore:
			fmt.Printf("%d bytes wait for more\n", len(stream))
			return
		case sip.FrameMessage:
			fmt.Printf("message with Call-ID %s\n", sip.CallIDOf(stream[:n]))
		case sip.FrameKeepalive:
			fmt.Println("keepalive")
		case sip.FrameJunk:
			fmt.Println("junk")
		}
		stream = stream[n:]
	}
	// Output:
	// keepalive
	// message with Call-ID x
	// 9 bytes wait for more
}
