package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/validate/config"
	"github.com/micropq/micropq/validate/rules"
)

// The table of rules and the transcripts of docs/validation.md are what the program says; -update rewrites them.
func TestValidationDocument(t *testing.T) {
	root := oracle.Root(t)
	path := filepath.Join(root, "docs", "validation.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	got := between(t, text, "<!-- rules: micropq rules --markdown -->\n", "<!-- end of rules -->", func(string) string {
		return "\n" + must(t, "rules", "--markdown") + "\n"
	})
	got = between(t, got, "```console\n", "```", func(block string) string { return rerun(t, root, block) })
	for _, block := range fenced(t, "docs/validation.md", "yaml") {
		if _, err := config.Parse("docs/validation.md", []byte(block), rules.All()); err != nil {
			t.Errorf("the configuration of the document: %v", err)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != text {
		t.Errorf("docs/validation.md is not what the program says: run the test with -update and read the difference")
	}
}

// between replaces what stands between two marks.
func between(t *testing.T, text, from, to string, with func(string) string) string {
	t.Helper()
	head, rest, ok := strings.Cut(text, from)
	body, tail, ended := strings.Cut(rest, to)
	if !ok || !ended {
		t.Fatalf("nothing stands between %q and %q", from, to)
	}
	return head + from + with(body) + to + tail
}

// rerun runs the command lines of a transcript in the root of the repository.
func rerun(t *testing.T, root, block string) string {
	t.Helper()
	var out strings.Builder
	t.Run("transcript", func(t *testing.T) {
		t.Chdir(root)
		for line := range strings.Lines(block) {
			command, ok := strings.CutPrefix(line, "$ micropq ")
			if !ok {
				continue
			}
			if out.Len() > 0 {
				out.WriteString("\n")
			}
			_, stdout, _ := call(t, strings.Fields(command)...)
			out.WriteString(line + stdout)
		}
	})
	return out.String()
}
