// Package config reads .micropq.yaml, in which the keepers of annotations say what validation is to
// make of them.
//
// Words:
//
//   - A pattern of rules is an id or the beginning of one: LB003, LB.
//   - An exception leaves out findings of some rules in some files, for a reason, until a day.
//     After that day the findings count again.
//   - A glob is a path with *, ? and [...] within a folder, and ** for any number of folders. It
//     matches a file, and everything in a folder. It starts at the folder of the configuration.
//
// docs/validation.md describes the file field by field; [Schema] makes its JSON Schema from the rules.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/yamlfile"
	"github.com/micropq/micropq/validate"
)

// Name is what a configuration is called.
const Name = ".micropq.yaml"

// Config is a configuration. Its zero value changes nothing.
type Config struct {
	// File is where it was read from, "" for nowhere.
	File string `yaml:"-"`
	// FailLevel is error, warning, info or none; "" where the file does not say.
	FailLevel  string          `yaml:"fail_level"`
	Select     []string        `yaml:"select"` // patterns of rules to look with
	Ignore     []string        `yaml:"ignore"` // patterns of rules to leave out
	Classes    []string        `yaml:"classes"`
	Rules      map[string]Rule `yaml:"rules"` // by id
	Exceptions []Exception     `yaml:"exceptions"`
}

// Rule is what is changed of a rule.
type Rule struct {
	Enabled  *bool              `yaml:"enabled"`
	Severity string             `yaml:"severity"`
	Limits   map[string]float64 `yaml:"limits"`
}

// Exception leaves out findings.
type Exception struct {
	Path    string   `yaml:"path"`   // glob of targets and files in them; "" for all
	Sample  string   `yaml:"sample"` // glob of sample ids; "" for all
	Rules   []string `yaml:"rules"`  // patterns
	Reason  string   `yaml:"reason"`
	Expires string   `yaml:"expires"` // the last day it holds, 2006-01-02; "" for never
}

// Find looks for a configuration in the folder of each target and upward, and in the working folder and
// upward for a target that is not on this machine. It returns "" where there is none. All must have the same.
func Find(targets []string) (string, error) {
	found := map[string]string{} // targets by their configuration
	var files []string
	for _, t := range targets {
		file, err := findUpward(t)
		if err != nil {
			return "", err
		}
		if _, ok := found[file]; !ok {
			found[file] = t
			files = append(files, file)
		}
	}
	if len(files) > 1 {
		slices.Sort(files)
		name := func(file string) string {
			if file == "" {
				return "no " + Name
			}
			return file
		}
		return "", fmt.Errorf("%s has %s, %s has %s: validate them apart, or name the configuration with --config",
			found[files[0]], name(files[0]), found[files[1]], name(files[1]))
	}
	return files[0], nil
}

func findUpward(target string) (string, error) {
	if strings.Contains(target, "://") {
		target = "."
	}
	dir, err := filepath.Abs(target)
	if err != nil {
		return "", err
	}
	for {
		file := filepath.Join(dir, Name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) && !isNoFolder(dir) {
			return "", err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		dir = parent
	}
}

// isNoFolder tells the target itself, where it is a file, from a folder that cannot be searched.
func isNoFolder(path string) bool {
	info, err := os.Stat(path)
	return err != nil || !info.IsDir()
}

// Load reads a file for rules.
func Load(file string, all []validate.Rule) (*Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c, err := Parse(file, data, all)
	if err != nil {
		return nil, err
	}
	if c.File, err = filepath.Abs(file); err != nil {
		return nil, err
	}
	return c, nil
}

// Parse reads a configuration for rules; name is what errors call it. A rule, limit or class that does not
// exist is an error with its line and column, as is every other thing that is wrong.
func Parse(name string, data []byte, all []validate.Rule) (*Config, error) {
	var c Config
	if err := yamlfile.Load(name, data, Schema(all), &c); err != nil {
		return nil, err
	}
	var errs []error
	at := func(err error, format string, args ...any) {
		if err != nil {
			errs = append(errs, yamlfile.At(name, data, fmt.Sprintf(format, args...), err))
		}
	}
	patterns := func(list []string, pointer string) {
		for i, p := range list {
			_, err := validate.Select(all, []string{p}, nil)
			at(err, "%s/%d", pointer, i)
		}
	}
	patterns(c.Select, "/select")
	patterns(c.Ignore, "/ignore")
	for i, e := range c.Exceptions {
		at(checkGlob(e.Path), "/exceptions/%d/path", i)
		at(checkGlob(e.Sample), "/exceptions/%d/sample", i)
		patterns(e.Rules, fmt.Sprintf("/exceptions/%d/rules", i))
	}
	return &c, errors.Join(errs...)
}

// Tune is the rules that the configuration and the command line choose, with their limits and severities.
// What the command line selects stands in place of what the configuration does; what either ignores is left out.
func (c *Config) Tune(all []validate.Rule, selected, ignored []string) ([]validate.Tuned, error) {
	all = slices.Clone(all)
	for i := range all {
		if on := c.Rules[all[i].ID].Enabled; on != nil {
			all[i].Off = !*on
		}
	}
	if len(selected) == 0 {
		selected = c.Select
	}
	chosen, err := validate.Select(all, selected, slices.Concat(c.Ignore, ignored))
	if err != nil {
		return nil, err
	}
	var tuned []validate.Tuned
	for _, r := range chosen {
		t := r.Default()
		set := c.Rules[r.ID]
		if set.Severity != "" {
			if t.Severity, err = validate.ParseSeverity(set.Severity); err != nil {
				return nil, err
			}
		}
		for name, v := range set.Limits {
			t.Values[name] = v
		}
		tuned = append(tuned, t)
	}
	return tuned, nil
}
