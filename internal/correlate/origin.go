package correlate

import (
	"bytes"
	"fmt"
	"strings"

	"sipcause/internal/call"
	"sipcause/internal/wire"
)

// origin follows the deciding response from the caller downstream to the element that made it: the most
// downstream one seen sending a failing response that did not itself receive one for the same request.
func (b *builder) origin(c *call.Call) *call.Origin {
	l := c.Legs[0]
	r := call.TxnRef{Txn: l.Sightings[c.Final.Msg].Txn}
	if r.Txn == call.None {
		return nil
	}
	o := &call.Origin{Confidence: 1}
	for hop := 0; hop < maxHops; hop++ {
		t := &c.Legs[r.Leg].Txns[r.Txn]
		if t.Final == call.None {
			break
		}
		code := c.Legs[r.Leg].FinalStatus(t)
		o.Msg = call.MsgRef{Leg: r.Leg, Msg: t.Final}
		if code == 487 && t.Cancel != call.None {
			return b.canceller(c, o, r, hop)
		}
		next, why, ok := relayed(c, r, code)
		if why != "" {
			o.Evidence = append(o.Evidence, why)
		}
		if !ok {
			break
		}
		if next.Leg != r.Leg {
			o.Confidence *= linkConfidence(c, next.Leg)
		}
		if c.Legs[next.Leg].FinalStatus(&c.Legs[next.Leg].Txns[next.Txn]) != code {
			o.Confidence *= 0.9
		}
		r = next
	}
	b.madeBy(c, o, r)
	return o
}

func linkConfidence(c *call.Call, leg int) float64 {
	for _, k := range c.Links {
		if k.To == c.Legs[leg].CallID {
			return k.Confidence
		}
	}
	return 1
}

// canceller names who sent the CANCEL behind a 487: the origin of a 487 is who gave up.
func (b *builder) canceller(c *call.Call, o *call.Origin, r call.TxnRef, hop int) *call.Origin {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	o.Address, o.Role, o.Code = t.Client, call.RoleUAC, 487
	if hop > 0 {
		o.Role = call.RoleProxy
	}
	cancel := &l.Txns[t.Cancel]
	if cancel.Request != call.None {
		o.Evidence = append(o.Evidence, fmt.Sprintf("%s sent CANCEL in frame %d", t.Client, l.Sightings[cancel.Request].Ref.Number))
	}
	return o
}

// relayed finds the downstream transaction whose final response the server of r passed on (or turned into
// code). why tells what it rests on, in words; ok is false when the response was made here.
func relayed(c *call.Call, r call.TxnRef, code int) (next call.TxnRef, why string, ok bool) {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	at := l.Sightings[t.Final].Time
	var same, other, silent, answered, asked []call.TxnRef
	for _, k := range c.Downstream(r) {
		kl := c.Legs[k.Leg]
		kt := &kl.Txns[k.Txn]
		switch st := kl.FinalStatus(kt); {
		case kl.Start(kt) > at:
		case st == 0 || kl.Sightings[kt.Final].Time > at:
			silent = append(silent, k)
		case st == code:
			same = append(same, k)
		case st < 300:
			answered = append(answered, k)
		case st == 401 || st == 407:
			asked = append(asked, k)
		default:
			other = append(other, k)
		}
	}
	if len(other) == 0 && len(answered) == 0 {
		other = asked // a challenge is met by another try; the last one was not
	}
	server := t.Server
	switch {
	case len(same) > 0:
		k := same[len(same)-1]
		return k, fmt.Sprintf("%s relayed the %d of %s", server, code, c.Legs[k.Leg].Txns[k.Txn].Server), true
	case len(silent) > 0:
		s := c.Legs[silent[0].Leg].Txns[silent[0].Txn].Server
		return next, fmt.Sprintf("%s answered while %s had not sent a final response", server, s), false
	case len(other) > 0:
		k := other[len(other)-1]
		kl := c.Legs[k.Leg]
		return k, fmt.Sprintf("%s received %d from %s and answered %d upstream", server, kl.FinalStatus(&kl.Txns[k.Txn]), kl.Txns[k.Txn].Server, code), true
	case len(answered) > 0:
		return next, fmt.Sprintf("%s answered %d although a branch had succeeded", server, code), false
	}
	return next, "", false
}

// proxySoftware are Server header fragments of software that is a proxy before it is anything else.
var proxySoftware = []string{"kamailio", "opensips", "openser", "sip express router", "ser (", "drachtio", "repro", "flexisip"}

// madeBy says what the element is that made the response of transaction r.
func (b *builder) madeBy(c *call.Call, o *call.Origin, r call.TxnRef) {
	l := c.Legs[r.Leg]
	t := &l.Txns[r.Txn]
	o.Address, o.Code = t.Server, l.FinalStatus(t)
	o.Role = call.RoleUAS
	var toTag []byte
	if b.msg.Parse(l.Raw(t.Final)) == nil {
		o.Server = b.names.of(b.msg.ServerOrUserAgent())
		toTag = append(toTag, b.msg.ToTag()...)
	}
	frame := l.Sightings[t.Final].Ref.Number
	at := l.Sightings[t.Final].Time
	kids := c.Downstream(r)
	lower := strings.ToLower(o.Server)
	software := ""
	for _, p := range proxySoftware {
		if strings.Contains(lower, p) {
			software = p
		}
	}
	switch {
	case c.Kind == call.KindRegistration && len(kids) == 0:
		o.Role = call.RoleRegistrar
	case silentBefore(c, kids, at):
		o.Role = call.RoleProxy
		if o.Code == 408 || o.Code >= 500 {
			o.Role = call.RoleTimer
		}
	case len(kids) > 0 || o.Code == 407 || relays(c, r):
		o.Role = call.RoleProxy
	case t.Progress != call.None && b.sameTag(l, t, toTag):
		o.Evidence = append(o.Evidence, fmt.Sprintf("%s had alerted with the same To tag before it sent %d in frame %d", t.Server, o.Code, frame))
		return
	case software != "":
		o.Role = call.RoleProxy
		o.Confidence *= 0.9
		o.Evidence = append(o.Evidence, fmt.Sprintf("its Server header says %q", o.Server))
	default:
		o.Confidence *= 0.8
		o.Alternatives = append(o.Alternatives, fmt.Sprintf("an element behind %s that this capture does not show; a capture on its other side would tell", t.Server))
	}
	o.Evidence = append(o.Evidence, fmt.Sprintf("%s sent %d in frame %d and was not seen receiving one", t.Server, o.Code, frame))
}

func silentBefore(c *call.Call, kids []call.TxnRef, at wire.Time) bool {
	for _, k := range kids {
		kl := c.Legs[k.Leg]
		if kt := &kl.Txns[k.Txn]; kt.Final == call.None || kl.Sightings[kt.Final].Time > at {
			return true
		}
	}
	return false
}

func (b *builder) sameTag(l *call.Leg, t *call.Txn, tag []byte) bool {
	return len(tag) > 0 && b.msg.Parse(l.Raw(t.Progress)) == nil && bytes.Equal(b.msg.ToTag(), tag)
}
