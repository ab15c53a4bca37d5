package diagnose

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"sipcause/internal/call"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// How long the registrar's last word about an address of record explains a failed call. The ledger remembers months; who
// registers unseen (over TLS, at another edge) leaves an old binding there that says nothing of now.
const (
	bindingOld = 24 * time.Hour // from when it had run out or was removed

	// refusalOld is that of a refusal: who was refused tries again after half an hour at the latest (RFC 5626 §4.5), so
	// that after the double of it he either gave up or was let in unseen.
	refusalOld = time.Hour

	// purgedWithin is how much longer than its expiry a registrar may go on using a binding: it drops them by a timer.
	purgedWithin = 5 * time.Minute
)

// binding is what the registrar's traffic tells of the callee.
type binding struct {
	state peer.BindingState
	last  peer.Binding

	// When it is Lapsed, Removed or Refused:
	unseen bool // there is another one, since this very call was sent to a contact of the callee
	doubt  bool // there may be: last is too old to tell of now, or the call was sent to what may be a new contact
}

// missing says whether the callee had no binding, as far as the registrar's traffic tells.
func (b *binding) missing() bool {
	return !b.unseen && !b.doubt && (b.state == peer.Lapsed || b.state == peer.Removed)
}

// calleeBinding returns the state of the called address of record at the time of the request. Of several
// contacts one that still holds makes it Bound.
func (x *Case) calleeBinding(r call.TxnRef) binding {
	at := x.Start(r)
	for _, aor := range x.calledAORs(r) {
		state, last := x.Ledger.Binding(aor, at)
		if state == peer.NeverSeen {
			continue
		}
		b := binding{state: state, last: last}
		if state == peer.Bound {
			return b
		}
		list := x.Ledger.Bindings(aor, at)
		for i := range list {
			if holds(&list[i], list, at) {
				return binding{state: peer.Bound, last: list[i]}
			}
		}
		if state == peer.Unsure {
			return b
		}
		b.doubt = at.Sub(b.since()) > bindingOld || state == peer.Refused && at.Sub(last.Time) > refusalOld
		x.sentToContact(&b, list)
		return b
	}
	return binding{}
}

// since returns when the last binding ceased to hold, or was refused.
func (b *binding) since() wire.Time {
	if b.state == peer.Lapsed {
		return b.last.Until
	}
	return b.last.Time
}

// holds says whether b was in force at the time: granted, not run out, not replaced or removed since.
func holds(b *peer.Binding, list []peer.Binding, at wire.Time) bool {
	if b.Code >= 300 || b.Removed || b.Until == 0 || b.Until < at {
		return false
	}
	for i := range list {
		o := &list[i]
		if o.Time > b.Time && o.Code < 300 && (o.Contact == b.Contact || o.Contact == "" && o.Removed) {
			return false
		}
	}
	return true
}

// sentToContact notes in b whether a request of this call was sent to a contact of the callee although no binding that was
// seen, in list, held: who sent it there knew another. What a server sends after a device that is gone tells nothing. An
// address not seen before may be a new contact; 404 is what a server behind says rather than a device.
func (x *Case) sentToContact(b *binding, list []peer.Binding) {
	for r, t := range x.Txns() {
		if t.InDialog || t.Request == call.None || t.Method == sip.MethodAck || t.Method == sip.MethodCancel || slices.ContainsFunc(list, func(b peer.Binding) bool { return b.Server == t.Server }) {
			continue
		}
		_, uri, ok := x.requestURI(r)
		if !ok {
			continue
		}
		registrar := slices.ContainsFunc(list, func(b peer.Binding) bool { return b.Server.Addr() == t.Client.Addr() })
		switch {
		case registeredAs(uri, list), registrar && registeredFrom(t.Server, list):
			b.unseen = b.unseen || !x.unanswered(r) || x.Start(r).Sub(b.since()) > purgedWithin
		case registrar && x.Status(r) != 404 && x.retargeted(r, uri) && !x.forOthers(r):
			b.doubt = true
		}
	}
}

// registeredAs says whether uri is a Contact in list.
func registeredAs(uri sip.URI, list []peer.Binding) bool {
	return slices.ContainsFunc(list, func(b peer.Binding) bool {
		c, ok := sip.ParseURI([]byte(b.Contact))
		return ok && sameTarget(c, uri)
	})
}

// registeredFrom says whether a REGISTER in list had come from server, or from its host where no registrar is.
func registeredFrom(server netip.AddrPort, list []peer.Binding) bool {
	shared := slices.ContainsFunc(list, func(b peer.Binding) bool { return b.Server.Addr() == server.Addr() })
	return slices.ContainsFunc(list, func(b peer.Binding) bool {
		return b.Source == server || b.Source.Addr() == server.Addr() && !shared
	})
}

// forOthers says whether the next hop of r is no device of the callee: it decided as a proxy, or calls to others go there,
// as they do to a trunk.
func (x *Case) forOthers(r call.TxnRef) bool {
	t := x.Txn(r)
	if o := x.Origin; o != nil && o.Address == t.Server && o.Role == call.RoleProxy {
		return true
	}
	callee := peer.Key(x.To)
	return slices.ContainsFunc(x.Ledger.Targets(t.Client, peer.Prefix(x.To), x.Start(r)), func(o peer.Target) bool {
		return o.Server == t.Server && o.OthersThan(callee, x.Start(r))
	})
}

// retargeted says whether the Request-URI of r names a device, by its address or as one that has none to give (".invalid", RFC 2606
// §2), that neither its To nor the request before it names.
func (x *Case) retargeted(r call.TxnRef, uri sip.URI) bool {
	if !uri.Addr().IsValid() && !bytes.HasSuffix(uri.Host, []byte(".invalid")) {
		return false
	}
	if m := x.Request(r); m != nil {
		to, _ := m.To()
		if u, ok := sip.ParseURI(to.URI); ok && bytes.EqualFold(u.Host, uri.Host) {
			return false
		}
	}
	if p := x.Txn(r).Parent; p != call.None {
		if _, u, ok := x.requestURI(call.TxnRef{Leg: r.Leg, Txn: p}); ok && bytes.EqualFold(u.Host, uri.Host) {
			return false
		}
	}
	return true
}
