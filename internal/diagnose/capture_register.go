package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
	"sipcause/sip"
)

var registerCaptureRules = []captureRule{
	{id: "register.expired", check: captureExpired},
	{id: "register.flapping", check: captureFlapping},
	{id: "register.interval", check: captureInterval},
}

func containsAny(s string, lower []string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(lower, func(w string) bool { return strings.Contains(s, w) })
}

// captureExpired: bindings that ran out before the capture ends and were not refreshed, while it shows the
// registrar at work: otherwise it may be an excerpt.
func captureExpired(l *peer.Ledger) []finding.Finding {
	var out []finding.Finding
	for _, list := range l.AORs() {
		gap, ok := lapsed(list, l.End)
		if !ok {
			continue
		}
		b := gap.last
		if l.Stopped(b.Time, l.End) {
			continue // the refresh came while nobody listened
		}
		if seen, ok := l.LastSeen(b.Server, l.End+1); !ok || seen.Sub(gap.since) < lapseSlack {
			continue
		}
		conf := 0.8 * (1 - l.Loss(b.Time, l.End, b.Source.Addr(), b.Server.Addr()))
		f := about("register.expired", b.AOR, conf, "The binding of %s (%s, %d s granted by %s) ran out at %s and was not refreshed before the capture ends, %s later: calls to the user fail from then on.",
			b.AOR, b.Contact, b.Expires, b.Server, clock(gap.since), ageWords(l.End.Sub(gap.since)))
		f.Actions = []string{
			"See whether the device at " + b.Source.Addr().String() + " was switched off or lost its network; a device that stops in order removes its binding.",
			"If it runs, look why its REGISTER did not arrive: capture there, and compare its refresh timer with the expiry granted.",
		}
		seeBinding(f, b, "the last binding")
		f.Suspect = &finding.Suspect{Address: b.Source, Role: "uac"}
		out = append(out, *f)
	}
	return out
}

// device is the bindings of one user that were made under one Call-ID or from one address, oldest first.
type device []*peer.Binding

// devices parts a history by what part returns.
func devices(list []peer.Binding, part func(*peer.Binding) string) []device {
	var keys []string
	var out []device
	for i := range list {
		b := &list[i]
		if b.Code >= 300 || b.Code < 200 {
			continue
		}
		k := part(b)
		n := slices.Index(keys, k)
		if n < 0 {
			n = len(keys)
			keys, out = append(keys, k), append(out, nil)
		}
		out[n] = append(out[n], b)
	}
	return out
}

func byCallID(b *peer.Binding) string { return b.CallID }
func byHost(b *peer.Binding) string   { return b.Source.Addr().String() }

// How often and how fast bindings have to change before they flap.
const (
	flapChanges  = 3
	flapSpan     = time.Hour // in which the changes must be: a device that goes from one network to another now and then moves
	flapRestarts = 4
	flapShare    = 0.1              // of the granted expiry
	flapWithin   = 60 * time.Second // and no longer than this
	flapRefresh  = 5 * time.Second  // for refreshes under one Call-ID: those that keep a NAT open come every 15 s or so
)

// captureFlapping: a device whose binding changes its address again and again, is removed and made again, or is
// made anew (another Call-ID each time, RFC 3261 §10.2.4 wants one) far faster than it expires. Several devices of one
// user, each with a Call-ID of its own, do not flap.
func captureFlapping(l *peer.Ledger) []finding.Finding {
	var out []finding.Finding
	for _, list := range l.AORs() {
		if f := flaps(list); f != nil {
			out = append(out, *f)
		}
	}
	return out
}

func flaps(list []peer.Binding) *finding.Finding {
	for _, d := range devices(list, byCallID) {
		if n := d.moves(); n >= flapChanges {
			last := d[len(d)-1]
			f := about("register.flapping", last.AOR, 0.9, "The binding of %s changed its address %d times within %s, last from %s (contact %s).",
				last.AOR, n, ageWords(min(flapSpan, last.Time.Sub(d[0].Time))), last.Source, last.Contact)
			f.Actions = []string{
				"See what changes under the device: its network (Wi-Fi and mobile, two uplinks), its NAT's public address, or its own guess of it (STUN, ALG).",
				"Give it one stable way out; with several uplinks, bind SIP to one.",
			}
			return d.shown(f)
		}
	}
	for _, d := range devices(list, byHost) {
		last := d[len(d)-1]
		if n := d.removals(); n >= flapChanges {
			f := about("register.flapping", last.AOR, 0.9, "%s was unregistered and registered again %d times from %s within %s.", last.AOR, n, last.Source.Addr(), ageWords(min(flapSpan, last.Time.Sub(d[0].Time))))
			f.Actions = []string{"See why the device stops and starts: a watchdog, failing keepalives (OPTIONS unanswered), or an account that is configured twice in it."}
			return d.shown(f)
		}
		if n := d.restarts(); n >= flapRestarts {
			f := about("register.flapping", last.AOR, 0.8, "%s registered %d times from %s within %s although %d s had been granted.", last.AOR, n, last.Source.Addr(), ageWords(last.Time.Sub(d[0].Time)), last.Expires)
			f.Actions = []string{"See whether the device restarts (crash, power), or gives its registration up because something in the 2xx does not suit it (Contact missing, expiry, Path)."}
			return d.shown(f)
		}
	}
	return nil
}

func (d device) shown(f *finding.Finding) *finding.Finding {
	for _, b := range d {
		if b.Removed {
			seeBinding(f, b, "removed, from %s", b.Source)
		} else {
			seeBinding(f, b, "from %s, contact %s", b.Source, b.Contact)
		}
	}
	f.Suspect = &finding.Suspect{Address: d[len(d)-1].Source, Role: "uac"}
	return f
}

// moves counts how often the host that registers, or the address in its contact, changed: see most.
func (d device) moves() (n int) {
	return d.most(func(a, b *peer.Binding) bool {
		return !a.Removed && !b.Removed && (a.Source.Addr() != b.Source.Addr() || contactHost(a.Contact) != contactHost(b.Contact))
	})
}

// most counts the changes from one binding to the next, in those flapSpan in which there were most.
func (d device) most(change func(a, b *peer.Binding) bool) (n int) {
	var times []wire.Time
	for i := 1; i < len(d); i++ {
		if !change(d[i-1], d[i]) {
			continue
		}
		times = append(times, d[i].Time)
		for d[i].Time.Sub(times[0]) > flapSpan {
			times = times[1:]
		}
		n = max(n, len(times))
	}
	return n
}

// removals counts how often a binding was made again within its expiry after it had been removed.
func (d device) removals() (n int) {
	return d.most(func(a, b *peer.Binding) bool {
		return a.Removed && !b.Removed && b.Expires > 0 && b.Time.Sub(a.Time) < time.Duration(b.Expires)*time.Second
	})
}

// restarts counts the bindings at the end that were each made, under another Call-ID or at once, after the one before.
func (d device) restarts() int {
	n := 1
	for i := len(d) - 1; i > 0; i-- {
		a, b := d[i-1], d[i]
		gap := b.Time.Sub(a.Time)
		if a.CallID == b.CallID && gap > flapRefresh || a.Removed || b.Removed || a.Expires <= 0 || gap > flapWithin || gap.Seconds() > flapShare*float64(a.Expires) || contactHost(a.Contact) != contactHost(b.Contact) {
			break
		}
		n++
	}
	return n
}

func contactHost(uri string) string {
	u, ok := sip.ParseURI([]byte(uri))
	if !ok {
		return uri
	}
	return string(u.Host)
}

// When a refresh is early: at least so many, below this share of the granted expiry.
const (
	earlyRefreshes = 4
	earlyShare     = 0.25
)

// captureInterval: refreshes far more often than the expiry asks for, from a device that is not behind NAT (there
// they keep the way open).
func captureInterval(l *peer.Ledger) []finding.Finding {
	var out []finding.Finding
	for _, list := range l.AORs() {
		if flaps(list) != nil {
			continue
		}
		for _, d := range devices(list, byCallID) {
			if f := d.early(); f != nil {
				out = append(out, *f)
				break
			}
		}
	}
	return out
}

func (d device) early() *finding.Finding {
	var gaps []time.Duration
	for i := 1; i < len(d); i++ {
		a, b := d[i-1], d[i]
		if a.Removed || b.Removed || a.Expires <= 0 || behindNAT(b) {
			return nil
		}
		gap := b.Time.Sub(a.Time)
		if gap.Seconds() >= earlyShare*float64(a.Expires) {
			return nil
		}
		gaps = append(gaps, gap)
	}
	if len(gaps) < earlyRefreshes {
		return nil
	}
	slices.Sort(gaps)
	last := d[len(d)-1]
	f := about("register.interval", last.AOR, 0.9, "%s at %s refreshes its registration every %s although %s grants %d s, and nothing shows a NAT between them.", last.AOR, last.Source, ageWords(gaps[len(gaps)/2]), last.Server, last.Expires)
	f.Actions = []string{"Nothing if it is meant (a session border controller or a client that watches its server); otherwise set the refresh of the device to half of the expiry or more: it saves the registrar the work."}
	return d.shown(f)
}

// behindNAT says whether the contact's address is not the one that the REGISTER came from.
func behindNAT(b *peer.Binding) bool {
	a, err := netip.ParseAddr(strings.Trim(contactHost(b.Contact), "[]"))
	return err == nil && a.Unmap() != b.Source.Addr()
}
