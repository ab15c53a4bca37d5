package explain

import (
	"strings"

	"sipcause/code/playbooks"
	"sipcause/sip"
)

// maxPlaybooksShown is how many entries a page has.
const maxPlaybooksShown = 6

// checkVendor refuses a vendor that no playbook knows.
func (o Options) checkVendor() error {
	if o.Vendor == "" {
		return nil
	}
	if o.Playbooks == nil {
		return unknown("no playbooks to look up vendor %s in", quote(o.Vendor))
	}
	var names []string
	for _, v := range o.Playbooks.Vendors() {
		if ofVendor(v.ID, o.Vendor) {
			return nil
		}
		names = append(names, v.ID)
	}
	if near := nearest(o.Vendor, names); near != "" {
		return unknown("no vendor %s; nearest: %s", quote(o.Vendor), near)
	}
	return unknown("no vendor %s; there are %s", quote(o.Vendor), strings.Join(names, ", "))
}

// ofVendor says whether a vendor is the one asked for, or a variant of it: asterisk-pjsip is one of asterisk.
func ofVendor(id, asked string) bool {
	asked = strings.ToLower(asked)
	return id == asked || strings.HasPrefix(id, asked+"-")
}

// addPlaybooks appends what the playbooks say of the facts. Without a call at hand, conditions on what the facts leave
// open are passed over.
func (p *page) addPlaybooks(f *playbooks.Facts, opt Options) {
	if opt.Playbooks == nil || opt.Vendor == "" && f.Header == nil {
		return
	}
	var vendors []string
	for _, v := range opt.Playbooks.Vendors() {
		if opt.Vendor != "" && ofVendor(v.ID, opt.Vendor) {
			vendors = append(vendors, v.ID)
		}
	}
	for i, a := range opt.Playbooks.About(f, vendors) {
		if i == maxPlaybooksShown {
			break
		}
		name := ""
		if a.Vendor != "" {
			name = " for " + a.Vendor
		}
		lines := []string{a.Cause}
		for _, s := range a.Checks {
			lines = append(lines, "Check: "+s)
		}
		for _, f := range a.Fixes {
			lines = append(lines, map[string]string{"set": "Set: ", "do": "Do: "}[f.Label()]+f.String())
		}
		if a.Call != "" {
			lines = append(lines, "Call: "+a.Call)
		}
		for _, r := range a.Refs {
			lines = append(lines, "See: "+r.String())
		}
		p.add("Playbook "+a.ID+name, bullet, lines...)
	}
}

// responseFacts is what a pasted response says. The message must stay valid while they are used.
func responseFacts(m *sip.Message) *playbooks.Facts {
	f := &playbooks.Facts{Code: m.Status, Origin: playbooks.Software{Agent: string(m.ServerOrUserAgent())}}
	f.SetResponse(m)
	return f
}
