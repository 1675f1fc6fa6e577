package vqa

import (
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/micropq/micropq/internal/itemfile"
	"github.com/micropq/micropq/internal/picture"
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
		if images[i], err = itemfile.ImageOf(v); err != nil {
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
