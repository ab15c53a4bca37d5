package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sipcause/code"
	"sipcause/internal/peer"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// accountsShown is how many accounts reports for people list; how many more there are of each state is said.
const accountsShown = 20

// stateRow is an account or a certificate in words: how it stands, whose it is, and what else there is to say.
type stateRow struct {
	state, name string
	style       style
	class       string // of a page
	lines       []string
}

var accountStyle = map[peer.AccountState]style{
	peer.AccountRefused: red, peer.AccountExpired: red, peer.AccountSilent: red, peer.AccountRemoved: yellow, peer.AccountTroubled: yellow,
}

var accountClass = map[peer.AccountState]string{
	peer.AccountRefused: "error", peer.AccountExpired: "error", peer.AccountSilent: "error", peer.AccountRemoved: "warning", peer.AccountTroubled: "warning", peer.AccountBound: "ok",
}

// accounts returns what is said of the accounts, the worst first, and how many more there are, "" none.
func accounts(s *view.Summary, opt Options) (rows []stateRow, more string) {
	left := map[peer.AccountState]uint64{}
	for i := range s.Estate {
		a := &s.Estate[i]
		if i >= accountsShown && !opt.All {
			left[a.State]++
			continue
		}
		rows = append(rows, stateRow{a.State.String(), a.AOR, accountStyle[a.State], accountClass[a.State], accountLines(a, s.Last, opt.Zone)})
	}
	var parts []string
	for st := range peer.AccountBound + 1 {
		if n := left[st]; n > 0 {
			parts = append(parts, thousands(n)+" "+st.String())
		}
	}
	if parts != nil {
		more = "and " + count(uint64(len(s.Estate)-accountsShown), "more account") + ": " + strings.Join(parts, ", ")
	}
	return rows, more
}

// accountLines says where an account is bound until when, or why calls to it cannot arrive.
func accountLines(a *peer.Account, last wire.Time, zone *time.Location) (lines []string) {
	for i := range a.Contacts {
		lines = append(lines, contactText(&a.Contacts[i], last, zone))
	}
	if f := a.Failure; f != nil {
		what := "last failure"
		if a.State == peer.AccountRefused {
			what = "never granted in this capture"
		}
		lines = append(lines, what+": "+refusalText(f, last, zone))
	}
	return lines
}

func contactText(c *peer.Contact, last wire.Time, zone *time.Location) string {
	at := c.URI
	if at == "" {
		at = "all contacts"
	}
	if !wire.Placeholder(c.Source.Addr()) {
		at += " (from " + c.Source.String() + ")"
	}
	when := moment(c.Until, last, zone)
	switch {
	case c.State == peer.Removed:
		return at + " removed at " + when
	case c.State == peer.Lapsed:
		return at + " ran out at " + when + "; no refresh was captured"
	case c.Silent != 0:
		return at + " until " + when + ", but OPTIONS to it go unanswered since " + moment(c.Silent, last, zone)
	case c.Until == 0 || c.Until.Ordinal():
		return at + ", expiry not known"
	}
	return at + " until " + when
}

func refusalText(f *peer.Refusal, last wire.Time, zone *time.Location) string {
	s := "no final response"
	if f.Code != 0 {
		s = strings.TrimSpace(strconv.Itoa(f.Code) + " " + code.Phrase(f.Code))
	}
	if f.Cause != "" {
		s += ", " + f.Cause
	}
	if wire.Placeholder(f.Source.Addr()) || wire.Placeholder(f.Server.Addr()) {
		return s + " at " + moment(f.Time, last, zone)
	}
	return s + fmt.Sprintf(" (%s to %s at %s)", f.Source, f.Server, moment(f.Time, last, zone))
}

// states writes rows whose states are at most width columns wide.
func (r *text) states(heading string, width int, rows []stateRow, more string) {
	if len(rows) == 0 {
		return
	}
	r.heading(heading)
	for _, row := range rows {
		r.item(2, fmt.Sprintf("%-*s", width, row.state), row.style, row.name)
		for _, l := range row.lines {
			r.item(2+width, "", normal, l)
		}
	}
	if more != "" {
		r.item(2, "", normal, more)
	}
}

// states writes rows as a table whose last two columns have the given heads.
func (r *markdown) states(heading, about, name, lines string, rows []stateRow, more string) {
	if len(rows) == 0 {
		return
	}
	r.heading(heading, about)
	var cells [][]string
	for _, row := range rows {
		cells = append(cells, []string{row.state, markdownText(row.name), markdownText(strings.Join(row.lines, "; "))})
	}
	r.rows([]string{"state", name, lines}, "lll", cells)
	if more != "" {
		r.para("", more)
	}
}

// estate writes the accounts at the end of the capture.
func (r *text) estate(s *view.Summary) {
	rows, more := accounts(s, r.opt)
	r.states("REGISTRATIONS AT THE END (by address of record, worst first)", 11, rows, more)
}

// estate writes the accounts at the end of the capture.
func (r *markdown) estate(s *view.Summary) {
	rows, more := accounts(s, r.opt)
	r.states("Registrations at the end ", "(by address of record, worst first)", "account", "contacts, failures", rows, more)
}

// estate appends the accounts at the end of the capture.
func (e *encoder) estate(s *view.Summary) {
	each(e, "estate", s.Estate, func(a *peer.Account) {
		e.raw("{")
		e.text("aor", a.AOR)
		e.text("state", a.State.String())
		e.bool("reachable", a.State.Reachable())
		each(e, "contacts", a.Contacts, e.contact)
		if f := a.Failure; f == nil {
			e.null("last_failure")
		} else {
			e.key("last_failure")
			e.raw("{")
			e.time("time", f.Time)
			e.code("code", f.Code)
			e.textOrNull("cause", f.Cause)
			e.textOrNull("call_id", f.CallID)
			e.addr("source", f.Source)
			e.addr("server", f.Server)
			e.raw("}")
		}
		e.raw("}")
	})
}

var bindingNames = map[peer.BindingState]string{peer.Bound: "registered", peer.Lapsed: "expired", peer.Removed: "removed"}

func (e *encoder) contact(c *peer.Contact) {
	e.raw("{")
	e.textOrNull("uri", c.URI)
	e.text("state", bindingNames[c.State])
	e.addr("source", c.Source)
	e.addr("server", c.Server)
	e.time("since", c.Since)
	e.time("until", c.Until)
	if c.Expires < 0 {
		e.null("expires")
	} else {
		e.uint("expires", uint64(c.Expires))
	}
	e.time("silent_since", c.Silent)
	e.raw("}")
}
