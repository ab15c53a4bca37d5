package config

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
)

// hidden stands for a secret.
const hidden = "***"

// shown is what may be seen of a value.
func (o *Option) shown(c *Config) any {
	v := o.bind.show(c)
	if list, ok := v.([]any); o.Secret && (ok && len(list) > 0 || !ok && v != off) {
		return hidden
	}
	return v
}

// WriteYAML writes all values, secrets hidden, as a file with the origin of each.
func (c *Config) WriteYAML(w io.Writer) error {
	var b strings.Builder
	section := ""
	for i := range table {
		o := &table[i]
		indent := enter(&b, &section, o.Key, "")
		value, err := yamlText(o.shown(c), indent)
		if err != nil {
			return err
		}
		from := c.from[o.Key]
		first, rest, _ := strings.Cut(value, "\n")
		fmt.Fprintf(&b, "%s%s:%s  # %s\n", indent, lastWord(o.Key), first, strings.TrimSpace(from.Source+" "+from.At))
		if rest != "" {
			fmt.Fprintln(&b, rest)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteExample writes a file in which each option is explained and commented out, with its default or an example.
func WriteExample(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Configuration of sipcause serve. What is commented out is the default, or an example where that is none;\n" +
		"# sipcause config check FILE says what is wrong, sipcause config print what is in force and where it comes from.\n")
	section := ""
	for i := range table {
		o := &table[i]
		if s := sectionOf(o.Key); s != section || s == "" {
			b.WriteByte('\n')
		}
		indent := enter(&b, &section, o.Key, "#")
		prose := "# "
		if indent != "" { // stays a comment when the block is taken in
			prose = "#" + indent + "# "
		}
		for _, l := range wrap(o.Help, 110-len(indent)) {
			fmt.Fprintf(&b, "%s%s\n", prose, l)
		}
		value := o.Example
		if value == "" {
			value = " " + o.Default
		}
		fmt.Fprintf(&b, "#%s%s:%s\n", indent, lastWord(o.Key), strings.ReplaceAll(value, "\n", "\n#"+indent))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// enter writes the heads of the sections that a key is in and the one before was not, and returns its indentation.
func enter(b *strings.Builder, section *string, key, comment string) (indent string) {
	words := strings.Split(key, ".")
	prefix := ""
	for _, word := range words[:len(words)-1] {
		prefix += word + "."
		if !strings.HasPrefix(*section, prefix) {
			fmt.Fprintf(b, "%s%s%s:\n", comment, indent, word)
		}
		indent += "  "
	}
	*section = prefix
	return indent
}

func sectionOf(key string) string { return key[:max(0, strings.IndexByte(key, '.'))] }

func lastWord(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// yamlText is what follows "key:", records on lines of their own.
func yamlText(v any, indent string) (string, error) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return flow(v)
	}
	if _, ok := list[0].(yaml.MapSlice); !ok {
		return flow(v)
	}
	var b strings.Builder
	for _, item := range list {
		text, err := flow(item)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n%s  -%s", indent, text)
	}
	return b.String(), nil
}

func flow(v any) (string, error) {
	text, err := yaml.MarshalWithOptions(v, yaml.Flow(true))
	if err != nil {
		return "", fmt.Errorf("write configuration: %w", err)
	}
	return " " + strings.TrimSpace(string(text)), nil
}

// value is one option in JSON.
type value struct {
	Value  any    `json:"value"`
	Source string `json:"source"`
	At     string `json:"at,omitempty"`
}

// WriteJSON writes an object with all values by key, secrets hidden, and the origin of each.
func (c *Config) WriteJSON(w io.Writer) error {
	out := map[string]value{}
	for i := range table {
		o := &table[i]
		out[o.Key] = value{jsonValue(o.shown(c)), c.from[o.Key].Source, c.from[o.Key].At}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// jsonValue makes records objects.
func jsonValue(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = jsonValue(v[i])
		}
		return out
	case yaml.MapSlice:
		out := map[string]any{}
		for _, item := range v {
			out[item.Key.(string)] = jsonValue(item.Value)
		}
		return out
	}
	return v
}

// wrap breaks a text at blanks into lines of at most width bytes.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
