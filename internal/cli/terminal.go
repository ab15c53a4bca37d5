package cli

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
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
		bar := progressbar.NewOptions64(src.Size(), progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
			progressbar.OptionSetDescription("reading"), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth())
		tick := time.NewTicker(progressStep)
		defer tick.Stop()
		for {
			select {
			case <-p.quit:
				_ = bar.Clear()
				return
			case <-tick.C:
				_ = bar.Set64(src.Read())
			}
		}
	}()
	return p
}

func (p *progress) stop() {
	p.once.Do(func() { close(p.quit) })
	<-p.gone
}
