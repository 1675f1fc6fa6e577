package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

// transcript is what a user sees of some command lines. It is kept in testdata/NAME.golden:
//
//	$ micropq inspect OUT --jso
//	! micropq: flag provided but not defined: -jso: see micropq inspect --help
//	exit code 2
//
// Lines of standard error begin with "! "; exit code 0 is not mentioned.
type transcript struct {
	text  strings.Builder
	names *strings.Replacer // of what differs between runs
}

// newTranscript replaces texts, given in pairs, by names.
func newTranscript(names ...string) *transcript {
	return &transcript{names: strings.NewReplacer(names...)}
}

// took matches how long something took.
var took = regexp.MustCompile(`(, in |"seconds": )[0-9.]+[a-zµ]*`)

// run runs a command line, written with the names.
func (tr *transcript) run(t *testing.T, args ...string) {
	t.Helper()
	code, stdout, stderr := call(t, args...)
	line := "$ micropq"
	for _, a := range args {
		if strings.ContainsAny(a, " *?'[") || a == "" {
			a = "'" + a + "'"
		}
		line += " " + a
	}
	fmt.Fprintln(&tr.text, tr.names.Replace(line))
	tr.text.WriteString(took.ReplaceAllString(tr.names.Replace(stdout), "${1}TIME"))
	for line := range strings.Lines(tr.names.Replace(stderr)) {
		tr.text.WriteString("! " + line)
	}
	if code != codeDone {
		fmt.Fprintf(&tr.text, "exit code %d\n", code)
	}
	tr.text.WriteString("\n")
}

// check compares with the golden file.
func (tr *transcript) check(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(tr.text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	if got := []byte(tr.text.String()); !bytes.Equal(got, want) {
		t.Errorf("differs from %s: run the test with -update and read the difference\n%s", path, got)
	}
}

const smallest = "../../testdata/fisbe"

// converted is the smallest release as a data set, cut into many chunks.
func converted(t *testing.T) string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	must(t, "convert", "fisbe", "--chunk", "16", "--levels", "2", smallest, dst)
	return dst
}

// Every command has a help text, and every one that does something an example in it.
func TestHelp(t *testing.T) {
	tr := newTranscript(version, "VERSION")
	tr.run(t, "--help")
	var walk func(prefix []string, commands []*cli.Command)
	walk = func(prefix []string, commands []*cli.Command) {
		for _, c := range commands {
			line := append(slices.Clone(prefix), c.Name)
			tr.run(t, append(line, "--help")...)
			if len(c.Subcommands) == 0 && !strings.Contains(c.Description, "Example") {
				t.Errorf("the help of micropq %s has no example", strings.Join(line, " "))
			}
			walk(line, c.Subcommands)
		}
	}
	walk(nil, newApp(io.Discard, io.Discard).Commands)
	tr.run(t, "--version")
	tr.check(t, "help")
}

func TestSchemaTranscript(t *testing.T) {
	tr := newTranscript()
	tr.run(t, "schema", "list")
	for _, format := range []string{"parquet", "arrow", "json", "markdown"} {
		tr.run(t, "schema", "show", "chunks", "--format", format)
	}
	tr.run(t, "schema", "show", "manifest")
	tr.check(t, "schema")
}

// Every way to get a command line wrong is exit code 2 and says where to look.
func TestUsageTranscript(t *testing.T) {
	tr := newTranscript()
	for _, line := range []string{
		"nothing",
		"--nothing",
		"convert nothing",
		"convert fisbe",
		"convert fisbe SRC",
		"convert fisbe SRC DST more",
		"convert fisbe SRC DST --nothing",
		"convert fisbe --jobs",
		"convert fisbe --jobs many SRC DST",
		"convert fisbe SRC DST --jobs 0 --memory 3 --progress loud",
		"convert fisbe SRC DST --chunk 3,4",
		"convert fisbe SRC DST --shard-size huge",
		"convert fisbe SRC DST --levels 0",
		"convert fisbe SRC DST --shard-size 1 --levels 11 --encoding lz4 --arrays ../raw --subset some --split all --sample [",
		"inspect",
		"inspect DST --jso",
		"read",
		"read DST",
		"read DST --sample S --sample",
		"read DST -o out.npy --sample S --level -1 --format tiff --memory much --merged --instances 1",
		"read DST -o out.npy --instances 1,1",
		"preview DST",
		"preview DST -o DIR --sample [",
		"preview DST -o DIR --progress loud",
		"schema nothing",
		"schema list chunks",
		"schema show",
		"schema show nothing",
		"schema show chunks --format yaml",
	} {
		if code, _, _ := call(t, strings.Fields(line)...); code != codeUsage {
			t.Errorf("micropq %s: exit code %d, want %d", line, code, codeUsage)
		}
		tr.run(t, strings.Fields(line)...)
	}
	tr.check(t, "usage")
}

func TestConvertTranscript(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "out")
	tr := newTranscript(smallest, "FISBE", dst, "OUT")
	options := []string{"--chunk", "16", "--levels", "2", "--shard-size", "64KiB"}
	line := func(more ...string) []string {
		return append(append([]string{"convert", "fisbe", smallest, dst}, options...), more...)
	}
	tr.run(t, line("--dry-run")...)
	tr.run(t, line("--dry-run", "--json")...)
	if _, err := os.Stat(dst); err == nil {
		t.Error("a dry run wrote something")
	}
	tr.run(t, line()...)
	tr.run(t, line()...)
	tr.run(t, line("--json")...)
	tr.run(t, line("--split", "val")...)
	tr.run(t, line("--split", "test")...)
	tr.run(t, line("--split", "val", "--overwrite")...)
	tr.check(t, "convert")
}

func TestInspectTranscript(t *testing.T) {
	dst := converted(t)
	tr := newTranscript(dst, "OUT")
	tr.run(t, "inspect", dst)
	tr.run(t, "inspect", dst, "--json")
	tr.check(t, "inspect")
}

func TestReadTranscript(t *testing.T) {
	dst := converted(t)
	dir := t.TempDir()
	tr := newTranscript(dst, "OUT", dir, "DIR")
	const sample = "VT032286-20160128_64_F1"
	out := filepath.Join(dir, "out.npy")
	for _, line := range [][]string{
		{"--sample", sample, "-o", out},
		{"--sample", sample, "-o", out, "--json", "--region", "0,4:20,:,-8:", "--level", "0"},
		{"--sample", sample, "-o", out, "--level", "1", "--verify"},
		{"--sample", sample, "--array", "gt_instances", "--merged", "-o", out},
		{"--sample", sample, "--array", "gt_instances", "--instances", "1,5", "--region", "0:4", "-o", out, "--json"},
		{"-o", out},
		{"--sample", "nobody", "-o", out},
		{"--sample", sample, "--array", "nothing", "-o", out},
		{"--sample", sample, "--level", "2", "-o", out},
		{"--sample", sample, "--region", "0:3,0:99", "-o", out},
		{"--sample", sample, "--region", "0:3:2", "-o", out},
		{"--sample", sample, "--merged", "-o", out},
		{"--sample", sample, "--array", "gt_instances", "--instances", "1,99", "-o", out},
		{"--sample", sample, "-o", dir},
		{"--sample", sample, "-o", filepath.Join(dir, "no", "folder.npy")},
	} {
		tr.run(t, append([]string{"read", dst}, line...)...)
	}
	tr.check(t, "read")
}

func TestPreviewTranscript(t *testing.T) {
	dst := converted(t)
	dir := t.TempDir()
	tr := newTranscript(dst, "OUT", dir, "DIR")
	tr.run(t, "preview", dst, "-o", dir)
	tr.run(t, "preview", dst, "-o", dir, "--split", "val")
	tr.run(t, "preview", dst, "-o", dir, "--sample", "R*")
	tr.run(t, "preview", dst, "-o", filepath.Join(dir, "VT032286-20160128_64_F1.png"))
	tr.check(t, "preview")
}

// Bad input is exit code 3, with what is wrong and where.
func TestDefectsTranscript(t *testing.T) {
	var names []string
	dst := filepath.Join(t.TempDir(), "out")
	releases := map[string]string{}
	for _, defect := range fisbegen.DefectNames() {
		o := smallRelease
		o.Defect = defect
		releases[defect] = release(t, o)
		names = append(names, releases[defect], strings.ToUpper(defect))
	}
	tr := newTranscript(append(names, dst, "OUT")...)
	for _, defect := range fisbegen.DefectNames() {
		tr.run(t, "convert", "fisbe", releases[defect], dst, "--jobs", "1")
		if err := os.RemoveAll(dst); err != nil {
			t.Fatal(err)
		}
	}
	tr.check(t, "defects")
}

// The data set that converted makes, as damages do harm to it.
const (
	damagedChunks = "chunks/train-00000-of-00001.parquet"
	damagedSample = "VT032286-20160128_64_F1"
)

// damages are what may happen to a data set.
var damages = []struct {
	name   string
	damage func(t *testing.T, dst string)
}{
	{"FLIPPED", func(t *testing.T, dst string) { flipPayload(t, filepath.Join(dst, damagedChunks)) }},
	{"CUT", func(t *testing.T, dst string) {
		if err := os.Truncate(filepath.Join(dst, damagedChunks), 5000); err != nil {
			t.Fatal(err)
		}
	}},
	{"MISSING", func(t *testing.T, dst string) {
		if err := os.Remove(filepath.Join(dst, damagedChunks)); err != nil {
			t.Fatal(err)
		}
	}},
	{"NEWER", func(t *testing.T, dst string) {
		editFile(t, filepath.Join(dst, "manifest.json"), `"version": "`+schemas.FormatVersion()+`"`, `"version": "2.0"`)
	}},
	{"EDITED", func(t *testing.T, dst string) {
		editFile(t, filepath.Join(dst, "manifest.json"), `"rows": 54`, `"rows": 53`)
	}},
	{"UNFINISHED", func(t *testing.T, dst string) {
		if err := os.Rename(filepath.Join(dst, "manifest.json"), filepath.Join(dst, "manifest")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dst, ".micropq"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dst, ".micropq", "plan"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}},
}

// A damaged data set is exit code 4, with the file, row, sample and digest.
func TestDamagedTranscript(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.npy")
	var names, damaged []string
	for _, d := range damages {
		dst := converted(t)
		d.damage(t, dst)
		names, damaged = append(names, dst, d.name), append(damaged, dst)
	}
	tr := newTranscript(append(names, out, "out.npy")...)
	for _, dst := range damaged {
		tr.run(t, "inspect", dst)
		tr.run(t, "read", dst, "--sample", damagedSample, "-o", out)
		if _, err := os.Stat(out); err == nil {
			t.Error("a file was written from a damaged data set")
		}
	}
	tr.run(t, "read", damaged[0], "--sample", damagedSample, "-o", "-")
	tr.run(t, "read", damaged[0], "--sample", damagedSample, "--region", "0:3,0:8,0:16,0:16", "-o", out)
	tr.check(t, "damaged")
}

// flipPayload changes a byte in the last payload of a shard of chunks: the one before the
// page index, whose offset is in the footer.
func flipPayload(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := shardfile.Open(bytes.NewReader(data), int64(len(data)), path)
	if err != nil {
		t.Fatal(err)
	}
	var buf shardfile.Buffer
	payload, _, err := r.Payload(t.Context(), r.NumRows()-2, "data", &buf)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, payload)
	data[at+len(payload)/2] ^= 1
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func editFile(t *testing.T, path, old, with string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := bytes.Replace(data, []byte(old), []byte(with), 1)
	if bytes.Equal(edited, data) {
		t.Fatalf("%s does not say %s", path, old)
	}
	if err := os.WriteFile(path, edited, 0o666); err != nil {
		t.Fatal(err)
	}
}
