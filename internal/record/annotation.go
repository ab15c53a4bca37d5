package record

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sipcause/internal/wire"
)

// Annotation is a note of people that stands beside the series: a maintenance window, a change.
type Annotation struct {
	ID          uint64
	From, Until wire.Time // equal for a moment
	Kind        string    // one of AnnotationKinds
	Route       string    // "" for all
	Text        string
}

// AnnotationKinds are what annotations are of.
var AnnotationKinds = []string{"maintenance", "note"}

// Bounds of an annotation.
const (
	MaxNote  = 1000 // bytes of an annotation's text
	MaxRoute = 200  // bytes of the name of its route
)

// Check says why a cannot be kept.
func (a *Annotation) Check() error {
	switch {
	case a.Until < a.From:
		return errors.New("until must not be before from")
	case !slices.Contains(AnnotationKinds, a.Kind):
		return fmt.Errorf("kind must be %s", strings.Join(AnnotationKinds, " or "))
	case a.Route != "" && !OneLine(a.Route, MaxRoute):
		return fmt.Errorf("route must be one line of at most %d bytes", MaxRoute)
	case !OneLine(a.Text, MaxNote):
		return fmt.Errorf("text must be one line of 1 to %d bytes", MaxNote)
	}
	return nil
}

// OneLine says whether s is fit for a list: not empty, at most so many bytes, no controls.
func OneLine(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 })
}
