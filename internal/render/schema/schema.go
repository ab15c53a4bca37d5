// Package schema holds the JSON Schema of what render writes, and checks documents against it.
// Its one rule: only tests import it; the program does not validate its own output at run time.
package schema

import (
	"bytes"
	_ "embed"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// AnalysisV1 is the schema sipcause.analysis/v1 (JSON Schema draft 2020-12).
//
//go:embed analysis-v1.schema.json
var AnalysisV1 []byte

// CompareV1 is the schema sipcause.compare/v1.
//
//go:embed compare-v1.schema.json
var CompareV1 []byte

const (
	url        = "https://sipcause.invalid/schema/analysis-v1.schema.json"
	compareURL = "https://sipcause.invalid/schema/compare-v1.schema.json"
)

type compiled struct {
	document, line, comparison *jsonschema.Schema
	err                        error
}

var schemas = sync.OnceValue(func() (c compiled) {
	comp := jsonschema.NewCompiler()
	comp.AssertFormat()
	for at, text := range map[string][]byte{url: AnalysisV1, compareURL: CompareV1} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return compiled{err: err}
		}
		if err := comp.AddResource(at, doc); err != nil {
			return compiled{err: err}
		}
	}
	for _, s := range []struct {
		at string
		to **jsonschema.Schema
	}{{url, &c.document}, {url + "#/$defs/line", &c.line}, {compareURL, &c.comparison}} {
		if *s.to, c.err = comp.Compile(s.at); c.err != nil {
			return c
		}
	}
	return c
})

// ValidateComparison checks what sipcause compare --format json wrote.
func ValidateComparison(doc []byte) error {
	c := schemas()
	if c.err != nil {
		return fmt.Errorf("compile schema: %w", c.err)
	}
	return validate(c.comparison, doc)
}

// ValidateJSON checks what --format json wrote.
func ValidateJSON(doc []byte) error {
	c := schemas()
	if c.err != nil {
		return fmt.Errorf("compile schema: %w", c.err)
	}
	return validate(c.document, doc)
}

// ValidateNDJSON checks what --format ndjson wrote, line by line; the error names the line.
func ValidateNDJSON(doc []byte) error {
	c := schemas()
	if c.err != nil {
		return fmt.Errorf("compile schema: %w", c.err)
	}
	n := 0
	for line := range bytes.Lines(doc) {
		n++
		if err := validate(c.line, line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

func validate(s *jsonschema.Schema, doc []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return s.Validate(v)
}
