package vqa

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/picture"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// imagesOf finds the item's images and reads those that are given by path alone.
func (it *item) imagesOf(read func(path, beside string) ([]byte, error)) ([]schemas.Image, error) {
	v := it.get(it.l.m.Image)
	if v == nil {
		return nil, nil
	}
	list := []any{v}
	if l, ok := v.([]any); ok {
		list = l
	}
	images := make([]schemas.Image, len(list))
	for i, v := range list {
		where := it.l.m.Image
		if len(list) > 1 {
			where = fmt.Sprintf("%s[%d]", where, i)
		}
		var err error
		if images[i], err = imageOf(v); err != nil {
			return nil, it.fail(where, err)
		}
		if images[i].Bytes == nil && images[i].Path != nil {
			if images[i].Bytes, err = read(*images[i].Path, it.record.File); err != nil {
				return nil, it.fail(where, err)
			}
		}
	}
	return images, nil
}

// countImages is the number of an item's images.
func (it *item) countImages() int {
	list, ok := it.get(it.l.m.Image).([]any)
	if !ok {
		return 1
	}
	return len(list)
}

func imageOf(v any) (img schemas.Image, err error) {
	switch v := v.(type) {
	case []byte:
		img.Bytes = v
	case string:
		img.Path = &v
	case map[string]any:
		switch b := v["bytes"].(type) {
		case nil:
		case []byte:
			img.Bytes = b
		case string:
			if img.Bytes, err = base64.StdEncoding.DecodeString(b); err != nil {
				return img, fmt.Errorf("bytes: %w", err)
			}
		default:
			return img, fmt.Errorf("bytes: want bytes or base64, have %s", itemfile.Describe(itemfile.Infer(b)))
		}
		if img.Path, err = plain(v["path"]); err != nil {
			return img, fmt.Errorf("path: %w", err)
		}
		if img.Bytes == nil && img.Path == nil {
			return img, errors.New("an image without bytes and path")
		}
	default:
		return img, fmt.Errorf("want an image or its path, have %s", itemfile.Describe(itemfile.Infer(v)))
	}
	return img, nil
}

// describeImage fills in what an image's header and pixels say.
func describeImage(row *Sample, b []byte, decode bool) error {
	info, err := picture.Probe(b)
	if err != nil {
		return err
	}
	width, height, digest := int32(info.Width), int32(info.Height), xxhash.Sum64(b)
	row.ImageFormat, row.ImageMode = &info.Format, &info.Mode
	row.Width, row.Height, row.ImageDigest = &width, &height, &digest
	axes, dtype := "YX", "uint8"
	row.Shape = []int64{int64(info.Height), int64(info.Width)}
	if info.Channels > 1 {
		axes, row.Shape = "YXC", append(row.Shape, int64(info.Channels))
	}
	switch {
	case info.Mode == "F":
		dtype = "float32"
	case info.Bits > 16:
		dtype = "uint32"
	case info.Bits > 8:
		dtype = "uint16"
	}
	row.Axes, row.DType = &axes, &dtype
	if !decode {
		return nil
	}
	pixels, err := picture.Decode(b)
	if errors.Is(err, picture.ErrUnsupported) {
		return nil // no fault of the item; the report counts them
	}
	if err != nil {
		return err
	}
	sum, hash := pixels.Digest(), pixels.Hash()
	row.PixelDigest, row.PerceptualHash = &sum, &hash
	return nil
}

// readImage reads an image that the source names by path: relative to the file that names
// it, to the source, or beside that file.
func (r *run) readImage(name, file string) ([]byte, error) {
	name = strings.ReplaceAll(name, "\\", "/")
	dir := path.Dir(file)
	tried := []string{path.Join(dir, name), strings.TrimPrefix(path.Clean(name), "/"),
		path.Join(dir, path.Base(name)), path.Join(dir, "images", path.Base(name))}
	for i, key := range tried {
		if slices.Contains(tried[:i], key) {
			continue
		}
		b, err := r.source.store.Get(r.ctx, key, nil, itemfile.MaxItem)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, store.ErrNotExist) && !errors.Is(err, store.ErrInvalidKey) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no image %q: looked for %s", name, strings.Join(unique(tried), ", "))
}
