package diagnose_test

import (
	"bytes"
	"fmt"
	"testing"

	"sipcause/internal/pipeline"
	"sipcause/internal/testkit"
	"sipcause/internal/view"
)

// TestOrigins compares what is said of who made the deciding response, on what evidence and what else it could be, with
// the golden file.
func TestOrigins(t *testing.T) {
	var out bytes.Buffer
	for _, flows := range testkit.ReadFlows(t, "testdata/flows/origin.txtar") {
		for i := range flows {
			f := &flows[i]
			e := pipeline.NewEngine(pipeline.Options{Workers: 1}, func(c *view.Case) error {
				o := c.Call.Origin
				if o == nil {
					t.Errorf("%s: no origin", f.Name)
					return nil
				}
				fmt.Fprintf(&out, "== %s: %d by %s, %s, %v\n", f.Name, o.Code, o.Address, o.Role, o.Confidence)
				for _, s := range o.Evidence {
					fmt.Fprintf(&out, "   %s\n", s)
				}
				for _, s := range o.Alternatives {
					fmt.Fprintf(&out, "   or %s\n", s)
				}
				if o.Confidence == 1 && len(o.Alternatives) > 0 {
					t.Errorf("%s: proven, and yet it could be something else", f.Name)
				}
				return nil
			})
			for k := range f.Items {
				e.Payload(f.Items[k].Payload)
			}
			e.Reached(f.End)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	testkit.Golden(t, "origins.txt", out.Bytes())
}
