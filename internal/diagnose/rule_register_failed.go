package diagnose

import (
	"fmt"

	"sipcause/internal/call"
	"sipcause/internal/peer"
)

// registerFailed says what the failure of a REGISTER means for the user; why it failed is another finding's.
func registerFailed(x *Case) *report {
	if x.Reg == nil || x.Reg.AOR == "" {
		return nil
	}
	ref, ok := x.LastTry()
	if !ok {
		return nil
	}
	t := x.Txn(ref)
	result := fmt.Sprintf("with %d %s", x.Code, x.Reason)
	conf := 1.0
	if x.Code == 0 {
		result, conf = "without an answer", x.Absent(0.9, ref, x.Ended)
	}
	switch {
	case x.openEnded():
		conf = min(conf, cutShort)
	case x.Outcome == call.Challenged && len(x.Lead().Tries()) == 1:
		conf = x.Absent(onceAsked, ref, x.FinalTime(ref).Add(answerWithin))
	case x.missed(ref):
		conf = min(conf, guess)
	case x.Code == 0 && x.Txn(ref).Resent == 0:
		conf = min(conf, 0.7) // as transport.no-response
	}
	what := "registration"
	if x.Reg.Removed {
		what = "removal of the registration"
	}
	state, b := x.Ledger.Binding(x.Reg.AOR, x.Start(ref))
	var after string
	switch {
	case state == peer.Bound && b.Until != 0:
		after = fmt.Sprintf("The binding granted in frame %d lasts until %s; until then the user is reachable, from then on not.", b.Ref.Number, clock(b.Until))
	case state == peer.Bound, state == peer.Unsure:
		after = fmt.Sprintf("A binding granted in frame %d may still hold.", b.Ref.Number)
	case state == peer.Lapsed:
		after = fmt.Sprintf("The last binding (frame %d) ran out at %s: calls to the user fail.", b.Ref.Number, clock(b.Until))
	case x.Reg.Removed:
		after = "The capture shows no binding that it could have removed."
	default:
		after = "The capture shows no binding of the user from before: calls to the user fail unless another device is registered."
	}
	r := x.report("register.failed", conf, "The %s of %s by %s at %s failed %s. %s", what, x.Reg.AOR, t.Client, t.Server, result, after)
	r.do("Deal with the cause named beside this; then let the device register again.")
	return r.see(x.RequestRef(ref), "the last REGISTER").
		see(x.FinalRef(ref), "its answer").
		suspect(t.Client, call.RoleUAC)
}
