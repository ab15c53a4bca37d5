package diagnose

import (
	"sipcause/internal/call"
	"sipcause/sip"
)

// identityInvalid: the signature does not verify (438).
func identityInvalid(x *Case) *report {
	r, id, ok := x.verified()
	if !ok {
		return nil
	}
	m := x.Request(r.ref)
	why := "the capture does not show why"
	if m != nil {
		if s := id.mismatch(m); s != "" {
			why = s
		}
	}
	if id.broken != "" {
		why = id.broken
	}
	out := x.report("identity.invalid", 1, "The signature of the call does not verify at %s (438): %s.", r.txn.Server, why)
	if lost, from := x.otherIdentity(r.ref, m); lost != nil {
		out.do("The Identity header, From or To was changed between %s and %s: sign after the last change, or do not change signed numbers.", lost.Client, r.txn.Server).see(from, "as it was before")
	} else {
		out.do("Compare orig, dest and iat of the PASSporT with From (or P-Asserted-Identity), To and Date as %s got them: a device that rewrites a number after the signing breaks it.", r.txn.Server.Addr())
	}
	return out.do("Check that the signer's key belongs to the certificate at %q.", id.info).
		see(x.RequestRef(r.ref), "the signed request").
		see(x.FinalRef(r.ref), "438 %s", x.Reason)
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

// verified returns the deciding transaction with the Identity header that its server judged.
func (x *Case) verified() (r refusedTxn, id identity, ok bool) {
	if r, ok = x.decidingRefusal(); !ok {
		return r, id, false
	}
	if m := x.Request(r.ref); m != nil {
		id, _ = readIdentity(m)
	}
	return r, id, true
}
