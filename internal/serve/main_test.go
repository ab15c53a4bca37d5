package serve

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more tests run at once than there are processors: most of the time they wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
