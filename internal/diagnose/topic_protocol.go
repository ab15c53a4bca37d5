package diagnose

import "time"

// timerSlack is how long a response may take to a sender before a repetition counts as after it.
const timerSlack = 500 * time.Millisecond

// protocolRules are protocol.*: messages that break the standard. They explain answered calls too, at info.
var protocolRules = []rule{
	{id: "protocol.malformed", on: onAll, always: true, check: protocolMalformed},
	{id: "protocol.missing-header", on: onAll, always: true, check: protocolMissingHeader},
	{id: "protocol.content-length", on: onAll, always: true, check: protocolContentLength},
	{id: "protocol.to-tag-missing", on: onAll, always: true, check: protocolToTagMissing},
	{id: "protocol.branch-reuse", on: onAll, always: true, check: protocolBranchReuse},
	{id: "protocol.retransmission-storm", on: onAll, always: true, check: protocolRetransmissionStorm},
	{id: "protocol.code-misuse", on: onAll, always: true, check: protocolCodeMisuse},
}
