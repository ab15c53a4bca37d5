package wire

// Media is one datagram that looks like RTP or RTCP version 2 (RFC 3550 §5.1, §6.4.1; told apart as in
// RFC 5761 §4). It is handed on per packet in a reused struct: whoever keeps it copies it.
// Seq, TS and Marker are zero for RTCP, where PT is the whole packet type (200 sender report, 201 receiver
// report, …) and Data the datagram when all of it was captured; it aliases the packet, as Payload.Data does.
type Media struct {
	Ref    PacketRef
	Time   Time
	Point  uint16
	Flow   Flow
	RTCP   bool
	Marker bool
	PT     uint8
	Seq    uint16
	TS     uint32
	SSRC   uint32
	Bytes  int    // of the UDP payload as sent, headers of RTP included
	Data   []byte // of RTCP; nil for RTP
}
