package nclsm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/store"
)

func TestFolderNames(t *testing.T) {
	tests := []struct{ name, want string }{
		{"Mask_All_AM", "class mask AM"},
		{"Mask_AM_vs_NAM", "AM against NAM"},
		{"Mask_QA", "second annotation"},
		{"Mask_All_Myofibres", "instance mask"},
		{"mask-all-fibers", "instance mask"},
		{"All_Instance_Masks", "instance mask"},
		{"sample_IF_groundtruth_masks", "instance mask"},
		{"Mask_Non_Transverse_Myofibres", "class mask NTM"},
		{"NonTransverseMyofibres", "class mask NTM"},
		{"Mask_NTM", "class mask NTM"},
		{"Freezing artefact masks", "class mask FAM"},
		{"Mask_FAMs", "class mask FAM"},
		{"Mask_Folded_Regions", "class mask FR"},
		{"FoldedTissue", "class mask FR"},
		{"Mask_FR", "class mask FR"},
		{"Analysable_Myofibres", "class mask AM"},
		{"Images", "image"},
		{"RGB", "image"},
		{"raw images", "image"},
		{"Greyscale_Images", ""},
		{"Membrane", ""},
		{"Mitochondrial_mass_images", ""},
		{"Non_Analysable_Myofibres", ""},
		{"documents", ""},
		{"Masks", ""}, // of what, it does not say
		{"Family", ""},
		{"Mask_FAM_NTM", "class mask NTM or class mask FAM"},
		{"QA_of_NTM", "second annotation or class mask NTM"},
	}
	for _, tt := range tests {
		if got := names(kindsOf(tt.name)); got != tt.want {
			t.Errorf("%s means %q, want %q", tt.name, got, tt.want)
		}
	}
}

func listing(keys ...string) (infos []store.Info) {
	for _, k := range keys {
		infos = append(infos, store.Info{Key: k})
	}
	return infos
}

func TestRecognise(t *testing.T) {
	l, err := Recognise(listing("NCL-SM/IF/Images/S1.tif", "NCL-SM/IF/Images/S2.TIFF", "NCL-SM/IF/Images/notes.txt",
		"NCL-SM/IF/Mask_All_AM/S1.tif", "NCL-SM/IMC/Images/C03-2.tif", "other/x.tif", "clinical.csv"), "/data/NCL-SM")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range l.Files {
		got = append(got, fmt.Sprintf("%s %s%s %s", f.Technique, f.Role, f.Class, f.Path))
	}
	want := []string{
		"IF image NCL-SM/IF/Images/*{.TIFF,.tif}",
		"IF classAM NCL-SM/IF/Mask_All_AM/*.tif",
		"IMC image NCL-SM/IMC/Images/*.tif",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if l.Clinical == nil || l.Clinical.Path != "clinical.csv" {
		t.Errorf("the clinical table is %+v", l.Clinical)
	}
}

// The technique may be named by where the source lies.
func TestTechnique(t *testing.T) {
	tests := []struct{ dir, location, want string }{
		{"Images", "/data/IF", "IF"},
		{"Images", "https://host/IMC.zip", "IMC"},
		{"NCL-SM/IMC/Images", "/data/IF.zip", "IMC"},
		{"sample_IF_images", "/data", "IF"},
		{"Images", "/data/NCL-SM", ""},
		{"Images", "/IF/a/b", ""},
	}
	for _, tt := range tests {
		if got := technique(tt.dir, tt.location); got != tt.want {
			t.Errorf("%s in %s: %q, want %q", tt.dir, tt.location, got, tt.want)
		}
	}
}

func TestRecogniseRefuses(t *testing.T) {
	tests := []struct {
		name string
		keys []string
		want []string
	}{
		{"two meanings", []string{"IF/Mask_FAM_NTM/S1.tif"}, []string{"IF/Mask_FAM_NTM", "class mask NTM or class mask FAM", "layout file"}},
		{"two folders", []string{"IF/NTM/S1.tif", "IF/Mask_NTM/S1.tif", "IMC/NTM/C1.tif"}, []string{"IF class mask NTM", "IF/Mask_NTM, IF/NTM"}},
		{"no meaning", []string{"IF/a/S1.tif", "IF/b/S1.tif"}, []string{"IF/a, IF/b", "--layout"}},
		{"no picture", []string{"a.txt"}, []string{"no TIFF or PNG among 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Recognise(listing(tt.keys...), "")
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "IMC") {
				t.Errorf("%q speaks of IMC, which has one folder", err)
			}
		})
	}
}
