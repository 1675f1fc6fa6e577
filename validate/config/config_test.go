package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/micropq/micropq/validate"
)

// toys are rules of the kinds there are: with limits, without, off.
var toys = []validate.Rule{
	{ID: "LB003", Severity: validate.Warning, Title: "small", Limits: []validate.Limit{{Name: "min_area", Default: 20, Unit: "elements", Doc: "least area"}}},
	{ID: "LB004", Severity: validate.Warning, Title: "in fragments", Off: true},
	{ID: "PX004", Severity: validate.Error, Title: "no pixel size"},
}

const whole = `fail_level: warning
select: [LB, PX004]
ignore: [LB004]
classes: [AM, NTM]
rules:
  LB003: {severity: error, limits: {min_area: 50}}
  LB004: {enabled: true}
exceptions:
  - path: masks/old/**
    rules: [LB]
    reason: drawn before the protocol
    expires: 2027-01-31
  - sample: IF_*
    rules: [PX004]
    reason: the scanner does not say
`

func parsed(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse(Name, []byte(text), toys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ids are the rules with their severities and least areas.
func ids(ts []validate.Tuned) string {
	var parts []string
	for _, t := range ts {
		part := t.ID + " " + t.Severity.String()
		if v, ok := t.Values["min_area"]; ok {
			b, _ := json.Marshal(v)
			part += " " + string(b)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func TestTune(t *testing.T) {
	for name, test := range map[string]struct {
		text              string
		selected, ignored []string
		want              string
	}{
		"nothing said":             {"classes: [AM]", nil, nil, "LB003 warning 20, PX004 error"},
		"severity and limit":       {"rules: {LB003: {severity: error, limits: {min_area: 50}}}", nil, nil, "LB003 error 50, PX004 error"},
		"switched on":              {"rules: {LB004: {enabled: true}}", nil, nil, "LB003 warning 20, LB004 warning, PX004 error"},
		"switched off":             {"rules: {LB003: {enabled: false}}", nil, nil, "PX004 error"},
		"selected":                 {"select: [PX]", nil, nil, "PX004 error"},
		"the command line selects": {"select: [PX]", []string{"LB003"}, nil, "LB003 warning 20"},
		"both ignore":              {"ignore: [PX]", nil, []string{"LB003"}, ""},
		"everything":               {whole, nil, nil, "LB003 error 50, PX004 error"},
		"off, selected by its id":  {"classes: [AM]", []string{"LB004"}, nil, "LB004 warning"},
	} {
		t.Run(name, func(t *testing.T) {
			tuned, err := parsed(t, test.text).Tune(toys, test.selected, test.ignored)
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(tuned); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if _, err := new(Config).Tune(toys, []string{"XX"}, nil); err == nil {
		t.Error("a pattern of no rule is taken")
	}
	if toys[1].Off != true {
		t.Error("the rules themselves were changed")
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown rule":      {"rules:\n  LB999: {enabled: true}\n", `2:3: /rules/LB999: unknown key "LB999"`},
		"unknown limit":     {"rules:\n  LB003:\n    limits: {min_size: 3}\n", `3:14: /rules/LB003/limits/min_size: unknown key "min_size"`},
		"limits of none":    {"rules:\n  PX004: {limits: {a: 3}}\n", `2:11: /rules/PX004/limits: unknown key "limits"`},
		"negative limit":    {"rules:\n  LB003: {limits: {min_area: -3}}\n", "2:30: /rules/LB003/limits/min_area: "},
		"unknown severity":  {"rules:\n  PX004: {severity: bad}\n", "2:21: /rules/PX004/severity: "},
		"unknown pattern":   {"select:\n  - LB\n  - ZZ\n", `3:5: /select/1: no rule is named "ZZ"`},
		"unknown exception": {"exceptions:\n  - {path: a, reason: b, rules: [QQ]}\n", `2:34: /exceptions/0/rules/0: no rule is named "QQ"`},
		"no reason":         {"exceptions:\n  - {path: a, rules: [LB]}\n", "2:5: /exceptions/0: "},
		"no place":          {"exceptions:\n  - {reason: a, rules: [LB]}\n", "2:5: /exceptions/0: "},
		"no such day":       {"exceptions:\n  - {path: a, rules: [LB], reason: b, expires: 2027-02-30}\n", "2:48: /exceptions/0/expires: "},
		"glob":              {"exceptions:\n  - {path: 'a/[', rules: [LB], reason: b}\n", "2:12: /exceptions/0/path: "},
		"unknown key":       {"fail_levle: error\n", `1:1: /fail_levle: unknown key "fail_levle"`},
		"a class twice":     {"classes: [AM, AM]\n", "1:10: /classes: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(test.text), toys)
			if err == nil || !strings.Contains(err.Error(), "c.yaml:"+test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestExcept(t *testing.T) {
	c := parsed(t, whole)
	dir := t.TempDir()
	c.File = filepath.Join(dir, Name)
	inside, outside := filepath.Join(dir, "masks", "old", "a.tiff"), filepath.Join(t.TempDir(), "masks", "old", "a.tiff")
	new := filepath.Join(dir, "masks", "new.tiff")
	finding := func(rule, target, sample string) *validate.Finding {
		return &validate.Finding{Rule: rule, Place: validate.Place{Target: target, Sample: sample}}
	}
	last := time.Date(2027, 1, 31, 23, 59, 0, 0, time.FixedZone("", -10*3600))
	for name, test := range map[string]struct {
		f    *validate.Finding
		now  time.Time
		want bool
	}{
		"on the last day, where the user is": {finding("LB003", inside, ""), last, true},
		"the day after":                      {finding("LB003", inside, ""), last.Add(time.Minute), false},
		"another rule":                       {finding("PX004", inside, ""), last, false},
		"another file":                       {finding("LB003", new, ""), last, false},
		"outside of the folder":              {finding("LB003", outside, ""), last, false},
		"by sample":                          {finding("PX004", new, "IF_S60"), last, true},
		"another sample":                     {finding("PX004", new, "IMC_S60"), last, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := c.Excepting([]string{inside, outside, new}, test.now)
			if got := e.Except(test.f); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestExpiredExceptionsAreTold(t *testing.T) {
	c := parsed(t, whole)
	e := c.Excepting([]string{"masks/old/a.tiff"}, time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC))
	if notes := e.Notes(); len(notes) != 0 {
		t.Errorf("of no finding: %q", notes)
	}
	var wg sync.WaitGroup
	for range 7 {
		wg.Go(func() { e.Except(&validate.Finding{Rule: "LB003", Place: validate.Place{Target: "masks/old/a.tiff"}}) })
	}
	wg.Wait()
	want := "exception 1 (LB) expired on 2027-01-31: its findings count again, 7 of them: drawn before the protocol"
	if notes := e.Notes(); len(notes) != 1 || notes[0] != want {
		t.Errorf("got %q, want %q", notes, want)
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		glob, path string
		want       bool
	}{
		{"a.tiff", "a.tiff", true},
		{"a.tiff", "b/a.tiff", false},
		{"*.tiff", "a.tiff", true},
		{"*.tiff", "b/a.tiff", false},
		{"**/*.tiff", "a.tiff", true},
		{"**/*.tiff", "b/c/a.tiff", true},
		{"b/**/a.tiff", "b/a.tiff", true},
		{"b/**/a.tiff", "b/c/d/a.tiff", true},
		{"b/**/a.tiff", "c/b/a.tiff", false},
		{"b", "b/c/a.tiff", true},
		{"./b/", "b/c/a.tiff", true},
		{".", "b/c", true},
		{"b/**", "b", true},
		{"b/**", "bc/a", false},
		{"**", "anything/at/all", true},
		{"S[0-9]?.tiff", "S60.tiff", true},
		{"data/questions", "data/questions/train-00000-of-00001.parquet", true},
	} {
		if got := match(test.glob, test.path); got != test.want {
			t.Errorf("match(%q, %q) is %v", test.glob, test.path, got)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("classes: [AM]\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	root, inner := filepath.Join(dir, "lab", Name), filepath.Join(dir, "lab", "b", Name)
	a, b, set := filepath.Join(dir, "lab", "a", "a.tiff"), filepath.Join(dir, "lab", "b", "b.tiff"), filepath.Join(dir, "lab", "a")
	for _, path := range []string{root, inner, a, b} {
		write(path)
	}
	for name, test := range map[string]struct {
		targets []string
		want    string
	}{
		"of a file":           {[]string{a}, root},
		"of a folder":         {[]string{set}, root},
		"of two":              {[]string{a, set}, root},
		"the nearest":         {[]string{b}, inner},
		"of what is not":      {[]string{filepath.Join(dir, "lab", "a", "missing.tiff")}, root},
		"none":                {[]string{dir}, ""},
		"not on this machine": {[]string{"https://example.org/set"}, ""},
	} {
		if got, err := Find(test.targets); err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
	if _, err := Find([]string{a, b}); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("of two that differ: %v", err)
	}
	c, err := Load(root, toys)
	if err != nil || c.File != root {
		t.Errorf("loaded from %q, %v", c.File, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("rules: {LB003: {limits: {min_area: 1e400}}}"))
	f.Add([]byte("exceptions: [{path: '**/[', rules: [LB], reason: x}]"))
	f.Add([]byte("exceptions: [{path: a, rules: [''], reason: x}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(Name, data, toys)
		if err != nil {
			return
		}
		if _, err := c.Tune(toys, nil, nil); err != nil {
			t.Errorf("accepted and not tuned: %v", err)
		}
		c.Excepting([]string{"a/b"}, time.Now()).Except(&validate.Finding{Rule: "LB003", Place: validate.Place{Target: "a/b"}})
	})
}
