package fisbe

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/store"
)

func TestParseName(t *testing.T) {
	tests := []struct {
		name string
		want string // line|day|slide|position|official|batch|days, "" for none
	}{
		{"R14A02-20180905_65_A6", "R14A02|2018-09-05|65|A6|R14A02-20180905_65_A6|20180905_65|17779"},
		{"JRC_SS05008-20160318_24_B2_crop", "JRC_SS05008|2016-03-18|24|B2|JRC_SS05008-20160318_24_B2|20160318_24|16878"},
		{"a-b-20160101_1_2", "a-b|2016-01-01|1|2|a-b-20160101_1_2|20160101_1|16801"},
		{"R14A02-20181305_65_A6", ""}, // no such month
		{"R14A02-20180905_65", ""},
		{"-20180905_65_A6", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got := ""
		if n, ok := ParseName(tt.name); ok {
			got = strings.Join([]string{n.Line, n.Acquired.Format("2006-01-02"), n.Slide, n.Position, n.Official, n.Batch(), fmt.Sprint(n.Days())}, "|")
		}
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.name, got, tt.want)
		}
	}
}

const officialList = `
(1) samples for FlyLight completely:

train:
R14A02-20180905_65_A6
val:
R22C03-20180918_66_H5

(2) samples for FlyLight partly:
train:
R38F04-20181005_63_G3
`

func TestParseSplitList(t *testing.T) {
	list, err := ParseSplitList(officialList)
	if err != nil {
		t.Fatal(err)
	}
	for sample, want := range map[string]Place{
		"R14A02-20180905_65_A6":      {"completely", "train"},
		"R22C03-20180918_66_H5":      {"completely", "val"},
		"R38F04-20181005_63_G3":      {"partly", "train"},
		"R38F04-20181005_63_G3_crop": {"partly", "train"},
	} {
		if got, ok := list.Find(sample); !ok || got != want {
			t.Errorf("%s: %v, %v, want %v", sample, got, ok, want)
		}
	}
	for _, sample := range []string{"R99A02-20180905_65_A6", "nobody"} {
		if got, ok := list.Find(sample); ok {
			t.Errorf("%s is found: %v", sample, got)
		}
	}
	for text, says := range map[string]string{
		"":                                  "no sample is listed",
		"R1-20180905_65_A6":                 "line 1",
		"completely:\nR1-20180905_65_A6":    "line 2",
		"completely:\ntrain:\na\nval:\na\n": "line 5: a is in completely/train and in completely/val",
	} {
		if _, err := ParseSplitList(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want %s", text, err, says)
		}
	}
}

func TestSettle(t *testing.T) {
	list := SplitList{"s": {"completely", "train"}}
	tests := []struct {
		sample   string
		path     Place
		want     Place
		conflict string
	}{
		{"s", Place{}, Place{"completely", "train"}, ""},
		{"s", Place{"completely", "train"}, Place{"completely", "train"}, ""},
		{"s", Place{"partly", "train"}, Place{}, "subset is partly by its path and completely by the split list"},
		{"s", Place{"", "val"}, Place{}, "split is val by its path and train by the split list"},
		{"other", Place{"partly", "val"}, Place{"partly", "val"}, ""},
		{"other", Place{}, Place{}, ""},
	}
	for _, tt := range tests {
		got, err := Settle(tt.sample, tt.path, list)
		if tt.conflict != "" {
			if err == nil || !strings.Contains(err.Error(), tt.conflict) {
				t.Errorf("%s %v: error %v, want %s", tt.sample, tt.path, err, tt.conflict)
			}
		} else if err != nil || got != tt.want {
			t.Errorf("%s %v: %v, %v, want %v", tt.sample, tt.path, got, err, tt.want)
		}
	}
}

// Samples are found wherever a release keeps them, and in the parts of it.
func TestDiscover(t *testing.T) {
	tests := []struct {
		files []string
		at    string // below the folder, what is opened
		want  []string
	}{
		{[]string{"completely/train/a.zarr/volumes/raw/.zarray", "completely/train/a.zarr/volumes/raw/0.0.0.0", "partly/val/b.zarr/volumes/.zgroup"}, "",
			[]string{"a completely train completely/train/a.zarr/ raw:2", "b partly val partly/val/b.zarr/ .zgroup:1"}},
		{[]string{"completely/train/a.zarr/volumes/raw/.zarray"}, "completely", []string{"a completely train train/a.zarr/ raw:1"}},
		{[]string{"completely/train/a.zarr/volumes/raw/.zarray"}, "completely/train", []string{"a completely train a.zarr/ raw:1"}},
		{[]string{"completely/train/a.zarr/volumes/raw/.zarray"}, "completely/train/a.zarr", []string{"a completely train  raw:1"}},
		{[]string{"mine/a.zarr/volumes/raw/zarr.json"}, "mine", []string{"a   a.zarr/ raw:1"}},
		{[]string{"some/file", "a.zarr/.zgroup"}, "", nil},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		for _, f := range tt.files {
			path := filepath.Join(dir, filepath.FromSlash(f))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		location := filepath.Join(dir, filepath.FromSlash(tt.at))
		s, err := store.Open(t.Context(), location, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		samples, err := Discover(t.Context(), s, filepath.ToSlash(location))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range samples {
			stored := strings.Trim(fmt.Sprint(f.Stored), "map[]")
			got = append(got, fmt.Sprintf("%s %s %s %s %s", f.Name, f.Place.Subset, f.Place.Split, f.Root, stored))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v at %q: %q, want %q", tt.files, tt.at, got, tt.want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnique(t *testing.T) {
	if err := unique([]Sample{{Name: "a", Root: "x/a.zarr/"}, {Name: "b"}}); err != nil {
		t.Error(err)
	}
	err := unique([]Sample{{Name: "a", Root: "x/a.zarr/"}, {Name: "a", Root: "y/a.zarr/"}})
	if err == nil || !strings.Contains(err.Error(), "x/a.zarr/") || !strings.Contains(err.Error(), "y/a.zarr/") {
		t.Errorf("error %v", err)
	}
}

func FuzzReadList(f *testing.F) {
	f.Add(officialList)
	f.Add("partly:\nx:\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadList(strings.NewReader(text))
		for _, l := range list {
			if err != nil || l.Name == "" || l.Subset == "" || l.Split == "" || l.Line < 1 {
				t.Errorf("%+v, %v", l, err)
			}
			if n, ok := ParseName(l.Name); ok && !strings.HasPrefix(l.Name, n.Official) {
				t.Errorf("%q: official %q", l.Name, n.Official)
			}
		}
	})
}
