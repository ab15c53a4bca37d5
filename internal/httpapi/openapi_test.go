package httpapi

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sipcause/internal/render/schema"
)

const documentURL = "https://sipcause.invalid/openapi.json"

// contract is openapi.yaml, ready to hold answers against.
type contract struct {
	paths    map[string]map[string]operation
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	checked  map[string]int // answers by "METHOD path status"
}

type operation struct {
	Parameters []struct {
		Ref  string `json:"$ref"`
		Name string
		In   string
	}
	RequestBody struct {
		Content map[string]any
	}
	Responses map[string]struct {
		Ref     string `json:"$ref"`
		Content map[string]any
	}
}

var theContract = sync.OnceValues(func() (*contract, error) {
	doc, err := openapiJSON()
	if err != nil {
		return nil, err
	}
	c := &contract{compiler: jsonschema.NewCompiler(), checked: map[string]int{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020) // what OpenAPI 3.1 says of schemas
	c.compiler.AssertFormat()
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, err
	}
	if err := c.compiler.AddResource(documentURL, resource); err != nil {
		return nil, err
	}
	var d struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		return nil, err
	}
	c.paths = d.Paths
	return c, nil
})

func readContract(t *testing.T) *contract {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pointer makes a JSON pointer of the names.
func pointer(names ...string) string {
	for i, n := range names {
		names[i] = strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D").Replace(n)
	}
	return documentURL + "#/" + strings.Join(names, "/")
}

// pathOf finds the path of the contract that a request's path fits.
func (c *contract) pathOf(path string) string {
	parts := strings.Split(path, "/")
	for p := range c.paths {
		of := strings.Split(p, "/")
		if len(of) == len(parts) && !slices.ContainsFunc(of, func(s string) bool {
			i := slices.Index(of, s)
			return !strings.HasPrefix(s, "{") && s != parts[i]
		}) {
			return p
		}
	}
	return ""
}

// checkAnswer holds an answer against the contract: it must be of a kind that the operation has, and fit its schema.
func checkAnswer(t *testing.T, req *http.Request, body string, res *http.Response, got []byte) {
	t.Helper()
	c := readContract(t)
	media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil && res.StatusCode != http.StatusNoContent && res.StatusCode != http.StatusNotModified {
		t.Errorf("%s %s: Content-Type %q: %v", req.Method, req.URL, res.Header.Get("Content-Type"), err)
		return
	}
	if media == "application/problem+json" {
		c.check(t, pointer("components", "schemas", "Problem"), got)
		return
	}
	path := c.pathOf(req.URL.EscapedPath())
	op, ok := c.paths[path][strings.ToLower(req.Method)]
	if req.Method == http.MethodHead || res.StatusCode == http.StatusNotModified {
		return
	}
	if !ok {
		t.Errorf("%s %s: %s, but the document has no such operation", req.Method, req.URL, res.Status)
		return
	}
	status := "200"
	for s := range op.Responses {
		if strings.HasPrefix(res.Status, s) {
			status = s
		}
	}
	answer, ok := op.Responses[status]
	if !ok || !strings.HasPrefix(res.Status, status) {
		t.Errorf("%s %s: the document has no answer %s", req.Method, req.URL, res.Status)
		return
	}
	c.mu.Lock()
	c.checked[req.Method+" "+path]++
	c.mu.Unlock()
	if len(answer.Content) == 0 {
		return
	}
	if _, ok := answer.Content[media]; !ok {
		t.Errorf("%s %s: the document has no answer of type %s", req.Method, req.URL, media)
		return
	}
	at := pointer("paths", path, strings.ToLower(req.Method), "responses", status, "content", media, "schema")
	switch media {
	case "application/json":
		c.check(t, at, got)
	case "application/x-ndjson":
		for line := range bytes.Lines(got) {
			c.check(t, at, line)
		}
	default:
		text, _ := json.Marshal(string(got)) // a body of text is a JSON string to the schema
		c.check(t, at, text)
	}
}

func (c *contract) check(t *testing.T, at string, doc []byte) {
	t.Helper()
	c.mu.Lock()
	s, err := c.compiler.Compile(at)
	c.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Errorf("%v in\n%.2000s", err, doc)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%v in\n%.2000s", err, doc)
	}
	if obj, ok := v.(map[string]any); ok && obj["schema"] == "sipcause.analysis/v1" && obj["type"] == nil {
		if err := schema.ValidateJSON(doc); err != nil {
			t.Errorf("%v in\n%.2000s", err, doc)
		}
	} else if ok && obj["type"] == "call" {
		if err := schema.ValidateNDJSON(doc); err != nil {
			t.Errorf("%v in\n%.2000s", err, doc)
		}
	}
}

// The document is OpenAPI 3.1, by another's judgement.
func TestDocumentIsOpenAPI(t *testing.T) {
	doc, err := openapiJSON()
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if !d.IsOpenAPI31OrLater() {
		t.Errorf("version %s", d.OpenAPI)
	}
}

// Every route is in the document with its parameters and bodies, and the reverse.
func TestDocumentListsEveryRoute(t *testing.T) {
	c := readContract(t)
	rows := append(slices.Clone(endpoints), endpoint{method: "GET", path: "/metrics"})
	left := map[string]bool{}
	for path, ops := range c.paths {
		for method := range ops {
			left[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, e := range rows {
		key := e.method + " " + e.path
		if !left[key] {
			t.Errorf("the document lacks %s", key)
			continue
		}
		delete(left, key)
		op := c.paths[e.path][strings.ToLower(e.method)]
		var documented, types []string
		for _, p := range op.Parameters {
			name := p.Name
			if p.Ref != "" {
				name = p.Ref[strings.LastIndex(p.Ref, "/")+1:]
			}
			if name != "id" && p.In != "header" {
				documented = append(documented, name)
			}
		}
		for media := range op.RequestBody.Content {
			types = append(types, media)
		}
		if want := slices.Sorted(slices.Values(e.params)); !slices.Equal(slices.Sorted(slices.Values(documented)), want) {
			t.Errorf("%s: documented are the parameters %q, taken are %q", key, documented, want)
		}
		if want := slices.Sorted(slices.Values(e.body)); !slices.Equal(slices.Sorted(slices.Values(types)), want) {
			t.Errorf("%s: documented are the bodies %q, taken are %q", key, types, want)
		}
		if op.Responses["default"].Ref != "#/components/responses/Problem" {
			t.Errorf("%s has no problems", key)
		}
	}
	for key := range left {
		t.Errorf("the document has %s, which there is not", key)
	}
}
