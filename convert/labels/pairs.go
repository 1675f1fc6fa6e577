package labels

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert"
	"github.com/micropq/micropq/internal/store"
)

// Pairs is any folder of images and the masks of their instances.
func Pairs() Kind {
	return Kind{
		Name:        "labels",
		Description: "Images with instance masks, as chunked Parquet.",
		Tags:        []string{"microscopy", "instance-segmentation"},
		Recognise:   recognisePairs,
	}
}

// The names, in small letters, by which pairs are known.
var (
	imageFolders = []string{"image", "images", "img", "imgs", "raw"}
	maskFolders  = []string{"mask", "masks", "label", "labels", "gt", "groundtruth", "ground_truth", "annotation", "annotations", "instances"}
	// maskEndings come behind the name of the image, the longest first.
	maskEndings = []string{"_cp_masks", "_masks", "_mask", "_labels", "_label", "_gt"}
	// imageEndings may come behind the name of an image beside such masks.
	imageEndings = []string{"_image", "_img", "_raw"}
)

// recognisePairs makes a layout of the names in a listing: of folders where one of masks is
// known, else of file names.
func recognisePairs(infos []store.Info, _ string) (*Layout, error) {
	var pictures []string
	for _, i := range infos {
		if Readable(path.Ext(i.Key)) {
			pictures = append(pictures, i.Key)
		}
	}
	masks, images := entries{}, entries{}
	for _, key := range pictures {
		switch folder := strings.ToLower(path.Base(path.Dir(key))); {
		case slices.Contains(maskFolders, folder):
			masks.add(Files{Role: Instances, Path: inSplit(path.Dir(key)) + "/{section}" + path.Ext(key), Section: endings})
		case slices.Contains(imageFolders, folder):
			images.add(Files{Role: Image, Path: inSplit(path.Dir(key)) + "/{section}" + path.Ext(key), Section: endings})
		}
	}
	if len(masks) == 0 {
		masks, images = byEnding(pictures)
	}
	if len(masks) == 0 {
		return nil, convert.Inputf("", "", "no masks are recognised among %s: want folders images and masks, or NAME and NAME_mask, or a layout file (--layout)", plural(len(pictures), "TIFF or PNG file"))
	}
	return &Layout{Files: append(masks.sorted(), images.sorted()...)}, nil
}

// entries are those of a layout by path.
type entries map[string]Files

func (e entries) add(f Files) { e[f.Path] = f }

func (e entries) sorted() (out []Files) {
	for _, p := range slices.Sorted(maps.Keys(e)) {
		out = append(out, e[p])
	}
	return out
}

// inSplit is a folder with the first element that names a split made a placeholder.
func inSplit(dir string) string {
	dirs := strings.Split(dir, "/")
	for i, d := range dirs {
		if slices.Contains([]string{"train", "val", "test"}, d) {
			dirs[i] = "{split}"
			break
		}
	}
	return strings.Join(dirs, "/")
}

// endings takes the name of the image out of that of a file.
var endings = `^(.+?)(?:` + strings.Join(append(slices.Clone(maskEndings), imageEndings...), "|") + `)?$`

// byEnding makes the entries of masks known by how their names end, and of images: what else
// lies in their folders. A file belongs to the first entry that matches, so masks come first.
func byEnding(pictures []string) (masks, images entries) {
	masks, images = entries{}, entries{}
	folders := map[string]bool{}
	for _, key := range pictures {
		base := strings.TrimSuffix(key, path.Ext(key))
		for _, e := range maskEndings {
			if strings.HasSuffix(base, e) {
				folders[path.Dir(key)] = true
				masks.add(Files{Role: Instances, Path: path.Join(inSplit(path.Dir(key)), "{section}"+e+path.Ext(key))})
				break
			}
		}
	}
	for _, key := range pictures {
		if folders[path.Dir(key)] {
			images.add(Files{Role: Image, Path: path.Join(inSplit(path.Dir(key)), "{section}"+path.Ext(key)), Section: endings})
		}
	}
	return masks, images
}
