// Package yamlfile reads the small YAML files that users write: maps of columns, layouts of
// folders.
//
// A file is one document of mappings with text keys, sequences and scalars. It follows a
// JSON Schema (draft 2020-12) and is decoded into a Go value with yaml tags, which must know
// every key. Anchors and aliases are refused: these files have no use for them, and they
// are how a small file becomes a large one.
package yamlfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

const (
	maxBytes = 1 << 20 // of a file
	maxDepth = 64      // of its collections
)

// Error is one thing wrong with a file.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 where the file as a whole is meant
	Path         string // JSON pointer of the value (RFC 6901), "" for the document
	Err          error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, ":%d", e.Column)
	}
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	return b.String() + ": " + e.Err.Error()
}

func (e *Error) compare(o *Error) int {
	return cmp.Or(cmp.Compare(e.Line, o.Line), cmp.Compare(e.Column, o.Column), cmp.Compare(e.Err.Error(), o.Err.Error()))
}

func (e *Error) Unwrap() error { return e.Err }

// Load parses the YAML in data, checks it against a JSON Schema and decodes it into a
// pointer. name is what errors call the file. Every violation of the schema is an [*Error]
// of its own, joined; into is changed only where all is well.
func Load(name string, data, schema []byte, into any) error {
	root, err := parse(name, data)
	if err != nil {
		return err
	}
	r := reader{file: name}
	value, err := r.value(root, "", 0)
	if err != nil {
		return err
	}
	if err := validate(name, root, value, schema); err != nil {
		return err
	}
	return decode(name, data, into)
}

// decode fills in a copy first: the decoder stops at its first error with half of the work
// done.
func decode(name string, data []byte, into any) error {
	target := reflect.ValueOf(into).Elem()
	whole := reflect.New(target.Type())
	whole.Elem().Set(target)
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(whole.Interface()); err != nil {
		return syntax(name, err)
	}
	target.Set(whole.Elem())
	return nil
}

// parse returns the top node of the only document.
func parse(name string, data []byte) (root *yaml.Node, err error) {
	if len(data) > maxBytes {
		return nil, &Error{File: name, Err: fmt.Errorf("%d bytes, at most %d are read", len(data), maxBytes)}
	}
	defer func() {
		if p := recover(); p != nil { // a fault of the parser must not become ours
			err = &Error{File: name, Err: fmt.Errorf("not YAML: %v", p)}
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Error{File: name, Err: errors.New("the file is empty")}
	} else if err != nil {
		return nil, syntax(name, err)
	}
	if err := d.Decode(&second); err == nil {
		return nil, &Error{File: name, Line: second.Line, Err: errors.New("a second document: want one")}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntax(name, err)
	}
	return doc.Content[0], nil
}

// syntax takes the line out of an error of the YAML library.
func syntax(name string, err error) error {
	var types *yaml.TypeError
	if errors.As(err, &types) && len(types.Errors) > 0 {
		err = errors.New(types.Errors[0]) // in the same form, the others go on in this vein
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, message, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return &Error{File: name, Line: line, Err: errors.New(message)}
		}
	}
	return &Error{File: name, Err: errors.New(text)}
}

// reader makes JSON values of nodes.
type reader struct{ file string }

func (r *reader) fail(n *yaml.Node, path, format string, args ...any) error {
	return &Error{File: r.file, Line: n.Line, Column: n.Column, Path: path, Err: fmt.Errorf(format, args...)}
}

func (r *reader) value(n *yaml.Node, path string, depth int) (any, error) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return nil, r.fail(n, path, "anchors and aliases are not taken: write the value out")
	case depth > maxDepth:
		return nil, r.fail(n, path, "nested more than %d deep", maxDepth)
	case n.Kind == yaml.MappingNode:
		return r.mapping(n, path, depth)
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			v, err := r.value(c, path+"/"+strconv.Itoa(i), depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	}
	return r.scalar(n, path)
}

func (r *reader) mapping(n *yaml.Node, path string, depth int) (any, error) {
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" {
			return nil, r.fail(k, path, "a key is text: put it in quotes")
		}
		if _, twice := m[k.Value]; twice {
			return nil, r.fail(k, path, "key %q stands twice", k.Value)
		}
		v, err := r.value(n.Content[i+1], path+"/"+escape(k.Value), depth+1)
		if err != nil {
			return nil, err
		}
		m[k.Value] = v
	}
	return m, nil
}

func (r *reader) scalar(n *yaml.Node, path string) (any, error) {
	var err error
	switch n.ShortTag() {
	case "!!str", "!!timestamp": // a date is text, as in the core schema of YAML 1.2
		return n.Value, nil
	case "!!null":
		return nil, nil
	case "!!bool":
		var v bool
		if err = n.Decode(&v); err == nil {
			return v, nil
		}
	case "!!int":
		var v int64
		if err = n.Decode(&v); err == nil {
			return json.Number(strconv.FormatInt(v, 10)), nil
		}
	case "!!float":
		var v float64
		if err = n.Decode(&v); err == nil {
			if b, err := json.Marshal(v); err == nil { // infinities and NaN have no JSON
				return json.Number(b), nil
			}
		}
	}
	return nil, r.fail(n, path, "%s %q: want text, a number, true, false or null; put text in quotes", n.ShortTag(), n.Value)
}

func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// validate checks the value against the schema; an error is placed where the root has the
// value that it is about.
func validate(name string, root *yaml.Node, value any, schema []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return fmt.Errorf("%s: its schema: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const location = "file.schema.json"
	if err := c.AddResource(location, doc); err != nil {
		return fmt.Errorf("%s: its schema: %w", name, err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		return fmt.Errorf("%s: its schema: %w", name, err)
	}
	var invalid *jsonschema.ValidationError
	if err := compiled.Validate(value); err == nil {
		return nil
	} else if !errors.As(err, &invalid) {
		return &Error{File: name, Err: err}
	}
	return errors.Join(violations(nil, name, root, invalid)...)
}

// violations appends the innermost causes, sorted by place.
func violations(errs []error, name string, root *yaml.Node, v *jsonschema.ValidationError) []error {
	for _, cause := range v.Causes {
		errs = violations(errs, name, root, cause)
	}
	if len(v.Causes) == 0 {
		errs = append(errs, violation(name, root, v)...)
	}
	slices.SortStableFunc(errs, func(a, b error) int { return a.(*Error).compare(b.(*Error)) })
	return errs
}

// violation is one error, or one at each key that the schema does not know.
func violation(name string, root *yaml.Node, v *jsonschema.ValidationError) (errs []error) {
	pointer := ""
	for _, token := range v.InstanceLocation {
		pointer += "/" + escape(token)
	}
	n := find(root, pointer)
	if unknown, ok := v.ErrorKind.(*kind.AdditionalProperties); ok {
		for _, key := range unknown.Properties {
			k := keyNode(n, key)
			errs = append(errs, &Error{File: name, Line: k.Line, Column: k.Column, Path: pointer + "/" + escape(key), Err: fmt.Errorf("unknown key %q", key)})
		}
		return errs
	}
	return []error{&Error{File: name, Line: n.Line, Column: n.Column, Path: pointer,
		Err: errors.New(v.ErrorKind.LocalizedString(message.NewPrinter(language.English)))}}
}

// At places an error at the value that a JSON pointer leads to in the YAML of data, which has been
// loaded before.
func At(name string, data []byte, pointer string, err error) error {
	root, parseErr := parse(name, data)
	if parseErr != nil {
		return parseErr
	}
	n := find(root, pointer)
	return &Error{File: name, Line: n.Line, Column: n.Column, Path: pointer, Err: err}
}

// find follows a JSON pointer as far as it leads.
func find(n *yaml.Node, pointer string) *yaml.Node {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		next := child(n, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// keyNode is the node of a key of a mapping, the mapping where it has none such.
func keyNode(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i]
		}
	}
	return n
}

func child(n *yaml.Node, token string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == token {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}
