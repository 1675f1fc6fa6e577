package baseline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micropq/micropq/validate"
)

var (
	day1 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	day2 = day1.AddDate(0, 1, 0)
)

func finding(rule, target string, n int) *validate.Finding {
	id := int64(n)
	return &validate.Finding{Rule: rule, Message: fmt.Sprintf("instance %d", n), Fingerprint: fmt.Sprintf("%016x", n),
		Place: validate.Place{Target: target, Sample: "S", Instance: &id}}
}

func looked(targets ...string) Looked {
	return Looked{Targets: targets, Rules: []validate.Tuned{{Rule: validate.Rule{ID: "LB003"}}, {Rule: validate.Rule{ID: "PX004"}}}}
}

// written writes a baseline of findings and loads it again.
func written(t *testing.T, file string, fs ...*validate.Finding) *Baseline {
	t.Helper()
	b, err := New(file, &validate.Result{Findings: fs}, nil, day1)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Write(file); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	a := filepath.Join(dir, "a.tiff")
	one, two, other := finding("LB003", a, 1), finding("LB003", a, 2), finding("PX004", a, 3)
	b := written(t, filepath.Join(dir, "baseline.json"), one, one, two, other)
	for name, test := range map[string]struct {
		findings   []*validate.Finding
		looked     Looked
		fresh      []*validate.Finding
		known      int64
		stale      string // rule and count
		afterPrune int
	}{
		"the same":                    {[]*validate.Finding{one, one, two, other}, looked(a), nil, 4, "", 3},
		"in another order":            {[]*validate.Finding{other, two, one, one}, looked(a), nil, 4, "", 3},
		"a new one":                   {[]*validate.Finding{one, one, two, other, finding("LB003", a, 9)}, looked(a), []*validate.Finding{finding("LB003", a, 9)}, 4, "", 3},
		"once more than counted":      {[]*validate.Finding{one, one, one, two, other}, looked(a), []*validate.Finding{one}, 4, "", 3},
		"once less":                   {[]*validate.Finding{one, two, other}, looked(a), nil, 3, "LB003 1", 3},
		"one is mended":               {[]*validate.Finding{one, one, other}, looked(a), nil, 3, "LB003 1", 2},
		"all are mended":              {nil, looked(a), nil, 0, "LB003 2, LB003 1, PX004 1", 0},
		"another target was read":     {nil, looked(filepath.Join(dir, "b.tiff")), nil, 0, "", 3},
		"the rule was not selected":   {nil, Looked{Targets: []string{a}, Rules: looked().Rules[1:]}, nil, 0, "PX004 1", 2},
		"the target was not readable": {nil, looked(), nil, 0, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := &Baseline{Version: b.Version, Entries: slices.Clone(b.Entries), dir: b.dir}
			c := b.Compare(test.findings, test.looked, day2)
			if c.Known != test.known || len(c.New) != len(test.fresh) {
				t.Errorf("%d known, %d new", c.Known, len(c.New))
			}
			for i, f := range c.New {
				if f.Fingerprint != test.fresh[i].Fingerprint {
					t.Errorf("new: %s", f.Message)
				}
			}
			if c.Known > 0 && c.Since != "2026-11-25" {
				t.Errorf("known since %q", c.Since)
			}
			var stale []string
			for _, e := range c.Stale {
				stale = append(stale, fmt.Sprint(e.Rule, " ", e.count()))
			}
			if got := strings.Join(stale, ", "); got != test.stale {
				t.Errorf("stale: %s, want %s", got, test.stale)
			}
			b.Prune(c.Stale)
			if len(b.Entries) != test.afterPrune {
				t.Errorf("%d entries after pruning, want %d", len(b.Entries), test.afterPrune)
			}
			if again := b.Compare(test.findings, test.looked, day2); len(again.Stale) != 0 || again.Known != c.Known || len(again.New) != len(c.New) {
				t.Errorf("after pruning: %+v", again)
			}
		})
	}
}

func TestEntriesExpire(t *testing.T) {
	dir := t.TempDir()
	f := finding("LB003", filepath.Join(dir, "a.tiff"), 1)
	b := written(t, filepath.Join(dir, "b.json"), f)
	b.Entries[0].Expires = "2026-11-30"
	for now, known := range map[time.Time]int64{
		time.Date(2026, 11, 30, 23, 59, 0, 0, time.UTC): 1,
		time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC):    0,
	} {
		c := b.Compare([]*validate.Finding{f}, looked(), now)
		if c.Known != known || len(c.New) != int(1-known) || len(c.Expired) != int(1-known) || len(c.Stale) != 0 {
			t.Errorf("on %v: %+v", now, c)
		}
	}
}

// What people added survives; what is written does not depend on the order of findings.
func TestWriteAnew(t *testing.T) {
	dir := t.TempDir()
	file, a := filepath.Join(dir, "b.json"), filepath.Join(dir, "sub", "a.tiff")
	fs := []*validate.Finding{finding("PX004", a, 1), finding("LB003", a, 2), finding("LB003", a, 3)}
	old := written(t, file, fs[:2]...)
	old.Entries[0].Reason, old.Entries[0].Expires = "being redrawn", "2027-01-01"
	var first []byte
	for range 3 {
		b, err := New(file, &validate.Result{Findings: fs}, old, day2)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Write(file); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(data, first) {
			t.Errorf("differs:\n%s\n%s", data, first)
		}
		slices.Reverse(fs)
	}
	const want = `{
  "baseline": 1,
  "findings": [
    {
      "rule": "LB003",
      "target": "sub/a.tiff",
      "place": "S 2",
      "message": "instance 2",
      "fingerprint": "0000000000000002",
      "since": "2026-11-25",
      "reason": "being redrawn",
      "expires": "2027-01-01"
    },
    {
      "rule": "LB003",
      "target": "sub/a.tiff",
      "place": "S 3",
      "message": "instance 3",
      "fingerprint": "0000000000000003",
      "since": "2026-12-25"
    },
`
	if !strings.HasPrefix(string(first), want) {
		t.Errorf("got\n%s", first)
	}
}

func TestACutResultIsRefused(t *testing.T) {
	_, err := New("b.json", &validate.Result{Cut: map[string]int64{"LB003": 5}}, nil, day1)
	var cut *CutError
	if !errors.As(err, &cut) || !strings.Contains(err.Error(), "LB003 has 5") {
		t.Errorf("got %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	entry := func(more string) string {
		return `{"baseline": 1, "findings": [{"rule": "LB003", "target": "a", "message": "m", "since": "2026-01-01", ` + more + `}]}`
	}
	for text, want := range map[string]string{
		``:                           "no baseline",
		`[]`:                         "no baseline",
		`{"findings": []}`:           "version 0",
		`{"baseline": 2}`:            "version 2, this micropq reads 1",
		`{"baseline": 1, "more": 1}`: `unknown field "more"`,
		`{"baseline": 1} {}`:         "no baseline",
		entry(`"fingerprint": "12"`): `fingerprint "12"`,
		entry(`"fingerprint": "0123456789abcdef", "count": -1`):                                                                      "count -1",
		entry(`"fingerprint": "0123456789abcdef", "expires": "31.1.2027"`):                                                           `"31.1.2027": want a day`,
		`{"baseline": 1, "findings": [{"rule": "", "target": "a", "message": "m", "since": "", "fingerprint": "0123456789abcdef"}]}`: "the rule is missing",
	} {
		file := filepath.Join(t.TempDir(), "b.json")
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"baseline": 1, "findings": [{"rule": "LB003", "target": "a", "message": "m", "fingerprint": "0123456789abcdef", "count": 3, "since": "2026-01-01"}]}`))
	f.Add([]byte(`{"baseline": 1, "findings": null}`))
	f.Add([]byte(`{"baseline": 9}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parse(data)
		if err != nil {
			return
		}
		c := b.Compare(nil, Looked{}, day1)
		b.Prune(c.Stale)
		file := filepath.Join(t.TempDir(), "b.json")
		if err := b.Write(file); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err != nil {
			t.Errorf("accepted, and not once it was written: %v", err)
		}
	})
}
