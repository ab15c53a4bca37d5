package diagnose

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/passport"
	"sipcause/sip"
)

// verifiedTxn is the deciding transaction with the PASSporTs that its server judged.
type verifiedTxn struct {
	refusedTxn
	ids []passport.Checked
}

// verified returns the deciding transaction with the PASSporTs of its request; ok is false without one.
func (x *Case) verified() (v verifiedTxn, ok bool) {
	if v.refusedTxn, ok = x.decidingRefusal(); ok {
		v.ids = x.identities(v.ref)
	}
	return v, ok
}

// identities returns the PASSporTs of the request of a transaction.
func (x *Case) identities(r call.TxnRef) []passport.Checked {
	ref := x.RequestRef(r)
	m := x.Msg(ref)
	if m == nil {
		return nil
	}
	return passport.Check(m, anatomy.Date(x.Sighting(ref).Time), x.certs)
}

// faults returns what is wrong with the PASSporTs, what makes for one of the classes first (see passport.Kind.Class);
// what is no fault by itself stands at the end.
func (v *verifiedTxn) faults(classes ...int) (list []string) {
	var rest, remarks []string
	for i := range v.ids {
		for _, n := range v.ids[i].Notes {
			text := n.String()
			if len(v.ids) > 1 {
				text = fmt.Sprintf("Identity %d (%s): %s", i+1, typeWords(&v.ids[i]), text)
			}
			switch k := n.Kind.Class(); {
			case k == 0:
				remarks = append(remarks, text)
			case slices.Contains(classes, k):
				list = append(list, text)
			default:
				rest = append(rest, text)
			}
		}
	}
	return append(append(list, rest...), remarks...)
}

// faulty says whether one of the PASSporTs has a fault of the class.
func (v *verifiedTxn) faulty(class int) bool {
	for i := range v.ids {
		if _, ok := v.ids[i].Fault(class); ok {
			return true
		}
	}
	return false
}

// all says whether there are PASSporTs and all have the verdict.
func (v *verifiedTxn) all(verdict passport.Verdict) bool {
	return len(v.ids) > 0 && !slices.ContainsFunc(v.ids, func(c passport.Checked) bool { return c.Verdict != verdict })
}

// signed says whether the signature of each PASSporT verifies with the certificate that it names.
func (v *verifiedTxn) signed() bool {
	return len(v.ids) > 0 && !slices.ContainsFunc(v.ids, func(c passport.Checked) bool { return c.Key == nil || c.Verdict == passport.BadSignature })
}

// more adds what is wrong beside the first of the faults to a report.
func (r *report) more(faults []string) *report {
	for i, f := range faults[min(1, len(faults)):] {
		if i == maxFaultsTold {
			break
		}
		r.add(" Also: %s.", f)
	}
	return r
}

// maxFaultsTold bounds the faults of PASSporTs that are told beside the first.
const maxFaultsTold = 3

// certificates names where the certificates of the PASSporTs are said to be.
func (v *verifiedTxn) certificates() string {
	var list []string
	for i := range v.ids {
		if at := v.ids[i].Certificate(); at != "" && !strings.Contains(strings.Join(list, " "), at) {
			list = append(list, fmt.Sprintf("%q", at))
		}
	}
	if len(list) == 0 {
		return "an address that is not given"
	}
	return strings.Join(list, " and ")
}

func typeWords(c *passport.Checked) string {
	if c.Type() == "" {
		return "no ppt"
	}
	return c.Type()
}

// signedAs says what a request is signed for, with which attestation, and whether the signature is right:
// "shaken, attestation B, 12025550100 to 12025550123, signed 2 s before; signature not checked".
func signedAs(ids []passport.Checked) string {
	var all []string
	for i := range ids {
		c := &ids[i]
		s := typeWords(c)
		if c.Form != passport.Full {
			s += ", " + c.Form.String()
		}
		if c.Claims.Attest != "" {
			s += ", attestation " + c.Claims.Attest
		}
		if c.Claims.Orig.Text != "" && len(c.Claims.Dest) > 0 {
			s += ", " + c.Claims.Orig.Text + " to " + c.Claims.Dest[0].Text
		}
		switch {
		case c.Aged && c.Age >= 0:
			s += ", signed " + passport.Words(c.Age) + " before"
		case c.Aged:
			s += ", signed " + passport.Words(-c.Age) + " after"
		}
		switch {
		case c.Verdict == passport.BadSignature:
			s += "; the signature does not verify"
		case c.Key != nil:
			s += "; the signature verifies with " + c.Key.File
		}
		all = append(all, s)
	}
	return strings.Join(all, " | ")
}

// attested says with which attestation a request is signed, for sentences: "signed with attestation C".
func attested(ids []passport.Checked) string {
	for i := range ids {
		if a := ids[i].Claims.Attest; a != "" {
			return "signed with attestation " + a
		}
	}
	if len(ids) > 0 {
		return "signed, without an attestation"
	}
	return "not signed"
}

// presenter returns the first transaction whose request had the Identity header that the request of r has.
func (x *Case) presenter(r call.TxnRef) call.TxnRef {
	return x.firstWith(r, func(m *sip.Message) []byte { return m.Header(sip.HeaderIdentity) })
}

// firstWith returns the first transaction, upstream of r, from which on a part of the request is what it is in that of r.
func (x *Case) firstWith(r call.TxnRef, part func(*sip.Message) []byte) call.TxnRef {
	m := x.Request(r)
	for range maxRelays {
		up := call.TxnRef{Leg: r.Leg, Txn: x.Txn(r).Parent}
		if up.Txn == call.None || m == nil {
			break
		}
		p := x.Request(up)
		if p == nil || !bytes.Equal(part(p), part(m)) {
			break
		}
		r = up
	}
	return r
}

// blame makes the client of a transaction the suspect.
func (r *report) blame(ref call.TxnRef) *report {
	return r.suspect(r.x.Txn(ref).Client, r.x.clientRole(ref))
}

// offTime returns, of the times at which a request is said to be signed, the one farthest from a clock.
func (v *verifiedTxn) offTime(date, clock time.Time) (off time.Duration, which string, ok bool) {
	for i := range v.ids {
		at, name := v.ids[i].At, "iat"
		if at.IsZero() || v.ids[i].Form == passport.Compact {
			at, name = date, "Date"
		}
		if at.IsZero() {
			continue
		}
		if d := clock.Sub(at); !ok || d.Abs() > off.Abs() {
			off, which, ok = d, name, true
		}
	}
	return off, which, ok
}

// addressOf returns the URI of a name-addr or addr-spec.
func addressOf(v []byte) string {
	if i := bytes.IndexByte(v, '<'); i >= 0 {
		v = v[i+1:]
		if j := bytes.IndexByte(v, '>'); j >= 0 {
			v = v[:j]
		}
	}
	return call.Clean(v)
}
