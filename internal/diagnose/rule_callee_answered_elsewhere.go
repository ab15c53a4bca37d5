package diagnose

// calleeAnsweredElsewhere: the branch was cancelled because another one answered (RFC 3326 §3.1). It is the
// cause only where the capture shows nothing of the branch that answered.
func calleeAnsweredElsewhere(x *Case) *report {
	cancel, _, ok := x.cancelled()
	if !ok || !hasSIPReason(x.Msg(cancel), 200) {
		return nil
	}
	d := x.DecidingRef()
	r := x.report("callee.answered-elsewhere", 1, "The call was answered on another device of %s: this branch was cancelled with Reason SIP;cause=200.", x.callee()).
		do("Nothing is broken: this device was one of several that rang.").
		see(cancel, "CANCEL with Reason: SIP;cause=200")
	if d.Valid() {
		r.see(d, "the branch ended with %d", x.Sighting(d).Status)
	}
	return r.tell("The call was answered on another device.")
}
