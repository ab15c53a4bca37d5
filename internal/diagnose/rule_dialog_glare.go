package diagnose

import (
	"bytes"
	"fmt"

	"sipcause/internal/call"
)

// dialogGlare: 491, and whether the retry kept to RFC 3261 §14.1: 2.1 to 4 s for who made the Call-ID, 0 to 2 s
// for the other side.
func dialogGlare(x *Case) *report {
	for k, l := range x.Legs {
		for i := range l.Txns {
			t := &l.Txns[i]
			if l.FinalStatus(t) == 491 && t.Parent == call.None && t.Request != call.None {
				return x.glare(call.TxnRef{Leg: k, Txn: int32(i)})
			}
		}
	}
	return nil
}

func (x *Case) glare(r call.TxnRef) *report {
	t, l := x.Txn(r), x.Legs[r.Leg]
	rep := x.report("dialog.glare", 1, "Both sides changed the session at once: %s answered 491 to the %s of %s.", t.Server, x.methodOf(r), t.Client).
		see(x.RequestRef(r), "%s", x.methodOf(r)).
		see(x.FinalRef(r), "491")
	least, most := 0.0, 2.0
	if x.madeCallID(r) {
		least, most = 2.1, 4
	}
	for i := int(r.Txn) + 1; i < len(l.Txns); i++ {
		o := &l.Txns[i]
		if o.Method != t.Method || o.Parent != call.None || o.Client != t.Client || o.Request == call.None {
			continue
		}
		retry := call.TxnRef{Leg: r.Leg, Txn: int32(i)}
		waited := Seconds(x.FinalTime(r), x.Start(retry))
		kept := "as RFC 3261 §14.1 wants"
		if waited < least || waited > most {
			kept = fmt.Sprintf("where RFC 3261 §14.1 wants %.1f to %.1f s: the two may collide again", least, most)
		}
		return rep.add(" It tried again after %.1f s, %s (result %d).", waited, kept, x.Status(retry)).
			see(x.RequestRef(retry), "the retry after %.1f s", waited).
			do("Nothing is broken; if it happens often, let only one side send re-INVITEs (session timer, hold, media update).")
	}
	return rep.add(" It did not try again.").
		do("Look whether the change that %s wanted (hold, codec, session refresh) was needed: the session went on without it.", t.Client)
}

// madeCallID says whether the sender of r is the side that sent the first INVITE.
func (x *Case) madeCallID(r call.TxnRef) bool {
	l, t := x.Legs[r.Leg], x.Txn(r)
	m := x.Request(r)
	if t.Dialog == call.None || m == nil {
		return !t.InDialog
	}
	return bytes.Equal(m.FromTag(), l.Dialogs[t.Dialog].CallerTag)
}
