package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is read. A file beyond one is refused.
const (
	maxFile     = 1 << 20 // bytes of a file
	maxNesting  = 16      // brackets within each other
	maxElements = 4096    // elements of one list
	maxProblems = 50      // said of one configuration; how many there are beyond is said in a number
)

type nodeKind int

const (
	nodeNull nodeKind = iota
	nodeText
	nodeList
	nodeMap
)

// node is a value as it was written, with its place.
type node struct {
	at    string // "sipcause.yaml:12", "--listen", "SIPCAUSE_LISTEN"
	kind  nodeKind
	text  string
	items []node
	pairs []pair
}

type pair struct {
	key   string
	at    string
	value node
}

// nodeNames begin a sentence of what is wrong.
var nodeNames = [...]string{nodeNull: "nothing stands", nodeText: "a single value stands", nodeList: "a list stands", nodeMap: "keys with values stand"}

// problems are what is wrong, in the order in which it was found.
type problems struct {
	list []error
	more int
}

func (p *problems) add(at, format string, args ...any) {
	if len(p.list) >= maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, fmt.Errorf("read %s: %s", at, fmt.Sprintf(format, args...)))
}

func (p *problems) count() int { return len(p.list) + p.more }

func (p *problems) err() error {
	if p.more > 0 {
		p.list = append(p.list, fmt.Errorf("and %d more", p.more))
	}
	return errors.Join(p.list...)
}

// parse reads one YAML document. name says where it stands; with lines, the line is added to it.
func parse(text, name string, lines bool) (node, error) {
	tokens := joined(lexer.Tokenize(text))
	at := func(t *token.Token) string {
		if !lines || t == nil {
			return name
		}
		return fmt.Sprintf("%s:%d", name, t.Position.Line)
	}
	if err := plain(tokens, at); err != nil {
		return node{}, err
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		var y yaml.Error
		if errors.As(err, &y) {
			return node{}, fmt.Errorf("%s: %s%s", at(y.GetToken()), y.GetMessage(), bracketHint(text))
		}
		return node{}, fmt.Errorf("%s: %w", name, err)
	}
	switch len(tree.Docs) {
	case 0:
		return node{at: name}, nil
	case 1:
		return convert(tree.Docs[0].Body, at)
	}
	return node{}, fmt.Errorf("%s: it holds %d documents, not one", name, len(tree.Docs))
}

// joined mends what the lexer takes apart in brackets within braces: a colon with no blank after it is part of a plain
// value such as udp://127.0.0.1:9060 (YAML 1.2.2, plain style), unless what is before it is quoted or in brackets.
func joined(tokens token.Tokens) (out token.Tokens) {
	depth := 0
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if depth == 0 || t.Type != token.MappingValueType || i+1 == len(tokens) || !isPlain(tokens[i+1]) || !adjacent(t, tokens[i+1]) {
			out.Add(t)
			continue
		}
		next := tokens[i+1]
		value, origin, place := t.Value+next.Value, t.Origin+next.Origin, t.Position
		if last := len(out) - 1; last >= 0 {
			switch before := out[last]; {
			case isPlain(before) && adjacent(before, t):
				value, origin, place = before.Value+value, before.Origin+origin, before.Position
				out = out[:last]
			case !slices.Contains([]token.Type{token.SequenceStartType, token.MappingStartType, token.CollectEntryType, token.MappingValueType}, before.Type):
				out.Add(t)
				continue
			}
		}
		out.Add(token.String(value, origin, place))
		i++
	}
	return out
}

// isPlain says whether a token is a value without quotes.
func isPlain(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.NullType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType:
		return true
	}
	return false
}

// adjacent says whether b begins where a, which is on one line, ends.
func adjacent(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Offset+utf8.RuneCountInString(strings.TrimSpace(a.Origin)) == b.Position.Offset
}

// bracketHint helps whom YAML refuses an address of IPv6 in a list.
func bracketHint(text string) string {
	if strings.Contains(text, "://[") {
		return "; within brackets, quote values that have brackets, as \"tcp://[::1]:9060\""
	}
	return ""
}

// plain refuses what YAML has beyond plain values.
func plain(tokens token.Tokens, at func(*token.Token) string) error {
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType:
			return fmt.Errorf("%s: %s: anchors, aliases and tags have no place here", at(t), strings.TrimSpace(t.Value))
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxNesting {
				return fmt.Errorf("%s: more than %d brackets within each other", at(t), maxNesting)
			}
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if t.Position.IndentNum > 4*maxNesting {
			return fmt.Errorf("%s: indented by more than %d columns", at(t), 4*maxNesting)
		}
	}
	return nil
}

func convert(n ast.Node, at func(*token.Token) string) (node, error) {
	if n == nil {
		return node{at: at(nil)}, nil
	}
	out := node{at: at(n.GetToken())}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		out.kind = nodeMap
		for _, v := range n.Values {
			value, err := convert(v.Value, at)
			if err != nil {
				return node{}, err
			}
			key := v.Key.GetToken()
			out.pairs = append(out.pairs, pair{key: key.Value, at: at(key), value: value})
		}
	case *ast.SequenceNode:
		out.kind = nodeList
		if len(n.Values) > maxElements {
			return node{}, fmt.Errorf("%s: more than %d elements", out.at, maxElements)
		}
		for _, v := range n.Values {
			item, err := convert(v, at)
			if err != nil {
				return node{}, err
			}
			out.items = append(out.items, item)
		}
	case *ast.StringNode:
		out.kind, out.text = nodeText, n.Value
	case *ast.LiteralNode:
		out.kind, out.text = nodeText, strings.TrimRight(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		out.kind, out.text = nodeText, n.GetToken().Value
	default:
		return node{}, fmt.Errorf("%s: %s has no place here", out.at, n.Type())
	}
	return out, nil
}

// nearest returns the name that text most resembles; "" when none comes near.
func nearest(text string, names []string) string {
	const longest = 64 // no name is longer, in bytes
	text = strings.ReplaceAll(strings.ToLower(text[:min(len(text), longest)]), "-", "_")
	best, distance := "", 1+len(text)/3
	for _, n := range names {
		if d := levenshtein.ComputeDistance(text, n); d <= distance && (best == "" || d < distance) {
			best, distance = n, d
		}
	}
	return best
}
