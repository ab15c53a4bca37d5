package kpi_test

import (
	"slices"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/kpi"
	"sipcause/internal/record"
	"sipcause/internal/view"
	"sipcause/internal/wire"
)

// TestNotesOfXR: VoIP metrics that an agent reports count as those of the wire do, and the empty block that some agents
// write where there is none is no stream without loss.
func TestNotesOfXR(t *testing.T) {
	count := func(text string) []record.Cell {
		var cells []record.Cell
		kpi.Count(&view.Case{Call: &call.Call{Began: noon}, Notes: []wire.Note{{Kind: wire.NoteRTCP, Text: []byte(text)}}}, func(c record.Cell) { cells = append(cells, c) })
		return kpi.Merge(cells)
	}
	with := count(`{"report_blocks":[{"source_ssrc":0,"fraction_lost":0,"ia_jitter":0}],"report_blocks_xr":{"type":7,"id":7,"mos_lq":41,"mos_cq":39}}`)
	check(t, with, 1, "remote_mos_p50", value{3.9, 1, 0})
	if slices.ContainsFunc(with, func(c record.Cell) bool { return c.Counter == "remote.loss" || c.Counter == "remote.jitter" }) {
		t.Errorf("an empty block is counted: %+v", with)
	}
	plain := count(`{"report_blocks":[{"source_ssrc":0,"fraction_lost":0,"ia_jitter":0}],"report_blocks_xr":{"type":0,"id":0}}`)
	if slices.ContainsFunc(plain, func(c record.Cell) bool { return c.Counter == "remote.streams" }) {
		t.Errorf("an empty report is counted: %+v", plain)
	}
}
