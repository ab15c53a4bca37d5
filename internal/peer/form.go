package peer

import (
	"net/netip"

	"sipcause/internal/wire"
)

// Lead says how the user part of a URI begins, where it is a number.
type Lead uint8

// Leads of numbers.
const (
	LeadNone   Lead = iota // no number
	LeadShort              // fewer than 7 digits: an extension or a service
	LeadPlus               // +33612345678
	LeadDouble             // 0033612345678
	LeadZero               // 0612345678
	LeadDigits             // 33612345678
)

var leadNames = [...]string{"a name", "a short number", "+", "00", "0", "the first digit of the number itself"}

// String names the lead for people.
func (l Lead) String() string { return leadNames[l] }

// longNumber is the number of digits from which a number is more than an extension.
const longNumber = 7

// LeadOf reads how a user part begins. Parameters after a semicolon are no part of the number; anything but
// digits and a plus in front makes it a name.
func LeadOf[T ~string | ~[]byte](user T) Lead {
	digits, plus := 0, false
	for i := range len(user) {
		switch c := user[i]; {
		case c == ';':
			return lead(user[:i], digits, plus)
		case c >= '0' && c <= '9':
			digits++
		case c == '+' && i == 0:
			plus = true
		default:
			return LeadNone
		}
	}
	return lead(user, digits, plus)
}

func lead[T ~string | ~[]byte](number T, digits int, plus bool) Lead {
	switch {
	case digits == 0:
		return LeadNone
	case digits < longNumber:
		return LeadShort
	case plus:
		return LeadPlus
	case number[0] != '0':
		return LeadDigits
	case number[1] == '0':
		return LeadDouble
	}
	return LeadZero
}

// Bounds of what is known of the numbers that a server takes.
const (
	maxForms  = 16 // kinds of Request-URI of one server; further ones are not kept
	formTimes = 3  // first answers of each
)

// Form is one kind of Request-URI whose calls a server answered: how the number begins, and the host. The
// first times are kept because they stay true.
type Form struct {
	Lead  Lead
	Host  string
	Ref   wire.PacketRef       // the first answer
	Times [formTimes]wire.Time // of the first answers; 0 none
}

// Often says how many calls of this form, of the first three, had been answered before at.
func (f *Form) Often(at wire.Time) (n int) {
	for n < formTimes && Before(f.Times[n], at) {
		n++
	}
	return n
}

// form notes an answered call.
func (s *server) form(lead Lead, host string, at wire.Time, ref wire.PacketRef) {
	k := 0
	for k < len(s.forms) && (s.forms[k].Lead != lead || s.forms[k].Host != host) {
		k++
	}
	if k == len(s.forms) {
		if k >= maxForms {
			return
		}
		s.forms = append(s.forms, Form{Lead: lead, Host: host, Ref: ref})
	}
	times := &s.forms[k].Times
	for i := range times {
		if times[i] == 0 {
			times[i] = at
			return
		}
	}
}

// Forms returns the kinds of Request-URI whose calls server is known to have answered; see Form.Often for
// whether it had by a given time. The slice is the ledger's.
func (l *Ledger) Forms(server netip.AddrPort) []Form {
	return l.known(server).forms
}
