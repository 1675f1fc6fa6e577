package yamlfile

import (
	"errors"
	"strings"
	"testing"
)

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["name"],
  "additionalProperties": false,
  "properties": {
    "name": {"type": "string"},
    "sizes": {"type": "array", "items": {"type": "integer", "minimum": 1}},
    "scale": {"type": "number"},
    "day": {"type": "string", "format": "date"},
    "on": {"type": ["boolean", "null"]},
    "a/b": {"type": "string"}
  }
}`

type file struct {
	Name  string  `yaml:"name"`
	Sizes []int   `yaml:"sizes"`
	Scale float64 `yaml:"scale"`
	Day   string  `yaml:"day"`
	On    *bool   `yaml:"on"`
	Slash string  `yaml:"a/b"`
}

func TestLoad(t *testing.T) {
	var f file
	text := "name: raw # a comment\nsizes: [64, 0x10]\nscale: 1.5\nday: 2027-02-28\non: true\n\"a/b\": c\n"
	if err := Load("f.yaml", []byte(text), []byte(schema), &f); err != nil {
		t.Fatal(err)
	}
	if f.Name != "raw" || len(f.Sizes) != 2 || f.Sizes[1] != 16 || f.Scale != 1.5 || f.Day != "2027-02-28" || f.On == nil || !*f.On || f.Slash != "c" {
		t.Errorf("got %+v", f)
	}
}

func TestLoadErrors(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":          {"", "f.yaml: the file is empty"},
		"only a comment": {"# nothing\n", "f.yaml"},
		"syntax":         {"name: raw\nsizes: [1,\n", "f.yaml:"},
		"tab":            {"name: raw\n\tsizes: 1\n", "f.yaml:2: "},
		"wrong type":     {"name: raw\nsizes: [1, two]\n", "f.yaml:2:12: /sizes/1: "},
		"out of range":   {"name: raw\nsizes:\n  - 0\n", "f.yaml:3:5: /sizes/0: "},
		"missing":        {"scale: 1\n", "f.yaml:1:1: "},
		"unknown":        {"name: raw\nscale: 1\ncolour: red\n", `f.yaml:3:1: /colour: unknown key "colour"`},
		"no such day":    {"name: raw\nday: 2027-02-30\n", "f.yaml:2:6: /day: "},
		"pointer":        {"name: raw\na/b: 1\n", "f.yaml:2:6: /a~1b: "},
		"twice":          {"name: raw\nname: gt\n", `f.yaml:2:1: key "name" stands twice`},
		"key no text":    {"name: raw\n1: 2\n", "f.yaml:2:1: a key is text"},
		"alias":          {"name: &a raw\na/b: *a\n", "anchors and aliases"},
		"merge":          {"name: raw\n<<: {scale: 1}\n", "f.yaml:2:1: "},
		"documents":      {"name: raw\n---\nname: gt\n", "a second document"},
		"infinite":       {"name: raw\nscale: .inf\n", "f.yaml:2:8: /scale: "},
		"huge integer":   {"name: raw\nsizes: [123456789012345678901234567890]\n", "f.yaml:2: cannot unmarshal"},
		"binary":         {"name: !!binary aGVsbG8=\n", "put text in quotes"},
		"custom tag":     {"name: !thing x\n", "put text in quotes"},
		"list on top":    {"- name\n", "f.yaml:1:1: "},
		"too deep":       {"name: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "\n", "nested more than"},
		"too large":      {"name: " + strings.Repeat("a", maxBytes), "bytes, at most"},
		"not UTF-8":      {"name: \xff\xfe\n", "f.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			f := file{Name: "before"}
			err := Load("f.yaml", []byte(test.text), []byte(schema), &f)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q in it", err, test.want)
			}
			if e := (*Error)(nil); !errors.As(err, &e) || e.File != "f.yaml" {
				t.Errorf("%v is no *Error", err)
			}
			if f.Name != "before" {
				t.Errorf("the value was changed to %+v", f)
			}
		})
	}
}

func TestLoadReportsEveryViolation(t *testing.T) {
	err := Load("f.yaml", []byte("name: 1\nsizes: [0, -1]\n"), []byte(schema), &file{})
	if err == nil || strings.Count(err.Error(), "f.yaml:") != 3 {
		t.Errorf("got %v, want three errors", err)
	}
}

func TestAt(t *testing.T) {
	err := At("f.yaml", []byte("name: raw\nsizes: [1, 2]\n"), "/sizes/1", errors.New("too many"))
	if want := "f.yaml:2:12: /sizes/1: too many"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A schema that is none is a mistake of ours: it must not pass everything.
func TestLoadBadSchema(t *testing.T) {
	for _, s := range []string{"", "[", `{"type": 3}`} {
		if err := Load("f.yaml", []byte("name: raw\n"), []byte(s), &file{}); err == nil {
			t.Errorf("schema %q: no error", s)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, s := range []string{"name: raw\n", "name: &a raw\na/b: *a\n", "- 1\n", "a: [b, {c: d}]\n---\n", "\t", "%YAML 1.1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v file
		if err := Load("f.yaml", data, []byte(schema), &v); err == nil && v.Name == "" && !strings.Contains(string(data), "name") {
			t.Errorf("accepted %q", data)
		}
	})
}
