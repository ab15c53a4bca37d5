package call

// EndedBy returns the transaction by which the caller ended INVITE transaction ti before its answer: a CANCEL, or a
// BYE in the early dialog (RFC 3261 §15). None when there was neither.
func (l *Leg) EndedBy(ti int32) int32 {
	if t := &l.Txns[ti]; t.Cancel != None {
		return t.Cancel
	}
	for i := range l.Dialogs {
		if d := &l.Dialogs[i]; d.Invite == ti && d.Confirmed == 0 && d.Bye != None && d.ByeFromCaller {
			return d.Bye
		}
	}
	return None
}
