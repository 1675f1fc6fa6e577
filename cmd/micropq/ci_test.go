package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/micropq/micropq/internal/oracle"
)

// The tests of this file run what services run: the steps of action.yml, the entries of the pre-commit hooks and
// the script of the GitLab job in docs/ci.md.

// asCommand puts a micropq into a folder that is this test binary.
func asCommand(t *testing.T) (dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are for a POSIX shell")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, self)
	if err := os.WriteFile(filepath.Join(dir, "micropq"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(oracle.Root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

type action struct {
	Inputs map[string]struct {
		Default     string
		Description string
		Required    bool
	}
	Runs struct {
		Steps []struct {
			Name string
			Run  string
			Env  map[string]string
		}
	}
}

// step runs the step of the action that validates, as the runner does: in a folder, with inputs in the place of
// expressions and the files that steps write to.
func (a *action) step(t *testing.T, dir string, inputs map[string]string) (code int, stdout string, outputs map[string]string) {
	t.Helper()
	for _, s := range a.Runs.Steps {
		if s.Name != "Validate" {
			continue
		}
		files := t.TempDir()
		output, summary := filepath.Join(files, "output"), filepath.Join(files, "summary")
		cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GITHUB_OUTPUT="+output, envSummary+"="+summary, "GITHUB_ACTIONS=true", "RUNNER_TEMP="+files)
		for k, v := range s.Env {
			cmd.Env = append(cmd.Env, k+"="+a.input(t, v, inputs))
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // its code is looked at
		written, err := os.ReadFile(output)
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		outputs = map[string]string{}
		for line := range strings.Lines(string(written)) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			outputs[k] = v
		}
		if text, err := os.ReadFile(summary); err == nil {
			outputs["summary"] = string(text)
		}
		return cmd.ProcessState.ExitCode(), out.String(), outputs
	}
	t.Fatal("action.yml has no step that validates")
	return 0, "", nil
}

// input is the value of an expression that is one input.
func (a *action) input(t *testing.T, expression string, inputs map[string]string) string {
	t.Helper()
	name := strings.TrimSuffix(strings.TrimPrefix(expression, "${{ inputs."), " }}")
	in, ok := a.Inputs[name]
	if !ok {
		t.Fatalf("%s is no input", expression)
	}
	if v, ok := inputs[name]; ok {
		return v
	}
	return in.Default
}

func TestAction(t *testing.T) {
	binary := filepath.Join(asCommand(t), "micropq")
	var a action
	readYAML(t, "action.yml", &a)
	for name, in := range a.Inputs {
		if in.Description == "" {
			t.Errorf("input %s is not described", name)
		}
	}
	dir := laboratory(t)
	spaced := filepath.Join(dir, "a folder")
	if err := os.Mkdir(spaced, 0o777); err != nil {
		t.Fatal(err)
	}
	labelImage(t, filepath.Join(spaced, "$(touch stolen).npy"), strings.Repeat("1", 40))
	for name, test := range map[string]struct {
		inputs map[string]string
		code   int
		shows  string
	}{
		"clean":          {map[string]string{"targets": "clean.npy"}, 0, "::warning file=clean.npy,"},
		"findings":       {map[string]string{"targets": "clean.npy\n\n**/specks.npy\n", "arguments": "--fail-level=warning\n"}, 1, "::warning file=old/specks.npy,title=LB003"},
		"a bad argument": {map[string]string{"targets": "clean.npy", "arguments": "--select=XX9"}, 2, "no rule is named"},
		"no target":      {map[string]string{"targets": "nothing/*.npy"}, 2, "::error title=micropq validate::no file matches"},
		"unreadable":     {map[string]string{"targets": "broken.npy"}, 4, "::error file=broken.npy,title=unreadable"},
		"SARIF":          {map[string]string{"targets": "old/*.npy", "sarif": "out.sarif"}, 0, "::warning "},
		"hostile names":  {map[string]string{"targets": "a folder/*.npy\n$(touch stolen).npy\n"}, 4, "touch stolen"},
	} {
		t.Run(name, func(t *testing.T) {
			test.inputs["binary"] = binary
			code, out, outputs := a.step(t, dir, test.inputs)
			if code != test.code || outputs["exit-code"] != fmt.Sprint(test.code) || !strings.Contains(out, test.shows) {
				t.Errorf("exit code %d, output %q, want %d and %q\n%s", code, outputs["exit-code"], test.code, test.shows, out)
			}
			if (code != 2) != strings.Contains(outputs["summary"], "### micropq validate") {
				t.Errorf("summary: %q", outputs["summary"])
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "out.sarif")); err != nil {
		t.Error(err)
	}
	for _, where := range []string{dir, spaced} {
		if _, err := os.Stat(filepath.Join(where, "stolen")); err == nil {
			t.Error("the name of a file was run")
		}
	}
}

func TestPreCommitHooks(t *testing.T) {
	command := asCommand(t)
	t.Setenv("PATH", command+string(os.PathListSeparator)+os.Getenv("PATH"))
	var hooks []struct {
		ID, Name, Description, Entry, Files string
		PassFilenames                       *bool `yaml:"pass_filenames"`
	}
	readYAML(t, ".pre-commit-hooks.yaml", &hooks)
	dir := laboratory(t)
	for _, h := range hooks {
		if h.Name == "" || h.Description == "" || h.Files == "" {
			t.Errorf("%s is not described", h.ID)
		}
		// pre-commit appends args, then the files that are committed.
		for want, more := range map[int]string{codeDone: "clean.npy", codeFindings: "--fail-level=warning old/specks.npy clean.npy"} {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", h.Entry+" "+more)
			cmd.Dir = dir
			out, _ := cmd.CombinedOutput() // its code is looked at
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Errorf("%s %s: exit code %d, want %d\n%s", h.ID, more, code, want, out)
			}
		}
	}
}

// fenced is the blocks of a language in a document.
func fenced(t *testing.T, document, language string) (blocks []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(oracle.Root(t), document))
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(data), "```") {
		if text, ok := strings.CutPrefix(part, language+"\n"); ok && i%2 == 1 {
			blocks = append(blocks, text)
		}
	}
	return blocks
}

func TestGitLabJob(t *testing.T) {
	command := asCommand(t)
	// The job installs a release; here it is what is tested.
	writeText(t, filepath.Join(command, "go"), "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(command, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", command+string(os.PathListSeparator)+os.Getenv("PATH"))
	ran := false
	for _, block := range fenced(t, "docs/ci.md", "yaml") {
		var jobs map[string]struct {
			Script    []string
			Artifacts struct{ Reports struct{ JUnit string } }
		}
		if err := yaml.Unmarshal([]byte(block), &jobs); err != nil || jobs["annotations"].Script == nil {
			continue
		}
		ran = true
		job := jobs["annotations"]
		dir := laboratory(t)
		if err := os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, "masks")); err != nil {
			t.Fatal(err)
		}
		labelImage(t, filepath.Join(dir, "masks", "specks.tiff"), "000", "000") // of the name that the script wants
		cmd := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", strings.Join(job.Script, "\n"))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		var suites struct {
			Tests int `xml:"tests,attr"`
		}
		data, err := os.ReadFile(filepath.Join(dir, job.Artifacts.Reports.JUnit))
		if err != nil || xml.Unmarshal(data, &suites) != nil || suites.Tests == 0 {
			t.Errorf("JUnit: %d tests, %v", suites.Tests, err)
		}
	}
	if !ran {
		t.Error("docs/ci.md has no GitLab job")
	}
}
