// Package sip reads SIP messages (RFC 3261) as they are met on the wire. Its one rule: it refuses nothing
// but what has no start line. Whatever strays from the grammar is read as it was most likely meant and noted
// as a Defect; nothing panics, allocates without bound or takes more than linear time.
//
// Message.Parse indexes the header fields where they lie and copies nothing. Headers are read when they are
// asked for. What is returned aliases the bytes given to Parse.
package sip
