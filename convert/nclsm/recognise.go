package nclsm

import (
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/convert/labels"
	"github.com/micropq/micropq/internal/store"
)

// Techniques are the imaging techniques of the data set, as its folders name them.
var Techniques = []string{"IMC", "IF"}

// Recognise makes a layout of the folders of a release. location is where the release lies:
// its last elements may name the technique. Folders that nothing is made of are left to the
// layout's own report; one that could be two things, and two that could be one, are errors.
func Recognise(infos []store.Info, location string) (*labels.Layout, error) {
	folders := map[string]map[string]bool{} // extensions of the pictures in each folder
	for _, i := range infos {
		if ext := path.Ext(i.Key); labels.Readable(ext) {
			dir := path.Dir(i.Key)
			if folders[dir] == nil {
				folders[dir] = map[string]bool{}
			}
			folders[dir][ext] = true
		}
	}
	l := &labels.Layout{Dataset: Dataset, Group: Group}
	taken := map[string][]string{} // folders by technique and role
	var errs []error
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		kinds := kindsOf(path.Base(dir))
		if len(kinds) > 1 {
			errs = append(errs, convert.Inputf(dir, "", "the folder's name could mean %s: say which in a layout file", names(kinds)))
		}
		if len(kinds) != 1 {
			continue
		}
		f := kinds[0].files
		f.Technique = technique(dir, location)
		f.Path = spell(dir, folders[dir])
		f.Section = section
		l.Files = append(l.Files, f)
		key := strings.TrimSpace(f.Technique + " " + kinds[0].name)
		taken[key] = append(taken[key], dir)
	}
	for _, key := range slices.Sorted(maps.Keys(taken)) {
		if dirs := taken[key]; len(dirs) > 1 {
			errs = append(errs, convert.Inputf("", "", "%s could be any of the folders %s: say which in a layout file", key, strings.Join(dirs, ", ")))
		}
	}
	l.Clinical = clinical(infos)
	if len(l.Files) == 0 && len(errs) == 0 {
		return nil, nothing(infos, folders)
	}
	return l, errors.Join(errs...)
}

// clinical is the clinical table, where one lies at the top. Its columns are named as in the
// published table.
func clinical(infos []store.Info) *labels.Clinical {
	for _, i := range infos {
		if name := strings.ToLower(i.Key); strings.HasPrefix(name, "clinical") && strings.HasSuffix(name, ".csv") && !strings.Contains(name, "/") {
			return &labels.Clinical{Path: i.Key, Section: "Tissue Section", Technique: "Imaging Technique", Diagnosis: "Diagnosis"}
		}
	}
	return nil
}

// nothing says what was seen where nothing was recognised.
func nothing(infos []store.Info, folders map[string]map[string]bool) error {
	if len(folders) == 0 {
		return convert.Inputf("", "", "no TIFF or PNG among %d files: want the folders of an NCL-SM release", len(infos))
	}
	return convert.Inputf("", "", "none of the folders is known by its name (%s): say what they hold in a layout file (--layout)",
		strings.Join(slices.Sorted(maps.Keys(folders)), ", "))
}

// spell is the pattern of the pictures in a folder.
func spell(dir string, extensions map[string]bool) string {
	exts := slices.Sorted(maps.Keys(extensions))
	name := "*" + exts[0]
	if len(exts) > 1 {
		name = "*{" + strings.Join(exts, ",") + "}"
	}
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// technique is named by the last folder that names one.
func technique(dir, location string) string {
	elements := strings.Split(strings.ReplaceAll(strings.TrimRight(location, "/\\"), "\\", "/"), "/")
	elements = append(elements[max(0, len(elements)-2):], strings.Split(dir, "/")...)
	for _, e := range slices.Backward(elements) {
		for _, w := range words(strings.TrimSuffix(e, path.Ext(e))) {
			for _, t := range Techniques {
				if strings.EqualFold(w, t) {
					return t
				}
			}
		}
	}
	return ""
}

// kind is something that a folder may hold.
type kind struct {
	name  string // for people
	files labels.Files
	means func(w wording) bool
}

var kinds = []kind{
	{"second annotation", labels.Files{Role: labels.SecondAnnotation, Annotator: "second"},
		func(w wording) bool { return w.has("qa", "duplicate", "duplicates") || w.spells("quality") }},
	{"AM against NAM", labels.Files{Role: labels.AnalysableMask},
		func(w wording) bool { return w.has("nam") || w.has("vs") }},
	{"class mask NTM", labels.Files{Role: labels.ClassMask, Class: NonTransverse},
		func(w wording) bool { return w.has("ntm", "ntms") || w.spells("transverse") }},
	{"class mask FAM", labels.Files{Role: labels.ClassMask, Class: FreezingArtefact},
		func(w wording) bool {
			return w.has("fam", "fams") || w.spells("freez") || w.spells("frozen") || w.spells("artefact") || w.spells("artifact")
		}},
	{"class mask FR", labels.Files{Role: labels.ClassMask, Class: FoldedRegion, Regions: true},
		func(w wording) bool { return w.has("fr", "frs") || w.spells("fold") }},
	{"class mask AM", labels.Files{Role: labels.ClassMask, Class: Analysable},
		func(w wording) bool {
			return (w.has("am", "ams") || w.spells("analysable") || w.spells("analyzable")) && !w.has("nam", "vs", "non", "not")
		}},
	{"instance mask", labels.Files{Role: labels.Instances},
		func(w wording) bool {
			return w.aMask() && (w.has("all", "instance", "instances", "gt") || w.spells("groundtruth") || w.spells("fibre") || w.spells("fiber"))
		}},
	{"image", labels.Files{Role: labels.Image, Channels: channels},
		func(w wording) bool { return w.has("image", "images", "img", "imgs", "rgb") && !w.oneStain() }},
}

// general are the kinds that a name means only where it means nothing more particular.
var general = []string{"instance mask", "image"}

// kindsOf is what a folder's name may mean.
func kindsOf(name string) (out []kind) {
	w := wording{words: words(name)}
	w.joined = strings.Join(w.words, "")
	for _, k := range kinds {
		if k.means(w) && (len(out) == 0 || !slices.Contains(general, k.name)) {
			out = append(out, k)
		}
	}
	return out
}

func names(ks []kind) string {
	var out []string
	for _, k := range ks {
		out = append(out, k.name)
	}
	return strings.Join(out, " or ")
}

// wording is a folder's name in lower-case words.
type wording struct {
	words  []string
	joined string
}

func (w wording) has(any ...string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return slices.Contains(w.words, s) })
}

func (w wording) spells(part string) bool { return strings.Contains(w.joined, part) }

func (w wording) aMask() bool {
	return w.has("mask", "masks", "label", "labels", "annotation", "annotations", "gt") || w.spells("segmentation") || w.spells("groundtruth")
}

// oneStain tells the grey pictures of single stains from the images made of them.
func (w wording) oneStain() bool {
	return w.has("membrane", "mass", "grey", "gray", "greyscale", "grayscale") || w.spells("mito")
}

var wordPattern = regexp.MustCompile(`[A-Z]+(?:[a-z]+)?|[a-z]+|[0-9]+`)

// words cuts a name at everything but letters, and before a capital after a small letter.
func words(name string) []string {
	out := wordPattern.FindAllString(name, -1)
	for i := range out {
		out[i] = strings.ToLower(out[i])
	}
	return out
}
