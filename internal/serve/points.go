package serve

import (
	"fmt"
	"slices"
	"sync"
)

// maxPoints bounds the capture points that are told apart: what comes from further ones is of the last.
const maxPoints = 1024

// points names the capture points: interfaces, HEP nodes, folders. It may be used from several goroutines.
type points struct {
	mu    sync.Mutex
	names []string
	index map[string]uint16
}

func newPoints() *points {
	return &points{names: []string{""}, index: map[string]uint16{"": 0}}
}

// of returns the number of the point with that name.
func (p *points) of(name string) uint16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, ok := p.index[name]; ok {
		return i
	}
	if len(p.names) == maxPoints {
		return maxPoints - 1
	}
	if len(p.names) == maxPoints-1 {
		name = "others"
	}
	i := uint16(len(p.names))
	p.names = append(p.names, name)
	p.index[name] = i
	return i
}

func (p *points) name(i uint16) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(i) < len(p.names) {
		return p.names[i]
	}
	return fmt.Sprintf("point %d", i)
}

// list returns all names.
func (p *points) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.names[1:])
}
