package config

import (
	"errors"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// kind is how values of one sort are written.
type kind[T any] struct {
	name    string // in help: "DURATION"
	accepts string // in errors: "a duration such as 90s, 12h or 7d"
	off     bool   // "off" is the zero value
	parse   func(string) (T, error)
	show    func(T) any // parse reads what it returns
}

// off is the word for what is not used.
const off = "off"

func (k kind[T]) read(n node, p *problems) (value T, ok bool) {
	if n.kind != nodeText {
		p.add(n.at, "%s where %s is expected%s", nodeNames[n.kind], k.accepts, quotes[n.kind])
		return value, false
	}
	if k.off && n.text == off {
		return value, true
	}
	value, err := k.parse(strings.TrimSpace(n.text))
	if err != nil {
		p.add(n.at, "%q is not %s%s", n.text, k.accepts, reason(err))
		return value, false
	}
	return value, true
}

// errKind says no more than that the text is none of the kind.
var errKind = errors.New("not of the kind")

func reason(err error) string {
	if errors.Is(err, errKind) {
		return ""
	}
	return ": " + err.Error()
}

func (k kind[T]) write(v T) any {
	if k.off && reflect.ValueOf(&v).Elem().IsZero() {
		return off
	}
	return k.show(v)
}

// quotes helps whom YAML understands otherwise.
var quotes = map[nodeKind]string{nodeMap: "; a value with a colon in it may need quotes"}

// orOff makes the kind one that can be switched off.
func (k kind[T]) orOff() kind[T] {
	k.off = true
	k.accepts += ", or off"
	return k
}

// binding says how one option is read into S and written from it.
type binding[S any] struct {
	kind    string // in help
	accepts string
	list    bool
	nested  bool // lists of keys with values: outside of the file they are written as YAML
	set     func(s *S, n node, p *problems)
	show    func(s *S) any // string, int, bool, []any, or yaml.MapSlice within []any
}

func one[S, T any](at func(*S) *T, k kind[T]) binding[S] {
	return binding[S]{
		kind: k.name, accepts: k.accepts,
		set: func(s *S, n node, p *problems) {
			if v, ok := k.read(n, p); ok {
				*at(s) = v
			}
		},
		show: func(s *S) any { return k.write(*at(s)) },
	}
}

// many is a list of values; off, or an empty list, is none.
func many[S, T any](at func(*S) *[]T, k kind[T]) binding[S] {
	return binding[S]{
		kind: k.name, accepts: "a list: " + k.accepts, list: true,
		set: func(s *S, n node, p *problems) {
			list := []T{}
			for _, item := range n.elements() {
				if v, ok := k.read(item, p); ok {
					list = append(list, v)
				}
			}
			*at(s) = list
		},
		show: func(s *S) any {
			list := []any{}
			for _, v := range *at(s) {
				list = append(list, k.write(v))
			}
			return list
		},
	}
}

// elements are those of a list, or the one value that stands for a list of one.
func (n node) elements() []node {
	switch {
	case n.kind == nodeList && len(n.items) == 1:
		return n.items[0].orNone()
	case n.kind == nodeList:
		return n.items
	}
	return n.orNone()
}

func (n node) orNone() []node {
	if n.kind == nodeText && n.text == off {
		return nil
	}
	return []node{n}
}

// field is a key of a record.
type field[T any] struct {
	key  string
	help string
	binding[T]
}

// records is a list of keys with values. check says what is wrong with one as a whole; what it says must hold whatever
// the keys have that are unread, since those are said already.
func records[S, T any](at func(*S) *[]T, name string, fields []field[T], check func(v *T, unread map[string]bool) []error) binding[S] {
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.key)
	}
	return binding[S]{
		kind: name, accepts: "a list of keys with values: " + strings.Join(keys, ", "), list: true, nested: true,
		set: func(s *S, n node, p *problems) {
			list := []T{}
			for _, item := range n.elements() {
				if item.kind != nodeMap {
					p.add(item.at, "%s where keys with values are expected: %s", nodeNames[item.kind], strings.Join(keys, ", "))
					continue
				}
				list = append(list, record(item, fields, keys, check, p))
			}
			*at(s) = list
		},
		show: func(s *S) any {
			list := []any{}
			for i := range *at(s) {
				list = append(list, shown(&(*at(s))[i], fields))
			}
			return list
		},
	}
}

func record[T any](n node, fields []field[T], keys []string, check func(*T, map[string]bool) []error, p *problems) (v T) {
	unread := map[string]bool{}
	for _, pair := range n.pairs {
		known := false
		for _, f := range fields {
			if f.key == pair.key {
				known = true
				if pair.value.kind != nodeNull {
					before := p.count()
					f.set(&v, pair.value, p)
					unread[f.key] = p.count() > before
				}
			}
		}
		if !known {
			unread[nearest(pair.key, keys)] = true
			p.add(pair.at, "unknown key %q%s", pair.key, suggest(pair.key, keys))
		}
	}
	for _, err := range check(&v, unread) {
		p.add(n.at, "%v", err)
	}
	return v
}

// shown leaves out what is not set.
func shown[T any](v *T, fields []field[T]) yaml.MapSlice {
	var out yaml.MapSlice
	for _, f := range fields {
		switch s := f.show(v).(type) {
		case []any:
			if len(s) > 0 {
				out = append(out, yaml.MapItem{Key: f.key, Value: s})
			}
		case string:
			if s != "" && s != off {
				out = append(out, yaml.MapItem{Key: f.key, Value: s})
			}
		default:
			out = append(out, yaml.MapItem{Key: f.key, Value: s})
		}
	}
	return out
}

// suggest ends an error message with what comes nearest, or with what there is.
func suggest(text string, names []string) string {
	if n := nearest(text, names); n != "" {
		return "; nearest: " + n
	}
	return "; accepted are " + strings.Join(names, ", ")
}
