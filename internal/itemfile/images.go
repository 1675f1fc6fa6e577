package itemfile

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// ImageOf is an image given as bytes, as a path, or as a struct of both; bytes may be base64 text.
func ImageOf(v any) (img schemas.Image, err error) {
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
			return img, fmt.Errorf("bytes: want bytes or base64, have %s", Describe(Infer(b)))
		}
		if img.Path, err = Plain(v["path"]); err != nil {
			return img, fmt.Errorf("path: %w", err)
		}
		if img.Bytes == nil && img.Path == nil {
			return img, errors.New("an image without bytes and path")
		}
	default:
		return img, fmt.Errorf("want an image or its path, have %s", Describe(Infer(v)))
	}
	return img, nil
}

// ReadImage reads an image that the source names by path: relative to the file that names
// it, to the source, or beside that file.
func ReadImage(ctx context.Context, s store.Store, name, file string) ([]byte, error) {
	name = strings.ReplaceAll(name, "\\", "/")
	dir := path.Dir(file)
	tried := []string{path.Join(dir, name), strings.TrimPrefix(path.Clean(name), "/"),
		path.Join(dir, path.Base(name)), path.Join(dir, "images", path.Base(name))}
	for i, key := range tried {
		if slices.Contains(tried[:i], key) {
			continue
		}
		b, err := s.Get(ctx, key, nil, MaxItem)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, store.ErrNotExist) && !errors.Is(err, store.ErrInvalidKey) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no image %q: looked for %s", name, strings.Join(slices.Compact(slices.Sorted(slices.Values(tried))), ", "))
}
