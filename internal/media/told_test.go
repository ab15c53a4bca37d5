package media

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"sipcause/internal/wire"
)

func note(kind wire.NoteKind, text string) wire.Note {
	return wire.Note{Kind: kind, Text: []byte(text)}
}

// TestAppendTold reads reports as agents write them.
func TestAppendTold(t *testing.T) {
	say := func(change func(*Told)) Told {
		u := unknown()
		change(&u)
		return u
	}
	for _, c := range []struct {
		name string
		kind wire.NoteKind
		text string
		want []Told
	}{
		{
			"sender report", wire.NoteRTCP, `{"sender_information":{"ntp_timestamp_sec":3953771350,"ntp_timestamp_usec":2147483648,"rtp_timestamp":1,"packets":18,"octets":2880},"ssrc":9,"type":200,"report_count":1,` +
				`"report_blocks":[{"source_ssrc":7,"fraction_lost":64,"packets_lost":16777215,"highest_seq_no":24658,"ia_jitter":80,"lsr":305419896,"dlsr":65536}],` +
				`"report_blocks_xr":{"type":0,"id":0,"fraction_lost":0,"round_trip_delay":0},"sdes_ssrc":0}`,
			[]Told{say(func(u *Told) { u.SSRC, u.Loss, u.Lost, u.Ticks, u.lsr, u.dlsr = 7, 0.25, 0, 80, 305419896, 65536 })},
		},
		{
			"numbers in quotes", wire.NoteRTCP, `{"sender_information":{"ntp_timestamp_sec":"1","ntp_timestamp_usec":"2"},"report_blocks":[{"source_ssrc":4294967295,"fraction_lost":"0","packets_lost":"3","ia_jitter":"1"}]}`,
			[]Told{say(func(u *Told) { u.SSRC, u.Loss, u.Lost, u.Ticks = math.MaxUint32, 0, 3, 1 })},
		},
		{"an empty block", wire.NoteRTCP, `{"report_count":1,"report_blocks":[{"source_ssrc":0,"fraction_lost":0,"packets_lost":0,"ia_jitter":0}]}`, nil},
		{
			"XR of the stream of a block", wire.NoteRTCP, `{"report_blocks":[{"source_ssrc":7,"fraction_lost":0}],"report_blocks_xr":{"type":7,"id":7,"round_trip_delay":48,"r_factor":80,"mos_lq":42,"mos_cq":41}}`,
			[]Told{say(func(u *Told) { u.SSRC, u.Loss, u.RoundTrip, u.R, u.MOS = 7, 0, 48, 80, 4.1 })},
		},
		{
			"XR alone, scores unknown", wire.NoteRTCP, `{"report_blocks_xr":{"type":7,"id":8,"round_trip_delay":20,"r_factor":127,"mos_lq":127,"mos_cq":127}}`,
			[]Told{say(func(u *Told) { u.SSRC, u.RoundTrip = 8, 20 })},
		},
		{
			"one stream", wire.NoteQuality, `{"CORRELATION_ID":"a","TOTAL_PK":490,"EXPECTED_PK":500,"PACKET_LOSS":10,"JITTER":9.5,"MEAN_JITTER":8,"MAX_JITTER":31,"MOS":3.9,"MEAN_MOS":4.0,"RFACTOR":81,` +
				`"SRC_IP":"192.0.2.10","SRC_PORT":40000,"DST_IP":"203.0.113.31","DST_PORT":"30000","DIR":0}`,
			[]Told{say(func(u *Told) {
				u.Src, u.Dst = netip.MustParseAddrPort("192.0.2.10:40000"), netip.MustParseAddrPort("203.0.113.31:30000")
				u.Loss, u.Lost, u.Jitter, u.JitterMax, u.MOS, u.R = 0.02, 10, 8, 31, 4, 81
			})},
		},
		{
			"both ways", wire.NoteQuality, `{"INC_MOS":410,"INC_RVAL":8300,"INC_RTP_PK":990,"INC_RTP_PK_LOSS":10,"INC_RTP_AVG_JITTER":8,"INC_RTP_MAX_JITTER":22,"INC_RTCP_AVG_LAT":30,"OUT_MOS":0,"OUT_RTP_PK":0,"OUT_RTP_PK_LOSS":0,"OUT_RTP_AVG_JITTER":0}`,
			[]Told{say(func(u *Told) {
				u.Way, u.Loss, u.Lost, u.Jitter, u.JitterMax, u.RoundTrip, u.MOS, u.R = "incoming", 0.01, 10, 8, 22, 30, 4.1, 83
			})},
		},
		{"nonsense", wire.NoteQuality, `{"MOS":"x","PACKET_LOSS":{},"SRC_IP":7,"EXPECTED_PK":-1,"MEAN_MOS":9000}`, nil},
	} {
		got, ok := AppendTold(nil, &wire.Note{Kind: c.kind, Text: []byte(c.text)})
		if fmt.Sprint(got) != fmt.Sprint(c.want) || ok != (c.kind == wire.NoteRTCP || len(c.want) > 0) {
			t.Errorf("%s: got %+v, %v\nwant %+v", c.name, got, ok, c.want)
		}
	}
	for _, n := range []wire.Note{
		note(wire.NoteRTCP, `{"report_blocks":[{`), note(wire.NoteRTCP, `[]`), note(wire.NoteRTCP, ""), note(wire.NoteQuality, "PS=1;OS=2"), note(wire.NoteLog, `{"MOS":4}`),
		note(wire.NoteRTCP, `{"report_blocks":[{"source_ssrc":7,"fraction_lost":1}]}`+strings.Repeat(" ", maxToldBytes)),
	} {
		if got, ok := AppendTold(nil, &n); ok || got != nil {
			t.Errorf("%.40q: %+v", n.Text, got)
		}
	}
}

// TestHear: what notes say of a stream is added up, and the way to its receiver timed.
func TestHear(t *testing.T) {
	sender := note(wire.NoteRTCP, `{"sender_information":{"ntp_timestamp_sec":305419896,"ntp_timestamp_usec":2596069376},"ssrc":7,"type":200}`)
	sender.Time = 10e9
	receiver := func(at wire.Time, loss, jitter int) wire.Note {
		n := note(wire.NoteRTCP, fmt.Sprintf(`{"ssrc":8,"type":201,"report_blocks":[{"source_ssrc":7,"fraction_lost":%d,"packets_lost":5,"ia_jitter":%d,"lsr":%d,"dlsr":65536}]}`, loss, jitter, 0x5678<<16|0x9abc))
		n.Time, n.Flow.Src = at, netip.MustParseAddrPort("203.0.113.31:30001")
		return n
	}
	list, unread := Hear([]wire.Note{
		note(wire.NoteLog, "text"), sender, receiver(11.05e9, 64, 80), receiver(11.08e9, 128, 160), note(wire.NoteRTCP, "x"),
		note(wire.NoteQuality, `{"OUT_MOS":4.2}`), note(wire.NoteQuality, `{"OUT_MOS":3.2}`),
	})
	if unread != 1 || len(list) != 2 {
		t.Fatalf("%d unread, %+v", unread, list)
	}
	h := list[0]
	if h.SSRC != 7 || h.Reports != 2 || h.Loss != 0.375 || h.LossMax != 0.5 || h.Lost != 5 || h.Ticks != 120 || h.TicksMax != 160 || math.Abs(h.RoundTrip-50) > 1e-9 ||
		h.By.String() != "203.0.113.31:30001" || h.MOS != -1 {
		t.Errorf("%+v", h)
	}
	if h := list[1]; h.Way != "outgoing" || h.Reports != 2 || math.Abs(h.MOS-3.7) > 1e-9 || h.MOSMin != 3.2 || h.Loss != -1 {
		t.Errorf("%+v", h)
	}
}

// TestHearBounds: streams beyond the bound are counted, and blocks of one note beyond theirs left out.
func TestHearBounds(t *testing.T) {
	var notes []wire.Note
	for i := range 100 {
		notes = append(notes, note(wire.NoteRTCP, fmt.Sprintf(`{"report_blocks":[{"source_ssrc":%d,"fraction_lost":1}]}`, i+1)))
	}
	if list, unread := Hear(notes); len(list) != maxHearsay || unread != 100-maxHearsay {
		t.Errorf("%d streams, %d unread", len(list), unread)
	}
	many := note(wire.NoteRTCP, `{"report_blocks":[`+strings.TrimSuffix(strings.Repeat(`{"source_ssrc":1,"fraction_lost":1},`, 200), ",")+`]}`)
	if got, _ := AppendTold(nil, &many); len(got) != maxBlocks {
		t.Errorf("%d blocks", len(got))
	}
}

func FuzzTold(f *testing.F) {
	f.Add(uint8(wire.NoteRTCP), []byte(`{"report_blocks":[{"source_ssrc":7,"fraction_lost":1e300,"packets_lost":-1e9,"ia_jitter":null}],"report_blocks_xr":{"type":7}}`))
	f.Add(uint8(wire.NoteQuality), []byte(`{"mos":1e-300,"EXPECTED_PK":"NaN","SRC_IP":"::1%x","SRC_PORT":1e9,"DST_IP":"::ffff:1.2.3.4"}`))
	f.Fuzz(func(t *testing.T, kind uint8, text []byte) {
		n := wire.Note{Kind: wire.NoteKind(kind) % wire.NoteKinds, Text: text}
		list, _ := Hear([]wire.Note{n, n})
		for _, h := range list {
			if h.Loss > 1 || h.LossMax > 1 || h.MOS > 5 || h.MOS >= 0 && h.MOS < 1 || h.R > 100 || math.IsNaN(h.Jitter+h.Ticks+h.RoundTrip+h.Loss) || h.Lost < -1 {
				t.Errorf("%+v", h)
			}
		}
	})
}
