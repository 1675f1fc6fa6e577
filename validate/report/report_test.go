package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/schemas"
	"github.com/micropq/micropq/validate"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

var toys = []validate.Rule{
	{ID: "DS002", Severity: validate.Error, For: validate.AnyKind, Title: "a shard is not what the manifest says", Why: "It was changed.", Example: "a byte", Mend: "Convert again."},
	{ID: "LB003", Severity: validate.Warning, For: validate.Volume | validate.Tissue, Title: "instance below the minimum size", Why: "Specks count as objects.",
		Example: "instance 137 has 1 pixel", Mend: "Reject it.", Limits: []validate.Limit{{Name: "min_area", Default: 20, Unit: "elements", Doc: "least area"}}},
	{ID: "LB004", Severity: validate.Warning, For: validate.AnyKind, Title: "instance in several fragments", Why: "w", Example: "e", Mend: "m", Off: true},
	{ID: "LB006", Severity: validate.Info, For: validate.Tissue, Title: "touching instances", Why: "w", Example: "e", Mend: "m"},
	{ID: "QA001", Severity: validate.Error, For: validate.Question, Title: "null question, option or answer", Why: "w", Example: "e", Mend: "m"},
}

func ptr[T any](v T) *T { return &v }

// hostile is what a file may say: ends of lines, commands, markup, bytes that are no text.
const hostile = "it's 100%, \"a:b,c\" <b>&amp;|`x`\r\n::error::no\x1b[31m \u202e\x00\xff"

// sample is a report with something of everything.
func sample() *Report {
	dir, err := filepath.Abs(filepath.FromSlash("/lab/work"))
	if err != nil {
		panic(err)
	}
	r := &Report{
		Version: "0.2.0", Base: dir, Targets: []string{"masks/S60.tiff", "q a.jsonl", "https://example.org/set", "gone.tiff"},
		Catalogue: toys, Fail: validate.Warning, Cut: map[string]int64{"LB006": 1200}, Excepted: 2, Known: 3, Since: "2026-11-25",
		Seen:       map[string]int64{"instances": 1284, "samples": 1, "questions": 12},
		Unreadable: []*validate.TargetError{{Target: "gone.tiff", Err: errors.New("gone.tiff: no such file or directory")}},
		Notes:      []string{"exception 1 (LB) expired on 2026-11-01: its findings count again, 2 of them: redrawn"},
	}
	for _, rule := range toys {
		if !rule.Off {
			r.Rules = append(r.Rules, rule.Default())
		}
	}
	add := func(rule string, s validate.Severity, message string, p validate.Place, value, limit any) {
		r.Findings = append(r.Findings, &validate.Finding{Rule: rule, Severity: s, Message: message, Place: p, Value: value, Limit: limit,
			Fingerprint: fmt.Sprintf("%016x", len(r.Findings)+1)})
	}
	add("DS002", validate.Error, "chunks/train-00000-of-00001.parquet has 53 rows, the manifest says 54",
		validate.Place{Target: "https://example.org/set", Dataset: "fisbe", File: "chunks/train-00000-of-00001.parquet", Split: "train"}, 53, 54)
	add("QA001", validate.Error, hostile, validate.Place{Target: "q a.jsonl", Sample: "img/1", Question: "q:1", Line: 12}, nil, nil)
	for i := range 8 {
		b := &schemas.BBox{Y0: int32(i), X0: 3, Z1: 1, Y1: int32(i) + 1, X1: 4}
		add("LB003", validate.Warning, fmt.Sprintf("instance %d has 1 pixel, fewer than 20", 137+i),
			validate.Place{Target: "masks/S60.tiff", Sample: "S60", Instance: ptr(int64(137 + i)), BBox: b}, 1, 20)
	}
	add("LB003", validate.Warning, "instance 9 has 3 pixels, fewer than 20", validate.Place{Target: "masks/S60_second.tiff"}, 3, 20)
	add("LB006", validate.Info, "instances 3 and 4 touch along 17 pixels", validate.Place{Target: "masks/S60.tiff", Sample: "S60", Array: "gt", Row: ptr(int64(3))}, 17, 0)
	return r
}

func written(t *testing.T, name string, r *Report, o Options) []byte {
	t.Helper()
	f, err := New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every format writes the same report; text in colour as well.
func TestGolden(t *testing.T) {
	for _, name := range append(Formats(), "color") {
		o, format := Options{}, name
		if name == "color" {
			o, format = Options{Color: true, Show: 2}, "text"
		}
		got := written(t, format, sample(), o)
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs; if that is meant, run the test with -update. Now:\n%s", path, got)
		}
		if format != "json" && format != "jsonl" && bytes.ContainsAny(bytes.ReplaceAll(got, []byte("\x1b["), nil), "\x1b\x00\r") {
			t.Errorf("%s: a character that commands a terminal gets through", name)
		}
	}
}

// A report of nothing is one all the same.
func TestNothing(t *testing.T) {
	for _, name := range Formats() {
		got := written(t, name, &Report{Version: "0", Targets: []string{"a.tiff"}}, Options{})
		if (len(got) == 0) != (name == "jsonl") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := string(written(t, "text", &Report{Targets: []string{"a.tiff"}}, Options{})); got != "no findings (1 target, 0 rules)\n" {
		t.Errorf("got %q", got)
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := New("pdf", Options{}); err == nil || !strings.Contains(err.Error(), "sarif") {
		t.Errorf("got %v", err)
	}
}

func TestWorst(t *testing.T) {
	for name, test := range map[string]struct {
		r    *Report
		want validate.Severity
	}{
		"nothing": {&Report{}, 0},
		"info":    {&Report{Findings: []*validate.Finding{{Severity: validate.Info}}}, validate.Info},
		"only counted": {&Report{Findings: []*validate.Finding{{Severity: validate.Info}}, Cut: map[string]int64{"DS002": 1},
			Rules: []validate.Tuned{toys[0].Default()}}, validate.Error},
	} {
		if got := test.r.Worst(); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Many findings are folded, in a group and over samples; --show -1 tells all.
func TestFolding(t *testing.T) {
	r := &Report{Targets: []string{"set"}, Rules: []validate.Tuned{toys[1].Default()}}
	for i := range 150 {
		for range 9 {
			r.Findings = append(r.Findings, &validate.Finding{Rule: "LB003", Severity: validate.Warning, Message: "small", Place: validate.Place{Target: "set", Sample: fmt.Sprintf("S%03d", i)}})
		}
	}
	for show, want := range map[int]int{0: 500, 8: 900, 9: 900, 1: 100, -1: 1350} {
		got := string(written(t, "text", r, Options{Show: show}))
		if n := strings.Count(got, "    small\n"); n != want {
			t.Errorf("show %d: %d findings are listed, want %d", show, n, want)
		}
		if show != -1 && !strings.Contains(got, "and 50 samples more with findings") {
			t.Errorf("show %d: samples are not folded", show)
		}
		if !strings.Contains(got, "LB003  warning   1350   instance below the minimum size") {
			t.Errorf("show %d: the table does not count all", show)
		}
	}
}

// An independent decoder reads back what was written.
func TestJSONDecodes(t *testing.T) {
	r := sample()
	var doc struct {
		Counts   map[string]int64
		Cut      map[string]int64
		Findings []map[string]any
	}
	if err := json.Unmarshal(written(t, "json", r, Options{}), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Findings) != len(r.Findings) || doc.Counts["error"] != 2 || doc.Counts["warning"] != 9 || doc.Counts["known"] != 3 || doc.Cut["LB006"] != 1200 {
		t.Errorf("got %+v", doc)
	}
	lines := bytes.Split(bytes.TrimSuffix(written(t, "jsonl", r, Options{}), []byte("\n")), []byte("\n"))
	for i, line := range lines {
		var f validate.Finding
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatal(err)
		}
		if want := r.Findings[i]; f.Fingerprint != want.Fingerprint || f.Severity != want.Severity || f.Target != want.Target || f.Line != want.Line {
			t.Errorf("line %d: %+v", i+1, f)
		}
	}
	if len(lines) != len(r.Findings) {
		t.Errorf("%d lines", len(lines))
	}
}
