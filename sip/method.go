package sip

// Method is a request's method (RFC 3261 §7.1). Names are compared with their case (RFC 3261 §25.1 has them in capitals).
type Method uint8

// The methods of the IANA registry (RFC 3261 §27.4). MethodUnknown is any other: see Message.MethodName.
const (
	MethodUnknown Method = iota
	MethodInvite
	MethodAck
	MethodBye
	MethodCancel
	MethodRegister
	MethodOptions
	MethodInfo      // RFC 6086
	MethodPrack     // RFC 3262
	MethodSubscribe // RFC 6665
	MethodNotify    // RFC 6665
	MethodPublish   // RFC 3903
	MethodMessage   // RFC 3428
	MethodRefer     // RFC 3515
	MethodUpdate    // RFC 3311
)

var methodNames = [...]string{
	"", "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "INFO", "PRACK", "SUBSCRIBE", "NOTIFY",
	"PUBLISH", "MESSAGE", "REFER", "UPDATE",
}

// String returns the name (RFC 3261 §7.1), "" for MethodUnknown.
func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return ""
}

// MethodOf returns the method with that name, MethodUnknown if there is none (RFC 3261 §25.1: case counts).
func MethodOf(name []byte) Method {
	switch string(name) {
	case "INVITE":
		return MethodInvite
	case "ACK":
		return MethodAck
	case "BYE":
		return MethodBye
	case "CANCEL":
		return MethodCancel
	case "REGISTER":
		return MethodRegister
	case "OPTIONS":
		return MethodOptions
	case "INFO":
		return MethodInfo
	case "PRACK":
		return MethodPrack
	case "SUBSCRIBE":
		return MethodSubscribe
	case "NOTIFY":
		return MethodNotify
	case "PUBLISH":
		return MethodPublish
	case "MESSAGE":
		return MethodMessage
	case "REFER":
		return MethodRefer
	case "UPDATE":
		return MethodUpdate
	}
	return MethodUnknown
}
