package diagnose

// dialogRules are dialog.*: the call while and after it was set up. They explain answered calls too.
var dialogRules = []rule{
	{id: "dialog.ack-missing", on: onCalls, always: true, check: dialogACKMissing},
	{id: "dialog.ack-misrouted", on: onCalls, always: true, check: dialogACKMisrouted},
	{id: "dialog.unknown", on: onCalls | onTransactions, always: true, check: dialogUnknown},
	{id: "dialog.glare", on: onCalls, always: true, check: dialogGlare},
	{id: "dialog.prack-missing", on: onCalls, always: true, check: dialogPRACKMissing},
	{id: "dialog.reinvite-failed", on: onCalls, always: true, check: dialogReinviteFailed},
	{id: "dialog.cancel-race", on: onCalls, always: true, check: dialogCancelRace},
	{id: "dialog.terminated-request", on: onCalls, codes: []int{487}, check: dialogTerminatedRequest},
	{id: "dialog.transfer-failed", on: onCalls | onTransactions, always: true, check: dialogTransferFailed},
	{id: "dialog.refer-refused", on: onCalls | onTransactions, always: true, check: dialogReferRefused},
	{id: "dialog.bye-lost", on: onCalls, always: true, check: dialogBYELost},
	{id: "dialog.orphan-fork", on: onCalls, always: true, check: dialogOrphanFork},
	{id: "dialog.session-expired", on: onCalls, always: true, check: dialogSessionExpired},
}
