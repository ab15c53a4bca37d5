package explain

import (
	"strconv"
	"strings"
	"testing"

	"sipcause/code"
	"sipcause/internal/testkit"
)

func TestCodes(t *testing.T) {
	for _, list := range Lists {
		for _, width := range []int{40, 80} {
			var b strings.Builder
			if err := Codes(&b, ListOptions{List: list, Width: width}); err != nil {
				t.Fatal(err)
			}
			if width == 80 {
				testkit.Golden(t, "codes-"+list, []byte(b.String()))
			}
			fits(t, list, b.String(), width)
		}
	}
}

func TestCodesOfAClass(t *testing.T) {
	for class := 1; class <= 6; class++ {
		var b strings.Builder
		if err := Codes(&b, ListOptions{Class: class, Width: 200}); err != nil {
			t.Fatal(err)
		}
		want := 1 // the head
		for _, e := range code.All() {
			if int(code.ClassOf(e.Code)) == class {
				want++
			}
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		if len(lines) != want {
			t.Errorf("class %d: %d lines, want %d", class, len(lines), want)
		}
		for _, l := range lines[1:] {
			if !strings.HasPrefix(l, strconv.Itoa(class)) {
				t.Errorf("class %d: %s", class, l)
			}
		}
	}
	for _, c := range []struct {
		opt  ListOptions
		want string
	}{
		{ListOptions{List: "all"}, "no list “all”; there are sip, q850, warning, reason"},
		{ListOptions{Class: 7}, "no class 7"},
		{ListOptions{Class: 4, List: "q850"}, "only response codes have a class"},
	} {
		if err := Codes(&strings.Builder{}, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.opt, err, c.want)
		}
	}
}
