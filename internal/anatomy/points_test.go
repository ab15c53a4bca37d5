package anatomy_test

import (
	"fmt"
	"strings"
	"testing"

	"sipcause/internal/anatomy"
	"sipcause/internal/call"
	"sipcause/internal/clocks"
)

// atTwoPoints puts the call's messages at point 0 of two, and says that point 1 sees what goes on from there.
func atTwoPoints(c *call.Call) {
	var links []clocks.Link
	for _, l := range c.Legs {
		for _, f := range l.Flows {
			hop, back := clocks.HopOf(f.Src, f.Dst)
			links = append(links, clocks.Link{Near: 0, Far: 1, Hop: hop, Back: back, Messages: 1})
		}
	}
	c.Points = clocks.NewPoints(make([]clocks.Clock, 2), [][]string{{"a"}, {"b"}}, links)
	for i := range 2 {
		c.Points.Reached(i, 1, 1<<62)
	}
}

// TestFloodOfPoints holds that what is told of ways between points has bounds, and that what is beyond is counted.
func TestFloodOfPoints(t *testing.T) {
	var b strings.Builder
	b.WriteString("alice > bob INVITE sdp\nbob > alice 200 sdp\nalice > bob ACK\n")
	for range 30 {
		b.WriteString("alice > bob INFO\n")
	}
	flood(t, b.String(), func(c *call.Call) {
		atTwoPoints(c)
		for _, p := range anatomy.Passages(c) {
			if p.Src == c.Legs[0].Flows[0].Src.Addr() && (p.LostAll() != 31 || p.LostMore == 0) { // the INVITE was answered: it arrived
				t.Errorf("%d lost, %d not listed", p.LostAll(), p.LostMore)
			}
		}
	})

	b.Reset()
	b.WriteString("alice > proxy INVITE sdp\n")
	for i := range 40 {
		fmt.Fprintf(&b, "proxy > gw%d INVITE\n", i)
	}
	var who strings.Builder
	for i := range 40 {
		fmt.Fprintf(&who, " gw%d=203.0.113.%d:5060", i, 100+i)
	}
	flood(t, "elements"+who.String()+"\n"+b.String(), func(c *call.Call) {
		atTwoPoints(c)
		if n := len(anatomy.Passages(c)); n != 32 {
			t.Errorf("%d ways, want the bound of 32", n)
		}
	})

	flood(t, "alice > bob INVITE sdp\n", func(c *call.Call) {
		atTwoPoints(c)
		l := c.Legs[0]
		copied := l.Sightings[0]
		copied.Point, copied.Of, copied.Repeat = 1, 0, call.Duplicate
		var more strings.Builder
		for i := range 60 {
			fmt.Fprintf(&more, "X-Added-%d: 1\r\n", i)
		}
		head, body, _ := strings.Cut(string(copied.Raw), "\r\n\r\n")
		copied.Raw = []byte(head + "\r\n" + more.String() + "\r\n" + body)
		l.Sightings[0].Next = 1
		l.Txns[0].Last = 1
		l.Sightings = append(l.Sightings, copied)
		l.Sightings[1].Next = call.None
		ways := anatomy.Passages(c)
		if len(ways) != 1 || len(ways[0].Rewrites) != 24 || ways[0].Between != anatomy.ALG {
			t.Errorf("%+v", ways)
		}
	})
}

// TestNoPoints: a capture at one point has no ways.
func TestNoPoints(t *testing.T) {
	flood(t, "alice > bob INVITE sdp\n", func(c *call.Call) {
		if ways := anatomy.Passages(c); ways != nil {
			t.Errorf("%+v", ways)
		}
	})
}
