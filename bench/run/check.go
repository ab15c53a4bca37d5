package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// counts are numbers by name: "calls", "responses 486".
type counts map[string]int

// check analyses a capture, compares what it says with the truth and prints each item; it returns how many differ.
func (b *bench) check(c capture) (differ int, err error) {
	want, err := readTruth(c.truth)
	if err != nil {
		return 0, err
	}
	report := filepath.Join(b.dir, "check.ndjson")
	defer os.Remove(report)
	if _, err := measure(nil, b.bin, "analyze", "--format", "ndjson", "-o", report, c.path); err != nil {
		return 0, err
	}
	f, err := os.Open(report)
	if err != nil {
		return 0, fmt.Errorf("open report: %w", err)
	}
	defer f.Close()
	got, err := readReport(f)
	if err != nil {
		return 0, fmt.Errorf("read report of %s: %w", c.path, err)
	}
	fmt.Printf("\ncounts of %s against the truth\n", c.path)
	names := slices.Sorted(maps.Keys(want))
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			names = append(names, name)
		}
	}
	agree := 0
	for _, name := range names {
		if want[name] == got[name] {
			agree++
			fmt.Printf("  agrees   %-46s %9d\n", name, want[name])
			continue
		}
		differ++
		fmt.Printf("  DIFFERS  %-46s %9d, truth %d\n", name, got[name], want[name])
	}
	fmt.Printf("  %d agree, %d differ\n", agree, differ)
	return differ, nil
}

// readTruth flattens the generator's truth: numbers by name, and by the two names of a table.
func readTruth(path string) (counts, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, fmt.Errorf("read truth %s: %w", path, err)
	}
	delete(members, "seed")
	delete(members, "transport")
	flat := counts{}
	for name, raw := range members {
		var n int
		var table map[string]int
		switch {
		case json.Unmarshal(raw, &n) == nil:
			flat[name] = n
		case json.Unmarshal(raw, &table) == nil:
			for k, v := range table {
				flat[name+" "+k] = v
			}
		default:
			return nil, fmt.Errorf("read truth %s: %s is neither a number nor a table of numbers", path, name)
		}
	}
	return flat, nil
}

// line is what is read of a line of the report.
type line struct {
	Type      string `json:"type"`
	Outcome   string `json:"outcome"`
	Code      *int   `json:"code"`
	RootCause *struct {
		ID string `json:"id"`
	} `json:"root_cause"`
	Messages        int `json:"sip_messages"`
	Retransmissions int `json:"retransmissions"`
	Methods         []struct {
		Method   string `json:"method"`
		Requests int    `json:"requests"`
	} `json:"methods"`
	Codes []struct {
		Code      int `json:"code"`
		Responses int `json:"responses"`
	} `json:"codes"`
}

func readReport(r io.Reader) (counts, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	got := counts{}
	var buf []byte
	for n := 1; ; n++ {
		buf = buf[:0]
		for {
			part, err := in.ReadSlice('\n')
			buf = append(buf, part...)
			if err == nil {
				break
			}
			if errors.Is(err, io.EOF) {
				if len(buf) > 0 {
					return nil, fmt.Errorf("line %d is cut", n)
				}
				return got, nil
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return nil, err
			}
		}
		var l line
		// A case's messages come last and are long; what is counted stands before them.
		if err := json.Unmarshal(withoutMessages(buf), &l); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		got.add(&l)
	}
}

// messages matches the beginning of the last member of a case. Inside a string its quotes would be escaped.
var messages = regexp.MustCompile(`,"messages":\[\{"file"`)

func withoutMessages(b []byte) []byte {
	if at := messages.FindIndex(b); at != nil {
		return append(b[:at[0]:at[0]], '}')
	}
	return b
}

func (c counts) add(l *line) {
	cause, code := "none", "none"
	if l.RootCause != nil {
		cause = l.RootCause.ID
	}
	if l.Code != nil {
		code = strconv.Itoa(*l.Code)
	}
	switch l.Type {
	case "call":
		c["calls"]++
		c["calls_by_outcome "+l.Outcome]++
		c["calls_by_code "+code]++
		c["calls_by_cause "+cause]++
	case "registration":
		c["registrations"]++
		c["registrations_by_cause "+cause]++
	case "transaction":
		c["transactions"]++
	case "source":
		c["messages"], c["retransmissions"] = l.Messages, l.Retransmissions
		for _, m := range l.Methods {
			c["requests "+m.Method] += m.Requests
		}
		for _, r := range l.Codes {
			c["responses "+strconv.Itoa(r.Code)] += r.Responses
		}
	}
}
