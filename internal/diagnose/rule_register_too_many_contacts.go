package diagnose

import (
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/sip"
)

var saysContacts = []string{"too many registered", "too many contacts", "too many bindings", "too many registrations", "max contacts", "maximum contacts", "maximum number of contacts", "maximum number of bindings", "max_contacts", "contact limit", "registration limit"}

// registerTooManyContacts: a REGISTER refused because the user has as many contacts as allowed, or one that
// took the place of another device's binding.
func registerTooManyContacts(x *Case) *report {
	if x.Reg == nil || x.Reg.AOR == "" {
		return nil
	}
	if !x.Failed() {
		return x.replacedContact()
	}
	ref, ok := x.DecidingTxn()
	if !ok {
		return nil
	}
	m := x.Msg(x.FinalRef(ref))
	if m == nil || m.Status < 400 {
		return nil
	}
	why := call.Clean(m.HeaderByName("P-Registrar-Error")) // Kamailio and OpenSIPS say it there
	if !x.Says(saysContacts...) && !containsAny(why, saysContacts) {
		return nil
	}
	if why == "" {
		why = call.Clean(m.ReasonPhrase())
	}
	t := x.Txn(ref)
	return x.report("register.too-many-contacts", 0.95, "%s refuses another contact for %s: %d %s.", t.Server, x.Reg.AOR, m.Status, why).
		do("List the contacts of %s at %s: bindings of devices that are gone, or of one device that registers a new contact after each restart, count until they run out.", x.Reg.AOR, t.Server.Addr()).
		do("Remove those, let devices unregister when they stop and shorten the expiry; or raise the limit.").
		see(x.RequestRef(ref), "the contact refused").
		see(x.FinalRef(ref), "%d %s", m.Status, why).
		suspect(t.Server, call.RoleRegistrar)
}

// replacedContact reports a binding of another device that should still hold and is missing in the contacts
// that the 2xx lists (RFC 3261 §10.3 step 8: it lists all current bindings).
func (x *Case) replacedContact() *report {
	l := x.Lead()
	for i := range l.Txns {
		t := &l.Txns[i]
		if st := l.FinalStatus(t); t.Method != sip.MethodRegister || t.Parent != call.None || st < 200 || st >= 300 {
			continue
		}
		ref := call.TxnRef{Leg: 0, Txn: int32(i)}
		other := x.otherDevice(t.Client.Addr(), ref)
		if other == nil {
			continue
		}
		m := x.Msg(x.FinalRef(ref))
		if m == nil {
			continue
		}
		n, listed := 0, false
		for c := range m.Contacts() {
			n++
			listed = listed || call.Clean(c.URI) == other.Contact
		}
		if n == 0 || listed {
			continue
		}
		conf := 0.5 // many registrars list the contact of the REGISTER only
		if n > 1 {
			conf = 0.9
		}
		return x.report("register.too-many-contacts", conf,
			"The 2xx to this REGISTER of %s does not list the binding of another device (%s, from %s, good until %s): %s keeps fewer contacts for %s than there are devices, or does not list them all.", t.Client.Addr(), other.Contact, other.Source.Addr(), clock(other.Until), t.Server, x.Reg.AOR).
			severity(finding.Info).
			do("Call %s: if the other device does not ring, its binding was replaced.", x.Reg.AOR).
			do("If both devices are to ring, raise the number of contacts for %s (and do not let new ones replace old ones). If it is one device that moved, nothing.", x.Reg.AOR).
			see(x.FinalRef(ref), "does not list %s any more", other.Contact)
	}
	return nil
}

// otherDevice returns the latest binding of the user that another device (other Call-ID, other address) had made and
// that should still hold when ref began.
func (x *Case) otherDevice(host netip.Addr, ref call.TxnRef) *peer.Binding {
	at := x.Start(ref)
	list := x.Ledger.Bindings(x.Reg.AOR, at-1)
	for i := len(list) - 1; i >= 0; i-- {
		b := &list[i]
		if b.CallID == x.Legs[0].CallID || b.Source.Addr() == host || b.Code >= 300 || b.Contact == "" {
			continue
		}
		if b.Removed || b.Until == 0 || b.Until <= at {
			return nil
		}
		return b
	}
	return nil
}
