package code

import (
	"fmt"
	"slices"
	"strings"
)

// texts is one language: a file data/texts.<lang>.yaml. Keys are codes, causes, and protocols in lower case.
type texts struct {
	Codes     map[int]codeText        `yaml:"codes"`
	Causes    map[int]causeText       `yaml:"causes"`
	Warnings  map[int]plainText       `yaml:"warnings"`
	Protocols map[string]protocolText `yaml:"protocols"`
}

type codeText struct {
	Means   string   `yaml:"means"`
	Check   []string `yaml:"check"`
	Caller  string   `yaml:"caller"`
	Support string   `yaml:"support"`
	Misuse  string   `yaml:"misuse"` // optional
}

type causeText struct {
	Means string `yaml:"means"`
	Ask   string `yaml:"ask"`
}

type plainText struct {
	Means string `yaml:"means"`
	Check string `yaml:"check"`
}

type protocolText struct {
	Means  string         `yaml:"means"`
	Values map[int]string `yaml:"values"` // optional: what each cause of the protocol says
}

// english is the language of the fields of Entry, Cause and the others, and the one that must be complete.
const english = "en"

// Languages returns the languages that texts are there in, sorted.
func Languages() []string {
	names := make([]string, 0, len(catalogue().languages))
	for name := range catalogue().languages {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func language(lang string) (*texts, error) {
	if t, ok := catalogue().languages[lang]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("find texts in language %q: there are %s", lang, strings.Join(Languages(), ", "))
}
