package itemfile

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Members of a document in the layout of one JSON file an image.
const (
	docMetadata = "metadata"        // of the image: name, width, height
	docCustom   = "custom_metadata" // of the item: questions, captions, domain, ...
	docName     = "name"            // in metadata: file name of the image
	docID       = "image_id"
	docImage    = "image"
)

// flatten makes an item of a document: the members of custom_metadata and of metadata, then
// the others. image_id is that of the document or else the file name of the image without
// its extension; image is that file.
func flatten(doc map[string]any, order []string) (item map[string]any, names []string) {
	item = map[string]any{}
	add := func(name string, v any) {
		if _, taken := item[name]; !taken {
			item[name] = v
			names = append(names, name)
		}
	}
	metadata, _ := doc[docMetadata].(map[string]any)
	custom, _ := doc[docCustom].(map[string]any)
	file, _ := metadata[docName].(string)
	if file == "" {
		file, _ = metadata[docImage].(string)
	}
	switch {
	case custom[docID] != nil:
		add(docID, custom[docID])
	case metadata[docID] != nil:
		add(docID, metadata[docID])
	case file != "":
		add(docID, strings.TrimSuffix(path.Base(file), path.Ext(file)))
	}
	if file != "" {
		add(docImage, file)
	}
	for _, part := range []map[string]any{custom, metadata} {
		for _, name := range slices.Sorted(maps.Keys(part)) {
			if name != docName && (name != docImage || file == "") {
				add(name, part[name])
			}
		}
	}
	for _, name := range order {
		_, isStruct := doc[name].(map[string]any)
		if (name == docMetadata || name == docCustom) && isStruct {
			continue
		}
		add(name, doc[name])
	}
	return item, names
}
