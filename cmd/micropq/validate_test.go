package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micropq/micropq/validate/rules"
)

// laboratory is a folder with two label images, one of them with specks and gaps, a configuration, and a file
// that is none.
func laboratory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	row := strings.Repeat("1", 30) + "00" + strings.Repeat("3", 30)
	clean := strings.ReplaceAll(row, "3", "2")
	if err := os.MkdirAll(filepath.Join(dir, "old"), 0o777); err != nil {
		t.Fatal(err)
	}
	labelImage(t, filepath.Join(dir, "clean.npy"), clean, clean)
	labelImage(t, filepath.Join(dir, "old", "specks.npy"), row, row, strings.Repeat("0", 62), "5"+strings.Repeat("0", 61), strings.Repeat("0", 61)+"7")
	writeText(t, filepath.Join(dir, "broken.npy"), "\x93NUMPY")
	writeText(t, filepath.Join(dir, "strict.yaml"), `fail_level: warning
select: [LB002, LB003]
rules:
  LB003: {severity: error, limits: {min_area: 2}}
`)
	writeText(t, filepath.Join(dir, "excepting.yaml"), `select: [LB003]
exceptions:
  - path: old
    rules: [LB003]
    reason: drawn with a coarse brush
    expires: 9999-12-31
`)
	writeText(t, filepath.Join(dir, "expired.yaml"), `select: [LB003]
exceptions:
  - path: old
    rules: [LB003]
    reason: drawn with a coarse brush
    expires: 2001-01-31
`)
	writeText(t, filepath.Join(dir, "wrong.yaml"), "rules:\n  LB999: {enabled: true}\n  LB003: {limits: {smallest: 3}}\n")
	return dir
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestValidateTranscript(t *testing.T) {
	t.Setenv(envSummary, "")
	dir := laboratory(t)
	tr := newTranscript(dir, "DIR", time.Now().Format(time.DateOnly), "TODAY")
	t.Run("there", func(t *testing.T) { validateThere(t, tr, dir) })
	tr.check(t, "validate")
}

// validateThere runs validations in the laboratory's folder.
func validateThere(t *testing.T, tr *transcript, dir string) {
	t.Chdir(dir)
	for _, line := range []string{
		"clean.npy --select LB002,LB003,LB004 --ignore LB004",
		"clean.npy old/specks.npy --select LB002,LB003,PX004",
		"old/specks.npy --fail-level warning --select LB003",
		"old/specks.npy --config strict.yaml",
		"old/specks.npy --config strict.yaml --fail-level none",
		"old/specks.npy --config excepting.yaml",
		"old/specks.npy --config expired.yaml",
		"broken.npy gone.npy old/specks.npy --select LB003 --fail-level warning",
		"old/specks.npy --select LB003 --report jsonl",
		"old/specks.npy --select LB003 --report github",
		"old/specks.npy --select LB002,LB003,PX004 --write-baseline known.json --report markdown",
		"old/specks.npy clean.npy --select LB002,LB003,PX004 --baseline known.json --fail-level info",
		"clean.npy --select PX004 --baseline known.json",
		"--config wrong.yaml clean.npy",
	} {
		tr.run(t, append([]string{"validate"}, strings.Fields(line)...)...)
	}
	// The specks are gone: the entries are stale, and pruned.
	row := strings.Repeat("1", 30) + "00" + strings.Repeat("2", 30)
	labelImage(t, filepath.Join(dir, "old", "specks.npy"), row, row)
	tr.run(t, strings.Fields("validate old/specks.npy --select LB002,LB003,PX004 --baseline known.json")...)
	tr.run(t, strings.Fields("validate old/specks.npy --select LB002,LB003,PX004 --baseline known.json --prune")...)
	tr.run(t, strings.Fields("validate old/specks.npy --select LB002,LB003,PX004 --baseline known.json")...)
}

func TestValidateUsage(t *testing.T) {
	dir := laboratory(t)
	writeText(t, filepath.Join(dir, "no.json"), `{"baseline": 7}`)
	tr := newTranscript(dir, "DIR")
	t.Run("there", func(t *testing.T) { usageThere(t, tr, dir) })
	tr.check(t, "validate_usage")
}

func usageThere(t *testing.T, tr *transcript, dir string) {
	t.Chdir(dir)
	for _, line := range []string{
		"",
		"clean.npy --as nothing --fail-level bad --jobs 0 --memory 1 --progress loud",
		"clean.npy --select XX9",
		"clean.npy --report pdf",
		"clean.npy --report text --report json",
		"clean.npy --report text=no/folder/out.txt",
		"clean.npy --report text=",
		"clean.npy --report text=old",
		"clean.npy --config gone.yaml",
		"clean.npy --config strict.yaml --no-config",
		"clean.npy --baseline gone.json",
		"clean.npy --baseline no.json",
		"clean.npy --write-baseline no.json",
		"clean.npy --prune",
		"clean.npy old/specks.npy --image a.tiff --patch p.jsonl",
	} {
		tr.run(t, append([]string{"validate"}, strings.Fields(line)...)...)
		if code, _, _ := call(t, append([]string{"validate"}, strings.Fields(line)...)...); code != codeUsage {
			t.Errorf("micropq validate %s: exit code %d, want %d", line, code, codeUsage)
		}
	}
	for _, line := range []string{"rules nothing", "rules explain", "rules explain LB999"} {
		tr.run(t, strings.Fields(line)...)
	}
}

// Two targets with configurations that differ cannot be validated as one.
func TestValidateTwoConfigurations(t *testing.T) {
	dir := laboratory(t)
	writeText(t, filepath.Join(dir, "old", ".micropq.yaml"), "ignore: [LB]\n")
	clean, specks := filepath.Join(dir, "clean.npy"), filepath.Join(dir, "old", "specks.npy")
	if code, _, stderr := call(t, "validate", clean, specks); code != codeUsage || !strings.Contains(stderr, "--config") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if code, stdout, _ := call(t, "validate", specks); code != codeDone || strings.Contains(stdout, "LB003") {
		t.Errorf("the configuration beside the target is not used: exit code %d\n%s", code, stdout)
	}
	if _, stdout, _ := call(t, "validate", specks, "--no-config"); !strings.Contains(stdout, "LB003") {
		t.Errorf("the configuration is used:\n%s", stdout)
	}
}

// Whatever is written, and to where, the exit code is the same.
func TestValidateReportsLeaveTheExitCode(t *testing.T) {
	t.Setenv(envSummary, "")
	dir := laboratory(t)
	clean, specks, broken := filepath.Join(dir, "clean.npy"), filepath.Join(dir, "old", "specks.npy"), filepath.Join(dir, "broken.npy")
	for _, format := range []string{"text", "json", "jsonl", "sarif", "junit", "github", "markdown", "rdjson"} {
		for want, line := range map[int][]string{
			codeDone:     {clean, "--fail-level", "error"},
			codeFindings: {clean, specks, "--fail-level", "info"},
			codeDamaged:  {specks, broken, "--fail-level", "info"},
		} {
			file := filepath.Join(dir, "report")
			code, stdout, _ := call(t, append([]string{"validate", "--report", format}, line...)...)
			coded, none, _ := call(t, append([]string{"validate", "--report", format + "=" + file}, line...)...)
			if code != want || coded != want || none != "" {
				t.Errorf("%s: exit codes %d and %d, want %d; %q", format, code, coded, want, none)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != stdout {
				t.Errorf("%s: the file differs from standard output: %v", format, err)
			}
		}
	}
}

func TestValidateSeveralReports(t *testing.T) {
	dir := laboratory(t)
	summary := filepath.Join(dir, "summary.md")
	writeText(t, summary, "of another step\n")
	t.Setenv(envSummary, summary)
	sarif := filepath.Join(dir, "out.sarif")
	code, stdout, _ := call(t, "validate", filepath.Join(dir, "old", "specks.npy"), "--report", "github", "--report", "sarif="+sarif)
	if code != codeDone || !strings.HasPrefix(stdout, "::warning ") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
	if got, err := os.ReadFile(summary); err != nil || !bytes.HasPrefix(got, []byte("of another step\n### micropq validate\n")) {
		t.Errorf("summary: %s, %v", got, err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
		}
	}
	if data, err := os.ReadFile(sarif); err != nil || json.Unmarshal(data, &log) != nil || log.Version != "2.1.0" {
		t.Fatalf("SARIF: %+v, %v", log, err)
	}
	if n, want := len(log.Runs[0].Tool.Driver.Rules), len(rules.All()); n != want {
		t.Errorf("SARIF lists %d rules, want all %d", n, want)
	}
	parts, err := filepath.Glob(filepath.Join(dir, "*.part"))
	if err != nil || len(parts) > 0 {
		t.Errorf("left behind: %v, %v", parts, err)
	}
}

// A target that could not be read makes no baseline: its findings would be new the next time.
func TestNoBaselineOfAnUnreadableTarget(t *testing.T) {
	dir := laboratory(t)
	file := filepath.Join(dir, "known.json")
	code, stdout, _ := call(t, "validate", filepath.Join(dir, "broken.npy"), filepath.Join(dir, "clean.npy"), "--write-baseline", file)
	if _, err := os.Stat(file); code != codeDamaged || err == nil || !strings.Contains(stdout, "no baseline is written") {
		t.Errorf("exit code %d, %v\n%s", code, err, stdout)
	}
}

func TestValidateInterrupted(t *testing.T) {
	dir := laboratory(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	file := filepath.Join(dir, "out.txt")
	code := run(ctx, []string{"micropq", "validate", filepath.Join(dir, "clean.npy"), "--report", "text=" + file}, &stdout, &stderr)
	if _, err := os.Stat(file); code != codeInterrupted || err == nil || stdout.Len() > 0 || stderr.String() != "micropq: interrupted\n" {
		t.Errorf("exit code %d, %v: %s %s", code, err, stdout.String(), stderr.String())
	}
}

// Every rule explains itself; JSON, the table and the schema of configurations list the same ones.
func TestRules(t *testing.T) {
	var all []struct {
		ID, Title, Why, Example, Mend string
		Limits                        []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(must(t, "rules", "--json")), &all); err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Rules struct {
				Properties map[string]struct {
					Properties struct {
						Limits struct{ Properties map[string]any }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(must(t, "schema", "show", "config")), &schema); err != nil {
		t.Fatal(err)
	}
	table := must(t, "rules")
	for _, r := range all {
		text := must(t, "rules", "explain", r.ID)
		for _, part := range []string{r.Title, strings.Fields(r.Why)[0], strings.Fields(r.Mend)[0]} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in\n%s", r.ID, part, text)
			}
		}
		in, ok := schema.Properties.Rules.Properties[r.ID]
		if !ok || !strings.Contains(table, r.ID+"  ") {
			t.Errorf("%s is not in the schema or the table", r.ID)
		}
		for _, l := range r.Limits {
			if _, ok := in.Properties.Limits.Properties[l.Name]; !ok || !strings.Contains(text, l.Name+": ") {
				t.Errorf("%s: limit %s is not in the schema or the text", r.ID, l.Name)
			}
		}
		for line := range strings.Lines(text) {
			if len(line) > 80 && strings.HasPrefix(line, "  ") {
				t.Errorf("%s: a line of %d characters", r.ID, len(line))
			}
		}
	}
	if !slices.ContainsFunc(all, func(r struct {
		ID, Title, Why, Example, Mend string
		Limits                        []struct{ Name string }
	}) bool {
		return r.ID == "LB003"
	}) {
		t.Error("LB003 is not listed")
	}
}

// Whatever was done to a data set is found, and named.
func TestValidateDamagedDatasets(t *testing.T) {
	want := map[string]string{
		"FLIPPED":    "DS002",
		"CUT":        "DS002",
		"MISSING":    "DS002",
		"NEWER":      "format version 2.0 is newer",
		"EDITED":     "DS002",
		"UNFINISHED": "there is no manifest.json",
	}
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			dst := converted(t)
			if code, stdout, _ := call(t, "validate", dst, "--select", "DS001,DS002,DS003,DS004", "--progress", "none"); code != codeDone {
				t.Fatalf("before: exit code %d\n%s", code, stdout)
			}
			d.damage(t, dst)
			code, stdout, stderr := call(t, "validate", dst, "--progress", "none")
			if code != codeFindings || want[d.name] == "" || !strings.Contains(stdout, want[d.name]) {
				t.Errorf("exit code %d, want %q\n%s%s", code, want[d.name], stdout, stderr)
			}
		})
	}
}

// What is mended is told, and what remains is found in the file as it is then.
func TestValidateFix(t *testing.T) {
	dir := laboratory(t)
	specks := filepath.Join(dir, "old", "specks.npy")
	line := []string{"validate", specks, "--select", "LB002,LB003"}
	stdout := must(t, append(line, "--fix")...)
	for _, want := range []string{"mended " + specks + ": LB002: number ", "instance 3 has 1 pixel", "instance 4 has 1 pixel", "2 warnings ("} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	if again := must(t, append(line, "--fix")...); strings.Contains(again, "mended") || strings.Contains(again, "LB002") {
		t.Errorf("mended again:\n%s", again)
	}
}

// The edits of a patch are made by annotate apply; the data set that is published then has the findings no more.
func TestValidatePatch(t *testing.T) {
	dir := t.TempDir()
	set, published, patch := filepath.Join(dir, "ncl"), filepath.Join(dir, "revision"), filepath.Join(dir, "patch.jsonl")
	must(t, "convert", "nclsm", "../../testdata/nclsm", set, "--progress", "none")
	stdout := must(t, "validate", set, "--select", "LB003,OV002,LB006", "--patch", patch)
	if !strings.Contains(stdout, "LB003") || !strings.Contains(stdout, patch+" has 7 edits") {
		t.Errorf("got\n%s", stdout)
	}
	must(t, "annotate", "apply", set, patch, "--author", "ann")
	must(t, "annotate", "publish", set, published)
	if code, stdout, _ := call(t, "validate", published, "--select", "LB003,OV002", "--fail-level", "info"); code != codeDone {
		t.Errorf("after the edits: exit code %d\n%s", code, stdout)
	}
}

// Pictures are named in the text, and drawn from data sets as well.
func TestValidatePictures(t *testing.T) {
	dir := t.TempDir()
	set, pictures := filepath.Join(dir, "ncl"), filepath.Join(dir, "pictures")
	must(t, "convert", "nclsm", "../../testdata/nclsm", set, "--progress", "none")
	stdout := must(t, "validate", set, "--select", "LB003", "--pictures", pictures)
	files, err := filepath.Glob(filepath.Join(pictures, "LB003-*.png"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if !strings.Contains(stdout, f+"\n") {
			t.Errorf("%s is not named in\n%s", f, stdout)
		}
	}
}
