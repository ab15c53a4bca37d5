package diagnose

import (
	"fmt"
	"net/netip"

	"sipcause/internal/call"
	"sipcause/internal/finding"
	"sipcause/internal/peer"
	"sipcause/internal/wire"
)

var silenceCaptureRules = []captureRule{
	{id: "keepalive.lost", check: captureKeepalive},
	{id: "transport.one-way-signalling", check: captureOneWay},
}

// When silence is more than a lost packet: so many keepalives in a row, and for a server that never answered one, over
// so long; so many calls, registrations or transactions.
const (
	lostPings   = 3
	neverPinged = 60.0
	oneWayCalls = 3
)

// captureKeepalive: a server no longer answers the OPTIONS that one of its peers watches it with, or had not for a
// while.
func captureKeepalive(l *peer.Ledger) []finding.Finding {
	var out []finding.Finding
	told := map[netip.AddrPort]bool{}
	for _, w := range l.Ways() {
		if run, ok := lostRun(w); ok && !told[w.Server] {
			told[w.Server] = true
			out = append(out, *keepaliveLost(l, w, &run))
		}
	}
	return out
}

// lostRun returns the run of OPTIONS without an answer that counts: the one at the end, else the longest before.
func lostRun(w *peer.Way) (run peer.Silence, ok bool) {
	run = w.Pings
	if run.N < lostPings {
		run = w.Outage()
	}
	return run, run.N >= lostPings && (w.Answered != 0 || Seconds(run.First, run.Last) >= neverPinged)
}

func keepaliveLost(l *peer.Ledger, w *peer.Way, run *peer.Silence) *finding.Finding {
	until := l.End
	if run.Back != 0 {
		until = run.Back
	}
	conf := 0.95 * (1 - l.Loss(run.First, until, w.Client, w.Server.Addr()))
	var f *finding.Finding
	switch {
	case run.Back != 0:
		f = about("keepalive.lost", w.Server.String(), conf, "%s did not answer %d OPTIONS of %s in a row from %s on; it was back at %s.", w.Server, run.N, w.Client, clock(run.First), clock(run.Back))
		f.Severity = finding.Warning
	case w.Answered != 0:
		f = about("keepalive.lost", w.Server.String(), conf, "%s has not answered the OPTIONS of %s since %s: %d in a row went unanswered until %s; the last answer came at %s.", w.Server, w.Client, clock(run.First), run.N, clock(run.Last), clock(w.Answered))
	default:
		f = about("keepalive.lost", w.Server.String(), 0.8*conf, "%s answered none of the %d OPTIONS that %s sent it between %s and %s: it was down before the capture begins, does not answer OPTIONS at all, or the capture does not see what it sends.", w.Server, run.N, w.Client, clock(run.First), clock(run.Last))
	}
	if w.Retried == 0 {
		f.Confidence *= 0.7 // whoever sends each once does not wait for an answer, or got it unseen
	}
	if o := othersAnswered(l, w, run); o.IsValid() {
		f.Summary += fmt.Sprintf(" It answered %s meanwhile: the server works, the way from %s does not.", o, w.Client)
		f.Actions = append(f.Actions, fmt.Sprintf("Compare the ways of %s and %s to %s: route, firewall rule, list of allowed peers.", w.Client, o, w.Server))
	}
	f.Actions = append(f.Actions,
		fmt.Sprintf("On %s: does the process run and answer (sipcause on a capture there, or ss -lnp)? Look in its log at %s.", w.Server.Addr(), clock(run.First)),
		fmt.Sprintf("If the OPTIONS do not arrive there: look at the way from %s, and whether a NAT or firewall dropped its state; send keepalives more often than that state lives (RFC 5626 §4.4).", w.Client),
	)
	if w.Answered != 0 && run.Back == 0 {
		f.Evidence = append(f.Evidence, packet(w.AnsweredRef, "the last answer"))
	}
	f.Evidence = append(f.Evidence, packet(run.FirstRef, "the first without an answer"), packet(run.LastRef, "the last of %d", run.N))
	f.Suspect = &finding.Suspect{Address: w.Server, Role: call.RoleUAS}
	return f
}

// othersAnswered returns another host whose OPTIONS the server answered after the run had begun.
func othersAnswered(l *peer.Ledger, w *peer.Way, run *peer.Silence) netip.Addr {
	for _, o := range l.Ways() {
		if o.Server == w.Server && o.Client != w.Client && o.Answered > run.Last {
			return o.Client
		}
	}
	return netip.Addr{}
}

func packet(ref wire.PacketRef, format string, args ...any) finding.Evidence {
	return finding.Evidence{Ref: ref, Msg: call.NoMsg, Note: fmt.Sprintf(format, args...)}
}

// captureOneWay: between two hosts SIP goes one way only in all of the capture. One call of them shows
// transport.no-response.
func captureOneWay(l *peer.Ledger) []finding.Finding {
	var out []finding.Finding
	var d *directions
	told := map[peer.Hosts]bool{}
	for _, w := range l.Ways() {
		back := peer.Hosts{From: w.Server.Addr(), To: w.Client}
		if w.Calls.N < oneWayCalls || told[back] || explainedByEvents(l, w) {
			continue
		}
		if run, lost := lostRun(w); lost && w.Calls.N <= run.N {
			continue // nothing but OPTIONS: keepalive.lost
		}
		if d == nil {
			d = directionsOf(l)
		}
		if d.replies[back] || d.requests[back] || d.replies[peer.Hosts{From: back.To, To: back.From}] {
			continue
		}
		told[back] = true
		out = append(out, *d.oneWay(l, w))
	}
	return out
}

// directions is between which hosts something went, as of the end.
type directions struct {
	replies  map[peer.Hosts]bool
	requests map[peer.Hosts]bool // those that nobody answered
	senders  map[netip.Addr]bool
	complete bool
}

func directionsOf(l *peer.Ledger) *directions {
	d := &directions{requests: map[peer.Hosts]bool{}}
	d.replies, d.senders, d.complete = l.Replies()
	for _, w := range l.Ways() {
		if w.Calls.N > 0 {
			d.requests[peer.Hosts{From: w.Client, To: w.Server.Addr()}] = true
		}
	}
	return d
}

func (d *directions) oneWay(l *peer.Ledger, w *peer.Way) *finding.Finding {
	server := w.Server.Addr()
	conf := 0.85 * (1 - l.Loss(w.Calls.First, l.End, w.Client, server))
	if !d.complete {
		conf /= 2 // an answer may have been forgotten
	}
	f := about("transport.one-way-signalling", w.Server.String(), conf, "SIP goes from %s to %s only: %d calls, registrations or other transactions between %s and %s, and not one message came back.",
		w.Client, w.Server, w.Calls.N, clock(w.Calls.First), clock(w.Calls.Last))
	f.Suspect = &finding.Suspect{Address: w.Server, Role: call.RoleUAS}
	f.Evidence = append(f.Evidence, packet(w.Calls.FirstRef, "the first without an answer"), packet(w.Calls.LastRef, "the last of %d", w.Calls.N))
	firewall := fmt.Sprintf("Capture on %s: if the requests arrive and are answered, a firewall or an asymmetric route keeps the answers from %s; if they do not arrive, a firewall or route on the way there.", server, w.Client)
	switch {
	case w.Followed > 0:
		f.Summary += fmt.Sprintf(" %s went on as if it had been answered %d times (ACK, requests in the dialog): the answers exist, and this capture does not see their direction.", w.Client, w.Followed)
		f.Severity = finding.Warning
		f.Actions = append(f.Actions,
			"Move the point of capture: on a mirror port take both directions (rx and tx), behind an asymmetric route both ways.",
			"Take what this report says of unanswered requests between the two as not proven until then.")
	case d.senders[server]:
		f.Summary += fmt.Sprintf(" %s talks to others meanwhile, so it runs and is in the capture.", server)
		f.Actions = append(f.Actions, fmt.Sprintf("Look on %s whether it ignores %s: an allow list, a ban (fail2ban, pike), a trunk that is not configured; and whether %s is anybody who should be served.", server, w.Client, w.Client), firewall)
	default:
		f.Summary += fmt.Sprintf(" The capture has no message of %s at all: it is down, not reachable, or its direction is not captured.", server)
		f.Actions = append(f.Actions, firewall, "If answers should be there: see whether the point of capture sees both directions (mirror port rx and tx, asymmetric route).")
	}
	if w.Retried == 0 && w.Followed == 0 {
		f.Confidence *= 0.7 // a client that repeats nothing may not have waited for an answer
	}
	return f
}

// explainedByEvents says whether ICMP or TCP says why nothing came back: transport.unreachable and its like.
func explainedByEvents(l *peer.Ledger, w *peer.Way) bool {
	for _, e := range l.Events(w.Server.Addr(), w.Calls.First, l.End) {
		switch e.Kind {
		case wire.EventICMP, wire.EventTCPRefused, wire.EventTCPReset, wire.EventSYNTimeout:
			if e.Flow.Dst.Addr() == w.Server.Addr() && e.Flow.Src.Addr() == w.Client {
				return true
			}
		}
	}
	return false
}
