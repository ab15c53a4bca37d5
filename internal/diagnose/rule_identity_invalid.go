package diagnose

import (
	"sipcause/internal/call"
	"sipcause/internal/passport"
	"sipcause/sip"
)

// identityInvalid: the signature does not verify (438).
func identityInvalid(x *Case) *report {
	v, ok := x.verified()
	if !ok {
		return nil
	}
	faults := v.faults(438)
	why := "nothing in the capture disagrees with it, and the signature itself was not checked (--stir-certs does that)"
	switch {
	case len(v.ids) == 0:
		why = "the request that it judged has no Identity header in this capture"
	case len(faults) > 0:
		why = faults[0]
	case v.all(passport.Verified):
		why = "nothing in the capture disagrees with it, and the signature verifies with the certificate in " + v.ids[0].Key.File + ": the verifier has another one, or asks for more"
	}
	out := x.report("identity.invalid", 1, "The signature of the call does not verify at %s (438): %s.", v.txn.Server, why).more(faults)
	lost, from := x.otherIdentity(v.ref, x.Request(v.ref))
	switch {
	case lost != nil:
		out.do("The Identity header, From or To was changed between %s and %s: sign after the last change, or do not change signed numbers.", lost.Client, v.txn.Server).
			see(from, "as it was before").suspect(lost.Server, call.RoleProxy)
	case v.all(passport.Verified):
		out.do("Ask who runs %s which check failed: its log says.", v.txn.Server.Addr())
	default:
		if len(faults) > 0 {
			out.blame(x.presenter(v.ref))
		}
		out.do("Compare orig, dest and iat of the PASSporT with From (or P-Asserted-Identity), To and Date as %s got them: a device that rewrites a number after the signing breaks it.", v.txn.Server.Addr())
	}
	if !v.signed() {
		out.do("Check that the signer's key belongs to the certificate at %s.", v.certificates())
	}
	return out.
		see(x.RequestRef(v.ref), "signed: %s", signedAs(v.ids)).
		see(x.FinalRef(v.ref), "438 %s", x.Reason)
}

// otherIdentity finds a hop above r whose request differs from m in what a signature covers.
func (x *Case) otherIdentity(r call.TxnRef, m *sip.Message) (*call.Txn, call.MsgRef) {
	for range maxRelays {
		t := x.Txn(r)
		if t.Parent == call.None || m == nil {
			break
		}
		r.Txn = t.Parent
		p := x.Request(r)
		if p == nil || p.Count(sip.HeaderIdentity) == 0 {
			continue
		}
		for _, h := range [...]sip.HeaderID{sip.HeaderIdentity, sip.HeaderFrom, sip.HeaderTo} {
			if string(p.Header(h)) != string(m.Header(h)) {
				return x.Txn(r), x.RequestRef(r)
			}
		}
	}
	return nil, call.NoMsg
}
