package labels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/store"
)

const goodLayout = `
dataset: {name: biopsies, licence: CC0-1.0}
group: '^(.+?)(?:-\d+)?$'
claim_share: 0.75
pixel_size_um: [0.5, 0.5]
unclaimed: AM
clinical: {path: donors.csv, section: Section, diagnosis: Diagnosis}
files:
  - {role: image, path: "{technique}/img/{section}.tif", channels: [membrane, mass]}
  - {role: instances, path: "{technique}/gt/{section}_gt.tif", annotator: first}
  - {role: class, class: NTM, path: "{technique}/ntm/{section}.tif"}
  - {role: class, class: FR, regions: true, path: "{technique}/fr/{section}.tif"}
  - {role: am_vs_nam, path: "{technique}/vs/{section}.tif", values: {AM: [1], NAM: [0, 2]}}
  - {role: second_annotation, path: "{technique}/qa/*.tif", section: '^(\w+)_qa$'}
`

func TestParseLayout(t *testing.T) {
	l, err := ParseLayout("l.yaml", []byte(goodLayout))
	if err != nil {
		t.Fatal(err)
	}
	if l.Dataset.Name != "biopsies" || l.ClaimShare != 0.75 || len(l.Files) != 6 || l.Clinical.Diagnosis != "Diagnosis" {
		t.Errorf("got %+v", l)
	}
	var names []string
	for i := range l.Files {
		names = append(names, l.Files[i].array())
	}
	want := "raw gt_instances mask_ntm mask_fr mask_am_vs_nam second_annotation"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("arrays %s, want %s", got, want)
	}
}

func TestParseLayoutRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no files", "dataset: {name: x}\n", "files"},
		{"unknown key", "files: [{role: image, path: a.tif, colour: red}]", "colour"},
		{"unknown role", "files: [{role: photo, path: a.tif}]", "role"},
		{"class without a name", "files: [{role: class, path: a.tif}]", "wants a class"},
		{"class of an image", "files: [{role: image, class: AM, path: a.tif}]", "class is for role class"},
		{"channels of a mask", "files: [{role: instances, channels: [a], path: a.tif}]", "channels is for role image"},
		{"regions of instances", "files: [{role: instances, regions: true, path: a.tif}]", "regions is for role class"},
		{"bad pattern", "files: [{role: image, path: '{donor}.tif'}]", "{donor}"},
		{"section without a group", "files: [{role: image, path: '*.tif', section: 'S.*'}]", "group in parentheses"},
		{"bad regular expression", "group: '('\nfiles: [{role: image, path: '*.tif'}]", "group"},
		{"technique twice", "files: [{role: image, path: '{technique}/*.tif', technique: IF}]", "want one of them"},
		{"value of two classes", "files: [{role: am_vs_nam, path: '*.tif', values: {AM: [1], NAM: [1]}}]", "means both"},
		{"classes differ in case", "files: [{role: class, class: AM, path: 'a/*.tif'}, {role: class, class: am, path: 'b/*.tif'}]", "case only"},
		{"share past 1", "claim_share: 1.5\nfiles: [{role: image, path: '*.tif'}]", "claim_share"},
		{"one pixel size", "pixel_size_um: [1]\nfiles: [{role: image, path: '*.tif'}]", "pixel_size_um"},
		{"not YAML", "files: [", "l.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseLayout("l.yaml", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "l.yaml") {
				t.Errorf("got %v, want it to say l.yaml and %q", err, tt.want)
			}
		})
	}
}

func listing(keys ...string) (infos []store.Info) {
	for i, k := range keys {
		infos = append(infos, store.Info{Key: k, Size: int64(100 + i)})
	}
	return infos
}

func TestDiscover(t *testing.T) {
	l, err := ParseLayout("l.yaml", []byte(goodLayout))
	if err != nil {
		t.Fatal(err)
	}
	sections, notes, err := l.discover(listing("IF/gt/S1_gt.tif", "IF/img/S1.tif", "IF/img/S2.ome.tif", "IF/other/a.tif", "IF/other/b.tif", "IF/qa/S1_qa.tif", "IMC/img/S1.tif", "donors.csv", "readme.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range sections {
		var arrays []string
		for i := range s.members {
			arrays = append(arrays, s.members[i].array())
		}
		ids = append(ids, s.id+" "+strings.Join(arrays, ","))
	}
	want := []string{"IF_S1 gt_instances,raw,second_annotation", "IF_S2.ome raw", "IMC_S1 raw"}
	if strings.Join(ids, "; ") != strings.Join(want, "; ") {
		t.Errorf("sections %q, want %q", ids, want)
	}
	all := strings.Join(notes, "\n")
	for _, say := range []string{"{technique}/img/{section}.tif: image (3 files)", "IF/other (2 files)", "readme.txt"} {
		if !strings.Contains(all, say) {
			t.Errorf("the notes do not say %q:\n%s", say, all)
		}
	}
	if strings.Contains(all, "donors.csv") {
		t.Errorf("the clinical table counts as left out:\n%s", all)
	}
}

func TestDiscoverRefuses(t *testing.T) {
	tests := []struct {
		name, layout string
		keys         []string
		want         []string
	}{
		{"two files for a role", "files: [{role: instances, path: '*/{section}.tif'}]",
			[]string{"a/S1.tif", "b/S1.tif"}, []string{"S1", "a/S1.tif", "b/S1.tif", "instance mask"}},
		{"nothing matches", "files: [{role: image, path: 'img/{section}.tif'}]",
			[]string{"x.tif"}, []string{"none of the 1 files", "img/{section}.tif"}},
		{"section does not match", "files: [{role: image, path: '*.tif', section: '^(S[0-9]+)$'}]",
			[]string{"other.tif"}, []string{"other.tif", "section"}},
		{"ids meet", "files: [{role: image, path: '{technique}/{section}.tif'}]",
			[]string{"a/b_c.tif", "a_b/c.tif"}, []string{"a_b_c", "a/b_c.tif", "a_b/c.tif"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := ParseLayout("l.yaml", []byte(tt.layout))
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = l.discover(listing(tt.keys...))
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

func TestPairs(t *testing.T) {
	tests := []struct {
		name string
		keys []string
		want string // ids and arrays
	}{
		{"folders", []string{"images/a.png", "images/b.png", "masks/a.png", "masks/b_mask.png"}, "a:gt_instances,raw b:gt_instances,raw"},
		{"splits", []string{"train/images/1.tif", "train/masks/1.tif", "val/images/1.tif", "val/masks/1.tif"}, "train_1:gt_instances,raw val_1:gt_instances,raw"},
		{"endings", []string{"x/a_img.png", "x/a_masks.png", "x/b.tif", "x/b_cp_masks.tif"}, "a:gt_instances,raw b:gt_instances,raw"},
		{"an image alone", []string{"a.tif", "a_mask.tif", "b.tif"}, "a:gt_instances,raw b:raw"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := recognisePairs(listing(tt.keys...), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := l.compile(); err != nil {
				t.Fatal(err)
			}
			sections, _, err := l.discover(listing(tt.keys...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range sections {
				var arrays []string
				for i := range s.members {
					arrays = append(arrays, s.members[i].array())
				}
				got = append(got, s.id+":"+strings.Join(arrays, ","))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if _, err := recognisePairs(listing("a.tif", "b.tif"), ""); err == nil || !convertInput(err) {
		t.Errorf("no masks: %v", err)
	}
}

func convertInput(err error) bool {
	_, ok := err.(*convert.InputError)
	return ok
}

// Whatever the bytes, parsing a layout neither panics nor lets through what discover cannot use.
func FuzzParseLayout(f *testing.F) {
	f.Add([]byte(goodLayout))
	kept, err := filepath.Glob("testdata/malformed/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range kept {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLayout("l.yaml", data)
		if err != nil {
			return
		}
		if _, _, err := l.discover(listing("IF/gt/S1_gt.tif", "IF/img/S1.tif", "a", "a/b.c")); err == nil {
			l.classes()
		}
	})
}
