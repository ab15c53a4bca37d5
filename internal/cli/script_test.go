package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sipcause/internal/render/schema"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sipcause": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the program as its users do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			if err := writeCompared(e.WorkDir); err != nil {
				return err
			}
			if err := writeSealed(t, e.WorkDir); err != nil {
				return err
			}
			if err := writeSigned(t, e.WorkDir); err != nil {
				return err
			}
			return os.WriteFile(e.WorkDir+"/demo.pcap.gz", demoCapture, 0o600)
		},
	})
}

// TestOutputFollowsTheSchema: what the program writes of the built-in capture and of every capture of the
// repository is what the schema in the repository says.
func TestOutputFollowsTheSchema(t *testing.T) {
	captures, err := filepath.Glob("../../testdata/captures/*/*.pcap*")
	if err != nil || len(captures) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, args := range append(captures, "") {
		command := []string{"analyze", "--format", "json", args}
		if args == "" {
			command = []string{"demo", "--format", "json"}
		}
		var out, errs bytes.Buffer
		if status := Main(command, nil, &out, &errs); status != exitOK {
			t.Errorf("%v: status %d: %s", command, status, errs.String())
			continue
		}
		if err := schema.ValidateJSON(out.Bytes()); err != nil {
			t.Errorf("%v: %v", command, err)
		}
	}
}
