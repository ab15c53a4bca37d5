package call

// Most legs were last met many megabytes ago. Who is about to work on several of them touches all first: memory then
// fetches what they need beside each other instead of one after the other. The sums have no meaning but that they keep
// the compiler from leaving the reads out.

// Touch reads a little of each cache line of the leg itself.
func (l *Leg) Touch() uint64 {
	return uint64(l.Kind) + uint64(l.Began) + uint64(len(l.Flows)) + uint64(len(l.Dialogs)) + uint64(l.Dropped) + uint64(l.Arena.used)
}

// TouchToAdd reads a little of what the leg's next message is compared with, and of where it goes.
func (l *Leg) TouchToAdd() uint64 {
	sum := l.touchParts()
	if s := l.Sightings; len(s) > 0 {
		s = s[:min(len(s)+1, cap(s))]
		sum += uint64(s[0].Time) + uint64(s[len(s)-1].Time) + uint64(s[len(s)-1].Txn)
	}
	if n := len(l.Arena.chunks); n > 0 && l.Arena.used < len(Chunk{}) {
		sum += uint64(l.Arena.chunks[n-1][l.Arena.used])
	}
	return sum
}

// TouchToJudge reads a little of what a complete leg is judged by.
func (l *Leg) TouchToJudge() uint64 {
	sum := l.touchParts()
	for i := range l.Sightings {
		s := &l.Sightings[i]
		sum += uint64(s.Time) + uint64(s.Txn)
		if len(s.Raw) > 0 {
			sum += uint64(s.Raw[0])
		}
	}
	for i := range l.Keys {
		sum += l.Keys[i].Value
	}
	if len(l.Head.From) > 0 {
		sum += uint64(l.Head.From[0])
	}
	return sum
}

func (l *Leg) touchParts() uint64 {
	sum := uint64(0)
	if len(l.CallID) > 0 {
		sum += uint64(l.CallID[0])
	}
	for i := range l.Txns {
		t := &l.Txns[i]
		sum += uint64(t.CSeq) + uint64(t.First) + uint64(t.LastResent)
	}
	for i := range l.Flows {
		sum += uint64(l.Flows[i].Transport)
	}
	for i := range l.Dialogs {
		sum += uint64(l.Dialogs[i].State)
	}
	return sum
}
