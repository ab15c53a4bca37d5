package explain

import (
	"embed"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"sipcause/code/playbooks"
	"sipcause/docs"
	"sipcause/internal/finding"
)

// findingFiles are one file of texts for each language: findings.<lang>.yaml.
//
//go:embed data
var findingFiles embed.FS

// findingText is what is said of a finding when no call is at hand.
type findingText struct {
	Means string `yaml:"means"`
	Do    string `yaml:"do"`
}

var findingTexts = sync.OnceValue(func() map[string]map[string]findingText {
	entries, err := findingFiles.ReadDir("data")
	languages := map[string]map[string]findingText{}
	for _, e := range entries {
		var b []byte
		if b, err = findingFiles.ReadFile("data/" + e.Name()); err != nil {
			break
		}
		texts := map[string]findingText{}
		if err = yaml.UnmarshalWithOptions(b, &texts, yaml.Strict()); err != nil {
			break
		}
		languages[strings.TrimSuffix(strings.TrimPrefix(e.Name(), "findings."), ".yaml")] = texts
	}
	if err != nil { // the files are part of the program: any test finds it
		panic("explain: read texts of findings: " + err.Error())
	}
	return languages
})

func findingPage(text string, opt Options) (*page, error) {
	id := strings.ToLower(text)
	d, ok := finding.Lookup(finding.ID(id))
	if !ok {
		return nil, unknownFinding(id)
	}
	if n, ok := strings.CutPrefix(id, "code."); ok {
		return codeTopic("", []string{n}, opt)
	}
	if err := engineerOnly("findings", opt); err != nil {
		return nil, err
	}
	texts, ok := findingTexts()[opt.lang()]
	if !ok {
		return nil, unknown("no texts of findings in language %q", opt.lang())
	}
	p := &page{title: string(d.ID) + ": " + d.Title, facts: []string{"severity: " + d.Severity.String(), "about: " + scopeText(d.Scope)}}
	written, long := docs.Finding(id)
	long = long && opt.lang() == "en"
	if !long {
		p.add("What it means", plain, texts[id].Means)
		p.add("What to do", plain, texts[id].Do)
	}
	p.add("Who usually has to act", plain, actsText[d.Acts])
	rank := "It explains or warns and is never the root cause of a failure."
	if d.Root {
		rank = "It may be the root cause of a failure."
	}
	p.add("In a report", plain, rank)
	p.addPlaybooks(&playbooks.Facts{Cause: id}, opt)
	if long {
		p.addMarkdown(docs.Body(written))
	} else {
		p.add("References", bullet, d.Refs...)
	}
	return p, nil
}

// unknownFinding names the nearest findings, else those of the topic, else the topics.
func unknownFinding(id string) error {
	name, _, _ := strings.Cut(id, ".")
	var all, siblings, topics []string
	for _, d := range finding.Table() {
		all = append(all, string(d.ID))
		topic, _, _ := strings.Cut(string(d.ID), ".")
		if topic == name {
			siblings = append(siblings, string(d.ID))
		}
		if !slices.Contains(topics, topic) {
			topics = append(topics, topic)
		}
	}
	if near := nearest(id, all); near != "" {
		return unknown("no finding %s; nearest: %s", id, near)
	}
	if siblings != nil {
		return unknown("no finding %s; those of %s are %s", quote(id), name, strings.Join(siblings, ", "))
	}
	return unknown("no finding %s; findings begin with %s", quote(id), strings.Join(topics, ", "))
}

var actsText = map[finding.Acts]string{
	finding.ActsUser:    "The user who called or was called.",
	finding.ActsCaller:  "Who runs the calling device or system.",
	finding.ActsCallee:  "Who runs the called device or system.",
	finding.ActsProxy:   "Who runs the hop that made the response.",
	finding.ActsNetwork: "Who runs the IP network between the two hops.",
	finding.ActsCarrier: "The carrier or provider upstream.",
	finding.ActsNobody:  "Nobody: it is normal behaviour.",
}

var scopeNames = []struct {
	scope finding.Scope
	name  string
}{
	{finding.ScopeCall, "call"},
	{finding.ScopeRegistration, "registration"},
	{finding.ScopeTransaction, "transaction"},
	{finding.ScopePeer, "peer"},
	{finding.ScopeCapture, "capture"},
}

func scopeText(s finding.Scope) string {
	var names []string
	for _, n := range scopeNames {
		if s&n.scope != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}
