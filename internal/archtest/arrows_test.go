package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/micropq/micropq"
	cli    = "github.com/urfave/cli"
)

// mayImport lists, for each top folder of the repository, the top folders its packages may
// import. Under a folder that is in its own list, packages may import each other. The
// sample generator in testdata and the measurements in bench stand above all others.
var mayImport = map[string][]string{
	"cmd":      {"cmd", "convert", "annotate", "validate", "loaders", "internal", "schemas"},
	"convert":  {"convert", "loaders", "internal", "schemas"},
	"annotate": {"annotate", "loaders", "internal", "schemas"},
	"validate": {"validate", "annotate", "loaders", "internal", "schemas"},
	"loaders":  {"loaders", "internal", "schemas"},
	"internal": {"internal", "schemas"},
	"schemas":  {},
	"bench":    {"bench", "loaders", "internal", "schemas", "testdata"},
	"testdata": {"testdata", "cmd", "convert", "annotate", "validate", "loaders", "internal", "schemas"},
}

// goPackage is the part of `go list -json` that the rules need. Imports leaves out the
// imports of test files.
type goPackage struct {
	ImportPath string
	Imports    []string
}

// broken lists every arrow that the rules forbid, one line each.
func broken(packages []goPackage) []string {
	var lines []string
	for _, p := range packages {
		from := folder(p.ImportPath)
		allowed, known := mayImport[from]
		if !known {
			lines = append(lines, fmt.Sprintf("%s: the folder %q belongs to no layer", p.ImportPath, from))
			continue
		}
		for _, to := range p.Imports {
			if !ours(to) {
				if isCLI(to) && p.ImportPath != module+"/cmd/micropq" {
					lines = append(lines, fmt.Sprintf("%s -> %s: only cmd/micropq knows the command line", p.ImportPath, to))
				}
				continue
			}
			if !slices.Contains(allowed, folder(to)) {
				lines = append(lines, fmt.Sprintf("%s -> %s: %s may import %v", p.ImportPath, to, from, allowed))
			}
		}
	}
	return lines
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

func isCLI(path string) bool { return path == cli || strings.HasPrefix(path, cli+"/") }

// folder is the first folder of a package below the module: "convert" for convert/fisbe.
func folder(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"), "/")
	return first
}

func TestArrowsPointDown(t *testing.T) {
	packages := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list names %d packages: too few to be the repository", len(packages))
	}
	for _, line := range broken(packages) {
		t.Error(line)
	}
}

// list asks the go tool for every package. It leaves folders named testdata out of ./..., so
// the generator is named.
func list(t *testing.T) []goPackage {
	t.Helper()
	lookAtSources(t)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...", "./testdata/gen/...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// lookAtSources visits every folder with sources. The go tool caches a test's result until
// something that the test looked at changes, and it cannot see what go list reads.
func lookAtSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBrokenArrowsAreFound(t *testing.T) {
	tests := []struct {
		from, to string
		want     bool // whether the arrow breaks a rule
	}{
		{"cmd/micropq", "convert/fisbe", false},
		{"cmd/micropq", "internal/zarr", false},
		{"convert/fisbe", "convert", false},
		{"convert/fisbe", "internal/zarr", false},
		{"loaders", "schemas", false},
		{"internal/zarr", "internal/store", false},
		{"testdata/gen", "convert/fisbe", false},
		{"convert", "loaders", false},
		{"schemas", "internal/nd", true},
		{"schemas", "schemas/sub", true},
		{"internal/zarr", "convert", true},
		{"internal/zarr", "loaders", true},
		{"internal/zarr", "validate", true},
		{"internal/zarr", "annotate", true},
		{"loaders", "convert", true},
		{"loaders", "convert/fisbe", true},
		{"convert", "cmd/micropq", true},
		{"convert", "validate", true},
		{"validate", "testdata/gen/fisbegen", true},
		{"stray", "schemas", true},
	}
	for _, test := range tests {
		graph := []goPackage{{ImportPath: module + "/" + test.from, Imports: []string{"fmt", module + "/" + test.to}}}
		if got := len(broken(graph)) > 0; got != test.want {
			t.Errorf("%s -> %s: broken is %v, want %v", test.from, test.to, got, test.want)
		}
	}
}

func TestOnlyTheCommandKnowsTheCommandLine(t *testing.T) {
	for from, want := range map[string]bool{"cmd/micropq": false, "cmd/other": true, "convert": true, "testdata/gen": true} {
		graph := []goPackage{{ImportPath: module + "/" + from, Imports: []string{cli + "/v2"}}}
		if got := len(broken(graph)) > 0; got != want {
			t.Errorf("%s: broken is %v, want %v", from, got, want)
		}
	}
}
