package diagnose

import (
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/wire"
	"sipcause/sip"
)

// natRules are nat.*: addresses that are only true on one side of a translator.
var natRules = []rule{
	{id: "nat.private-contact", on: onCalls, always: true, check: natPrivateContact},
	{id: "nat.private-sdp", on: onCalls, always: true, check: natPrivateSDP},
	{id: "nat.binding-expired", on: onCalls | onTransactions, check: natBindingExpired},
	{id: "nat.rport-missing", on: onAll, check: natRportMissing},
	{id: "nat.alg-suspected", on: onAll, check: natALGSuspected},
}

// contactAddr returns the address in the first Contact of a message; not valid when it is a name or absent.
func (x *Case) contactAddr(r call.MsgRef) netip.AddrPort {
	m := x.Msg(r)
	if m == nil {
		return netip.AddrPort{}
	}
	for c := range m.Contacts() {
		u, ok := sip.ParseURI(c.URI)
		if !ok {
			break
		}
		port := u.Port
		if port == 0 {
			port = 5060
		}
		return netip.AddrPortFrom(u.Addr(), port)
	}
	return netip.AddrPort{}
}

// misled says whether a, written inside a message that came from source, is an address that its receiver
// surely cannot use: private or shared while the packet itself comes from a public address. An address that a
// text trace does not say is none.
func misled(a, source netip.Addr) bool {
	return foreign(a, source) && !Private(source) && !source.IsLoopback() && !wire.Placeholder(source)
}

// foreign says whether a is a private address and not the one that the packet came from: wrong where a message
// sent there was lost.
func foreign(a, source netip.Addr) bool {
	return a.IsValid() && source.IsValid() && Private(a) && a != source
}

// calledAORs returns the addresses of record that a request may be meant for: of its To and its Request-URI.
func (x *Case) calledAORs(r call.TxnRef) []string {
	m := x.Request(r)
	if m == nil {
		return nil
	}
	var out []string
	if to, ok := m.To(); ok {
		if u, ok := sip.ParseURI(to.URI); ok {
			out = append(out, call.CleanString(u.AOR()))
		}
	}
	if u, ok := sip.ParseURI(m.RequestURI()); ok {
		out = append(out, call.CleanString(u.AOR()))
	}
	return out
}

// contactIs says whether a Contact URI names the socket that its REGISTER came from.
func contactIs(contact string, source netip.AddrPort) bool {
	u, ok := sip.ParseURI([]byte(contact))
	if !ok || !u.Addr().IsValid() {
		return true // a name tells nothing of translation
	}
	port := u.Port
	if port == 0 {
		port = 5060
	}
	return u.Addr() == source.Addr() && port == source.Port()
}
