package fisbe

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/store"
)

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
	list, err := parseSplitList(officialList)
	if err != nil {
		t.Fatal(err)
	}
	for sample, want := range map[string]place{
		"R14A02-20180905_65_A6":      {"completely", "train"},
		"R22C03-20180918_66_H5":      {"completely", "val"},
		"R38F04-20181005_63_G3":      {"partly", "train"},
		"R38F04-20181005_63_G3_crop": {"partly", "train"},
	} {
		if got, ok := list.find(sample); !ok || got != want {
			t.Errorf("%s: %v, %v, want %v", sample, got, ok, want)
		}
	}
	for _, sample := range []string{"R99A02-20180905_65_A6", "nobody"} {
		if got, ok := list.find(sample); ok {
			t.Errorf("%s is found: %v", sample, got)
		}
	}
	for text, says := range map[string]string{
		"":                                  "no sample is listed",
		"R1-20180905_65_A6":                 "line 1",
		"completely:\nR1-20180905_65_A6":    "line 2",
		"completely:\ntrain:\na\nval:\na\n": "line 5: a is in completely/train and in completely/val",
	} {
		if _, err := parseSplitList(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want %s", text, err, says)
		}
	}
}

func TestSettle(t *testing.T) {
	list := splitList{"s": {"completely", "train"}}
	tests := []struct {
		sample   string
		path     place
		want     place
		conflict string
	}{
		{"s", place{}, place{"completely", "train"}, ""},
		{"s", place{"completely", "train"}, place{"completely", "train"}, ""},
		{"s", place{"partly", "train"}, place{}, "subset is partly by its path and completely by the split list"},
		{"s", place{"", "val"}, place{}, "split is val by its path and train by the split list"},
		{"other", place{"partly", "val"}, place{"partly", "val"}, ""},
		{"other", place{}, place{}, ""},
	}
	for _, tt := range tests {
		got, err := settle(tt.sample, tt.path, list)
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
		samples, err := discover(t.Context(), s, filepath.ToSlash(location))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range samples {
			stored := strings.Trim(fmt.Sprint(f.stored), "map[]")
			got = append(got, fmt.Sprintf("%s %s %s %s %s", f.name, f.place.subset, f.place.split, f.root, stored))
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
	if err := unique([]found{{name: "a", root: "x/a.zarr/"}, {name: "b"}}); err != nil {
		t.Error(err)
	}
	err := unique([]found{{name: "a", root: "x/a.zarr/"}, {name: "a", root: "y/a.zarr/"}})
	if err == nil || !strings.Contains(err.Error(), "x/a.zarr/") || !strings.Contains(err.Error(), "y/a.zarr/") {
		t.Errorf("error %v", err)
	}
}

func TestIdentify(t *testing.T) {
	tests := []struct{ keys, want string }{
		{"", ""},
		{"0:5 1:2 2:9", "1:2=2 0:5=5 2:9=9"}, // labels differ: they are the ids
		{"0:1 1:1 3:1", "0:1=1 1:1=2 3:1=4"}, // 0 and 1 in channels: the channel from 1
		{"0:1 0:2 1:1", "0:1=1 0:2=2 1:1=3"}, // two in a channel: numbered in order
		{"0:3 0:9223372036854775807", "0:3=3 0:9223372036854775807=9223372036854775807"},
	}
	for _, tt := range tests {
		var keys []arrays.Key
		for _, k := range strings.Fields(tt.keys) {
			var key arrays.Key
			if _, err := fmt.Sscanf(k, "%d:%d", &key.Channel, &key.Label); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		var got []string
		for _, in := range identify(keys) {
			got = append(got, fmt.Sprintf("%d:%d=%d", in.key.Channel, in.key.Label, in.id))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.keys, s, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := (Options{}).Validate(); err != nil {
		t.Errorf("the zero options: %v", err)
	}
	bad := Options{
		Subsets: []string{"all"}, Splits: []string{"../up"}, Samples: []string{"["}, Arrays: []string{"raw", "raw", "a/b", ""},
		Chunk: [3]int{-1, 2000, 4}, Levels: 11, Encoding: "lz4", ShardSize: 5,
	}
	err := bad.Validate()
	for _, says := range []string{`subset "all"`, `split "../up"`, `"["`, `array "raw"`, `array "a/b"`, `array ""`, "chunk extent -1", "chunk extent 2000", "11 levels", `"lz4"`, "shard size 5"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %s", err, says)
		}
	}
	if _, err := Open(nil, "", bad); err == nil {
		t.Error("bad options are opened")
	}
}
