package playbooks

import (
	"slices"

	"sipcause/sip"
)

// About returns the entries on what is known of a failure when no call is at hand, the best first. vendors are the
// IDs asked for, whatever their part in the call; none: that of f.Origin. Conditions on a cause, kind or outcome that is
// unknown are passed over; one on cause, code or the response must hold.
func (b *Book) About(f *Facts, vendors []string) (list []Advice) {
	m := NewMatcher(b)
	asked := len(vendors) > 0
	if !asked {
		if v := m.vendor(f.Origin); v != nil {
			vendors = append(vendors, v.ID)
		}
	}
	order := make([]int, len(b.entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, b.compare)
	for _, i := range order {
		e := &b.entries[i]
		a := Advice{Entry: e, Seen: f.Origin.Agent}
		if !asked && (e.Match.Of == OfCaller || e.Match.Of == OfSuspect) {
			continue
		}
		if len(e.Match.Vendor) > 0 {
			if a.Vendor = b.nameAmong(vendors, e.Match.Vendor); a.Vendor == "" {
				continue
			}
		}
		if m.mayBeAbout(&e.Match, f) {
			list = append(list, a)
		}
	}
	return list
}

// nameAmong returns the name of the first of the vendors that the words cover; "" when there is none.
func (b *Book) nameAmong(vendors []string, words Words) string {
	for _, v := range b.vendors {
		if slices.Contains(vendors, v.ID) && words.cover(v.ID) {
			return v.Name
		}
	}
	return ""
}

func (m *Matcher) mayBeAbout(e *Match, f *Facts) bool {
	held := false
	if f.Cause != "" && len(e.Cause) > 0 {
		if !e.Cause.cover(f.Cause) {
			return false
		}
		held = true
	}
	if f.Code != 0 && len(e.Code) > 0 {
		if !slices.Contains(e.Code, f.Code) {
			return false
		}
		held = true
	}
	if e.needs()&NeedsMessage == 0 {
		return held
	}
	if f.Header == nil { // no message: what it would say is open
		return held && len(e.Vendor) > 0
	}
	return m.messageHolds(e, f)
}

// SetResponse adds to the facts what the deciding response says. m must stay valid while they are used.
func (f *Facts) SetResponse(m *sip.Message) {
	f.Phrase = string(m.ReasonPhrase())
	f.Origin.Tag = string(m.ToTag())
	for w := range m.Warnings() {
		f.Warnings = append(f.Warnings, Warning{Code: w.Code, Text: string(w.Text)})
	}
	for r := range m.Reasons() {
		f.Reasons = append(f.Reasons, Reason{Protocol: string(r.Protocol), Cause: r.Cause, Text: string(r.Text)})
	}
	f.Header = m.HeaderByName
}
