package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"sipcause/internal/capture"
)

// defaultWidth is that of a terminal which does not say.
const defaultWidth = 80

func isTerminal(w any) (*os.File, bool) {
	f, ok := w.(*os.File)
	return f, ok && isatty.IsTerminal(f.Fd())
}

// terminalWidth returns the columns of the terminal that w is, else 80.
func terminalWidth(w io.Writer) int {
	if f, ok := isTerminal(w); ok {
		if cols, _, err := term.GetSize(int(f.Fd())); err == nil && cols > 0 {
			return cols
		}
	}
	return defaultWidth
}

// colorful says whether w is a terminal that may be coloured (no-color.org).
func colorful(w io.Writer) bool {
	_, ok := isTerminal(w)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// progress shows how far a source is read, on a terminal only, once it takes long.
type progress struct {
	once sync.Once
	quit chan struct{}
	gone chan struct{}
}

// Progress appears after progressDelay and moves every progressStep.
const (
	progressDelay = 700 * time.Millisecond
	progressStep  = 200 * time.Millisecond
)

// progressBar is one for so many bytes; for size -1, of a pipe, one without an end.
func progressBar(size int64) *pb.ProgressBar {
	if size < 0 {
		return pb.New64(0).SetTemplateString(`reading {{counters . }} {{speed . }}`)
	}
	return pb.New64(size).SetTemplateString(`reading {{counters . }} {{bar . }} {{percent . }} {{speed . }} {{rtime . "%s left"}}`)
}

func newProgress(w io.Writer, src *capture.Source) *progress {
	p := &progress{quit: make(chan struct{}), gone: make(chan struct{})}
	if _, ok := isTerminal(w); !ok {
		close(p.gone)
		return p
	}
	go func() {
		defer close(p.gone)
		select {
		case <-p.quit:
			return
		case <-time.After(progressDelay):
		}
		bar := progressBar(src.Size()).SetWriter(w).Set(pb.Bytes, true).Set(pb.Static, true).Start()
		tick := time.NewTicker(progressStep)
		defer tick.Stop()
		for {
			select {
			case <-p.quit:
				fmt.Fprint(w, "\r\x1b[K") // the report begins on a clean line
				return
			case <-tick.C:
				bar.SetCurrent(src.Read()).Write()
			}
		}
	}()
	return p
}

func (p *progress) stop() {
	p.once.Do(func() { close(p.quit) })
	<-p.gone
}
