package capture

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sipcause/internal/wire"
)

// stdinName is the argument that means standard input.
const stdinName = "-"

// Open finds the captures that paths name: files, directories with all that is below them, patterns as of
// filepath.Glob where no file has that name, and "-" for stdin. Directories and patterns give their files in
// the order of their names; what of them is no capture is left out and told by Skipped. A stdin with a method
// CaptureName() string, that of an upload, is called by this name in errors and gaps. A file named twice is
// read once. It is an error when a file named as such is no capture (*FormatError) or cannot be read, or when
// there is nothing to read.
func Open(paths []string, stdin io.Reader) (*Source, error) {
	s := &Source{}
	if len(paths) == 0 {
		return nil, errors.New("open captures: no file named")
	}
	seen := map[string]bool{}
	for _, p := range paths {
		if err := s.add(p, stdin, seen); err != nil {
			s.close()
			return nil, err
		}
	}
	if err := s.look(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// add finds the captures of one argument.
func (s *Source) add(path string, stdin io.Reader, seen map[string]bool) error {
	if path == stdinName {
		if !seen[stdinName] {
			seen[stdinName] = true
			s.inputs = append(s.inputs, &input{name: stdinName, pipe: stdin, held: true})
			s.size = -1
		}
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return s.addAll(path, filesBelow, seen)
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		return s.addAll(path, filesMatching, seen)
	case err != nil:
		return err
	}
	in, err := s.probe(path, info, seen)
	if in != nil {
		s.inputs = append(s.inputs, in)
	}
	return err
}

// addAll adds the captures among the files that list finds, and remembers what the others are.
func (s *Source) addAll(path string, list func(string) ([]string, error), seen map[string]bool) error {
	files, err := list(path)
	if err != nil {
		return err
	}
	found, skipped := false, len(s.skipped)
	for _, f := range files {
		info, err := os.Stat(f)
		if err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err == nil {
			var in *input
			if in, err = s.probe(f, info, seen); in != nil {
				s.inputs = append(s.inputs, in)
			}
		}
		var format *FormatError
		switch {
		case err == nil:
			found = true
		case errors.As(err, &format):
			s.skipped = append(s.skipped, f+": "+format.Found)
		default:
			s.skipped = append(s.skipped, err.Error())
		}
	}
	if found {
		return nil
	}
	if len(s.skipped) == skipped {
		return fmt.Errorf("open %s: no files", path)
	}
	return fmt.Errorf("open %s: no capture among %d files (%s)", path, len(s.skipped)-skipped, s.skipped[skipped])
}

func filesBelow(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		if path == dir {
			return err
		}
		return nil // a directory that cannot be read hides only itself
	})
	return files, err
}

func filesMatching(pattern string) ([]string, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", pattern, err)
	}
	slices.Sort(files)
	return files, nil
}

// probe looks at a file and returns its input if it is a capture that is not there yet. What cannot be opened
// twice (a pipe) stays open.
func (s *Source) probe(path string, info fs.FileInfo, seen map[string]bool) (*input, error) {
	key := path
	if abs, err := filepath.Abs(path); err == nil {
		key = abs
	}
	if seen[key] {
		return nil, nil
	}
	in := &input{name: path, path: path, size: info.Size()}
	if !info.Mode().IsRegular() {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		in.pipe, in.held = f, true
	} else {
		err := in.open(&Source{}, sniffBytes, silent)
		in.close()
		if err != nil {
			return nil, err
		}
	}
	seen[key] = true
	if in.held {
		s.size = -1
	} else if s.size >= 0 {
		s.size += info.Size()
	}
	return in, nil
}

// silent is the sink of a look at a file that will be read again.
var silent = sink{gap: func(wire.Gap) {}, secret: func([]byte) bool { return true }}

// look opens what can be opened only once, so that what is no capture is an error now.
func (s *Source) look() error {
	for i, in := range s.inputs {
		in.source = uint32(i)
		s.names = append(s.names, in.name)
		if in.held {
			if err := in.open(s, blockSize(len(s.inputs)), silent); err != nil {
				return err
			}
		}
	}
	return nil
}
