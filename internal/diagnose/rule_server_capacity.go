package diagnose

import (
	"fmt"

	"sipcause/internal/call"
)

// fullCauses are the Q.850 causes of a trunk or switch without a free channel.
var fullCauses = map[int]bool{34: true, 42: true, 44: true, 47: true}

// Words of what has no channel left: of a trunk, and such as a phone uses of its own lines as well.
var (
	fullWords  = []string{"channel limit", "max channels", "maximum channels", "no circuit", "circuits busy", "all circuits", "trunk full", "no channel"}
	callsWords = []string{
		"call limit", "max calls", "maximum calls", "too many calls", "concurrent call",
		"session limit", "max sessions", "maximum sessions", "too many sessions", "concurrent session", // SBCs count those
	}
)

// serverCapacity: Q.850 34, 42, 44 or 47, or words about a limit of channels, behind 486, 480, 503 and others
// (RFC 3398 §7.2.4.1).
func serverCapacity(x *Case) *report {
	if cause, in, ok := x.announcement(34, 42, 44, 47); ok {
		return x.announced("server.capacity", cause, in, "The network had no channel free").
			do("Count the concurrent calls on this trunk at that moment against its limit, here and at the carrier.").
			tell("All lines are in use at the moment; please try again in a few minutes.")
	}
	status, r, ok := x.deciding()
	if !ok || status < 400 {
		return nil
	}
	cause, in := x.Q850()
	ownLines := status == 486 && x.Origin != nil && x.Origin.Role == call.RoleUAS // a phone that is in a call
	words := x.Says(fullWords...) || !ownLines && x.Says(callsWords...)
	if !fullCauses[cause] && !words {
		return nil
	}
	confidence := 0.75
	why := "by its words"
	if fullCauses[cause] {
		confidence = 0.95
		why = fmt.Sprintf("cause %d, %s", cause, causeName(cause))
	}
	t := x.Txn(r)
	rep := x.report("server.capacity", confidence, "All channels behind %s were taken (%s): the call was refused with %s although nobody was called.", x.originName(), why, x.answer()).
		do("Count the concurrent calls on this trunk at that moment against its limit, here and at the carrier.").
		do("Add a second route for overflow, or more channels; look for calls that hang without BYE and keep channels.").
		see(x.DecidingRef(), "%d from %s", status, t.Server)
	if in.Valid() && in != x.DecidingRef() {
		rep.see(in, "Reason: Q.850;cause=%d", cause)
	}
	return rep.tell("All lines are in use at the moment; please try again in a few minutes.")
}
