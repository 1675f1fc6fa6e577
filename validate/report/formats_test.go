package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/validate"
)

// many is a report with more findings than SARIF lists.
func many() *Report {
	r := sample()
	r.Fail = 0
	for i := range 2 * maxResults {
		r.Findings = append(r.Findings, &validate.Finding{Rule: "LB006", Severity: validate.Info, Message: fmt.Sprintf("instance %d", i),
			Place: validate.Place{Target: "masks/S60.tiff"}, Fingerprint: fmt.Sprintf("%016x", i+100)})
	}
	return r
}

func reports() map[string]*Report {
	return map[string]*Report{"sample": sample(), "many": many(), "nothing": {Version: "0", Catalogue: toys}}
}

// saved is a report as a file.
func saved(t *testing.T, format string, r *Report) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report")
	if err := os.WriteFile(path, written(t, format, r, Options{}), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// conforms checks a report against an official JSON Schema.
func conforms(t *testing.T, schema, report string) {
	t.Helper()
	c := jsonschema.NewCompiler()
	s, err := c.Compile(oracle.Sample(t, schema))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(report)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Error(err)
	}
}

func TestSARIFFollowsItsSchema(t *testing.T) {
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) { conforms(t, "schemas/sarif-schema-2.1.0.json", saved(t, "sarif", r)) })
	}
}

func TestSARIFIsReadByOthers(t *testing.T) {
	python := oracle.Python(t)
	for name, want := range map[string]string{"sample": "[12, 5, 3]", "many": "[5000, 5, 3]", "nothing": "[0, 5, 0]"} {
		out := oracle.Run(t, python, "testdata/check_sarif.py", saved(t, "sarif", reports()[name]))
		if got := strings.TrimSpace(string(out)); got != want {
			t.Errorf("%s: results, rules and notifications are %s, want %s", name, got, want)
		}
	}
}

// What is cut is the least bad, and told.
func TestSARIFIsCut(t *testing.T) {
	var log sarifLog
	if err := json.Unmarshal(written(t, "sarif", many(), Options{}), &log); err != nil {
		t.Fatal(err)
	}
	results := log.Runs[0].Results
	if !slices.IsSortedFunc(results, func(a, b sarifResult) int {
		order := []string{"error", "warning", "note"}
		return slices.Index(order, a.Level) - slices.Index(order, b.Level)
	}) {
		t.Error("results are not worst first")
	}
	want := "5000 of 11212 findings are listed, the worst of them" // 12 and 10,000, and 1200 only counted
	if !slices.ContainsFunc(log.Runs[0].Invocations[0].Notifications, func(n sarifNotification) bool { return n.Message.Text == want }) {
		t.Errorf("the cut is not told: %+v", log.Runs[0].Invocations)
	}
	for _, r := range results {
		if r.PartialFingerprints[fingerprintName] == "" || toys[r.RuleIndex].ID != r.RuleID {
			t.Fatalf("%+v", r)
		}
	}
}

func TestArtifactURIs(t *testing.T) {
	dir := t.TempDir()
	r := &Report{Base: dir}
	for name, test := range map[string]struct {
		p    validate.Place
		want sarifArtifact
	}{
		"relative":     {validate.Place{Target: "a/b c.tiff"}, sarifArtifact{URI: "a/b%20c.tiff", URIBaseID: sourceRoot}},
		"with a colon": {validate.Place{Target: "a:b#c.tiff"}, sarifArtifact{URI: "./a:b%23c.tiff", URIBaseID: sourceRoot}},
		"absolute":     {validate.Place{Target: filepath.Join(dir, "set"), File: "chunks/x.parquet"}, sarifArtifact{URI: "set/chunks/x.parquet", URIBaseID: sourceRoot}},
		"the folder":   {validate.Place{Target: "."}, sarifArtifact{URI: ".", URIBaseID: sourceRoot}},
		"remote":       {validate.Place{Target: "https://example.org/set", File: "a"}, sarifArtifact{URI: "https://example.org/set/a"}},
	} {
		if got := sarifArtifactOf(r, test.p); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	outside := sarifArtifactOf(r, validate.Place{Target: filepath.Join("..", "a.tiff")})
	if !strings.HasPrefix(outside.URI, "file:///") || outside.URIBaseID != "" || strings.Contains(outside.URI, "..") {
		t.Errorf("outside of the folder: %+v", outside)
	}
}

func TestJUnitFollowsItsSchema(t *testing.T) {
	python := oracle.Python(t)
	xsd := oracle.Sample(t, "schemas/junit-10.xsd")
	for name, r := range reports() {
		if out := oracle.Run(t, python, "testdata/check_junit.py", xsd, saved(t, "junit", r)); string(out) != "valid\n" {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// The counts are those of the cases, whoever adds them up, and names are unique in a suite.
func TestJUnitAddsUp(t *testing.T) {
	type suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	}
	for name, r := range reports() {
		var all struct {
			suite
			Suites []suite `xml:"testsuite"`
		}
		if err := xml.Unmarshal(written(t, "junit", r, Options{}), &all); err != nil {
			t.Fatal(err)
		}
		var sum [3]int
		for _, s := range all.Suites {
			var failures, problems, skipped int
			names := map[string]bool{}
			for _, c := range s.Cases {
				failures += boolInt(c.Failure != nil)
				problems += boolInt(c.Error != nil)
				skipped += boolInt(c.Skipped != nil)
				names[c.Name] = true
			}
			if s.Tests != len(names) || s.Failures != failures || s.Errors != problems || s.Skipped != skipped {
				t.Errorf("%s: a suite says %d tests, %d failures, %d errors, %d skipped, and has %d, %d, %d, %d", name,
					s.Tests, s.Failures, s.Errors, s.Skipped, len(names), failures, problems, skipped)
			}
			sum[0], sum[1], sum[2] = sum[0]+s.Tests, sum[1]+s.Failures, sum[2]+s.Errors
		}
		if sum != [3]int{all.Tests, all.Failures, all.Errors} {
			t.Errorf("%s: the sum is %v", name, sum)
		}
		if wantFailures := map[string]int{"sample": 4}[name]; all.Failures != wantFailures {
			t.Errorf("%s: %d failures, want %d: only what fails the run is one", name, all.Failures, wantFailures)
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestRDJSONFollowsItsSchema(t *testing.T) {
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) { conforms(t, "schemas/DiagnosticResult.json", saved(t, "rdjson", r)) })
	}
}

// The schema of rdjson takes anything beside what it knows, so the names are checked here as well.
func TestRDJSONHasNothingElse(t *testing.T) {
	type result struct {
		Source      struct{ Name, URL string }
		Diagnostics []struct {
			Message  string
			Severity string
			Code     struct{ Value string }
			Location struct {
				Path  string
				Range *struct{ Start struct{ Line int } }
			}
		}
	}
	d := json.NewDecoder(bytes.NewReader(written(t, "rdjson", sample(), Options{})))
	d.DisallowUnknownFields()
	var got result
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	for i, d := range got.Diagnostics {
		f := sample().Findings[i]
		if d.Code.Value != f.Rule || d.Severity != strings.ToUpper(f.Severity.String()) || d.Message == "" || d.Location.Path == "" || (f.Line > 0) != (d.Location.Range != nil) {
			t.Errorf("%+v", d)
		}
	}
	if len(got.Diagnostics) != len(sample().Findings) {
		t.Errorf("%d diagnostics", len(got.Diagnostics))
	}
}

// annotation is a workflow command as the runner takes it apart.
type annotation struct {
	command, message string
	properties       map[string]string
}

var workflowCommand = regexp.MustCompile(`^::([a-z-]+) ([^\r\n]*?)::(.*)$`)

// annotations parses the output of a step the way the runner does: a command is a line, its properties end
// at the first "::", and %XX stands for what a command cannot hold.
func annotations(t *testing.T, out []byte) (all []annotation) {
	t.Helper()
	unescape := func(s string) string {
		return regexp.MustCompile(`%(25|0D|0A|3A|2C)`).ReplaceAllStringFunc(s, func(hex string) string {
			n, _ := strconv.ParseUint(hex[1:], 16, 8)
			return string(rune(n))
		})
	}
	for line := range strings.Lines(string(out)) {
		m := workflowCommand.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		a := annotation{command: m[1], message: unescape(m[3]), properties: map[string]string{}}
		for _, p := range strings.Split(m[2], ",") {
			k, v, ok := strings.Cut(p, "=")
			if !ok {
				t.Fatalf("%q is no property", p)
			}
			a.properties[k] = unescape(v)
		}
		all = append(all, a)
	}
	return all
}

func TestGitHubParsesBack(t *testing.T) {
	r := sample()
	r.Findings[1].Target = "a%2C b,c:d\n::error::.jsonl"
	got := annotations(t, written(t, "github", r, Options{}))
	if len(got) != 1+len(r.Findings) {
		t.Fatalf("%d annotations, want one of the target and %d", len(got), len(r.Findings))
	}
	for i, f := range r.Findings {
		a := got[i+1]
		if want := map[validate.Severity]string{validate.Error: "error", validate.Warning: "warning", validate.Info: "notice"}[f.Severity]; a.command != want {
			t.Errorf("%s: %s", f.Message, a.command)
		}
		if a.message != plain(message(f)) || a.properties["title"] != f.Rule+" "+r.rule(f.Rule).Title {
			t.Errorf("got %+v of %+v", a, f)
		}
	}
	if a := got[2]; a.properties["file"] != plain(r.Findings[1].Target) || a.properties["line"] != "12" {
		t.Errorf("got %q", a.properties)
	}
	if _, ok := got[1].properties["file"]; ok {
		t.Error("a file that is not in the repository is annotated")
	}
}

func TestGitHubTopTen(t *testing.T) {
	out := written(t, "github", many(), Options{})
	n := map[string]int{}
	for _, a := range annotations(t, out) {
		n[a.command]++
	}
	if n["error"] != 3 || n["warning"] != 9 || n["notice"] != 10 || !strings.Contains(string(out), "9991 more findings of severity info are not annotated") {
		t.Errorf("%v\n%.2000s", n, out)
	}
}

// A summary has a bound, and nothing in a message becomes markup.
func TestMarkdown(t *testing.T) {
	r := many()
	r.Findings[0].Message = strings.Repeat("ä", 100_000)
	out := string(written(t, "markdown", r, Options{}))
	if len(out) > 64<<10 {
		t.Errorf("%d bytes", len(out))
	}
	for line := range strings.Lines(out) {
		if columns := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); columns != 0 && columns != 5 {
			t.Errorf("%d columns: %s", columns-1, line)
		}
	}
	if strings.Contains(out, "<b>") || !strings.Contains(out, "9962 more are not listed here") {
		t.Error(out)
	}
}
