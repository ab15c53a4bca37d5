package diagnose_test

import (
	"os"
	"testing"

	"sipcause/internal/diagnose"
	"sipcause/internal/peer"
	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// TestHealthyCallsCostNothing: the rules that are asked of every call neither parse nor allocate while the call
// is sound.
func TestHealthyCallsCostNothing(t *testing.T) {
	b, err := os.ReadFile("testdata/flows/healthy.txtar")
	if err != nil {
		t.Fatal(err)
	}
	flows, err := testkit.ParseFlows(b)
	if err != nil {
		t.Fatal(err)
	}
	ledger, asked := peer.New(), 0
	for i := range flows {
		f := &flows[i]
		e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(c *view.Case) error {
			for id, n := range diagnose.AlwaysAllocs(c.Call, ledger, diagnose.SessionRules()...) {
				asked++
				if n != 0 {
					t.Errorf("%s: %s allocates %.0f times", f.Name, id, n)
				}
			}
			return nil
		})
		for k := range f.Items {
			if p := f.Items[k].Payload; p != nil {
				e.Payload(p)
			}
		}
		e.Reached(f.End)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if asked < 100 {
		t.Errorf("%d rules asked, want at least 100", asked)
	}
}
