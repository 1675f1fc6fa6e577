package labels

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/yamlfile"
)

// Role is what a file is for.
type Role string

// The roles.
const (
	Image            Role = "image"
	Instances        Role = "instances"         // each value is an object
	ClassMask        Role = "class"             // elements other than 0 belong to the class
	AnalysableMask   Role = "am_vs_nam"         // values tell analysable myofibres from others
	SecondAnnotation Role = "second_annotation" // another annotator's instances
)

// Schema is the JSON Schema of a layout file.
//
//go:embed layout.schema.json
var Schema []byte

// Layout says which files of a source hold what. docs/nclsm.md describes it field by field.
type Layout struct {
	Dataset     Dataset   `yaml:"dataset" json:"dataset"`
	Files       []Files   `yaml:"files" json:"files"`
	Group       string    `yaml:"group" json:"group,omitempty"`
	ClaimShare  float64   `yaml:"claim_share" json:"claim_share,omitempty"`
	Unclaimed   string    `yaml:"unclaimed" json:"unclaimed,omitempty"`
	PixelSizeUM []float64 `yaml:"pixel_size_um" json:"pixel_size_um,omitempty"`
	Clinical    *Clinical `yaml:"clinical" json:"clinical,omitempty"`
	Split       string    `yaml:"split" json:"split,omitempty"`

	group *regexp.Regexp
}

// Dataset is what the data set says of itself.
type Dataset struct {
	Name     string `yaml:"name" json:"name,omitempty"`
	Title    string `yaml:"title" json:"title,omitempty"`
	Licence  string `yaml:"licence" json:"licence,omitempty"`
	Citation string `yaml:"citation" json:"citation,omitempty"`
	DOI      string `yaml:"doi" json:"doi,omitempty"`
	URL      string `yaml:"url" json:"url,omitempty"`
}

// Files are the files of one role.
type Files struct {
	Role      Role               `yaml:"role" json:"role"`
	Path      string             `yaml:"path" json:"path"`
	Section   string             `yaml:"section" json:"section,omitempty"`
	Technique string             `yaml:"technique" json:"technique,omitempty"`
	Class     string             `yaml:"class" json:"class,omitempty"`
	Regions   bool               `yaml:"regions" json:"regions,omitempty"`
	Values    map[string][]int64 `yaml:"values" json:"values,omitempty"`
	Annotator string             `yaml:"annotator" json:"annotator,omitempty"`
	Channels  []string           `yaml:"channels" json:"channels,omitempty"`

	pattern *Pattern
	section *regexp.Regexp
}

// Clinical is a table with a row for every section.
type Clinical struct {
	Path      string `yaml:"path" json:"path"`
	Section   string `yaml:"section" json:"section"`
	Technique string `yaml:"technique" json:"technique,omitempty"`
	Diagnosis string `yaml:"diagnosis" json:"diagnosis,omitempty"`
}

// defaultClaim is the share of an object that a class mask must cover to claim it.
const defaultClaim = 0.5

// ParseLayout reads a layout file; name is what errors call it.
func ParseLayout(name string, data []byte) (*Layout, error) {
	var l Layout
	if err := yamlfile.Load(name, data, Schema, &l); err != nil {
		return nil, err
	}
	if err := l.compile(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &l, nil
}

// compile checks what the schema cannot and prepares the patterns. It reports every problem.
func (l *Layout) compile() error {
	var errs []error
	if l.ClaimShare == 0 {
		l.ClaimShare = defaultClaim
	}
	if l.Group != "" {
		var err error
		if l.group, err = submatch("group", l.Group); err != nil {
			errs = append(errs, err)
		}
	}
	seen := map[string]string{}
	for i := range l.Files {
		if a := l.Files[i].array(); l.Files[i].Role == ClassMask {
			if class, ok := seen[a]; ok && class != l.Files[i].Class {
				errs = append(errs, fmt.Errorf("files[%d]: classes %s and %s differ in case only", i, class, l.Files[i].Class))
			}
			seen[a] = l.Files[i].Class
		}
		if err := l.Files[i].compile(); err != nil {
			errs = append(errs, fmt.Errorf("files[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (f *Files) compile() (err error) {
	if f.pattern, err = ParsePattern(f.Path); err != nil {
		return err
	}
	if f.Technique != "" && f.pattern.has(techniqueField) {
		return fmt.Errorf("technique %q beside {technique} in the path: want one of them", f.Technique)
	}
	if f.Section != "" {
		if f.section, err = submatch("section", f.Section); err != nil {
			return err
		}
	}
	if err := f.checkValues(); err != nil {
		return err
	}
	for _, c := range []struct {
		field  string
		set    bool
		role   Role
		needed bool
	}{
		{"class", f.Class != "", ClassMask, true},
		{"regions", f.Regions, ClassMask, false},
		{"values", f.Values != nil, AnalysableMask, false},
		{"channels", f.Channels != nil, Image, false},
	} {
		if c.set && f.Role != c.role {
			return fmt.Errorf("%s is for role %s, this is %s", c.field, c.role, f.Role)
		}
		if !c.set && c.needed && f.Role == c.role {
			return fmt.Errorf("role %s wants a %s", f.Role, c.field)
		}
	}
	return nil
}

// checkValues refuses a value that means two things.
func (f *Files) checkValues() error {
	for _, v := range f.Values[analysable] {
		if slices.Contains(f.Values[notAnalysable], v) {
			return fmt.Errorf("value %d means both %s and %s", v, analysable, notAnalysable)
		}
	}
	return nil
}

// submatch compiles a regular expression that has a group.
func submatch(field, text string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(text)
	if err == nil && re.NumSubexp() == 0 {
		err = errors.New("want a group in parentheses: what it matches is taken")
	}
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", field, text, err)
	}
	return re, nil
}

// firstGroup is what the first group that took part in the match holds; ok is false where
// none did.
func firstGroup(re *regexp.Regexp, s string) (string, bool) {
	for i, g := range re.FindStringSubmatch(s) {
		if i > 0 && g != "" {
			return g, true
		}
	}
	return "", false
}

// array is the name of the array that the files become.
func (f *Files) array() string {
	switch f.Role {
	case Image:
		return rawArray
	case Instances:
		return instancesArray
	case ClassMask:
		return maskPrefix + strings.ToLower(f.Class)
	case AnalysableMask:
		return maskPrefix + string(AnalysableMask)
	}
	return string(SecondAnnotation)
}

// what names the role for people.
func (f *Files) what() string {
	if f.Role == ClassMask {
		return "class mask " + f.Class
	}
	return map[Role]string{
		Image: "image", Instances: "instance mask",
		AnalysableMask: "mask of analysable and other myofibres", SecondAnnotation: "second annotation",
	}[f.Role]
}

// classes are the classes that objects of the layout may have by mask, sorted.
func (l *Layout) classes() (out []string) {
	for _, f := range l.Files {
		if f.Role == ClassMask && !slices.Contains(out, f.Class) {
			out = append(out, f.Class)
		}
	}
	slices.Sort(out)
	return out
}
