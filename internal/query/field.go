package query

// Field names a column of the language. Its zero value is no field.
type Field uint8

// The fields. Table says what each holds.
const (
	NoField Field = iota
	ID
	CallID
	From
	To
	Numbers
	Code
	Reason
	Outcome
	Cause
	Finding
	Severity
	Origin
	OriginRole
	Suspect
	Server
	UA
	Method
	Src
	Dst
	IP
	Transport
	Route
	Start
	PDD
	Setup
	TotalDuration
	Ring
	Attempts
	Messages
	Realm
	Kind
	HungUpBy
	Gap
	Open
	fieldCount
)

// Type says how a field's values are written and compared.
type Type uint8

// The types.
const (
	TypeText     Type = iota // compared without regard to ASCII case; * stands for any run of characters
	TypeChoice               // text, one of Info.Values
	TypeLevel                // one of Info.Values, which are in ascending order
	TypeNumber               // 486, or 5xx for 500 to 599
	TypeDuration             // 250ms, 1.5m
	TypeTime                 // 2026-11-23T10:30:00Z, or 10:30 for that time of any day
	TypeAddr                 // 192.0.2.1, 192.0.2.1:5060, 10.0.0.0/8
	TypeBool                 // true, false
)

// typeFacts: the word for people, what a value looks like, and the operators allowed.
var typeFacts = [...]struct {
	name, expects string
	ops           []Op
}{
	TypeText:     {"text", "a word or quoted text", []Op{Eq, Ne, Match, NotMatch, In}},
	TypeChoice:   {"choice", "one of its values", []Op{Eq, Ne, Match, NotMatch, In}},
	TypeLevel:    {"level", "one of its values", []Op{Eq, Ne, Lt, Le, Gt, Ge, In}},
	TypeNumber:   {"number", "a number such as 486, or 4xx for 400 to 499", []Op{Eq, Ne, Lt, Le, Gt, Ge, In}},
	TypeDuration: {"duration", "a duration such as 250ms, 3s or 1.5m", []Op{Eq, Ne, Lt, Le, Gt, Ge, In}},
	TypeTime:     {"time", "a time such as 2026-11-23T10:30:00Z, or 10:30 for a time of day", []Op{Eq, Ne, Lt, Le, Gt, Ge, In}},
	TypeAddr:     {"address", "an address such as 192.0.2.1, 192.0.2.1:5060 or 10.0.0.0/8", []Op{Eq, Ne, Match, NotMatch, In}},
	TypeBool:     {"boolean", "true or false", []Op{Eq, Ne}},
}

// String returns the word that help and errors use.
func (t Type) String() string { return typeFacts[t].name }

// Ops returns the operators that go with the type, besides exists; not to be changed.
func (t Type) Ops() []Op { return typeFacts[t].ops }

// Info describes one field. It is the table that parser, help and completion are made from.
type Info struct {
	Name    string
	Type    Type
	Many    bool     // it may have several values
	Unit    string   // what the value counts, "" where the type says it
	Help    string   // one clause
	Example string   // a whole filter
	Values  []string // of TypeChoice and TypeLevel
}

var table = [fieldCount]Info{
	ID:         {Name: "id", Type: TypeText, Help: "identifier that the report prints", Example: "id = 3f2a*"},
	CallID:     {Name: "callid", Type: TypeText, Many: true, Help: "Call-ID of any leg", Example: "callid = *@192.0.2.1"},
	From:       {Name: "from", Type: TypeText, Help: "URI of the From header field", Example: "from = sip:alice@example.com"},
	To:         {Name: "to", Type: TypeText, Help: "URI of the To header field", Example: `to ~ "^sip:\+?33"`},
	Numbers:    {Name: "number", Type: TypeText, Many: true, Help: "user part of the URIs in From, To and the Request-URI", Example: "number = +4930*"},
	Code:       {Name: "code", Type: TypeNumber, Unit: "status code", Help: "final response that the caller saw", Example: "code >= 500"},
	Reason:     {Name: "reason", Type: TypeText, Help: "reason phrase of that response", Example: `reason = "Busy Here"`},
	Outcome:    {Name: "outcome", Type: TypeChoice, Help: "how it ended", Example: "outcome in (failed, no-answer)", Values: []string{"answered", "failed", "busy", "declined", "no-answer", "cancelled", "redirected", "challenged", "ongoing", "unknown"}},
	Cause:      {Name: "cause", Type: TypeText, Help: "finding that is the root cause", Example: "cause = auth.*"},
	Finding:    {Name: "finding", Type: TypeText, Many: true, Help: "any finding, the root cause among them", Example: "finding = retry.*"},
	Severity:   {Name: "severity", Type: TypeLevel, Help: "highest severity among the findings", Example: "severity >= warning", Values: []string{"info", "warning", "error", "critical"}},
	Origin:     {Name: "origin", Type: TypeAddr, Help: "element that made the deciding response", Example: "origin = 203.0.113.0/24"},
	OriginRole: {Name: "origin.role", Type: TypeText, Help: "role of that element: uas, proxy, registrar, b2bua, timer", Example: "origin.role = proxy"},
	Suspect:    {Name: "suspect", Type: TypeAddr, Help: "element to look at first", Example: "suspect = 203.0.113.31:5060"},
	Server:     {Name: "server", Type: TypeText, Many: true, Help: "Server header fields of responses", Example: `server = "Asterisk PBX*"`},
	UA:         {Name: "ua", Type: TypeText, Many: true, Help: "User-Agent header fields of requests", Example: "ua = *yealink*"},
	Method:     {Name: "method", Type: TypeText, Many: true, Help: "method of any request", Example: "method = REFER"},
	Src:        {Name: "src", Type: TypeAddr, Many: true, Help: "source of any message", Example: "src = 10.0.0.0/8"},
	Dst:        {Name: "dst", Type: TypeAddr, Many: true, Help: "destination of any message", Example: "dst != 2001:db8::/32"},
	IP:         {Name: "ip", Type: TypeAddr, Many: true, Help: "source or destination of any message", Example: "ip = 192.0.2.7"},
	Transport:  {Name: "transport", Type: TypeChoice, Many: true, Help: "transport of any message", Example: "transport = tls", Values: []string{"udp", "tcp", "tls", "ws", "wss", "sctp", "unknown"}},
	Route:      {Name: "route", Type: TypeText, Many: true, Help: "route that it came by or was sent to: its name, or the address of the element; in:NAME or out:NAME for one direction", Example: "route = carrier-a"},
	Start:      {Name: "start", Type: TypeTime, Help: "time of the first message", Example: "start >= 22:00 or start < 06:00"},
	PDD:        {Name: "pdd", Type: TypeDuration, Help: "post-dial delay: request to the first 18x", Example: "pdd > 3s"},
	Setup:      {Name: "setup", Type: TypeDuration, Help: "request to the answer", Example: "setup > 30s"},

	TotalDuration: {Name: "duration", Type: TypeDuration, Help: "answer to the end", Example: "duration < 10s"},

	Ring:     {Name: "ring", Type: TypeDuration, Help: "first 18x to the final response or CANCEL", Example: "ring >= 1m"},
	Attempts: {Name: "attempts", Type: TypeNumber, Unit: "targets tried", Help: "branches and failover attempts", Example: "attempts > 1"},
	Messages: {Name: "messages", Type: TypeNumber, Unit: "messages", Help: "messages, retransmissions included", Example: "messages > 100"},
	Realm:    {Name: "realm", Type: TypeText, Many: true, Help: "realm of any challenge", Example: "realm = example.com"},
	Kind:     {Name: "kind", Type: TypeChoice, Help: "what it is", Example: "kind = registration", Values: []string{"call", "registration", "transaction"}},
	HungUpBy: {Name: "hung-up-by", Type: TypeChoice, Help: "who sent the BYE", Example: "hung-up-by = callee", Values: []string{"caller", "callee"}},
	Gap:      {Name: "gap", Type: TypeBool, Help: "packets are known to be missing in it", Example: "gap = true"},
	Open:     {Name: "open", Type: TypeBool, Help: "a further revision may come: it goes on, or ended moments ago", Example: "open = true and outcome = answered and not exists duration"},
}

// Info returns what is known of the field; f must be one of the package's fields.
func (f Field) Info() *Info { return &table[f] }

// String returns the field's name.
func (f Field) String() string {
	if f > NoField && f < fieldCount {
		return table[f].Name
	}
	return "no field"
}

// Fields lists all fields in the order of the help text.
func Fields() []Field {
	list := make([]Field, 0, fieldCount-1)
	for f := NoField + 1; f < fieldCount; f++ {
		list = append(list, f)
	}
	return list
}

// fieldNamed finds a field by name, in any case.
func fieldNamed(name string) (Field, bool) {
	for f := NoField + 1; f < fieldCount; f++ {
		if equalFold(table[f].Name, name) {
			return f, true
		}
	}
	return NoField, false
}
